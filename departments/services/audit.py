"""Beats two and four of every write: the note that is committed before the call, and how the call ended.

No note, no call. While the call is under way no database transaction is open. A process that dies between note
and outcome leaves *pending*, which every page shows as unknown: history never claims what it does not know.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils import timezone

from ..dingtalk import DingTalkError, NotSent, SaidNo
from ..errors import AskedBefore, InDoubt, Repeated
from ..models import WITHOUT_EFFECT, AuditEntry, Kind, Operation, Outcome
from . import doubt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.contrib.auth.models import User

    from ..dingtalk import Receipt

log = logging.getLogger(__name__)

#: What a look concludes from not finding something. Whoever has found it knows better.
_BY_LOOKING = (Outcome.NOT_DONE, Outcome.CONFLICT)

#: So much of a code or a request id has a place in history (PostgreSQL refuses more). Real ones are shorter.
_KEPT = 80


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Who asks, from where, under which id: what every write is given besides its content."""

    op_id: UUID
    by: User
    address: str | None = None
    reason: str = ""
    #: The form's own id, where the operation's is another: see `claim`.
    form_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What is about to be written to one department."""

    dept_id: int | None
    name: str
    path: str
    before: Mapping[str, Any] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)


def digest_of(kind: Kind, dept_id: int, content: Mapping[str, Any]) -> str:
    canonical = json.dumps([kind, dept_id, content], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def claim(ask: Ask, kind: Kind, dept_id: int, content: Mapping[str, Any]) -> Ask:
    """The id under which this form may act, or why it may not.

    Raises Repeated when this very form was sent before (its stored outcome is the answer), AskedBefore when it
    was sent with other content and had, or may have had, its effect. Where all that had none, other content
    acts under an id made of both, so that a double click on it is again only one operation.
    """
    digest = digest_of(kind, dept_id, content)
    before = list(Operation.objects.filter(form_id=ask.op_id).order_by("noted_at"))
    for operation in before:
        if operation.by_id == ask.by.pk and operation.digest == digest:
            raise Repeated(operation)
    for operation in before:
        outcome = operation.entry().last_word.outcome
        if operation.by_id != ask.by.pk or outcome not in WITHOUT_EFFECT:
            raise AskedBefore(operation)
    return replace(ask, op_id=uuid5(ask.op_id, digest), form_id=ask.op_id) if before else ask


def acted_as(ask: Ask, kind: Kind, dept_id: int, content: Mapping[str, Any]) -> Operation:
    """The operation that this form has just become, under whichever of the ids `claim` gives."""
    return Operation.objects.get(form_id=ask.op_id, digest=digest_of(kind, dept_id, content))


@contextmanager
def writing(
    ask: Ask, *, kind: Kind, dept_id: int, content: Mapping[str, Any], entries: list[Planned]
) -> Iterator[list[AuditEntry]]:
    """Note, then let the caller do; the exception that leaves the block decides the outcome.

    NotSent: not sent. SaidNo: refused. Anything else: unknown. Leaving without one leaves the entries
    pending, for the caller to settle. Raises Repeated when another request was first with this id, and InDoubt
    while an earlier write that overlaps is not settled; nothing is then noted or sent.
    """
    rows = _note(ask, kind=kind, dept_id=dept_id, content=content, entries=entries)
    try:
        yield rows
    except NotSent as failure:
        _end(rows, Outcome.NOT_SENT, failure)
        raise
    except SaidNo as failure:
        _end(rows, Outcome.REFUSED, failure)
        raise
    except Exception as failure:
        _end(rows, Outcome.UNKNOWN, failure)
        raise


def done(
    entry: AuditEntry,
    receipt: Receipt | None,
    *,
    after: Mapping[str, Any] | None,
    not_taken: Iterable[str] = (),
) -> None:
    """DingTalk said yes, or a look has shown it; `after` None when it could not be read back."""
    _take(entry, receipt)
    entry.after = dict(after) if after is not None else None
    entry.confirmed = after is not None
    entry.not_taken = sorted(not_taken)
    settle(entry, Outcome.DONE)


def doubtful(entry: AuditEntry, receipt: Receipt | None) -> None:
    """What DingTalk said and what it shows do not agree: its copies may lag, or its word meant nothing.

    Only a look after the settle window can tell.
    """
    _take(entry, receipt)
    _leave_open(entry)


def settle(entry: AuditEntry, outcome: Outcome) -> None:
    """Decide an open entry, once. Whoever comes second, and knows better, adds a correction."""
    with transaction.atomic():
        held = _held(entry)
        if held.is_open:
            entry.outcome, entry.settled_at = outcome, timezone.now()
            _save(entry)
            return
        if outcome == Outcome.DONE and held.last_word.outcome in _BY_LOOKING:
            log.warning("entry %s was settled as %s, now %s", held.pk, held.outcome, outcome)
            correct(
                held,
                outcome,
                after=entry.after,
                not_taken=entry.not_taken,
                confirmed=entry.confirmed,
                dept_id=entry.dept_id,
            )
        entry.refresh_from_db()


def correct(
    entry: AuditEntry,
    outcome: Outcome,
    *,
    after: Mapping[str, Any] | None,
    not_taken: Iterable[str] = (),
    confirmed: bool = True,
    dept_id: int | None = None,
) -> AuditEntry:
    """Write down what a later look at a settled entry has brought; the entry itself stays as it was."""
    with transaction.atomic():
        held = _held(entry)
        latest = held.last_word
        if latest.pk != held.pk and (latest.outcome, latest.confirmed) == (outcome, confirmed):
            return latest
        return AuditEntry.objects.create(
            operation=held.operation,
            corrects=held,
            dept_id=held.dept_id or dept_id,
            name=held.name,
            path=held.path,
            before=held.before,
            wanted=held.wanted,
            after=None if after is None else dict(after),
            not_taken=sorted(not_taken),
            accepted=held.accepted,
            confirmed=confirmed,
            outcome=outcome,
            request_id=held.request_id,
            settled_at=timezone.now(),
        )


def owe_a_word(entry: AuditEntry) -> None:
    """Its author believes something else, or nothing yet, and will be told on the next page."""
    Operation.objects.filter(pk=entry.operation_id).update(owes_word=True)


def _held(entry: AuditEntry) -> AuditEntry:
    return AuditEntry.objects.select_for_update().get(pk=entry.pk)


def _save(entry: AuditEntry) -> None:
    """However long a code or a request id is: the write has happened, and a fault would come after the fact."""
    entry.code, entry.request_id = entry.code[:_KEPT], entry.request_id[:_KEPT]
    entry.save()


def _leave_open(entry: AuditEntry) -> None:
    with transaction.atomic():
        if _held(entry).is_open:
            entry.outcome = Outcome.UNKNOWN
            _save(entry)


def _take(entry: AuditEntry, receipt: Receipt | None) -> None:
    if receipt is not None:
        entry.accepted = True
        entry.request_id = receipt.request_id
        entry.dept_id = entry.dept_id or receipt.dept_id  # a create learns it only now


def _note(
    ask: Ask, *, kind: Kind, dept_id: int, content: Mapping[str, Any], entries: list[Planned]
) -> list[AuditEntry]:
    reach = doubt.Reach.of(
        kind, [planned.dept_id for planned in entries], entries[0].wanted, entries[0].before
    )
    try:
        with transaction.atomic():
            _one_note_at_a_time()
            doubt.nothing_in_doubt(reach)
            operation = Operation.objects.create(
                op_id=ask.op_id,
                form_id=ask.form_id or ask.op_id,
                kind=kind,
                dept_id=dept_id,
                by=ask.by,
                by_name=ask.by.get_full_name() or ask.by.get_username(),
                address=ask.address,
                digest=digest_of(kind, dept_id, content),
                content=dict(content),
                reason=ask.reason,
            )
            return [
                AuditEntry.objects.create(
                    operation=operation,
                    dept_id=planned.dept_id,
                    name=planned.name,
                    path=planned.path,
                    before=dict(planned.before),
                    wanted=dict(planned.wanted),
                )
                for planned in entries
            ]
    except InDoubt as waiting:
        # A double click whose other half has noted between our claim and now is no stranger.
        if waiting.entry.operation_id == ask.op_id:
            raise Repeated(waiting.entry.operation) from None
        raise
    except IntegrityError:
        raise Repeated(Operation.objects.get(pk=ask.op_id)) from None


def _one_note_at_a_time() -> None:
    """Nobody notes between our look at what is in doubt and our own note: all lock the same row.

    SQLite locks no rows, and need not: its immediate transactions are one at a time as they are.
    """
    ContentType.objects.select_for_update(no_key=True).get(
        app_label=Operation._meta.app_label, model=Operation._meta.model_name
    )


def told(entry: AuditEntry, failure: DingTalkError) -> None:
    """Keep what DingTalk said against it; saved when the entry is settled."""
    entry.code = "" if failure.code is None else str(failure.code)
    entry.message = failure.message
    entry.request_id = failure.request_id


def _end(rows: list[AuditEntry], outcome: Outcome, failure: Exception) -> None:
    for entry in rows:
        if not entry.is_open:
            continue
        if isinstance(failure, DingTalkError):
            told(entry, failure)
        if outcome is Outcome.UNKNOWN:
            _leave_open(entry)
        else:
            settle(entry, outcome)
