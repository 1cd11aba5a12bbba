"""What tests look at after the fact: the calls that reached DingTalk, and what history says."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from departments.models import AuditEntry, Kind
from departments.services import audit
from departments.services.audit import Ask

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.exchange import Call

WRITES = ("department/create", "department/update", "department/delete")


def writes(sandbox: Sandbox) -> list[Call]:
    """Every call that could have changed something, refused or not."""
    return [call for call in sandbox.calls if call.path.endswith(WRITES)]


def sent(sandbox: Sandbox) -> dict[str, object]:
    """The body of the one write there was."""
    (call,) = writes(sandbox)
    return dict(call.body or {})


def reads(sandbox: Sandbox) -> list[str]:
    """The department and member calls, by the last part of their path."""
    return [
        call.path.rpartition("/")[2] for call in sandbox.calls if call.path.startswith("/topapi")
    ]


def outcomes() -> list[str]:
    """How every entry of history ended, oldest first."""
    return list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True))


def ask(user) -> Ask:
    """A new operation of this person."""
    return Ask(op_id=uuid4(), by=user)


def left_open(person, dept_id, *, kind=Kind.EDIT, before=None, wanted=None, about=None):
    """An entry as a process leaves it that dies between its note and its outcome."""
    planned = audit.Planned(
        dept_id=about,
        name="Sales",
        path="Acme › Sales",
        before=before or {},
        wanted=wanted or {},
    )
    with audit.writing(
        ask(person.user), kind=kind, dept_id=dept_id, content={}, entries=[planned]
    ) as (row,):
        pass
    return row


def entry_page(person, row=None):
    return person.get(f"/history/{(row or AuditEntry.objects.get()).pk}/")
