"""What people did, and settling what is still open by looking."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from .. import policy
from ..dingtalk import WRITE_ONLY, DingTalkError, NotThere
from ..errors import DepartmentUnknown
from ..gateway import dingtalk
from ..models import AuditEntry, Department, Kind, Operation, Outcome
from . import audit, edit, sync

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

    from .. import dingtalk as wire


def entries(*, by: User, dept_id: int | None = None) -> QuerySet[AuditEntry]:
    """Newest first; of one department where `dept_id` is given."""
    policy.require(by, policy.VIEW)
    rows = AuditEntry.objects.select_related("operation").order_by("-pk")
    return rows if dept_id is None else rows.filter(dept_id=dept_id)


def operation(*, op_id: UUID, by: User) -> Operation | None:
    policy.require(by, policy.VIEW)
    return Operation.objects.prefetch_related("entries").filter(pk=op_id).first()


def remembered(*, dept_id: int, by: User) -> dict[str, Any]:
    """A department as memory has it, gone or not, for the page of its history."""
    policy.require(by, policy.VIEW)
    department = Department.objects.filter(pk=dept_id).first()
    if department is None:
        raise DepartmentUnknown(dept_id)
    return {"department": department, "trail": Department.objects.trail(dept_id)}


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
