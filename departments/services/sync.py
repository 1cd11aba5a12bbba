"""Keeping memory true to DingTalk: what a read tells us is written down, with its date.

Only what differs is written: a reading that finds everything as we remember it dates it, in one statement for a
whole batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from ..dingtalk import NotThere, OutOfContactScope, told_before
from ..errors import DepartmentGone, DepartmentUnknown
from ..gateway import dingtalk
from ..models import Department
from . import late, names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from .. import dingtalk as wire

    Level = tuple[int, Sequence[wire.ListedDepartment]]

#: Rows of one statement: SQLite takes a limited number of values.
_BATCH = 500
#: So much of a text is searched for: an index row of PostgreSQL's holds 2,704 bytes. `details` keep it whole.
#: DingTalk takes 30 characters for a code; what it tells is another company's word.
_SEARCHED = 200
#: These change with every person who comes or goes; the department is no other for it.
_COUNTS = ("member_count", "owning_member_count")

_PRESENT = ["readable", "seen_at", "changed_at", "missing_at", "gone_at"]
_LISTED = ["name", "keys", "parent_id", "has_chat", "detached", *_PRESENT]
_DETAILED = ["name", "keys", "parent_id", "has_chat", *_PRESENT, "order", "code", "hidden"]
_DETAILED += ["source_identifier", "restricted", "linked", "details", "details_seen_at"]


class _Before(NamedTuple):
    """What memory had of a department that is told otherwise now."""

    name: str
    keys: str | None
    parent_id: int | None
    has_chat: bool | None
    gone_at: datetime | None
    changed_at: datetime | None


# ── Single reads, for people ─────────────────────────────────────────────────────────────────────────────


def mirror(remote: wire.Department) -> Department:
    """Write down everything one read told us."""
    details_read([remote])
    row = Department.objects.get(pk=remote.dept_id)
    loose = _hangs_loose(row)
    if row.detached != loose:
        row.detached = loose
        row.save(update_fields=["detached"])
    return row


def refresh(*, dept_id: int) -> Department:
    """Read one department live.

    Raises DepartmentGone or DepartmentUnknown when DingTalk does not have it, OutOfContactScope when we may
    not read it (memory then shows it as unreadable).
    """
    try:
        return mirror(dingtalk().get_department(dept_id))
    except NotThere:
        raise gone_or_unknown(dept_id) from None
    except OutOfContactScope:
        unreadable([dept_id])
        raise


def refresh_children(*, dept_id: int) -> None:
    """Read one level live. Raises as `refresh` does."""
    try:
        listed = dingtalk().list_children(dept_id)
    except NotThere:
        raise gone_or_unknown(dept_id) from None
    except OutOfContactScope:
        unreadable([dept_id])
        raise
    for missing in levels_read([(dept_id, listed)]):
        look_for(dingtalk(), missing)
    above = _above(dept_id)
    circle = [child.dept_id for child in listed if child.dept_id in above]
    Department.objects.filter(pk__among=circle).update(detached=True)


def look_for(client: wire.DingTalkClient, dept_id: int) -> None:
    """No longer listed where it was: moved or deleted, which only DingTalk can say."""
    try:
        mirror(client.get_department(dept_id))
    except NotThere:
        forget([dept_id])
    except OutOfContactScope:
        unreadable([dept_id])


def gone_or_unknown(dept_id: int) -> DepartmentGone | DepartmentUnknown:
    """Write down that DingTalk does not have it, and say what we remember."""
    remembered = Department.objects.filter(pk=dept_id).first()
    if remembered is None:
        return DepartmentUnknown(dept_id)
    path = path_of(dept_id)
    forget([dept_id])
    return DepartmentGone(remembered, path)


def path_of(dept_id: int) -> str:
    """The names from the top to this department, as a person reads them."""
    return " › ".join(department.name for department in Department.objects.trail(dept_id))


# ── What reads tell, in batches ──────────────────────────────────────────────────────────────────────────


def levels_read(levels: Sequence[Level]) -> list[int]:
    """Write down what DingTalk lists below these parents.

    Returns the ids memory had there and that are no longer listed. They are marked as missing: only a read of
    its own tells moved from deleted. Those outside the contact scope are not, for DingTalk lists none of them.
    """
    now = timezone.now()
    parents = [parent_id for parent_id, _listed in levels]
    told = {child.dept_id: (parent_id, child) for parent_id, listed in levels for child in listed}
    with transaction.atomic():
        there = _there(parents)
        news = [
            (parent_id, child)
            for parent_id, child in told.values()
            if not _is_as_listed(there.get(child.dept_id), parent_id, child)
        ]
        if news:
            _write_listed(news, now)
        _date(parents, children_seen_at=now)
        missing = [dept_id for dept_id in there if dept_id not in told]
        _date(missing, missing_at=now)
    late.listed(dict(levels))
    return missing


def details_read(remotes: Sequence[wire.Department]) -> None:
    """Write down everything DingTalk told about these departments."""
    now = timezone.now()
    with transaction.atomic():
        known = _settled([remote.dept_id for remote in remotes])
        news = [remote for remote in remotes if not _is_as_told(known, remote)]
        if news:
            _write_detailed(news, now)
        changed = {remote.dept_id for remote in news}
        _date([dept_id for dept_id in known if dept_id not in changed], details_seen_at=now)
    late.seen(remotes)


def forget(dept_ids: Iterable[int]) -> None:
    """DingTalk no longer has these, nor anything below them."""
    read = list(dept_ids)
    # What lies below is only concluded, which is enough for memory and not for history.
    late.gone(read)
    gone = set().union(*(Department.objects.branch_ids(dept_id) for dept_id in read))
    # Should one come back, moved away in time, its children are looked for anew.
    rows = Department.objects.present().filter(pk__among=gone)
    rows.update(gone_at=timezone.now(), children_seen_at=None, missing_at=None)


def unreadable(dept_ids: Iterable[int]) -> None:
    """These are outside the contact scope: there, and not for us to read."""
    rows = Department.objects.filter(pk__among=set(dept_ids))
    rows.update(readable=False, seen_at=timezone.now(), missing_at=None)


def missing(dept_ids: Iterable[int]) -> None:
    """DingTalk denies that these exist, in answer to a call that was not about them alone."""
    _date(list(dept_ids), missing_at=timezone.now())


# ── What memory has ──────────────────────────────────────────────────────────────────────────────────────

#: Nothing but what is told can be other than it should be.
_IN_PLACE = ExpressionWrapper(Q(keys__isnull=False, detached=False), output_field=BooleanField())


def _there(parents: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """What should be listed below these, by id: name, parent, chat, and whether it is in place."""
    rows = Department.objects.present().filter(readable=True, missing_at=None)
    found = rows.filter(parent_id__among=set(parents)).order_by()
    told = found.values_list("pk", "name", "parent_id", "has_chat", _IN_PLACE)
    return {row[0]: row for row in told}


def _is_as_listed(
    known: tuple[Any, ...] | None, parent_id: int, child: wire.ListedDepartment
) -> bool:
    if known is None:
        return False
    has_chat = known[3] if child.create_dept_group is None else child.create_dept_group
    return known == (child.dept_id, child.name, parent_id, has_chat, True)


def _settled(dept_ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Of these what is present, readable and read in full before: name, parent, chat and details, undecoded."""
    rows = Department.objects.present().filter(
        readable=True, missing_at=None, keys__isnull=False, details_seen_at__isnull=False
    )
    told = rows.filter(pk__among=set(dept_ids)).values_list(
        "pk", "name", "parent_id", "has_chat", Cast("details", TextField())
    )
    return {row[0]: row for row in told}


