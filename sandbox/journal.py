"""The list of everything that happened to an organisation, and who did it: the oracle of a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.records import Record

Kind = Literal[
    "department.create",
    "department.update",
    "department.delete",
    "chat.create",
    "chat.dismiss",
    "member.add",
    "member.remove",
    "member.move",
]


@dataclass(frozen=True, slots=True)
class Actor:
    """The app through a call, or an administrator at DingTalk's own console behind its back."""

    who: Literal["api", "console"]
    request_id: str = ""
    body: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


CONSOLE = Actor("console")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, with the records before and after it.

    A delete that takes sub-departments along is one change naming all of them, leaf first, and a
    move names the moved department only: the way DingTalk's own events were recorded (reference §8.1).
    `body` is what the call sent, without its token; a change at the console has none.
    """

    sequence: int
    time: float
    kind: Kind
    dept_ids: tuple[int, ...]
    before: tuple[Record, ...] = ()
    after: tuple[Record, ...] = ()
    who: Literal["api", "console"] = "console"
    request_id: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
