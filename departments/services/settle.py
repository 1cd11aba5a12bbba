"""Beat four where it came to nothing: settling what is still open by looking, never by sending again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from .. import policy
from ..dingtalk import WRITE_ONLY, DingTalkError, NotThere
from ..gateway import dingtalk
from ..models import AuditEntry, Kind, Outcome
from . import audit, edit, sync

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from .. import dingtalk as wire


def settles_at(entry: AuditEntry) -> datetime:
    """When the settle window of an open entry ends: a write can land late, and an early look would err."""
    return entry.noted_at + timedelta(seconds=settings.SETTLE_SECONDS)


def look_again(*, entry: AuditEntry, by: User) -> AuditEntry:
    """Settle an open entry by looking, never by sending again; too early, or unreadable, changes nothing."""
    policy.require(by, policy.VIEW)
    if entry.is_open and timezone.now() >= settles_at(entry):
        try:
            _LOOKS[Kind(entry.operation.kind)](entry)
        except DingTalkError:
            return entry  # still open: the next look decides
    return entry


def look_again_at(*, entries: list[AuditEntry], by: User) -> list[AuditEntry]:
    """Settle what can be settled; where one look brings nothing, the others would only wait for the same."""
    for entry in entries:
        look_again(entry=entry, by=by)
        if entry.is_open:
            break
    return entries


def _look_for_edit(entry: AuditEntry) -> None:
    try:
        live = dingtalk().get_department(entry.dept_id or 0)
    except NotThere:
        audit.settle(entry, Outcome.CONFLICT)
        return
    sync.mirror(live)
    now = live.as_dict()
    missing = set(edit.not_taken(entry.wanted, now))
    judged = {field for field in entry.wanted if field not in WRITE_ONLY}
    if judged and not missing:
        audit.done(entry, None, after=now)
    elif judged and all(edit.same(entry.before.get(field), now.get(field)) for field in judged):
        audit.settle(entry, Outcome.NOT_DONE)
    else:
        audit.settle(entry, Outcome.CONFLICT)


def _look_for_create(entry: AuditEntry) -> None:
    try:
        now = dingtalk().list_child_ids(entry.operation.dept_id)
    except NotThere:
        audit.settle(entry, Outcome.CONFLICT)
        return
    new = [_read(dept_id) for dept_id in now if dept_id not in entry.before["child_ids"]]
    named = [child for child in new if child.name == entry.wanted["name"]]
    if len(named) == 1:
        entry.dept_id = named[0].dept_id
        told = named[0].as_dict()
        audit.done(entry, None, after=told, not_taken=edit.not_taken(entry.wanted, told))
    else:
        audit.settle(entry, Outcome.CONFLICT if new else Outcome.NOT_DONE)


def _look_for_delete(entry: AuditEntry) -> None:
    try:
        dingtalk().get_department(entry.dept_id or 0)
    except NotThere:
        audit.done(entry, None, after={})
        sync.forget([entry.dept_id or 0])
    else:
        audit.settle(entry, Outcome.NOT_DONE)


def _read(dept_id: int) -> wire.Department:
    live = dingtalk().get_department(dept_id)
    sync.mirror(live)
    return live


_LOOKS = {
    Kind.EDIT: _look_for_edit,
    Kind.CREATE: _look_for_create,
    Kind.DELETE: _look_for_delete,
}
