"""Beats two and four of every write: the note that is committed before the call, and how the call ended.

No note, no call. While the call is under way no database transaction is open. A process that dies between note
and outcome leaves *pending*, which every page shows as unknown: history never claims what it does not know.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.utils import timezone

from ..dingtalk import DingTalkError, NotSent, SaidNo
from ..errors import AskedBefore, InDoubt, Repeated
from ..models import OPEN, WITHOUT_EFFECT, AuditEntry, Kind, Operation, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.contrib.auth.models import User

    from ..dingtalk import Receipt


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
        if operation.by_id != ask.by.pk or operation.entry().outcome not in WITHOUT_EFFECT:
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
    pending, for the caller to settle. Raises Repeated when another request was first with this id.
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
    if receipt is not None:
        entry.request_id = receipt.request_id
        entry.dept_id = entry.dept_id or receipt.dept_id  # a create learns it only now
    entry.after = dict(after) if after is not None else None
    entry.confirmed = after is not None
    entry.not_taken = sorted(not_taken)
    settle(entry, Outcome.DONE)


def settle(entry: AuditEntry, outcome: Outcome) -> None:
    """Decide an open entry, once: whoever comes second changes nothing."""
    with transaction.atomic():
        held = AuditEntry.objects.select_for_update().get(pk=entry.pk)
        if not held.is_open:
            entry.outcome, entry.settled_at = held.outcome, held.settled_at
            return
        entry.outcome, entry.settled_at = outcome, timezone.now()
        entry.save()


def nothing_in_doubt(dept_ids: Iterable[int]) -> None:
    """Raise InDoubt while an earlier write to one of these departments is not settled."""
    entry = (
        AuditEntry.objects.filter(outcome__in=OPEN, dept_id__in=list(dept_ids))
        .select_related("operation")
        .first()
    )
    if entry:
        raise InDoubt(entry)


def no_create_in_doubt(parent_ids: Iterable[int]) -> None:
    """Raise InDoubt while a create below one of these is not settled: its child may be there or not."""
    entry = AuditEntry.objects.filter(
        outcome__in=OPEN, operation__kind=Kind.CREATE, operation__dept_id__in=list(parent_ids)
    ).first()
    if entry:
        raise InDoubt(entry)


def _note(
    ask: Ask, *, kind: Kind, dept_id: int, content: Mapping[str, Any], entries: list[Planned]
) -> list[AuditEntry]:
    try:
        with transaction.atomic():
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
    except IntegrityError:
        raise Repeated(Operation.objects.get(pk=ask.op_id)) from None


def _end(rows: list[AuditEntry], outcome: Outcome, failure: Exception) -> None:
    for entry in rows:
        if not entry.is_open:
            continue
        if isinstance(failure, DingTalkError):
            entry.code = "" if failure.code is None else str(failure.code)
            entry.message = failure.message
            entry.request_id = failure.request_id
        if outcome is Outcome.UNKNOWN:
            entry.outcome = outcome
            entry.save()
        else:
            settle(entry, outcome)
