"""Creating and changing a department."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import forms, policy, problems
from ..dingtalk import (
    WRITE_ONLY,
    NoAnswer,
    NotSent,
    NotThere,
    NotUnderstood,
    OutcomeUnknown,
    SaidNo,
)
from ..errors import (
    AskedBefore,
    ChangedMeanwhile,
    DepartmentGone,
    DepartmentUnknown,
    Fixed,
    InDoubt,
    OutsideFence,
    Repeated,
)
from ..http import PersonRequest, address_of, in_place, redraw, respond
from ..models import Kind, Outcome
from ..services import audit, browse
from ..services import edit as service
from ..services import history as past
from . import history, meanwhile

if TYPE_CHECKING:
    from django.http import HttpResponse


#: Failures after which the form is shown again as it was typed: nothing of it has happened.
NOTHING_HAPPENED = (SaidNo, NotSent, NoAnswer, NotUnderstood, InDoubt, AskedBefore)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.EDIT, raise_exception=True)
def edit(request: PersonRequest, dept_id: int) -> HttpResponse:
    if request.method != "POST":
        told = service.read_live(dept_id=dept_id, by=request.user).as_dict()
        return _show_edit(request, dept_id, forms.EditForm.showing(told, by=request.user.pk))
    drawn = _drawn(request, about=dept_id)
    try:
        return _edited(request, dept_id, drawn)
    except DepartmentGone as gone:
        return meanwhile.show_gone(request, dept_id, gone, drawn)


def _edited(request: PersonRequest, dept_id: int, drawn: forms.Drawn | None) -> HttpResponse:
    """What was typed, and on the conflict page chosen, is saved once nothing is missing."""
    if drawn is None:
        remembered = browse.open_department(dept_id=dept_id, by=request.user).department
        seen = forms.EditForm.seen_of(remembered.details)
        form = _unverified(forms.EditForm(request.POST), seen, about=dept_id, by=request.user.pk)
        return _show_edit(request, dept_id, form, status=422)
    typed = forms.EditForm.typed(request.POST, drawn.seen)
    if not typed.is_valid():
        return _show_edit(request, dept_id, typed, status=422)
    if not drawn.disputed:
        return _save(request, dept_id, typed, drawn, typed=typed, made={})
    choices = forms.ConflictForm.between(typed, drawn, request.POST)
    if not choices.is_valid():
        return meanwhile.show_conflict(request, dept_id, typed, drawn, choices, status=422)
    made = choices.cleaned_data
    form = typed.with_choices(made, drawn.seen, dept_id=dept_id)
    if not form.is_valid():  # both together may be too many: only here can some be taken out
        form = _kept(form, drawn.anew(), about=dept_id, by=request.user.pk)
        return _show_edit(request, dept_id, form, status=422)
    return _save(request, dept_id, form, drawn, typed=typed, made=made)


def _save(
    request: PersonRequest,
    dept_id: int,
    form: forms.EditForm,
    drawn: forms.Drawn,
    *,
    typed: forms.EditForm,
    made: dict[str, str],
) -> HttpResponse:
    """`form` is what is wanted: as it was typed, or as the choices made of it."""
    changes = form.changes_from(drawn.seen)
    if not changes:
        messages.info(request, _nothing_sent(made))
        return redirect("departments:department", dept_id)
    ask = _ask(request, form, drawn)
    try:
        saved = service.save(dept_id=dept_id, changes=changes, seen=drawn.seen, ask=ask)
    except Repeated as again:
        return history.show_outcome(again.operation)
    except ChangedMeanwhile as conflict:
        after = meanwhile.disputed(drawn, conflict, typed)
        still = meanwhile.still_meant(made, drawn, after)
        choices = forms.ConflictForm.between(typed, after, made=still)
        return meanwhile.show_conflict(request, dept_id, typed, after, choices, status=409)
    except OutcomeUnknown as failure:
        operation = audit.acted_as(ask, Kind.EDIT, dept_id, changes)
        return history.show_unknown(request, operation, failure)
    except NOTHING_HAPPENED as failure:
        if isinstance(failure, NotThere):
            # Deleted between our look and the write: raises DepartmentGone.
            browse.open_department(dept_id=dept_id, by=request.user, live=True)
        form = _not_done(form, failure, drawn, about=dept_id, by=request.user.pk)
        problem = problems.of(failure)
        return in_place(_show_edit(request, dept_id, form, status=problem.status, problem=problem))
    if saved.entry.outcome != Outcome.DONE:
        return history.show_outcome(saved.entry.operation)
    say_saved(request, saved, _("Saved."))
    redraw(request, dept_id)
    return redirect("departments:department", dept_id)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.CREATE, raise_exception=True)
def create(request: PersonRequest, parent_id: int) -> HttpResponse:
    if request.method != "POST":
        service.read_parent(parent_id=parent_id, by=request.user)
        return _show_create(
            request, parent_id, forms.CreateForm.below(parent_id, by=request.user.pk)
        )
    if "again" in request.POST:
        return _show_again(request, parent_id)
    form = forms.CreateForm(request.POST)
    drawn = _drawn(request, about=0)
    if drawn is None:
        form = _unverified(form, {}, about=0, by=request.user.pk)
        return _show_create(request, parent_id, form, status=422)
    if not form.is_valid():
        return _show_create(request, parent_id, form, status=422)
    chosen = form.cleaned_data["parent_id"]
    ask = _ask(request, form, drawn)
    wanted = form.changes_from({})
    try:
        saved = service.create(parent_id=chosen, fields=wanted, ask=ask)
    except Repeated as again:
        return history.show_outcome(again.operation)
    except OutcomeUnknown as failure:
        operation = audit.acted_as(ask, Kind.CREATE, chosen, wanted)
        return history.show_unknown(request, operation, failure)
    except NOTHING_HAPPENED as failure:
        form = _not_done(form, failure, drawn, about=0, by=request.user.pk)
        problem = problems.of(failure)
        return in_place(
            _show_create(request, parent_id, form, status=problem.status, problem=problem)
        )
    except (DepartmentUnknown, DepartmentGone, Fixed, OutsideFence) as unfit:
        form.add_error("parent_id", str(problems.of(unfit).title))
        return _show_create(request, parent_id, form, status=422)
    if saved.entry.outcome != Outcome.DONE:
        return history.show_outcome(saved.entry.operation)
    say_saved(request, saved, _("“%(name)s” was created.") % {"name": saved.entry.name})
    redraw(request, chosen, opened=True)
    if saved.department is None:  # memory has nothing to show yet, and DingTalk could not be read
        return history.show_outcome(saved.entry.operation)
    return redirect("departments:department", saved.entry.dept_id)


def _drawn(request: PersonRequest, *, about: int) -> forms.Drawn | None:
    """What the form was drawn from; without it nothing may be written, but nothing typed is lost either."""
    return forms.Drawn.opened(request.POST.get("drawn", ""), about=about, by=request.user.pk)


def _ask(request: PersonRequest, form: Any, drawn: forms.Drawn) -> audit.Ask:
    return audit.Ask(
        op_id=drawn.op_id,
        by=request.user,
        address=address_of(request),
        reason=form.cleaned_data["reason"],
    )


def _nothing_sent(made: dict[str, str]) -> str:
    if made:
        return _("DingTalk’s values were kept, so nothing was sent.")
    return _("Nothing has changed, so nothing was sent to DingTalk.")


def _unverified(form: Any, seen: dict[str, Any], *, about: int, by: int | None) -> Any:
    """The same form, drawn from what memory holds: sent once more it counts, and clashes still show."""
    kept = _kept(form, forms.Drawn.now(seen), about=about, by=by)
    kept.add_error(
        None, _("This form cannot be verified. Your text is still here; save it once more.")
    )
    return kept


def _kept(form: Any, drawn: forms.Drawn, *, about: int, by: int | None) -> Any:
    """The same form with what was typed, drawn anew."""
    data = dict(form.data.items()) | {"drawn": drawn.sealed(about=about, by=by)}
    if isinstance(form, forms.EditForm):
        return forms.EditForm.typed(data, drawn.seen)
    kept = type(form)(data)
    kept.is_valid()
    return kept


def _not_done(
    form: Any, failure: Exception, drawn: forms.Drawn, *, about: int, by: int | None
) -> Any:
    """The form as it was typed, under a new id; DingTalk's no stands beside the field it is about."""
    kept = _kept(form, drawn.anew(), about=about, by=by)
    code = getattr(failure, "code", None)
    field = problems.FIELD_OF.get(code or "")
    if field in kept.fields:
        kept.add_error(field, str(problems.sentence_for(code)))
    return kept


