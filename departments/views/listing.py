"""All departments as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth.decorators import permission_required
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import exports, policy
from ..filters import COLUMNS, ListingForm
from ..http import PersonRequest, respond
from ..services import browse
from ..services import listing as service

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

_DIGITS = 6


class _Column(NamedTuple):
    """A heading: where it leads if one can sort by it, and how the table is sorted by it now."""

    label: Any
    sorts: str = ""
    sorted: str = ""
    counts: bool = False


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def listing(request: PersonRequest) -> HttpResponse:
    form = ListingForm(request.GET)
    if not form.is_valid():
        return _show_errors(request, form)
    page = service.page(
        by=request.user, filters=form.filters(), sort=form.order(), number=_number(request)
    )
    counted = ("first", "last", "total", "number", "pages")
    context = {
        **_frame(request, form),
        "page": page,
        "n": {name: f"{getattr(page, name):,}" for name in counted},
        "known": {name: f"{n:,}" for name, n in page.known._asdict().items()}
        if page.known
        else None,
        "columns": [_column(form, name) for name in COLUMNS],
        "first": _turned(form, 1) if page.number > 2 else "",
        "previous": _turned(form, page.number - 1) if page.number > 1 else "",
        "next": _turned(form, page.number + 1) if page.number < page.pages else "",
    }
    return respond(request, "departments/listing.html", context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def export(request: PersonRequest) -> HttpResponseBase:
    """Exactly what the list shows with the same address, all its pages, as a file for a spreadsheet."""
    form = ListingForm(request.GET)
    if not form.is_valid():
        return _show_errors(request, form)
    batches = service.export(by=request.user, filters=form.filters(), sort=form.order())
    # What is read while it streams is read after the request: its language and time zone are over then.
    text = exports.list_as_csv(batches, get_language() or "en", timezone.get_current_timezone())
    response = StreamingHttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"departments-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _frame(request: PersonRequest, form: ListingForm) -> dict[str, Any]:
    return {
        "title": _("List"),
        "form": form,
        "narrowed": form.narrowed(),
        "suggestions": browse.suggestions(by=request.user),
    }


def _show_errors(request: PersonRequest, form: ListingForm) -> HttpResponse:
    context = {**_frame(request, form), "error_title": True}
    return respond(request, "departments/listing.html", context, status=422)


def _column(form: ListingForm, name: str) -> _Column:
    label, counts = COLUMNS[name], name in ("managers", "people")
    if name not in service.SORTS:
        return _Column(label)
    if form.order() == name:
        return _Column(label, form.address(sort=f"-{name}"), "ascending", counts)
    down = "descending" if form.order() == f"-{name}" else ""
    return _Column(label, form.address(sort=name), down, counts)


def _turned(form: ListingForm, number: int) -> str:
    return form.address(page=str(number))


def _number(request: PersonRequest) -> int:
    text = request.GET.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 1
