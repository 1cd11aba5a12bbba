"""A write that is not settled holds back others that would overlap with it.

Its departments wait, and so does the place where it may still make one appear: whatever was written there now
would mix with what may still land, and no look could tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InDoubt
from ..models import OPEN, AuditEntry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Reach:
    """What a write may change: the departments themselves, and below which one another may appear."""

    dept_ids: frozenset[int] = frozenset()
    into: int | None = None
    #: A delete takes along what may still appear below its departments.
    takes_all: bool = False
    #: Where the department written to stands, once a live look has told.
    stands_in: int | None = None
    #: Of a create: what was below `into` before. Whatever else is there now may be what it made.
    known: frozenset[int] | None = None

    @classmethod
    def of(
        cls,
        kind: Kind,
        dept_ids: Iterable[int | None],
        wanted: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
    ) -> Reach:
        before = before or {}
        return cls(
            frozenset(dept_id for dept_id in dept_ids if dept_id),
            wanted.get("parent_id"),
            takes_all=kind == Kind.DELETE,
            stands_in=before.get("parent_id"),
            known=frozenset(before["child_ids"]) if "child_ids" in before else None,
        )

    def overlaps(self, other: Reach) -> bool:
        """Must this write wait for the other, which is not settled?"""
        return bool(
            self.dept_ids & other.dept_ids
            or self.into in {*other.dept_ids, other.into} - {None}
            or (self.takes_all and other.into in self.dept_ids)
            or (other.takes_all and self.into in other.dept_ids)
            or self._may_be_made_by(other)
        )

    def _may_be_made_by(self, other: Reach) -> bool:
        """Written to, or moved away, what a create has just made could no longer be recognised."""
        if other.known is None or self.stands_in is None or self.stands_in != other.into:
            return False
        return not self.dept_ids <= other.known


def in_doubt(reach: Reach) -> AuditEntry | None:
    """An earlier write that is not settled and reaches what this one would."""
    rows = AuditEntry.objects.filter(outcome__in=OPEN).select_related("operation")
    # A branch of hundreds may be in doubt: only creates, one department each, are asked what was there before.
    for entry in rows.defer("before", "after").order_by("pk"):
        kind = Kind(entry.operation.kind)
        before = entry.before if kind == Kind.CREATE else None
        if reach.overlaps(Reach.of(kind, [entry.dept_id], entry.wanted, before)):
            return entry
    return None


def nothing_in_doubt(reach: Reach) -> None:
    """Raise InDoubt while an earlier write that reaches there is not settled."""
    entry = in_doubt(reach)
    if entry:
        raise InDoubt(entry)