def say_saved(request: PersonRequest, saved: service.Saved, sentence: str) -> None:
    if saved.entry.not_taken:
        messages.warning(
            request,
            _("%(done)s But DingTalk did not take: %(fields)s.")
            % {"done": sentence, "fields": forms.labels(saved.entry.not_taken)},
        )
    elif not saved.entry.confirmed:
        messages.warning(
            request,
            _("%(done)s DingTalk said yes, but could not be read afterwards: not confirmed yet.")
            % {"done": sentence},
        )
    else:
        messages.success(request, sentence)
    untold = sorted(WRITE_ONLY & saved.entry.wanted.keys())
    if untold:
        messages.info(
            request,
            _("DingTalk never tells these, so nobody can verify them: %(fields)s.")
            % {"fields": forms.labels(untold)},
        )
    if saved.also_changed:
        messages.info(
            request,
            _("Somebody else changed meanwhile, and it was kept: %(fields)s.")
            % {"fields": forms.labels(saved.also_changed)},
        )


def _show_edit(
    request: PersonRequest, dept_id: int, form: forms.EditForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    opened = browse.open_department(dept_id=dept_id, by=request.user)
    context = {
        "title": _("Edit “%(name)s”") % {"name": opened.department.name},
        "error_title": bool(form.errors),
        "department": opened.department,
        "trail": opened.trail,
        "form": form,
        **more,
    }
    return respond(request, "departments/edit.html", context, status=status)


def _show_again(request: PersonRequest, parent_id: int) -> HttpResponse:
    """The form for a new department, filled in with what was typed for one that is gone. Writes nothing."""
    typed = request.POST.dict()
    form = forms.CreateForm.again(parent_id, typed, by=request.user.pk)
    later = forms.labels(forms.CreateForm.not_asked(typed))
    return _show_create(request, parent_id, form, again=True, later=later)


def _show_create(
    request: PersonRequest,
    parent_id: int,
    form: forms.CreateForm,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    parent = _parent(request, parent_id)
    context = {
        "title": _("Add a sub-department"),
        "error_title": bool(form.errors),
        "parent": parent["department"],
        "trail": parent["trail"],
        "form": form,
        "suggestions": browse.suggestions(by=request.user),
        **more,
    }
    return respond(request, "departments/create.html", context, status=status)


def _parent(request: PersonRequest, parent_id: int) -> dict[str, Any]:
    """The parent and the way down to it; as we remember it if it is gone, so that the form stays."""
    try:
        opened = browse.open_department(dept_id=parent_id, by=request.user)
    except DepartmentGone:
        return past.remembered(dept_id=parent_id, by=request.user)
    return {"department": opened.department, "trail": opened.trail}
