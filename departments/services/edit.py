"""Creating and changing a department: look, note, do, settle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings

from .. import policy
from ..dingtalk import (
    ROOT_ID,
    WRITE_ONLY,
    DingTalkError,
    NotThere,
    OutcomeUnknown,
    Receipt,
    Refused,
)
from ..errors import ChangedMeanwhile, Clash, Fixed, OutsideFence
from ..gateway import dingtalk
from ..models import Department, Kind, Outcome
from . import audit, doubt, late, sync
from .compare import not_taken, same, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .. import dingtalk as wire
    from ..models import AuditEntry

#: A new department may be readable a moment late: these pauses, in seconds, and then no more.
_UNTIL_READABLE = (0.0, 0.3, 0.9)


#: A sibling has this name: 60021 today, 60008 in older lists.
NAME_TAKEN = (60008, 60021)


@dataclass(frozen=True)
class Saved:
    """A write that DingTalk accepted. `entry` says what the look afterwards showed: it may still be open."""

    entry: AuditEntry
    department: Department | None
    #: Fields somebody else changed between opening the form and saving it; their values were kept.
    also_changed: list[str] = field(default_factory=list)


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
    ask = audit.claim(ask, Kind.EDIT, dept_id, changes)
    doubt.nothing_in_doubt(doubt.Reach.of(Kind.EDIT, [dept_id], changes))
    before = read_live(dept_id=dept_id, by=ask.by).as_dict()
    stop_on_clashes(changes, seen, before)
    saved = write(kind=Kind.EDIT, before=before, changes=changes, ask=ask)
    also = [
        field
        for field, value in seen.items()
        if field not in changes and not same(value, before.get(field))
    ]
    return replace(saved, also_changed=also)


def create(*, parent_id: int, fields: wire.DepartmentChanges, ask: audit.Ask) -> Saved:
    """Create a department below `parent_id`.

    DingTalk's word that the name exists already may be the echo of our own call, doubled on its way: then that
    is not called a refusal, but left for a person to look at.
    """
    policy.require(ask.by, policy.CREATE)
    content = dict(fields)
    ask = audit.claim(ask, Kind.CREATE, parent_id, content)
    wanted = {**content, "parent_id": parent_id}
    doubt.nothing_in_doubt(doubt.Reach.of(Kind.CREATE, [], wanted))
    read_parent(parent_id=parent_id, by=ask.by)
    planned = audit.Planned(
        dept_id=None,
        name=fields["name"],
        path=f"{sync.path_of(parent_id)} › {fields['name']}",
        # A create whose answer is lost is settled by which child id is new.
        before={"child_ids": _child_ids(parent_id)},
        wanted=wanted,
    )
    with audit.writing(
        ask, kind=Kind.CREATE, dept_id=parent_id, content=content, entries=[planned]
    ) as (entry,):
        try:
            receipt = dingtalk().create_department({**fields, "parent_id": parent_id})
        except Refused as refusal:
            _stop_on_an_echo(entry, refusal)
            raise
    return _settle_create(entry, receipt)


def write(
    *,
    kind: Kind,
    before: Mapping[str, Any],
    changes: wire.DepartmentChanges,
    ask: audit.Ask,
) -> Saved:
    """Beats two to four of every update: note, send once, read back. The look came before."""
    dept_id = before["dept_id"]
    planned = audit.Planned(
        dept_id=dept_id,
        name=before["name"],
        path=sync.path_of(dept_id),
        before=before,
        wanted=dict(changes),
    )
    with audit.writing(ask, kind=kind, dept_id=dept_id, content=changes, entries=[planned]) as (
        entry,
    ):
        receipt = dingtalk().update_department(dept_id, changes)
    return _settle_update(entry, receipt)


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


def stop_on_clashes(
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


def _settle_update(entry: AuditEntry, receipt: wire.Receipt) -> Saved:
    """Read back what DingTalk made of it. Its yes stands even if this read fails: done, not confirmed."""
    try:
        live = _read_back(receipt.dept_id or 0, lambda told: shown(entry, told))
    except DingTalkError:
        audit.done(entry, receipt, after=None)
        return Saved(entry, None)
    if live is None:
        audit.doubtful(entry, receipt)
        return Saved(entry, None)
    told = live.as_dict()
    audit.done(entry, receipt, after=told, not_taken=not_taken(entry.wanted, told))
    return Saved(entry, sync.mirror(live))


def _settle_create(entry: AuditEntry, receipt: wire.Receipt) -> Saved:
    """The same for a create, where the id DingTalk gave may be another department's, or not be the only one."""
    dept_id = receipt.dept_id or 0
    if dept_id in entry.before["child_ids"]:
        audit.doubtful(entry, Receipt(request_id=receipt.request_id))
        return Saved(entry, None)
    try:
        live = _read_back(dept_id, lambda _told: True)
    except DingTalkError:
        audit.done(entry, receipt, after=None)
        return Saved(entry, None)
    if live is None or live.parent_id != entry.wanted["parent_id"]:
        audit.doubtful(entry, receipt if live is None else Receipt(request_id=receipt.request_id))
        return Saved(entry, None)
    told = live.as_dict()
    missing = not_taken(entry.wanted, told)
    if _namesakes(entry, besides=dept_id):
        entry.accepted, entry.request_id, entry.dept_id = True, receipt.request_id, dept_id
        entry.after, entry.confirmed, entry.not_taken = told, True, missing
        audit.settle(entry, Outcome.CONFLICT)
    else:
        audit.done(entry, receipt, after=told, not_taken=missing)
    return Saved(entry, sync.mirror(live))


def _read_back(
    dept_id: int, is_shown: Callable[[Mapping[str, Any]], bool]
) -> wire.Department | None:
    """The department once it shows the write; None if it does not within a moment. Raises DingTalkError."""
    for pause in _UNTIL_READABLE:
        time.sleep(pause)
        try:
            live = dingtalk().get_department(dept_id)
        except NotThere:
            continue
        if is_shown(live.as_dict()):
            return live
    return None


def _stop_on_an_echo(entry: AuditEntry, refusal: Refused) -> None:
    """Settle as a conflict, and raise OutcomeUnknown, if a child of this name is new since our look."""
    if refusal.code in NAME_TAKEN and _namesakes(entry, besides=None):
        audit.told(entry, refusal)
        audit.settle(entry, Outcome.CONFLICT)
        raise OutcomeUnknown(
            refusal.endpoint,
            code=refusal.code,
            message=refusal.message,
            request_id=refusal.request_id,
        ) from None


def _namesakes(entry: AuditEntry, *, besides: int | None) -> list[int]:
    """New children of the parent with the wanted name, apart from those of other operations of ours.

    None where DingTalk cannot be read: it is no more than a precaution.
    """
    try:
        now = dingtalk().list_children(entry.wanted["parent_id"])
    except DingTalkError:
        return []
    known = {*entry.before["child_ids"], besides}
    new = [
        child.dept_id
        for child in now
        if child.dept_id not in known and child.name == entry.wanted["name"]
    ]
    ours = late.claimed(new, but=entry) if new else set()
    return [dept_id for dept_id in new if dept_id not in ours]
