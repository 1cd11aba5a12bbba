"""Finding a department by what one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from .. import policy
from ..dingtalk import DingTalkError
from ..http import PersonRequest, respond, wants_part
from ..services import search as service

if TYPE_CHECKING:
    from django.http import HttpResponse

_LONGEST = 200


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def search(request: PersonRequest) -> HttpResponse:
    """From memory at once; ``?part=dingtalk``, which the results ask for by themselves, from DingTalk.

    Without JavaScript ``?also=dingtalk`` brings both.
    """
    text = request.GET.get("q", "")[:_LONGEST]
    if wants_part(request, "dingtalk"):
        part = {"elsewhere": _elsewhere(request, text)}
        return render(request, "departments/search.html#elsewhere", part)
    page = _number(request.GET.get("page", ""))
    found = service.search(text=text, by=request.user, page=page or 1)
    context: dict[str, Any] = {
        "title": _("Search"),
        "q": text,
        "found": found,
        "count": _count(found),
        "previous": _address(text, found.page - 1) if found.page > 1 else "",
        "next": _address(text, found.page + 1) if found.page < found.pages else "",
        "turned": page is not None,
        "view": "tree",
    }
    if request.GET.get("also") == "dingtalk" and found.incomplete:
        context["elsewhere"] = _elsewhere(request, text)
    if request.htmx and request.htmx.target == "found":
        context["before"] = before = _before(request)
        response = render(request, "departments/search.html#found", context)
        here = _address(text, found.page, turned=page is not None) if text.strip() else before
        if here:
            response["HX-Replace-Url"] = here
        return response
    return respond(request, "departments/search.html", context)


def _elsewhere(request: PersonRequest, text: str) -> dict[str, Any]:
    """A second source that is silent is worth a sentence, not an error."""
    try:
        return {"told": service.ask_dingtalk(text=text, by=request.user)}
    except DingTalkError:
        return {"told": None}


def _count(found: service.Found) -> str:
    if found.total > service.MOST:
        return _("More than %(n)s results. Type more letters.") % {"n": service.MOST}
    return ngettext("%(n)s result", "%(n)s results", found.total) % {"n": found.total}


def _before(request: PersonRequest) -> str:
    """The address of what the page shows beside the results: it has its own again when they go.

    The results bring it along, because the address is theirs while they are there.
    """
    here = reverse("departments:search")
    current = request.htmx.current_url_abs_path
    if not current:
        return ""
    before = request.GET.get("before", here) if current.partition("?")[0] == here else current
    return before if url_has_allowed_host_and_scheme(before, allowed_hosts=None) else here


def _address(text: str, page: int, *, turned: bool = True) -> str:
    return reverse("departments:search", query={"q": text} | ({"page": page} if turned else {}))


def _number(text: str) -> int | None:
    """A page somebody turned to."""
    is_one = text.isascii() and text.isdigit() and len(text) < 7 and int(text)
    return int(text) if is_one else None
