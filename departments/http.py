"""Whole page or fragment: every URL is a page; htmx is given the part of it that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from .context import opened_in, showing
from .services import tree

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_htmx.middleware import HtmxDetails

    from .problems import Problem
    from .services.tree import Level

_REDRAW = "redraw"


class PersonRequest(HttpRequest):
    """A request of somebody signed in, as every view but the public ones gets it."""

    user: User
    htmx: HtmxDetails


def respond(
    request: PersonRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page; or, for htmx and its target `main`, the page's partial `main` with what changed beside it."""
    if not wants_main(request):
        request.session.pop(_REDRAW, None)
        return render(request, template, context, status=status)
    beside = {**context, "redrawn": _redrawn(request)}
    parts = [
        render_to_string("departments/beside.html#before", beside, request),
        render_to_string(f"{template}#main", context, request),
        render_to_string("departments/beside.html#after", beside, request),
    ]
    return HttpResponse("".join(parts), status=status)


def _redrawn(request: PersonRequest) -> Level | None:
    """The level of the tree that a write has just changed, with its open branches open."""
    asked = request.session.pop(_REDRAW, None)
    if asked is None:
        return None
    dept_id, opened = asked
    also = [dept_id] if opened else []
    return tree.level_showing(
        dept_id=dept_id,
        opened=also + opened_in(request),
        by=request.user,
        showing=showing(request),
    )


def wants_main(request: HttpRequest) -> bool:
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request and htmx.target == "main"


def wants_part(request: PersonRequest, name: str) -> bool:
    """``?part=`` names a fragment; without htmx the same URL is the whole page."""
    return bool(request.htmx) and request.GET.get("part") == name


def redraw(request: PersonRequest, dept_id: int, *, opened: bool = False) -> None:
    """The next fragment brings the level of the tree that shows this department, drawn anew."""
    request.session[_REDRAW] = [dept_id, opened]


def in_place(response: HttpResponse) -> HttpResponse:
    """Let htmx put this answer where the form was, whatever its status: it holds what was typed."""
    response["HX-Retarget"] = "#main"
    response["HX-Reswap"] = "innerHTML"
    return response


def show(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem as a page of its own; for htmx in place of the work, or as the sentence above it."""
    part = ""
    if getattr(request, "htmx", None):  # a request may fail before it gets that far
        # 409 and 410 are about the work itself; after anything else it can be tried again as it stands.
        part = "#main" if problem.status in (409, 410) else "#alert"
    context = {"problem": problem, "title": problem.title}
    response = render(request, f"problem.html{part}", context, status=problem.status)
    if problem.retry:
        response["Retry-After"] = "30"
    return response


def address_of(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR")
