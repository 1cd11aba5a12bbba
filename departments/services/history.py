"""What people did, and how it ended."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.db.models import F, Max, Prefetch, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils import timezone

from .. import policy
from ..errors import DepartmentUnknown
from ..models import BRANCH_SQL, AuditEntry, Department, Operation
from . import sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

log = structlog.get_logger(__name__)

_COMPANIONS = 50
_OFFERED = 300
#: At how many places of its past a branch is looked for by name.
_PLACES = 50
_BATCH = 500
#: Days beyond these have no midnight in every time zone; nothing happened then either.
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9000, 1, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filters:
    """Which part of history; what is not given narrows nothing."""

    #: Part of the name as it was then, or the whole user name.
    person: str = ""
    kind: str = ""
    #: How the entry itself ended; what a later look brought is an entry of its own.
    outcomes: tuple[str, ...] = ()
    #: A department with everything below it, now or then.
    branch: int | None = None
    dept_id: int | None = None
    op_id: UUID | None = None
    #: Days in the person's time zone, both included.
    since: date | None = None
    until: date | None = None

    @property
    def count(self) -> int:
        return sum(bool(getattr(self, field.name)) for field in dataclasses.fields(self))


_EVERYTHING = Filters()


def entries(*, by: User, filters: Filters = _EVERYTHING) -> QuerySet[AuditEntry]:
    """Newest first, each with its operation."""
    policy.require(by, policy.VIEW)
    rows = AuditEntry.objects.select_related("operation").order_by("-pk")
    return rows.filter(_matching(filters)) if filters.count else rows


def listed(*, by: User, filters: Filters = _EVERYTHING) -> QuerySet[AuditEntry]:
    """The same as a list needs them: with what later looks brought, newest first, without the fields."""
    later = AuditEntry.objects.order_by("-pk").defer("before", "wanted", "after")
    rows = entries(by=by, filters=filters).prefetch_related(Prefetch("corrections", later))
    return rows.defer("before", "wanted", "after", "operation__content")


def export(*, by: User, filters: Filters) -> Iterator[list[AuditEntry]]:
    """All of them, in batches, so that nothing stays open while a slow reader reads.

    What is noted after the first batch was read is not among them.
    """
    rows = entries(by=by, filters=filters)
    log.info("history exported", by=by.get_username(), filters=filters.count)
    return _batches(rows)


def entry(*, number: int, by: User) -> AuditEntry | None:
    return entries(by=by).select_related("operation", "corrects").filter(pk=number).first()


def companions(*, entry: AuditEntry, by: User) -> tuple[list[AuditEntry], int]:
    """The other departments of the same operation, the first 50 of them, and how many there are."""
    rows = entries(by=by, filters=Filters(op_id=entry.operation_id)).filter(corrects=None)
    others = rows.exclude(pk=entry.corrects_id or entry.pk).order_by("pk")
    found = list(others.defer("before", "wanted", "after")[: _COMPANIONS + 1])
    return found[:_COMPANIONS], len(found) if len(found) <= _COMPANIONS else others.count()


def people(*, by: User) -> list[str]:
    """Names to offer while somebody types one."""
    policy.require(by, policy.VIEW)
    names = Operation.objects.order_by("by_name").values_list("by_name", flat=True).distinct()
    return list(names[:_OFFERED])


def operation(*, op_id: UUID, by: User) -> Operation | None:
    policy.require(by, policy.VIEW)
    return Operation.objects.prefetch_related("entries").filter(pk=op_id).first()


def last_words(entries: list[AuditEntry]) -> list[AuditEntry]:
    """For each entry the newest correction, or itself: what is known today. One query for all."""
    looks = AuditEntry.objects.filter(corrects__in=entries).order_by("pk")
    newest = {look.corrects_id: look for look in looks}
    return [newest.get(entry.pk, entry) for entry in entries]


def remembered(*, dept_id: int, by: User) -> dict[str, Any]:
    """A department as memory has it, gone or not, for the page of its history."""
    policy.require(by, policy.VIEW)
    department = Department.objects.filter(pk=dept_id).first()
    if department is None:
        raise DepartmentUnknown(dept_id)
    return {"department": department, "trail": Department.objects.trail(dept_id)}


def _matching(filters: Filters) -> Q:
    matches = Q()
    if filters.person:
        matches &= Q(operation__by_name__icontains=filters.person) | Q(
            operation__by__username__iexact=filters.person
        )
    if filters.kind:
        matches &= Q(operation__kind=filters.kind)
    if filters.outcomes:
        matches &= Q(outcome__in=filters.outcomes)
    if filters.branch:
        matches &= _in_branch(filters.branch)
    if filters.dept_id:
        matches &= Q(dept_id=filters.dept_id)
    if filters.op_id:
        matches &= Q(operation=filters.op_id)
    if filters.since:
        matches &= Q(noted_at__gte=_midnight(filters.since))
    if filters.until:
        matches &= Q(noted_at__lt=_midnight(filters.until, days_later=1))
    return matches


def _in_branch(dept_id: int) -> Q:
    """What was done to the department, or below it: as memory has the branch, and as it was then.

    History knows where something lay then by its path only. So everything counts that lay below a path at
    which the department has been seen, even if at that time another one was called so.
    """
    below = RawSQL(BRANCH_SQL, [dept_id])  # noqa: S611 - our own text, the id is a parameter
    # The operation's department too: a create that came to nothing has only its parent's id.
    matches = Q(dept_id__in=below) | Q(operation__dept_id__in=below)
    for path in _places_of(dept_id):
        prefix = f"{path} › "
        # Not startswith: SQLite's LIKE takes "sales" for "Sales".
        matches |= Q(path=path) | Q(Exact(Left(F("path"), len(prefix)), prefix))
    return matches


def _places_of(dept_id: int) -> set[str]:
    """The paths at which the department was when something was done to it, and today's."""
    rows = AuditEntry.objects.filter(dept_id=dept_id).values("path").annotate(last=Max("pk"))
    paths = {row["path"] for row in rows.order_by("-last")[:_PLACES]}
    return (paths | {sync.path_of(dept_id)}) - {""}


def _midnight(day: date, *, days_later: int = 0) -> datetime:
    day = min(max(day, _FIRST_DAY), _LAST_DAY) + timedelta(days=days_later)
    return timezone.make_aware(datetime.combine(day, time.min))


def _batches(rows: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    batch = list(rows[:_BATCH])
    while batch:
        yield batch
        batch = list(rows.filter(pk__lt=batch[-1].pk)[:_BATCH])
