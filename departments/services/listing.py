"""All departments as a table: the plain alternative to the tree, and the answer to "which have no manager?"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from django.db.models import Case, Count, Exists, F, OuterRef, Q, TextField, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from .. import policy
from ..models import BRANCH_SQL, Department, Managers
from . import crawl, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from django.contrib.auth.models import User
    from django.db.models import Func

    from ..models import DepartmentQuerySet
    from .search import Place

log = structlog.get_logger(__name__)

PAGE = 50
_BATCH = 500
_RECENT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which departments; what is not given narrows nothing."""

    text: str = ""
    #: A department with everything below it.
    below: int | None = None
    #: Names of conditions, all of which must hold.
    only: tuple[str, ...] = ()


class Row(NamedTuple):
    """One department as the table has it; None is what nobody has read yet."""

    id: str
    name: str
    place: Place
    code: str
    managers: int | None
    people: int | None
    chat: bool | None
    hidden: bool | None
    restricted: bool | None
    readable: bool
    read_at: datetime | None


class Known(NamedTuple):
    """For how many departments, of how many, it is known whether a filter holds; and how long reading takes."""

    known: int
    total: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the table. `known` is there only where some cannot be judged yet."""

    rows: list[Row]
    number: int
    total: int
    known: Known | None

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


def page(*, by: User, filters: Filters | None = None, sort: str = "name", number: int = 1) -> Page:
    """One page, sorted by a name of SORTS, downwards if it begins with "-". As many queries at any size."""
    policy.require(by, policy.VIEW)
    filters = filters or Filters()
    found = _chosen(filters)
    total = found.count()
    number = min(max(number, 1), max(1, -(-total // PAGE)))
    start = (number - 1) * PAGE
    rows = _sorted(found, sort).values_list(*_FIELDS)[start : start + PAGE]
    return Page(_rows(list(rows)), number, total, _known(filters))


def export(*, by: User, filters: Filters, sort: str = "name") -> Iterator[list[Row]]:
    """All of them, in batches, so that nothing stays open while a slow reader reads."""
    policy.require(by, policy.VIEW)
    ids = list(_sorted(_chosen(filters), sort).values_list("pk", flat=True))
    log.info("list exported", by=by.get_username(), departments=len(ids))
    return (_read(ids[start : start + _BATCH]) for start in range(0, len(ids), _BATCH))


def _read(ids: list[int]) -> list[Row]:
    """These, in this order."""
    rows = Department.objects.filter(pk__in=ids).annotate(managers=Managers("details"))
    told = {row[0]: row for row in rows.values_list(*_FIELDS)}
    return _rows([told[dept_id] for dept_id in ids])


_FIELDS = ["dept_id", "name", "code", "managers", "details__member_count", "has_chat", "hidden"]
_FIELDS += ["restricted", "readable", "details_seen_at"]


def _rows(told: list[tuple[Any, ...]]) -> list[Row]:
    places = search.places_of(row[0] for row in told)
    return [
        Row(str(dept_id), name, places[dept_id], code, _managers(managers, rest[-1]), *rest)
        for dept_id, name, code, managers, *rest in told
    ]


def _managers(told: int | None, read_at: datetime | None) -> int | None:
    """Where details were read, nothing told is nobody there."""
    return told or 0 if read_at else None


# ── Which ────────────────────────────────────────────────────────────────────────────────────────────────


def _within(filters: Filters) -> Q:
    """Where is looked at all: what a filter asks for may be unknown of some there."""
    within = search.matching(filters.text)
    if filters.below is not None:
        below = RawSQL(BRANCH_SQL, [filters.below])  # noqa: S611 - our own text, the id is a parameter
        within &= Q(pk__in=below)
    return within


def _chosen(filters: Filters) -> DepartmentQuerySet:
    rows = _all().filter(_within(filters))
    for name in filters.only:
        rows = rows.filter(_condition(name))
    return rows


def _all() -> DepartmentQuerySet:
    return Department.objects.present().annotate(managers=Managers("details"))


def _condition(name: str) -> Q:
    present = Department.objects.present()
    match name:
        case "no-manager":
            return _KNOWN[name] & (Q(managers=None) | Q(managers=0))
        case "empty":
            below = present.filter(parent_id=OuterRef("pk"))
            return _KNOWN[name] & Q(~Exists(below), details__member_count=0)
        case "namesake":
            named = present.order_by().values("name").annotate(n=Count("*")).filter(n__gt=1)
            return Q(name__in=named.values("name"))
        case "changed":
            return Q(changed_at__gte=timezone.now() - _RECENT)
    return _PLAIN[name]


_PLAIN: Mapping[str, Q] = {
    "hidden": Q(hidden=True),
    "restricted": Q(restricted=True),
    "chat": Q(has_chat=True),
    "out-of-scope": Q(readable=False),
    "unread": Q(details_seen_at=None),
}
#: What must have been read before anybody can say whether a filter holds; of the others memory always knows.
_KNOWN: Mapping[str, Q] = {
    "no-manager": Q(details_seen_at__isnull=False),
    "empty": Q(details__member_count__isnull=False, children_seen_at__isnull=False),
    "hidden": Q(hidden__isnull=False),
    "restricted": Q(restricted__isnull=False),
    "chat": Q(has_chat__isnull=False),
}


def _known(filters: Filters) -> Known | None:
    needed = [_KNOWN[name] for name in filters.only if name in _KNOWN]
    if not needed:
        return None
    within = _within(filters)
    counts = _all().aggregate(
        known=Count("pk", filter=Q(within, *needed)),
        total=Count("pk", filter=within) if within else Count("pk"),
        all=Count("pk"),
    )
    if counts["known"] == counts["total"]:
        return None
    return Known(
        counts["known"], counts["total"], math.ceil(crawl.expected_seconds(counts["all"]) / 60)
    )


# ── In which order ───────────────────────────────────────────────────────────────────────────────────────

#: As people look a name up: by the pinyin it begins with, which the first key is, or by its letters.
_NAME = Lower(
    Case(
        When(name__regex=r"^[!-~]", then="name"),
        default=Coalesce(NullIf("keys", Value("")), "name"),
        output_field=TextField(),
    )
)
SORTS: Mapping[str, F | Func] = {
    "name": _NAME,
    "id": F("dept_id"),
    "code": NullIf("code", Value("")),
    "managers": F("managers"),
    "people": F("details__member_count"),
    "chat": F("has_chat"),
    "hidden": F("hidden"),
    "restricted": F("restricted"),
    "read": F("details_seen_at"),
}


def _sorted(rows: DepartmentQuerySet, sort: str) -> DepartmentQuerySet:
    """What is not known comes last either way, and equals by id, so that pages do not overlap."""
    key = SORTS[sort.removeprefix("-")]
    order = key.desc if sort.startswith("-") else key.asc
    return rows.order_by(order(nulls_last=True), "dept_id")
