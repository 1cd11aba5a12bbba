"""Keeping memory true to DingTalk: what a read tells us is written down, with its date."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from ..dingtalk import NotThere, OutOfContactScope
from ..errors import DepartmentGone, DepartmentUnknown
from ..gateway import dingtalk
from ..models import Department
from . import late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from .. import dingtalk as wire

_LISTED = ["name", "parent_id", "has_chat", "readable", "seen_at", "gone_at"]
_DETAILED = [*_LISTED, "order", "code", "source_identifier", "hidden", "restricted", "linked"]
_DETAILED += ["details", "details_seen_at"]
_BATCH = 500
#: So much of a text is searched for: an index row of PostgreSQL's holds 2,704 bytes. `details` keep it whole.
#: DingTalk takes 30 characters for a code; what it tells is another company's word.
_SEARCHED = 200


def mirror(remote: wire.Department) -> Department:
    """Write down everything one read told us."""
    row = _detailed(remote, timezone.now())
    Department.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["dept_id"], update_fields=_DETAILED
    )
    late.seen([row.details])
    return Department.objects.get(pk=remote.dept_id)


def refresh(*, dept_id: int) -> Department:
    """Read one department live.

    Raises DepartmentGone or DepartmentUnknown when DingTalk does not have it, OutOfContactScope when we may
    not read it (memory then shows it as unreadable).
    """
    try:
        return mirror(dingtalk().get_department(dept_id))
    except NotThere:
        raise gone_or_unknown(dept_id) from None
    except OutOfContactScope as failure:
        _note_unread(dept_id, failure)
        raise


def refresh_children(*, dept_id: int) -> None:
    """Read one level live. Raises as `refresh` does."""
    try:
        listed = dingtalk().list_children(dept_id)
    except NotThere:
        raise gone_or_unknown(dept_id) from None
    for missing in _mirror_level(dept_id, listed, timezone.now()):
        _find(dingtalk(), missing)


def gone_or_unknown(dept_id: int) -> DepartmentGone | DepartmentUnknown:
    """Write down that DingTalk does not have it, and say what we remember."""
    remembered = Department.objects.filter(pk=dept_id).first()
    if remembered is None:
        return DepartmentUnknown(dept_id)
    path = path_of(dept_id)
    forget([dept_id])
    return DepartmentGone(remembered, path)


def forget(dept_ids: Iterable[int]) -> None:
    """DingTalk no longer has these, nor anything below them."""
    read = list(dept_ids)
    late.gone(
        read
    )  # what lies below is only concluded, which is enough for memory and not for history
    gone = set().union(*(Department.objects.branch_ids(dept_id) for dept_id in read))
    # Should one come back, moved away in time, its children are looked for anew.
    rows = Department.objects.present().filter(pk__in=gone)
    rows.update(gone_at=timezone.now(), children_seen_at=None)


def path_of(dept_id: int) -> str:
    """The names from the top to this department, as a person reads them."""
    return " › ".join(department.name for department in Department.objects.trail(dept_id))


def crawl(*, below: int, tell: Callable[[str, int], None] = lambda _pass, _done: None) -> int:
    """Read a whole branch in two passes, the tree and then the details; return how many departments it has.

    One call for each department and pass, in the lane that yields to people.
    """
    client = dingtalk().in_background()
    mirror(client.get_department(below))
    waiting, seen = deque([below]), {below}
    missing: list[int] = []
    while waiting:
        parent = waiting.popleft()
        try:
            listed = client.list_children(parent)
        except (NotThere, OutOfContactScope) as failure:
            _note_unread(parent, failure)
            continue
        missing += _mirror_level(parent, listed, timezone.now())
        fresh = [child.dept_id for child in listed if child.dept_id not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
        tell("tree", len(seen))
    for dept_id in missing:
        if dept_id not in seen:
            _find(client, dept_id)
    details: list[Department] = []
    for done, dept_id in enumerate(sorted(seen), start=1):
        try:
            details.append(_detailed(client.get_department(dept_id), timezone.now()))
        except (NotThere, OutOfContactScope) as failure:
            _note_unread(dept_id, failure)  # deleted between our two passes, say
        if len(details) >= _BATCH:
            _write_details(details)
            details.clear()
        tell("details", done)
    _write_details(details)
    return len(seen)


def _find(client: wire.DingTalkClient, dept_id: int) -> None:
    """No longer listed where it was: moved or deleted, which only DingTalk can say."""
    try:
        mirror(client.get_department(dept_id))
    except (NotThere, OutOfContactScope) as failure:
        _note_unread(dept_id, failure)


def _note_unread(dept_id: int, failure: NotThere | OutOfContactScope) -> None:
    if isinstance(failure, NotThere):
        forget([dept_id])
    else:
        Department.objects.filter(pk=dept_id).update(readable=False, seen_at=timezone.now())


def _mirror_level(parent_id: int, listed: list[wire.ListedDepartment], now: datetime) -> list[int]:
    """Write down one level; return the ids memory had there and DingTalk no longer lists."""
    rows = [
        Department(
            dept_id=child.dept_id,
            name=child.name,
            parent_id=parent_id,
            has_chat=child.create_dept_group,
            seen_at=now,
        )
        for child in listed
    ]
    with transaction.atomic():
        _write(rows, _LISTED)
        Department.objects.filter(pk=parent_id).update(children_seen_at=now)
    late.listed(parent_id, [{"dept_id": row.dept_id, "name": row.name} for row in rows])
    listed_ids = {row.dept_id for row in rows}
    remembered = Department.objects.children_of([parent_id]).values_list("pk", flat=True)
    return [dept_id for dept_id in remembered if dept_id not in listed_ids]


def _write_details(rows: list[Department]) -> None:
    _write(rows, _DETAILED)
    late.seen([row.details for row in rows])


def _write(rows: list[Department], fields: list[str]) -> None:
    Department.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["dept_id"],
        update_fields=fields,
        batch_size=_BATCH,
    )


def _detailed(remote: wire.Department, now: datetime) -> Department:
    return Department(
        dept_id=remote.dept_id,
        name=remote.name,
        parent_id=remote.parent_id or None,
        order=remote.order,
        has_chat=remote.create_dept_group,
        code=(remote.code or "")[:_SEARCHED],
        source_identifier=(remote.source_identifier or "")[:_SEARCHED],
        hidden=remote.hide_dept,
        restricted=remote.outer_dept,
        linked=remote.from_union_org,
        details=remote.as_dict(),
        seen_at=now,
        details_seen_at=now,
    )
