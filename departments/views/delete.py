"""Deleting: check, see, confirm, result. Each is a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import forms, policy, problems
from ..dingtalk import DingTalkError
from ..errors import DepartmentError, FieldsWrong, PlanChanged, PlanNotUsable, Repeated
from ..http import PersonRequest, address_of, in_place, redraw, respond
from ..models import Outcome
from ..services import audit, browse, history, settle
from ..services import delete as service
from ..services import plan as plans

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from ..models import AuditEntry, DeletionPlan


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.DELETE, raise_exception=True)
def start(request: PersonRequest, dept_id: int) -> HttpResponse:
    """POST reads the branch and leads to the plan; GET says what that is."""
    if request.method == "POST":
        kept = service.check(dept_id=dept_id, by=request.user)
        return redirect("departments:plan", kept.plan_id)
    service.deletable(dept_id=dept_id, by=request.user)
    opened = browse.open_department(dept_id=dept_id, by=request.user)
    context = {
        "title": _("Delete “%(name)s”?") % {"name": opened.department.name},
        "department": opened.department,
        "trail": opened.trail,
    }
    return respond(request, "departments/delete.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.DELETE, raise_exception=True)
def plan(request: PersonRequest, plan_id: UUID) -> HttpResponse:
    """GET shows what would go and who stands against it; POST carries it out."""
    kept = _kept(request, plan_id)
    if request.method != "POST":
        return _show(request, kept)
    form = forms.DeleteForm(request.POST)
    form.is_valid()
    typed = form.cleaned_data.get("typed", "")
    if form.has_error("reason"):
        return _show(request, kept, form=form, typed=typed, status=422)
    ask = audit.Ask(
        op_id=kept.plan_id,
        by=request.user,
        address=address_of(request),
        reason=form.cleaned_data["reason"],
    )
    try:
        service.carry_out(
            kept=kept,
            ask=ask,
            typed=typed,
            chats_seen=form.cleaned_data["chats_seen"],
        )
    except FieldsWrong as missing:
        return _show(request, kept, form=form, wrong=missing.wrong, typed=typed, status=422)
    except PlanChanged as changed:
        return _show_difference(request, changed)
    except Repeated:
        pass  # the result page shows what came of it
    except PlanNotUsable as unusable:
        return _show(request, kept, problem=problems.of(unusable), status=409)
    except DingTalkError as failure:
        if history.operation(op_id=kept.plan_id, by=request.user) is None:
            raise  # stopped before the note: nothing was sent
        return in_place(_show_result(request, kept, problem=problems.of(failure)))
    redraw(request, service.plan_of(kept).top.parent_id, opened=True)
    return redirect("departments:result", kept.plan_id)


@require_safe
@permission_required(policy.DELETE, raise_exception=True)
def result(request: PersonRequest, plan_id: UUID) -> HttpResponse:
    return _show_result(request, _kept(request, plan_id))


def _kept(request: PersonRequest, plan_id: UUID) -> DeletionPlan:
    kept = service.kept_plan(plan_id=plan_id, by=request.user)
    if kept is None:
        raise Http404
    return kept


def _show(
    request: PersonRequest, kept: DeletionPlan, *, status: int = 200, **more: Any
) -> HttpResponse:
    found = service.plan_of(kept)
    operation = history.operation(op_id=kept.plan_id, by=request.user)
    if operation and status == 200:
        return redirect("departments:result", kept.plan_id)
    titles = {
        "blocked": _("“%(name)s” can’t be deleted yet"),
        "unchecked": _("We couldn’t check everything below “%(name)s”"),
        "allowed": _("Delete “%(name)s” and everything under it?")
        if len(found.departments) > 1
        else _("Delete “%(name)s”?"),
    }
    try:
        service.usable(kept=kept, by=request.user)
        usable = True
    except DepartmentError:
        usable = False
    context = {
        "title": titles[found.end] % {"name": kept.name},
        "kept": kept,
        "plan": found,
        "usable": usable,
        "good_until": service.good_until(kept),
        "form": forms.DeleteForm(),
        "wrong": {},
        **more,
    }
    return respond(request, "departments/plan.html", context, status=status)


def _show_difference(request: PersonRequest, changed: PlanChanged) -> HttpResponse:
    context = {
        "title": _("Something changed since this check"),
        "old": changed.old,
        "new": changed.new,
        "difference": plans.difference(service.plan_of(changed.old), service.plan_of(changed.new)),
    }
    return respond(request, "departments/plan_changed.html", context, status=409)


def _show_result(
    request: PersonRequest, kept: DeletionPlan, *, problem: problems.Problem | None = None
) -> HttpResponse:
    operation = history.operation(op_id=kept.plan_id, by=request.user)
    if operation is None:
        return redirect("departments:plan", kept.plan_id)
    first = [entry for entry in operation.entries.all() if entry.corrects_id is None]
    entries = history.last_words(settle.look_again_at(entries=first, by=request.user))
    gone = [entry for entry in entries if entry.outcome == Outcome.DONE and entry.confirmed]
    gone_ids = {entry.dept_id for entry in gone}
    found = service.plan_of(kept)
    context = {
        "title": _result_title(kept, entries, gone),
        "kept": kept,
        "operation": operation,
        "entries": entries,
        "first": first[0],
        "gone": gone,
        "unknown": [entry for entry in entries if entry.is_open],
        "unconfirmed": _unconfirmed(entries),
        "chats": [place for place in found.chats if place.dept_id in gone_ids],
        "parent_id": found.top.parent_id,
        "problem": problem,
        "settles_at": settle.settles_at(first[0]),
    }
    return respond(
        request, "departments/result.html", context, status=problem.status if problem else 200
    )


def _unconfirmed(entries: list[AuditEntry]) -> list[AuditEntry]:
    """DingTalk said that they are gone, and nobody could look yet."""
    return [entry for entry in entries if entry.outcome == Outcome.DONE and not entry.confirmed]


def _result_title(kept: DeletionPlan, entries: list[AuditEntry], gone: list[AuditEntry]) -> str:
    if any(entry.is_open for entry in entries):
        return _("We do not know yet whether “%(name)s” was deleted") % {"name": kept.name}
    if _unconfirmed(entries):
        return _("DingTalk says that “%(name)s” is deleted; not confirmed yet") % {
            "name": kept.name
        }
    if not gone:
        return _("“%(name)s” was not deleted") % {"name": kept.name}
    if len(gone) < len(entries):
        return _("%(x)s of %(d)s departments were deleted") % {"x": len(gone), "d": len(entries)}
    return _("“%(name)s” was deleted") % {"name": kept.name}
