"""What every page's frame shows: the tree, the banner, what the person may do, news of their writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.templatetags.static import static
from django.utils.functional import SimpleLazyObject

from . import policy
from .services import account, doubt, jobs, settle
from .services import tree as tree_service
from .services.tree import BATCH

if TYPE_CHECKING:
    from django.http import HttpRequest

    from .models import AuditEntry
    from .services.tree import Level

_DIGITS = 36


def frame(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    ways = account.preferences_of(user or AnonymousUser())
    return {
        "sandbox_host": "" if settings.DINGTALK_IS_REAL else settings.DINGTALK_OAPI_URL,
        "may": {
            "create": user is not None and policy.may(user, policy.CREATE),
            "edit": user is not None and policy.may(user, policy.EDIT),
            "delete": user is not None and policy.may(user, policy.DELETE),
            "administer": user is not None and policy.may(user, policy.ADMINISTER),
        },
        "icons": static("icons.svg"),
        "showing": str(showing(request) or ""),
        "tree": SimpleLazyObject(lambda: _tree(request)),
        "news": SimpleLazyObject(lambda: _news(request)),
        "theme": ways.theme,
        "density": ways.density,
        "shortcuts": ways.shortcuts,
        "jobs": SimpleLazyObject(lambda: _jobs(request)),
        "in_doubt": SimpleLazyObject(lambda: _in_doubt(request)),
    }


def opened_in(request: HttpRequest) -> list[int]:
    """The branches a person has open, last opened first: from ``?open=`` (decimal) or the cookie (base 36)."""
    if "open" in request.GET:
        return _ids(request.GET["open"], base=10)
    return _ids(request.COOKIES.get("tree", ""), base=_DIGITS)


def _ids(text: str, *, base: int) -> list[int]:
    found = []
    for part in text.split(".")[:200]:
        try:
            found.append(int(part, base))
        except ValueError:
            continue
    return [dept_id for dept_id in found if 0 < dept_id < 2**63]


def batch_asked_for(request: HttpRequest) -> tuple[int, str]:
    """Where the batch of 200 starts, and on which side of it more may be asked for (both: "")."""
    for name, edge, step in (("from", "after", 0), ("until", "before", BATCH), ("at", "", 0)):
        text = request.GET.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 7:  # no level is longer
            return max(int(text) - step, 0) // BATCH * BATCH, edge
    return 0, ""


def showing(request: HttpRequest) -> int | None:
    """The department that the address is about."""
    match = request.resolver_match
    return (match.kwargs.get("dept_id") or match.kwargs.get("parent_id")) if match else None


def _news(request: HttpRequest) -> list[AuditEntry]:
    """How this person's writes ended that were open when last seen."""
    user = getattr(request, "user", None)
    return settle.news(by=user) if user is not None and user.is_authenticated else []


def _in_doubt(request: HttpRequest) -> AuditEntry | None:
    """The write that is not settled and keeps the department waiting that the address is about."""
    dept_id = showing(request)
    if dept_id is None or not request.user.is_authenticated:
        return None
    return doubt.in_doubt(doubt.Reach(frozenset({dept_id}), into=dept_id, takes_all=True))


def _jobs(request: HttpRequest) -> int:
    """How many are not over. Most of the time none, and then the frame does not speak of jobs."""
    if not policy.may(request.user, policy.VIEW):
        return 0
    return jobs.listed(by=request.user).filter(ended_at=None).count()  # type: ignore[arg-type]


def _tree(request: HttpRequest) -> Level:
    opened = opened_in(request)
    start = 0
    match = request.resolver_match
    if match and match.url_name == "children":
        opened.insert(0, match.kwargs["dept_id"])  # where an arrow leads without JavaScript
    if match and match.url_name == "browse":
        start, _edge = batch_asked_for(request)
    return tree_service.tree(opened=opened, by=request.user, showing=showing(request), start=start)  # type: ignore[arg-type]
