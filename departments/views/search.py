"""Finding a department by what one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.shortcuts import render
from django.urls import reverse
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
        response = render(request, "departments/search.html#found", context)
        if text.strip():
            response["HX-Replace-Url"] = request.get_full_path()
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


def _address(text: str, page: int) -> str:
    return reverse("departments:search", query={"q": text, "page": page})


def _number(text: str) -> int | None:
    """A page somebody turned to."""
    is_one = text.isascii() and text.isdigit() and len(text) < 7 and int(text)
    return int(text) if is_one else None
