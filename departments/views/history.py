"""What was done, by whom, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import exports, fields, forms, policy, problems
from ..dingtalk import WRITE_ONLY
from ..filters import HistoryForm
from ..http import PersonRequest, respond
from ..models import AuditEntry, Kind, Outcome
from ..services import browse, settle, sync
from ..services import history as service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from ..models import Operation

_PAGE = 50


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def everything(request: PersonRequest) -> HttpResponse:
    form = HistoryForm(request.GET)
    return _show_list(request, form, reverse("departments:history"), {"title": _("History")})


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def of_department(request: PersonRequest, dept_id: int) -> HttpResponse:
    opened = service.remembered(dept_id=dept_id, by=request.user)
    context = {
        "title": _("History of “%(name)s”") % {"name": opened["department"].name},
        "tab": "history",
        **opened,
    }
    form = HistoryForm(request.GET, of=dept_id)
    return _show_list(request, form, request.path, context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def export(request: PersonRequest) -> HttpResponseBase:
    """Exactly what the list shows with the same address, as a file for a spreadsheet."""
    form = HistoryForm(request.GET)
    if not form.is_valid():
        return _show_list(request, form, reverse("departments:history"), {"title": _("History")})
    batches = service.export(by=request.user, filters=form.filters())
    # What is read while it streams is read after the request: its language and time zone are over then.
    text = exports.as_csv(batches, get_language() or "en", timezone.get_current_timezone())
    response = StreamingHttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"history-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def entry(request: PersonRequest, number: int) -> HttpResponse:
    found = service.entry(number=number, by=request.user)
    if found is None:
        raise Http404
    return _show_entry(request, settle.look_again(entry=found, by=request.user))


def show_outcome(operation: Operation) -> HttpResponse:
    """The same form again: what became of it the first time."""
    return redirect("departments:entry", operation.entry().pk)


def show_unknown(request: PersonRequest, operation: Operation, failure: Exception) -> HttpResponse:
    """Sent, and no answer: the entry's page, which looks again by itself."""
    return _show_entry(request, operation.entry(), status=problems.of(failure).status)


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────


def _show_list(
    request: PersonRequest, form: HistoryForm, here: str, context: dict[str, Any]
) -> HttpResponse:
    context = {
        **context,
        "here": here,
        "form": form,
        "given": form.given(),
        "people": service.people(by=request.user),
        "suggestions": browse.suggestions(by=request.user),
        "zone": str(timezone.get_current_timezone()),
    }
    if not form.is_valid():
        context["error_title"] = True
        return respond(request, "departments/history.html", context, status=422)
    found = service.listed(by=request.user, filters=form.filters())
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    context |= {
        "page": page,
        "rows": [(one, _later_in_short(one)) for one in page],
        "newer": _page_address(here, form, page.number - 1) if page.has_previous() else "",
        "older": _page_address(here, form, page.number + 1) if page.has_next() else "",
    }
    return respond(request, "departments/history.html", context)


def _page_address(here: str, form: HistoryForm, number: int) -> str:
    return f"{here}?{urlencode({**form.given(), 'page': number})}"


# ── Later looks ──────────────────────────────────────────────────────────────────────────────────────────

_IN_SHORT = {
    "confirmed": gettext_lazy("confirmed later"),
    "happened": gettext_lazy("corrected: it did happen"),
    "said": gettext_lazy("corrected: DingTalk said yes"),
    "denied": gettext_lazy("corrected: it did not happen"),
    "doubtful": gettext_lazy("corrected: needs a person’s look"),
}
_IN_FULL = {
    "confirmed": gettext_lazy("It is confirmed: DingTalk shows it."),
    "happened": gettext_lazy("It did happen after all: DingTalk shows it."),
    "said": gettext_lazy("DingTalk said yes after all, but could not be read afterwards."),
    "denied": gettext_lazy("DingTalk said yes, but it did not happen."),
    "doubtful": gettext_lazy(
        "What DingTalk shows is neither the old state nor the wanted one. It needs a person’s look."
    ),
}