def _is_as_told(known: Mapping[int, tuple[Any, ...]], remote: wire.Department) -> bool:
    before = known.get(remote.dept_id)
    if before is None:
        return False
    has_chat = before[3] if remote.create_dept_group is None else remote.create_dept_group
    now = (remote.dept_id, remote.name, remote.parent_id or None, has_chat)
    return before[:4] == now and told_before(before[4]) == remote


def _before(dept_ids: Sequence[int]) -> dict[int, _Before]:
    rows = Department.objects.filter(pk__among=set(dept_ids))
    return {row[0]: _Before._make(row[1:]) for row in rows.values_list("pk", *_Before._fields)}


def _listed_before(parents: Sequence[int]) -> set[int]:
    """Those whose level we had looked at: what is new there is news."""
    rows = Department.objects.filter(children_seen_at__isnull=False)
    return set(rows.filter(pk__among=set(parents)).values_list("pk", flat=True))


def _hangs_loose(row: Department) -> bool:
    """Nothing we know is above it, or it is above itself: it is drawn beside the root."""
    if row.parent_id is None:
        return False
    has_parent = Department.objects.present().filter(pk=row.parent_id).exists()
    return not has_parent or row.dept_id in _above(row.parent_id)


def _above(dept_id: int) -> set[int]:
    """The department itself and all above it."""
    return {above for above, _name in Department.objects.trails([dept_id]).get(dept_id, [])}


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────


