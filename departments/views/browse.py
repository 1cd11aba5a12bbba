"""Looking around: the tree, a department, the level below it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from .. import fields, policy, problems
from ..context import batch_asked_for
from ..dingtalk import ROOT_ID, DingTalkError
from ..filters import ONLY
from ..http import PersonRequest, redraw, respond, wants_part
from ..services import browse as service
from ..services import crawl, tree
from ..services import jobs as long_work
from ..services.tree import BATCH
from . import jobs

#: A tree remembers 200 open branches; a few have more than one batch.
_BATCHES = 300
#: Selections of the list that are offered to whoever has chosen nothing yet.
_WORTH_A_LOOK = ("changed", "no-manager", "empty", "namesake")
_DIGITS = 18


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def browse(request: PersonRequest) -> HttpResponse:
    if wants_part(request, "tree"):
        start, edge = batch_asked_for(request)
        level = tree.top(by=request.user, start=start)
        return render(request, "departments/tree.html#level", {"level": level, "edge": edge})
    if wants_part(request, "memory"):
        return render(request, "departments/browse.html#memory", _memory(request))
    try:
        service.look_at_the_top(by=request.user)
        problem = None
    except DingTalkError as failure:
        problem = problems.of(failure)
    context = {
        "title": _("Departments"),
        "problem": problem,
        "worth_a_look": [(only, ONLY[only]) for only in _WORTH_A_LOOK],
        "root_id": ROOT_ID,
        "view": "tree",
        **_memory(request),
    }
    return respond(request, "departments/browse.html", context)


def _memory(request: PersonRequest) -> dict[str, Any]:
    """How much has been read, when, and what is being read now."""
    overview = service.overview(by=request.user)
    job = long_work.open_job(by=request.user)
    return {
        "overview": overview,
        "n": {name: f"{count:,}" for name, count in overview.items()},
        "last": crawl.last_whole(by=request.user),
        "job": job,
        "told": jobs.shown(job) if job else None,
        **jobs.offer(overview["departments"]),
    }


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def department(request: PersonRequest, dept_id: int) -> HttpResponse:
    """From memory at once; ``?live=1``, which the page asks for by itself, from DingTalk."""
    live = request.GET.get("live") == "1"
    before = tree.looks(dept_id=dept_id, by=request.user) if live else ""
    try:
        opened, problem = service.open_department(dept_id=dept_id, by=request.user, live=live), None
    except DingTalkError as failure:
        problem = problems.of(failure)
        if not service.remembers(dept_id=dept_id):
            raise
        opened = service.open_department(dept_id=dept_id, by=request.user)
    if live and tree.looks(dept_id=dept_id, by=request.user) != before:
        redraw(request, dept_id)
    context = _department_page(opened, problem=problem, live=live)
    if request.GET.get("view") == "tree":  # where there is room for one of both
        context["view"] = "tree"
    return respond(request, "departments/department.html", context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def children(request: PersonRequest, dept_id: int) -> HttpResponse:
    start, edge = batch_asked_for(request)
    if wants_part(request, "look"):
        tree.look_again(dept_id=dept_id, by=request.user)
        return HttpResponse(status=204)
    level = tree.children(dept_id=dept_id, by=request.user, start=start)
    if wants_part(request, "tree"):
        return render(request, "departments/tree.html#level", {"level": level, "edge": edge})
    opened = service.open_department(dept_id=dept_id, by=request.user)
    context = {
        **_department_page(opened, problem=None, live=True),
        "level": level,
        "tab": "children",
        "batch": BATCH,
        "not_read": tree.NOT_READ,
    }
    return respond(request, "departments/children.html", context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def changes(request: PersonRequest) -> HttpResponse:
    """Which of the open branches look different now: ``?seen=`` parent, start and version of each batch."""
    found = tree.changed(seen=_batches_seen(request.GET.get("seen", "")), by=request.user)
    if not found:
        return HttpResponse(status=204)
    offer = ngettext(
        "%(n)s change in open branches.", "%(n)s changes in open branches.", len(found)
    ) % {"n": len(found)}
    return render(request, "departments/changes.html", {"changes": found, "offer": offer})


def _batches_seen(text: str) -> dict[tuple[int, int], str]:
    """From "1.0.9f3a_17.200.77b1"; at most as many as a tree holds batches, and nothing that is not one."""
    seen = {}
    for part in text.split("_")[:_BATCHES]:
        parent, _dot, rest = part.partition(".")
        start, _dot, version = rest.partition(".")
        if _is_number(parent) and _is_number(start):
            seen[int(parent), int(start)] = version
    return seen


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _department_page(
    opened: service.Opened, *, problem: problems.Problem | None, live: bool
) -> dict[str, Any]:
    department = opened.department
    cards = [
        (card, fields.rows_of(card, department.details, opened.names)) for card in fields.CARDS
    ]
    return {
        "title": department.name,
        "department": department,
        "trail": opened.trail,
        "children_count": opened.children,
        "cards": cards,
        "problem": problem,
        "needs_a_look": opened.needs_a_look and not live and problem is None,
        "ago": timesince(department.details_seen_at, depth=1) if department.details_seen_at else "",
        "just_read": live and problem is None,
        "seen_this_minute": not opened.needs_a_look,
        "is_root": department.dept_id == ROOT_ID,
        "tab": "overview",
        "status": _("“%(name)s” loaded") % {"name": department.name},
    }
