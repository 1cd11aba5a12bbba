"""All departments as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.auth.decorators import permission_required
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import policy
from ..filters import COLUMNS, ListingForm
from ..http import PersonRequest, respond
from ..services import browse
from ..services import listing as service

if TYPE_CHECKING:
    from django.http import HttpResponse

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
    context: dict[str, Any] = {
        "title": _("List"),
        "form": form,
        "narrowed": form.narrowed(),
        "suggestions": browse.suggestions(by=request.user),
    }
    if not form.is_valid():
        context["error_title"] = True
        return respond(request, "departments/listing.html", context, status=422)
    page = service.page(
        by=request.user, filters=form.filters(), sort=form.order(), number=_number(request)
    )
    context |= {
        "page": page,
        "n": {
            name: f"{getattr(page, name):,}"
            for name in ("first", "last", "total", "number", "pages")
        },
        "known": {name: f"{n:,}" for name, n in page.known._asdict().items()}
        if page.known
        else None,
        "columns": [_column(form, name) for name in COLUMNS],
        "first": _turned(form, 1) if page.number > 2 else "",
        "previous": _turned(form, page.number - 1) if page.number > 1 else "",
        "next": _turned(form, page.number + 1) if page.number < page.pages else "",
    }
    return respond(request, "departments/listing.html", context)


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
