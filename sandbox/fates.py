"""What becomes of a call that a fault has hit: carried out or not, once, twice, or later."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from sandbox import legacy
from sandbox.cuts import Cut, Dropped
from sandbox.exchange import Reply, Request
from sandbox.journal import Actor, Change
from sandbox.records import Department

if TYPE_CHECKING:
    from sandbox.app import Sandbox
    from sandbox.faults import Fired

AnyCut = TypeVar("AnyCut", bound=Cut)

Fate = Callable[["Struck"], Reply]

# Below every id that an organisation gives, so that no department ever has it.
_FIRST_GHOST = 92_000_000

_GIVEN_ANEW = frozenset({"dept_id", "name", "parent_id", "dept_group_chat_id", "org_dept_owner"})


class Struck:
    """A call that a fault has hit, and what can be done with it.

    `cleared` is set once the faults are cleared, which ends every waiting.
    """

    def __init__(
        self,
        sandbox: "Sandbox",
        request: Request,
        fired: "Fired",
        *,
        seconds: float,
        size: int,
        cleared: threading.Event,
    ) -> None:
        self.sandbox = sandbox
        self.request = request
        self.fired = fired
        self.rule = fired.rule
        self.seconds = seconds
        self.size = size
        self._cleared = cleared
        self.epoch = sandbox.epoch

    def carry_out(self) -> Reply:
        return self._carry_out()[0]

    def carry_out_twice(self) -> tuple[Reply, Reply]:
        """The second time a create makes a namesake, which no second call could."""
        with self.sandbox.lock:
            first, changes = self._carry_out()
            made = [change for change in changes if change.kind == "department.create"]
            if not made:
                return first, self.carry_out()
            return first, legacy.done(self.request, {"dept_id": self._make_again(made[0])})

    def pretend(self) -> Reply:
        """The reply of a call that succeeded. A write is not carried out; anything else harms nobody."""
        if not legacy.writes(self.request.path):
            return self.carry_out()
        created = self.request.path.endswith("/create")
        ghost = {"dept_id": _FIRST_GHOST + self.fired.number}
        return legacy.done(self.request, ghost if created else None)

    def pause(self, seconds: float) -> bool:
        """Wait; true when the faults were cleared meanwhile."""
        return self._cleared.wait(seconds)

    def cut(self, kind: type[AnyCut], content: bytes = b"", *, seconds: float = 0.0) -> AnyCut:
        return kind(
            self.rule.fault,
            applied=self.fired.applied,
            content=content,
            seconds=seconds,
            pause=self.pause,
        )

    def _carry_out(self) -> tuple[Reply, list[Change]]:
        journal = self.sandbox.journal
        with self.sandbox.lock:
            known = len(journal)
            reply = self.sandbox.carry_out(self.request, epoch=self.epoch)
            changes = journal[known:]
        self.fired.applied = self.fired.applied or bool(changes)
        return reply, changes

    def _make_again(self, change: Change) -> int:
        made = change.after[0]
        if not isinstance(made, Department):
            raise TypeError(made)
        given = {one.name: getattr(made, one.name) for one in fields(made)}
        kept = {name: value for name, value in given.items() if name not in _GIVEN_ANEW}
        if made.order == made.dept_id:
            del kept["order"]
        by = Actor("api", change.request_id, change.body)
        parent = made.parent_id or 0
        return self.sandbox.org.create_department(made.name, parent=parent, by=by, **kept).dept_id


def by_phase(struck: Struck) -> Reply:
    """Before: not carried out, although the reply may pretend. After: carried out."""
    return struck.carry_out() if struck.rule.phase == "after" else struck.pretend()


def later(struck: Struck) -> Reply:
    def land() -> None:
        with suppress(Dropped):  # the organisation it was meant for is no more
            struck.carry_out()

    struck.sandbox.faults.later.after(struck.seconds, land)
    return struck.pretend()


def slowly(struck: Struck) -> Reply:
    if struck.rule.phase == "before":
        struck.pause(struck.seconds)
        return struck.carry_out()
    reply = struck.carry_out()
    struck.pause(struck.seconds)
    return reply


def twice(struck: Struck) -> Reply:
    return struck.carry_out_twice()[0]


def replayed(struck: Struck) -> Reply:
    """As by a proxy that sends a request again: the second answer is the one that arrives."""
    struck.carry_out()
    return struck.carry_out()


def lagging(path: str = "") -> Fate:
    def fate(struck: Struck) -> Reply:
        sandbox = struck.sandbox
        with sandbox.lock:
            before = sandbox.org.snapshot()
            reply = struck.carry_out()
            if struck.fired.applied:
                sandbox.replica.stay_at(before, seconds=struck.seconds, path=path)
        return reply

    return fate
