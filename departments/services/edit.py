"""Creating and changing a department: look, note, do, settle."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from .. import policy
from ..dingtalk import ROOT_ID, WRITE_ONLY, DingTalkError, NotThere
from ..errors import ChangedMeanwhile, Clash, Fixed, OutsideFence
from ..gateway import dingtalk
from ..models import Department, Kind
from . import audit, sync

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .. import dingtalk as wire
    from ..models import AuditEntry

#: A new department may be readable a moment late: these pauses, in seconds, and then no more.
_UNTIL_READABLE = (0.0, 0.3, 0.9)


@dataclass(frozen=True)
class Saved:
    """A write that DingTalk accepted, and what the look afterwards showed."""

    entry: AuditEntry
    department: Department | None
    #: Fields somebody else changed between opening the form and saving it; their values were kept.
    also_changed: list[str]


def read_live(*, dept_id: int, by: Any) -> wire.Department:
    """The department as it is now, to be edited. Raises Fixed and OutsideFence where it never can be."""
    policy.require(by, policy.EDIT)
    inside_fence(dept_id)
    if dept_id == ROOT_ID:
        raise Fixed(dept_id, why="root")
    live = _live(dept_id)
    if live.from_union_org:
        raise Fixed(dept_id, why="linked")
    return live


def read_parent(*, parent_id: int, by: Any) -> wire.Department:
    """The department below which one is to be created, as it is now."""
    policy.require(by, policy.CREATE)
    inside_fence(parent_id)
    parent = _live(parent_id)
    if parent.from_union_org:
        raise Fixed(parent_id, why="linked")
    return parent


def save(
    *,
    dept_id: int,
    changes: wire.DepartmentChanges,
    seen: Mapping[str, Any],
    ask: audit.Ask,
) -> Saved:
    """Write the changed fields, and only them.

    Raises ChangedMeanwhile when a field being changed is no longer what the person saw; nothing is then
    sent. Other fields that changed meanwhile are kept and named in the result.
    """
    policy.require(ask.by, policy.EDIT)
    content = dict(changes)
    ask = audit.claim(ask, Kind.EDIT, dept_id, content)
    audit.nothing_in_doubt([dept_id])
    before = read_live(dept_id=dept_id, by=ask.by).as_dict()
    _stop_on_clashes(changes, seen, before)
    planned = audit.Planned(
        dept_id=dept_id,
        name=before["name"],
        path=sync.path_of(dept_id),
        before=before,
        wanted=content,
    )
    with audit.writing(
        ask, kind=Kind.EDIT, dept_id=dept_id, content=content, entries=[planned]
    ) as (entry,):
        receipt = dingtalk().update_department(dept_id, changes)
    department = _settle(entry, receipt, dept_id)
    also = [
        field
        for field, value in seen.items()
        if field not in changes and not same(value, before.get(field))
    ]
    return Saved(entry, department, also)


def create(*, parent_id: int, fields: wire.DepartmentChanges, ask: audit.Ask) -> Saved:
    """Create a department below `parent_id`."""
    policy.require(ask.by, policy.CREATE)
    content = dict(fields)
    ask = audit.claim(ask, Kind.CREATE, parent_id, content)
    audit.nothing_in_doubt([parent_id])
    audit.no_create_in_doubt([parent_id])
    read_parent(parent_id=parent_id, by=ask.by)
    beside = _child_ids(parent_id)
    planned = audit.Planned(
        dept_id=None,
        name=fields["name"],
        path=f"{sync.path_of(parent_id)} › {fields['name']}",
        # A create whose answer is lost is settled by which child id is new.
        before={"child_ids": beside},
        wanted={**content, "parent_id": parent_id},
    )
    with audit.writing(
        ask, kind=Kind.CREATE, dept_id=parent_id, content=content, entries=[planned]
    ) as (entry,):
        receipt = dingtalk().create_department({**fields, "parent_id": parent_id})
    department = _settle(entry, receipt, receipt.dept_id or 0)
    return Saved(entry, department, [])


def not_taken(wanted: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The wanted fields that a read does not show. Write-only fields cannot be judged."""
    return [
        field
        for field, value in wanted.items()
        if field not in WRITE_ONLY and not same(value, after.get(field))
    ]


def same(one: Any, other: Any) -> bool:
    """Equal as DingTalk means it: unset, false, empty text and empty list are one; lists have no order."""
    return bool(_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(map(str, value)) or None
    return value or None


def _live(dept_id: int) -> wire.Department:
    try:
        live = dingtalk().get_department(dept_id)
    except NotThere:
        raise sync.gone_or_unknown(dept_id) from None
    sync.mirror(live)
    return live


def _child_ids(parent_id: int) -> list[int]:
    try:
        return dingtalk().list_child_ids(parent_id)
    except NotThere:
        raise sync.gone_or_unknown(parent_id) from None


def inside_fence(dept_id: int) -> None:
    """Nothing outside the subtree of DINGTALK_ROOT_ID is written."""
    fence = settings.DINGTALK_ROOT_ID
    if fence in (ROOT_ID, dept_id):
        return
    try:
        ancestors = dingtalk().list_ancestor_ids(dept_id)
    except NotThere:
        raise sync.gone_or_unknown(dept_id) from None
    if fence not in ancestors:
        raise OutsideFence(dept_id)


def _stop_on_clashes(
    changes: wire.DepartmentChanges, seen: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    clashes = [
        Clash(field, seen.get(field), now.get(field), value)
        for field, value in changes.items()
        if field not in WRITE_ONLY
        and not same(seen.get(field), now.get(field))
        and not same(value, now.get(field))
    ]
    if clashes:
        raise ChangedMeanwhile(clashes, now)


def _settle(entry: AuditEntry, receipt: wire.Receipt, dept_id: int) -> Department | None:
    """Read back what DingTalk made of it. Its yes stands even if this read fails: done, not confirmed."""
    for pause in _UNTIL_READABLE:
        time.sleep(pause)
        try:
            after = dingtalk().get_department(dept_id)
        except NotThere:
            continue
        except DingTalkError:
            break
        told = after.as_dict()
        audit.done(entry, receipt, after=told, not_taken=not_taken(entry.wanted, told))
        return sync.mirror(after)
    audit.done(entry, receipt, after=None)
    return None
