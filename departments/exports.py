"""History and the list of departments as files for a spreadsheet."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from . import fields, forms
from .filters import COLUMNS
from .models import Kind
from .services import browse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo

    from .models import AuditEntry
    from .services.listing import Row

_HEADINGS = [
    gettext_lazy("Entry"),
    gettext_lazy("Noted"),
    gettext_lazy("Settled"),
    gettext_lazy("Who"),
    gettext_lazy("From address"),
    gettext_lazy("What"),
    gettext_lazy("Department ID"),
    gettext_lazy("Path then"),
    gettext_lazy("Outcome"),
    gettext_lazy("Confirmed"),
    gettext_lazy("Reason"),
    gettext_lazy("Change asked for: before → wanted"),
    gettext_lazy("Not taken"),
    gettext_lazy("DingTalk’s code"),
    gettext_lazy("What DingTalk said"),
    gettext_lazy("Request ID"),
    gettext_lazy("Operation ID"),
    gettext_lazy("A later look at entry"),
]

#: What a spreadsheet takes for a formula, also behind blanks and what nobody sees
#: (https://owasp.org/www-community/attacks/CSV_Injection, which names the full-width forms too).
_FORMULA = re.compile(r"[\t\r\n\0]|[\s\0\ufeff\u200b-\u200f\u2060]*[=+\-@＝＋－＠]")


class _Line:
    """The csv module wants a file: this one hands the line back."""

    @staticmethod
    def write(line: str) -> str:
        return line


def as_csv(batches: Iterable[list[AuditEntry]], language: str, zone: tzinfo) -> Iterator[str]:
    def records(batch: list[AuditEntry]) -> list[list[Any]]:
        names = _names(batch)
        return [_record(one, names) for one in batch]

    return _written(_HEADINGS, map(records, batches), language, zone)


def list_as_csv(batches: Iterable[list[Row]], language: str, zone: tzinfo) -> Iterator[str]:
    def records(batch: list[Row]) -> list[list[Any]]:
        return [_listed(one) for one in batch]

    return _written(COLUMNS.values(), map(records, batches), language, zone)


def _written(
    headings: Iterable[Any], batches: Iterator[list[list[Any]]], language: str, zone: tzinfo
) -> Iterator[str]:
    """RFC 4180, with a BOM: without one Excel reads UTF-8 as something else."""
    writer = csv.writer(_Line())
    with override(language):
        first = writer.writerow([_cell(heading) for heading in headings])
    yield f"\ufeff{first}"
    while True:
        with override(language), timezone.override(zone):
            batch = next(batches, None)
            if batch is None:
                return
            lines = [writer.writerow(map(_cell, record)) for record in batch]
        yield "".join(lines)


def _names(batch: list[AuditEntry]) -> dict[int, str]:
    told = (values for one in batch for values in (one.before, one.wanted))
    return browse.names_of(fields.mentioned(*told))


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def _record(one: AuditEntry, names: Mapping[int, str]) -> list[Any]:
    operation = one.operation
    return [
        one.pk,
        timezone.localtime(one.noted_at).isoformat(timespec="seconds"),
        timezone.localtime(one.settled_at).isoformat(timespec="seconds") if one.settled_at else "",
        operation.by_name,
        operation.address,
        operation.get_kind_display(),
        one.dept_id,
        one.path,
        one.get_outcome_display(),
        _("Yes") if one.confirmed else _("No"),
        operation.reason,
        _changes(one, names),
        forms.labels(one.not_taken),
        one.code,
        one.message,
        one.request_id,
        operation.pk,
        one.corrects_id,
    ]


def _changes(one: AuditEntry, names: Mapping[int, str]) -> str:
    """In one line; a delete's is its action."""
    if one.operation.kind == Kind.DELETE:
        return ""
    told = [
        _("%(field)s: %(before)s → %(after)s")
        % {
            "field": fields.label_of(name),
            "before": fields.told_in_words(name, one.before, names),
            "after": fields.in_words(name, value, names),
        }
        for name, value in one.wanted.items()
    ]
    return " ".join("; ".join(told).split())


def _listed(one: Row) -> list[Any]:
    """What nobody has read yet is an empty cell."""
    words = {True: _("Yes"), False: _("No"), None: ""}
    return [
        one.name,
        one.place.whole,
        one.id,
        one.code,
        one.managers,
        one.people,
        words[one.chat],
        words[one.hidden],
        words[one.restricted],
        timezone.localtime(one.read_at).isoformat(timespec="seconds") if one.read_at else "",
    ]
