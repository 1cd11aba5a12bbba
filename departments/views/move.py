"""Moving a department below another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import forms, policy, problems
from ..dingtalk import OutcomeUnknown
from ..errors import (
    ChangedMeanwhile,
    DepartmentGone,
    DepartmentUnknown,
    FieldsWrong,
    Fixed,
    OutsideFence,
    Repeated,
)
from ..http import PersonRequest, address_of, in_place, redraw, respond
from ..models import Kind, Outcome
from ..services import audit, browse
from ..services import move as service
from . import edit, history

if TYPE_CHECKING:
    from django.http import HttpResponse

    from ..services.edit import Saved

#: What says that no department can be moved there.
_UNFIT = (FieldsWrong, DepartmentUnknown, DepartmentGone, Fixed, OutsideFence)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.EDIT, raise_exception=True)
def move(request: PersonRequest, dept_id: int) -> HttpResponse:
    if request.method != "POST":
        live = service.read_live(dept_id=dept_id, by=request.user)
        form = forms.MoveForm.from_place(dept_id, live.parent_id, by=request.user.pk)
        return _show(request, dept_id, form)
    form = forms.MoveForm(request.POST)
    drawn = forms.Drawn.opened(request.POST.get("drawn", ""), about=dept_id, by=request.user.pk)
    if drawn is None:
        return _show_unverified(request, dept_id, form)
    if not form.is_valid():
        return _show(request, dept_id, form, status=422)
    return _move(request, dept_id, form, drawn)


def _move(
    request: PersonRequest, dept_id: int, form: forms.MoveForm, drawn: forms.Drawn
) -> HttpResponse:
    target, seen = form.cleaned_data["parent_id"], drawn.seen["parent_id"]
    ask = _ask(request, form, drawn)
    try:
        saved = service.move(dept_id=dept_id, parent_id=target, seen_parent_id=seen, ask=ask)
    except Repeated as again:
        return history.show_outcome(again.operation)
    except ChangedMeanwhile as conflict:
        return _show_moved_meanwhile(request, dept_id, form, conflict)
    except OutcomeUnknown as failure:
        operation = audit.acted_as(ask, Kind.MOVE, dept_id, {"parent_id": target})
        return history.show_unknown(request, operation, failure)
    except edit.NOTHING_HAPPENED as failure:
        form = form.anew(seen, about=dept_id, by=request.user.pk)
        return _show_not_done(request, dept_id, form, failure)
    except _UNFIT as unfit:
        form.add_error("parent_id", _why(unfit))
        return _show(request, dept_id, form, status=422)
    return _show_done(request, dept_id, saved)


def _ask(request: PersonRequest, form: forms.MoveForm, drawn: forms.Drawn) -> audit.Ask:
    return audit.Ask(
        op_id=drawn.op_id,
        by=request.user,
        address=address_of(request),
        reason=form.cleaned_data["reason"],
    )


_IMPOSSIBLE = {
    "same": lambda: _("It is there already."),
    "below": lambda: _("A department can’t be moved below itself."),
}


def _why(unfit: Exception) -> str:
    """What is wrong with the new parent."""
    if isinstance(unfit, FieldsWrong):
        return _IMPOSSIBLE[unfit.wrong["parent_id"]]()
    return str(problems.of(unfit).title)


def _show_done(request: PersonRequest, dept_id: int, saved: Saved) -> HttpResponse:
    if saved.entry.outcome != Outcome.DONE:
        return history.show_outcome(saved.entry.operation)
    edit.say_saved(request, saved, _("“%(name)s” was moved.") % {"name": saved.entry.name})
    redraw(request, 1)
    return redirect("departments:department", dept_id)


def _show_unverified(request: PersonRequest, dept_id: int, form: forms.MoveForm) -> HttpResponse:
    # Drawn from nothing it can only clash, which shows where the department is now.
    form = form.anew(None, about=dept_id, by=request.user.pk)
    form.add_error(
        None, _("This form cannot be verified. Your text is still here; save it once more.")
    )
    return _show(request, dept_id, form, status=422)


def _show_moved_meanwhile(
    request: PersonRequest, dept_id: int, form: forms.MoveForm, conflict: ChangedMeanwhile
) -> HttpResponse:
    now = conflict.now["parent_id"]
    form = form.anew(now, about=dept_id, by=request.user.pk)
    names = browse.names_of([now])
    form.add_error(
        "parent_id",
        _(
            "Somebody has moved it meanwhile: it is now under “%(name)s”. Moving again moves it from there."
        )
        % {"name": names.get(now, now)},
    )
    return _show(request, dept_id, form, status=409)


def _show_not_done(
    request: PersonRequest, dept_id: int, form: forms.MoveForm, failure: Exception
) -> HttpResponse:
    problem = problems.of(failure)
    return in_place(_show(request, dept_id, form, status=problem.status, problem=problem))


def _show(
    request: PersonRequest, dept_id: int, form: forms.MoveForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    opened = browse.open_department(dept_id=dept_id, by=request.user)
    context = {
        "title": _("Move “%(name)s”") % {"name": opened.department.name},
        "error_title": bool(form.errors),
        "department": opened.department,
        "trail": opened.trail,
        "children_count": opened.children,
        "form": form,
        "suggestions": browse.suggestions(by=request.user),
        **more,
    }
    return respond(request, "departments/move.html", context, status=status)
