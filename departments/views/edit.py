"""Creating and changing a department."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import fields, forms, policy, problems
from ..dingtalk import NoAnswer, NotSent, NotUnderstood, OutcomeUnknown, SaidNo
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
from . import history

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
    form = forms.EditForm(request.POST)
    drawn = _drawn(request, about=dept_id)
    if drawn is None:
        remembered = browse.open_department(dept_id=dept_id, by=request.user).department
        seen = forms.EditForm.seen_of(remembered.details)
        form = _unverified(form, seen, about=dept_id, by=request.user.pk)
        return _show_edit(request, dept_id, form, status=422)
    form.keep_chat(drawn.seen)
    if not form.is_valid():
        return _show_edit(request, dept_id, form, status=422)
    changes = form.changes_from(drawn.seen)
    if not changes:
        messages.info(request, _("Nothing has changed, so nothing was sent to DingTalk."))
        return redirect("departments:department", dept_id)
    ask = audit.Ask(op_id=drawn.op_id, by=request.user, address=address_of(request))
    try:
        saved = service.save(dept_id=dept_id, changes=changes, seen=drawn.seen, ask=ask)
    except Repeated as again:
        return history.show_outcome(again.operation)
    except ChangedMeanwhile as conflict:
        # Drawn anew from what DingTalk has now, but only where they clash: sending it again is a decision made
        # with open eyes, and fields this person never touched are still not theirs to write.
        seen = drawn.seen | {clash.field: clash.now for clash in conflict.clashes}
        form = _kept(form, seen, about=dept_id, by=request.user.pk)
        clashes = [_in_words(clash) for clash in conflict.clashes]
        return _show_edit(request, dept_id, form, status=409, clashes=clashes)
    except OutcomeUnknown as failure:
        operation = audit.acted_as(ask, Kind.EDIT, dept_id, changes)
        return history.show_unknown(request, operation, failure)
    except NOTHING_HAPPENED as failure:
        form = _not_done(form, failure, drawn.seen, about=dept_id, by=request.user.pk)
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
    form = forms.CreateForm(request.POST)
    drawn = _drawn(request, about=0)
    if drawn is None:
        form = _unverified(form, {}, about=0, by=request.user.pk)
        return _show_create(request, parent_id, form, status=422)
    if not form.is_valid():
        return _show_create(request, parent_id, form, status=422)
    chosen = form.cleaned_data["parent_id"]
    ask = audit.Ask(op_id=drawn.op_id, by=request.user, address=address_of(request))
    wanted = form.changes_from({})
    try:
        saved = service.create(parent_id=chosen, fields=wanted, ask=ask)
    except Repeated as again:
        return history.show_outcome(again.operation)
    except OutcomeUnknown as failure:
        operation = audit.acted_as(ask, Kind.CREATE, chosen, wanted)
        return history.show_unknown(request, operation, failure)
    except NOTHING_HAPPENED as failure:
        form = _not_done(form, failure, {}, about=0, by=request.user.pk)
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
    return redirect("departments:department", saved.entry.dept_id)


def _drawn(request: PersonRequest, *, about: int) -> forms.Drawn | None:
    """What the form was drawn from; without it nothing may be written, but nothing typed is lost either."""
    return forms.Drawn.opened(request.POST.get("drawn", ""), about=about, by=request.user.pk)


def _unverified(form: Any, seen: dict[str, Any], *, about: int, by: int | None) -> Any:
    """The same form, drawn from what memory holds: sent once more it counts, and clashes still show."""
    kept = _kept(form, seen, about=about, by=by)
    kept.add_error(
        None, _("This form cannot be verified. Your text is still here; save it once more.")
    )
    return kept


def _kept(form: Any, seen: dict[str, Any], *, about: int, by: int | None) -> Any:
    """The same form with what was typed, under a new operation id and drawn from what is true now."""
    data = form.data.copy()
    data["drawn"] = forms.Drawn.now(seen).sealed(about=about, by=by)
    kept = type(form)(data)
    if isinstance(kept, forms.EditForm):
        kept.keep_chat(seen)
    kept.is_valid()
    return kept


def _not_done(
    form: Any, failure: Exception, seen: dict[str, Any], *, about: int, by: int | None
) -> Any:
    """The form as it was typed, under a new id; DingTalk's no stands beside the field it is about."""
    kept = _kept(form, seen, about=about, by=by)
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
    if saved.also_changed:
        messages.info(
            request,
            _("Somebody else changed meanwhile, and it was kept: %(fields)s.")
            % {"fields": forms.labels(saved.also_changed)},
        )


def _in_words(clash: Any) -> dict[str, str]:
    lists = [v for v in (clash.opened, clash.now, clash.yours) if isinstance(v, list)]
    names = browse.names_of({i for value in lists for i in value if isinstance(i, int)})
    return {
        "label": fields.label_of(clash.field),
        "opened": fields.in_words(clash.field, clash.opened, names),
        "now": fields.in_words(clash.field, clash.now, names),
        "yours": fields.in_words(clash.field, clash.yours, names),
    }


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


def _show_create(
    request: PersonRequest,
    parent_id: int,
    form: forms.CreateForm,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    opened = browse.open_department(dept_id=parent_id, by=request.user)
    context = {
        "title": _("Add a sub-department"),
        "error_title": bool(form.errors),
        "parent": opened.department,
        "trail": opened.trail,
        "form": form,
        "suggestions": browse.suggestions(by=request.user),
        **more,
    }
    return respond(request, "departments/create.html", context, status=status)