def _write_listed(news: Sequence[tuple[int, wire.ListedDepartment]], now: datetime) -> None:
    known = _before([child.dept_id for _parent_id, child in news])
    unknown = [parent_id for parent_id, child in news if child.dept_id not in known]
    looked_at = _listed_before(unknown)
    rows = []
    for parent_id, child in news:
        before = known.get(child.dept_id)
        row = Department(
            dept_id=child.dept_id,
            name=child.name,
            keys=_keys(child.name, before),
            parent_id=parent_id,
            has_chat=_first_told(child.create_dept_group, before),
            seen_at=now,
            changed_at=before.changed_at if before else None,
        )
        if _is_other(row, before) if before else parent_id in looked_at:
            row.changed_at = now
        rows.append(row)
    _write(rows, _LISTED)


def _write_detailed(news: Sequence[wire.Department], now: datetime) -> None:
    known = _before([remote.dept_id for remote in news])
    details = _details_before(list(known))
    unknown = [remote for remote in news if remote.dept_id not in known]
    looked_at = _listed_before([remote.parent_id for remote in unknown if remote.parent_id])
    rows = []
    for remote in news:
        before = known.get(remote.dept_id)
        row = _detailed(remote, before, now)
        if before is None:
            is_other = row.parent_id in looked_at
        else:
            is_other = _is_other(row, before) or _differ(details[remote.dept_id], row.details)
        if is_other:
            row.changed_at = now
        rows.append(row)
    _write(rows, _DETAILED)


def _detailed(remote: wire.Department, before: _Before | None, now: datetime) -> Department:
    return Department(
        dept_id=remote.dept_id,
        name=remote.name,
        keys=_keys(remote.name, before),
        parent_id=remote.parent_id or None,
        order=remote.order,
        has_chat=_first_told(remote.create_dept_group, before),
        code=(remote.code or "")[:_SEARCHED],
        source_identifier=(remote.source_identifier or "")[:_SEARCHED],
        hidden=remote.hide_dept,
        restricted=remote.outer_dept,
        linked=remote.from_union_org,
        details=remote.as_dict(),
        seen_at=now,
        details_seen_at=now,
        changed_at=before.changed_at if before else None,
    )


def _details_before(dept_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    return dict(Department.objects.filter(pk__among=set(dept_ids)).values_list("pk", "details"))


def _keys(name: str, before: _Before | None) -> str:
    """How it sounds; made anew only where the name is."""
    if before and before.name == name and before.keys is not None:
        return before.keys
    return names.keys_of(name)


def _first_told(has_chat: bool | None, before: _Before | None) -> bool | None:  # noqa: FBT001
    """What DingTalk leaves out of one reply it may have told in another."""
    return before.has_chat if has_chat is None and before else has_chat


def _is_other(row: Department, before: _Before) -> bool:
    return bool(
        before.gone_at
        or (before.name, before.parent_id) != (row.name, row.parent_id)
        or before.has_chat not in (row.has_chat, None)
    )


def _differ(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """The first details are no change: nobody knew others."""
    return bool(before) and any(
        before.get(field) != now.get(field)
        for field in before.keys() | now.keys()
        if field not in _COUNTS
    )


def _write(rows: list[Department], fields: list[str]) -> None:
    Department.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["dept_id"],
        update_fields=fields,
        batch_size=_BATCH,
    )


def _date(dept_ids: Sequence[int], **dates: datetime) -> None:
    if dept_ids:
        Department.objects.filter(pk__among=set(dept_ids)).update(**dates)
