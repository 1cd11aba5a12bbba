"""What was done, by whom, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import fields, forms, policy, problems
from ..http import PersonRequest, respond
from ..models import AuditEntry, Kind, Outcome
from ..services import browse, settle
from ..services import history as service

if TYPE_CHECKING:
    from django.http import HttpResponse

    from ..models import Operation

_PAGE = 50


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def everything(request: PersonRequest) -> HttpResponse:
    context = {"title": _("History"), **_page_of(request, dept_id=None)}
    return respond(request, "departments/history.html", context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def of_department(request: PersonRequest, dept_id: int) -> HttpResponse:
    opened = service.remembered(dept_id=dept_id, by=request.user)
    context = {
        "title": _("History of “%(name)s”") % {"name": opened["department"].name},
        "tab": "history",
        **opened,
        **_page_of(request, dept_id=dept_id),
    }
    return respond(request, "departments/history.html", context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def entry(request: PersonRequest, number: int) -> HttpResponse:
    found = service.entries(by=request.user).filter(pk=number).first()
    if found is None:
        raise Http404
    return _show_entry(request, settle.look_again(entry=found, by=request.user))


def show_outcome(operation: Operation) -> HttpResponse:
    """The same form again: what became of it the first time."""
    return redirect("departments:entry", operation.entry().pk)


def show_unknown(request: PersonRequest, operation: Operation, failure: Exception) -> HttpResponse:
    """Sent, and no answer: the entry's page, which looks again by itself."""
    return _show_entry(request, operation.entry(), status=problems.of(failure).status)


def _page_of(request: PersonRequest, *, dept_id: int | None) -> dict[str, Any]:
    rows = service.entries(by=request.user, dept_id=dept_id)
    return {"page": Paginator(rows, _PAGE).get_page(request.GET.get("page"))}


def _show_entry(request: PersonRequest, found: AuditEntry, *, status: int = 200) -> HttpResponse:
    context = {
        "title": f"{found.operation.get_kind_display()} · {found.name}",
        "entry": found,
        "rows": _rows(found),
        "not_taken": forms.labels(found.not_taken),
        "settles_at": settle.settles_at(found),
        "under_way": found.outcome == Outcome.PENDING and timezone.now() < settle.settles_at(found),
        "sentence": problems.sentence_for(_code(found.code)) if found.code else "",
    }
    return respond(request, "departments/entry.html", context, status=status)


def _code(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _rows(found: AuditEntry) -> list[dict[str, str | bool]]:
    """Field by field: before, wanted, and what DingTalk showed afterwards."""
    if found.operation.kind == Kind.DELETE:
        return []
    after = found.after or {}
    lists = [value for told in (found.before, found.wanted, after) for value in told.values()]
    ids = {i for value in lists if isinstance(value, list) for i in value if isinstance(i, int)}
    names = browse.names_of(ids | {found.wanted.get("parent_id", 0)})
    return [
        {
            "label": fields.label_of(name),
            "before": fields.in_words(name, found.before.get(name), names),
            "wanted": fields.in_words(name, value, names),
            "after": fields.in_words(name, after.get(name), names) if found.confirmed else "",
            "not_taken": name in found.not_taken,
        }
        for name, value in found.wanted.items()
    ]