def _found(look: AuditEntry, first: AuditEntry) -> str:
    """What a later look says about the first entry, in one word of ours."""
    if look.outcome == Outcome.NOT_DONE:
        return "denied"
    if look.outcome != Outcome.DONE:
        return "doubtful"
    if first.outcome == Outcome.DONE:
        return "confirmed"
    return "happened" if look.confirmed else "said"


def _later_in_short(first: AuditEntry) -> Any:
    """The newest look's word on it; `corrections` are fetched newest first."""
    newest = next(iter(first.corrections.all()), None)
    return _IN_SHORT[_found(newest, first)] if newest else ""


# ── One entry ────────────────────────────────────────────────────────────────────────────────────────────


def _show_entry(request: PersonRequest, found: AuditEntry, *, status: int = 200) -> HttpResponse:
    looks = found.corrections.order_by("-pk")
    others, count = service.companions(entry=found, by=request.user)
    context = {
        "title": f"{found.operation.get_kind_display()} · {found.name}",
        "entry": found,
        "looks": [(look, _IN_FULL[_found(look, found)]) for look in looks],
        "first": found.corrects,
        "look_found": _IN_FULL[_found(found, found.corrects)] if found.corrects else "",
        "rows": _rows(found),
        "picture": _picture(found),
        "others": others,
        "more": count - len(others),
        "of_operation": reverse("departments:history", query={"operation": found.operation_id}),
        "not_taken": forms.labels(found.not_taken),
        "settles_at": settle.settles_at(found),
        "under_way": found.outcome == Outcome.PENDING and timezone.now() < settle.settles_at(found),
        "sentence": problems.sentence_for(_code(found.code)) if found.code else "",
    }
    return respond(request, "departments/entry.html", context, status=status)


def _code(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _rows(found: AuditEntry) -> list[dict[str, Any]]:
    """Field by field: before, wanted, and what DingTalk showed afterwards."""
    if found.operation.kind == Kind.DELETE:
        return []
    names = browse.names_of(fields.mentioned(found.before, found.wanted, found.after or {}))
    if found.operation.kind == Kind.MOVE:
        names |= _places(found)
    return [
        {
            "label": fields.label_of(name),
            "before": fields.told_in_words(name, found.before, names),
            "wanted": fields.in_words(name, value, names),
            "after": _afterwards(name, found, names),
            "not_taken": name in found.not_taken,
        }
        for name, value in found.wanted.items()
    ]


def _afterwards(name: str, found: AuditEntry, names: Mapping[int, str]) -> str:
    """What a look showed; of what no look ever shows, that, as soon as there is something to verify."""
    if name in WRITE_ONLY:
        due = found.accepted or found.after is not None
        return _("DingTalk never tells this, so nobody can verify it.") if due else ""
    return fields.told_in_words(name, found.after, names) if _tells(found.after, name) else ""


def _tells(after: Mapping[str, Any] | None, name: str) -> bool:
    """A full read leaves out what is not set; a list of children (it has no order) does not tell the rest."""
    return after is not None and (name in after or "order" in after)


def _places(found: AuditEntry) -> dict[int, str]:
    """For a move the parents by their whole paths: the old one as it was then, others as memory has them."""
    told = (found.before, found.wanted, found.after or {})
    ids = {one["parent_id"] for one in told if one.get("parent_id")}
    places = {dept_id: path for dept_id in ids if (path := sync.path_of(dept_id))}
    then = found.path.rpartition(" › ")[0]
    if then and "parent_id" in found.before:
        places[found.before["parent_id"]] = then
    return places


def _picture(found: AuditEntry) -> list[tuple[Any, str]]:
    """For a delete the department as it was, field by field; what had no value is left out."""
    if found.operation.kind != Kind.DELETE or not found.before:
        return []
    names = browse.names_of(fields.mentioned(found.before))
    return [
        (row.field.label, fields.listed(part.text for part in row.parts))
        for card in fields.CARDS
        for row in fields.rows_of(card, found.before, names)
        if not row.unset
    ]
