"""Beat four where it came to nothing: settling what is still open by looking, never by sending again.

In the background, once a minute, and on the entry's own page. The same look confirms what DingTalk said yes to
and could not be read afterwards.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from .. import policy
from ..dingtalk import DingTalkError, NotThere
from ..gateway import dingtalk
from ..models import OPEN, AuditEntry, Kind, Operation, Outcome
from . import audit, late, sync
from .compare import judged, not_taken, shown, untouched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.contrib.auth.models import User

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What a look has brought: how the write ended, and what DingTalk shows."""

    outcome: Outcome
    after: Mapping[str, Any] | None = None
    not_taken: list[str] = field(default_factory=list)
    #: Of a department that a create has made.
    dept_id: int | None = None


def settles_at(entry: AuditEntry) -> datetime:
    """When the settle window of an open entry ends: a write can land late, and an early look would err."""
    return entry.noted_at + timedelta(seconds=settings.SETTLE_SECONDS)


def look_again(*, entry: AuditEntry, by: User) -> AuditEntry:
    """Settle an open entry, or confirm one, for somebody who wants to know.

    Too early, or unreadable, changes nothing.
    """
    policy.require(by, policy.VIEW)
    if _is_due(entry):
        _look(entry, seen_by=by)
    return entry


def look_again_at(*, entries: list[AuditEntry], by: User) -> list[AuditEntry]:
    """Settle what can be settled; where one look brings nothing, the others would only wait for the same."""
    for entry in entries:
        look_again(entry=entry, by=by)
        if entry.is_open:
            break
    return entries


def settle_due() -> int:
    """Look at every entry whose window has ended, oldest first; how many were settled.

    Stops at the first look that brings nothing: the next minute tries again.
    """
    settled = 0
    for entry in due():
        if not _look(entry, seen_by=None):
            break
        settled += 1
    return settled


def due() -> list[AuditEntry]:
    """Open entries whose window has ended, and those DingTalk said yes to that nobody could read since."""
    rows = AuditEntry.objects.filter(
        noted_at__lte=timezone.now() - timedelta(seconds=settings.SETTLE_SECONDS)
    ).select_related("operation")
    unconfirmed = rows.filter(
        outcome=Outcome.DONE, accepted=True, confirmed=False, corrects=None, corrections=None
    )
    return list((rows.filter(outcome__in=OPEN) | unconfirmed).order_by("pk"))


def news(*, by: User) -> list[AuditEntry]:
    """How writes of this person ended that were open when last seen; each is told once."""
    owed = Operation.objects.filter(by=by, owes_word=True)
    return [
        operation.entry().last_word
        for operation in owed
        if not operation.entries.filter(outcome__in=OPEN).exists()
        and Operation.objects.filter(pk=operation.pk, owes_word=True).update(owes_word=False)
    ]


def _is_due(entry: AuditEntry) -> bool:
    if timezone.now() < settles_at(entry):
        return False
    unconfirmed = entry.outcome == Outcome.DONE and entry.accepted and not entry.confirmed
    return entry.is_open or (unconfirmed and entry.last_word == entry)


def _look(entry: AuditEntry, *, seen_by: User | None) -> bool:
    """Settle, or confirm, one entry; False where DingTalk could not be read."""
    try:
        found = _LOOKS[Kind(entry.operation.kind)](entry)
    except DingTalkError as failure:
        log.info("entry %s stays open: %s", entry.pk, failure)
        return False
    if entry.is_open:
        entry.after, entry.not_taken = found.after, sorted(found.not_taken)
        entry.confirmed = found.outcome == Outcome.DONE
        entry.dept_id = entry.dept_id or found.dept_id
        audit.settle(entry, found.outcome)
    else:
        audit.correct(entry, found.outcome, after=found.after, not_taken=found.not_taken)
    if seen_by is None or seen_by.pk != entry.operation.by_id:
        audit.owe_a_word(entry)
    return True


def _look_for_update(entry: AuditEntry) -> Found:
    try:
        live = dingtalk().get_department(entry.dept_id or 0)
    except NotThere:
        return Found(Outcome.CONFLICT)
    sync.mirror(live)
    now = live.as_dict()
    missing = not_taken(entry.wanted, now)
    if not judged(entry.wanted):
        # Nobody can read these fields: DingTalk's yes is all there is.
        return Found(Outcome.DONE if entry.accepted else Outcome.CONFLICT, after=now)
    if not missing or (entry.accepted and shown(entry, now)):
        return Found(Outcome.DONE, after=now, not_taken=missing)
    if untouched(entry, now):
        return Found(Outcome.NOT_DONE, after=now)
    return Found(Outcome.CONFLICT, after=now)


def _look_for_create(entry: AuditEntry) -> Found:
    parent_id = entry.wanted["parent_id"]
    try:
        now = dingtalk().list_child_ids(parent_id)
    except NotThere:
        return Found(Outcome.CONFLICT)
    unknown = [dept_id for dept_id in now if dept_id not in entry.before["child_ids"]]
    ours = late.claimed(unknown, but=entry)
    new = [_read(dept_id) for dept_id in unknown if dept_id not in ours]
    named = [told for told in new if told["name"] == entry.wanted["name"]]
    if len(named) == 1:
        (told,) = named
        return Found(
            Outcome.DONE,
            after=told,
            not_taken=not_taken(entry.wanted, told),
            dept_id=told["dept_id"],
        )
    return Found(Outcome.CONFLICT if new else Outcome.NOT_DONE)


def _look_for_delete(entry: AuditEntry) -> Found:
    try:
        live = dingtalk().get_department(entry.dept_id or 0)
    except NotThere:
        sync.forget([entry.dept_id or 0])
        return Found(Outcome.DONE, after={})
    sync.mirror(live)
    return Found(Outcome.NOT_DONE, after=live.as_dict())


def _read(dept_id: int) -> dict[str, Any]:
    live = dingtalk().get_department(dept_id)
    sync.mirror(live)
    return live.as_dict()


_LOOKS = {
    Kind.EDIT: _look_for_update,
    Kind.MOVE: _look_for_update,
    Kind.CREATE: _look_for_create,
    Kind.DELETE: _look_for_delete,
}
