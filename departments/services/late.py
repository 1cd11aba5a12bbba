"""Writes that landed after we had looked and written down *not done*: found by the next read, put right.

DingTalk promises no time within which a write whose answer was lost is carried out or dropped. A look after the
settle window is right nearly always; for the rest every read of a department is one more look.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from ..models import AuditEntry, Kind, Outcome
from . import audit
from .compare import not_taken, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .. import dingtalk as wire

#: What shows up later than this is somebody's new work, not our old write.
_LATE_FOR = timedelta(days=7)


def seen(departments: Iterable[wire.Department]) -> None:
    """These were just read in full: does one of them show a change or a create we believe did not happen?"""
    believed = _believed_not_done(Kind.EDIT, Kind.MOVE, Kind.CREATE)
    if not believed:
        return
    by_id = {department.dept_id: department.as_dict() for department in departments}
    for entry in believed:
        for told in by_id.values():
            if _is_there(entry, told):
                missing = not_taken(entry.wanted, told)
                _put_right(entry, after=told, missing=missing, dept_id=told["dept_id"])
                break


def listed(levels: Mapping[int, Iterable[wire.ListedDepartment]]) -> None:
    """These were just listed, by parent: is one of them a create we believe did not happen?"""
    for entry in _believed_not_done(Kind.CREATE):
        parent_id = entry.operation.dept_id
        for child in levels.get(parent_id, ()):
            told = {"dept_id": child.dept_id, "name": child.name, "parent_id": parent_id}
            if _was_created(entry, told):
                _put_right(entry, after=told, missing=[], dept_id=child.dept_id)
                break


def gone(dept_ids: Iterable[int]) -> None:
    """DingTalk no longer has these: is one of them a delete we believe did not happen?"""
    missing = set(dept_ids)
    for entry in _believed_not_done(Kind.DELETE):
        if entry.dept_id in missing and not _done_since(entry):
            _put_right(entry, after={}, missing=[])


def claimed(dept_ids: Iterable[int], *, but: AuditEntry) -> set[int]:
    """Those of them that another operation of ours is known to have created, or moved to where they are."""
    rows = AuditEntry.objects.filter(
        dept_id__in=list(dept_ids),
        outcome=Outcome.DONE,
        operation__kind__in=[Kind.CREATE, Kind.MOVE],
    )
    others = rows.exclude(operation=but.operation_id)
    return {dept_id for dept_id in others.values_list("dept_id", flat=True) if dept_id}


def _believed_not_done(*kinds: Kind) -> list[AuditEntry]:
    rows = AuditEntry.objects.filter(
        outcome=Outcome.NOT_DONE, settled_at__gte=timezone.now() - _LATE_FOR
    )
    # A whole reading asks this for each of its batches, and there is hardly ever any.
    if not rows.exists():
        return []
    rows = rows.filter(corrections=None, operation__kind__in=kinds)
    return [
        entry
        for entry in rows.select_related("operation", "corrects")
        if entry.corrects is None or entry.corrects.last_word == entry
    ]


def _is_there(entry: AuditEntry, told: Mapping[str, Any]) -> bool:
    if entry.operation.kind == Kind.CREATE:
        return _was_created(entry, told)
    if entry.dept_id != told["dept_id"] or _done_since(entry):
        return False
    moved = [f for f, value in entry.wanted.items() if not same(entry.before.get(f), value)]
    return bool(moved) and not not_taken(entry.wanted, told)


def _was_created(entry: AuditEntry, told: Mapping[str, Any]) -> bool:
    return (
        told["name"] == entry.wanted["name"]
        and told.get("parent_id") == entry.wanted["parent_id"]
        and told["dept_id"] not in entry.before["child_ids"]
        and told["dept_id"] not in claimed([told["dept_id"]], but=entry)
    )


def _done_since(entry: AuditEntry) -> bool:
    """A newer write of ours to the same fields explains what is there."""
    newer = AuditEntry.objects.filter(
        dept_id=entry.dept_id, outcome=Outcome.DONE, pk__gt=entry.pk
    ).exclude(operation=entry.operation_id)
    return any(set(one.wanted) & set(entry.wanted) for one in newer)


def _put_right(
    entry: AuditEntry,
    *,
    after: Mapping[str, Any],
    missing: list[str],
    dept_id: int | None = None,
) -> None:
    first = entry.corrects or entry
    audit.correct(first, Outcome.DONE, after=after, not_taken=missing, dept_id=dept_id)
    audit.owe_a_word(entry)
