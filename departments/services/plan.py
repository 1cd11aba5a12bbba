"""What a delete would take along, and what stands against it: read live, never from memory.

The plan's departments can only be made of what DingTalk has just told. Memory adds one thing, said as such:
which settings elsewhere mention them.
"""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from django.conf import settings
from django.db import connections
from django.db.models import Q

from ..dingtalk import DingTalkError, NotAuthorised, NotThere, OutOfContactScope
from ..errors import Fixed
from ..gateway import dingtalk
from ..models import Department
from . import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..dingtalk import DingTalkClient

T = TypeVar("T")

_AT_ONCE = 6
_READING_TIME = 8.0  # s; a page answers within ten
_ALSO_IN_FOR = 50  # people for whom it is looked up where else they belong


class Member(msgspec.Struct, kw_only=True):
    """A person inside the branch. `name` is empty where the contact scope keeps it from us."""

    userid: str
    name: str = ""
    also_in: list[str] = []


class Doomed(msgspec.Struct, kw_only=True):
    """A department that would go."""

    dept_id: int
    name: str
    path: str
    parent_id: int
    level: int
    chat: bool = False
    chat_id: str = ""
    details: dict[str, Any] = {}
    members: list[Member] = []


class Unread(msgspec.Struct, kw_only=True):
    """What could not be read. `why` is "scope", "right", "gone", "time" or "dingtalk"."""

    dept_id: int
    name: str
    why: str
    code: str = ""
    message: str = ""


class Mention(msgspec.Struct, kw_only=True):
    """A department elsewhere whose exceptions name one that would go; known from memory."""

    dept_id: int
    name: str
    mentions: str


class Plan(msgspec.Struct, kw_only=True):
    """Everything a delete would take along, top first, and everything that stands against it."""

    departments: list[Doomed]
    unread: list[Unread] = []
    mentions: list[Mention] = []

    @property
    def end(self) -> str:
        """ "blocked", "unchecked" or "allowed". Never allowed on an incomplete check."""
        if any(department.members for department in self.departments):
            return "blocked"
        return "unchecked" if self.unread else "allowed"

    @property
    def top(self) -> Doomed:
        return self.departments[0]

    @property
    def chats(self) -> list[Doomed]:
        return [department for department in self.departments if department.chat]

    @property
    def peopled(self) -> list[Doomed]:
        return [department for department in self.departments if department.members]

    @property
    def memberships(self) -> int:
        return sum(len(department.members) for department in self.departments)

    @property
    def people(self) -> int:
        return len({member.userid for place in self.departments for member in place.members})

    @property
    def unnamed(self) -> int:
        members = [member for place in self.departments for member in place.members]
        return len({member.userid for member in members if not member.name})

    @property
    def managers(self) -> list[Doomed]:
        """Departments whose managers would lose the post; they are members, so this only informs."""
        return [one for one in self.departments if one.details.get("dept_manager_userid_list")]

    @property
    def must_be_typed(self) -> bool:
        return len(self.departments) >= settings.DELETE_TYPE_FROM

    def fingerprint(self) -> str:
        """What must still be true when the delete is confirmed: who is there, where, with which chat."""
        facts = [
            [
                *(place.dept_id, place.parent_id, place.name, place.chat, place.chat_id),
                *sorted(member.userid for member in place.members),
            ]
            for place in sorted(self.departments, key=lambda place: place.dept_id)
        ]
        facts.append([[unread.dept_id, unread.why] for unread in self.unread])
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True)
class Difference:
    """What changed between two plans, as sentences' material."""

    added: list[Doomed] = field(default_factory=list)
    removed: list[Doomed] = field(default_factory=list)
    joined: list[tuple[Doomed, Member]] = field(default_factory=list)
    altered: list[Doomed] = field(default_factory=list)


def read(*, dept_id: int) -> Plan:
    """Read a whole branch live, for as long as a page may take; what was not reached is there as unread."""
    return _Reading(dingtalk(), until=time.monotonic() + _READING_TIME).plan(dept_id)


def difference(old: Plan, new: Plan) -> Difference:
    before = {place.dept_id: place for place in old.departments}
    now = {place.dept_id: place for place in new.departments}
    both = [(before[dept_id], now[dept_id]) for dept_id in before.keys() & now.keys()]
    return Difference(
        added=[place for dept_id, place in now.items() if dept_id not in before],
        removed=[place for dept_id, place in before.items() if dept_id not in now],
        joined=[(place, member) for was, place in both for member in _joined(was, place)],
        altered=[
            place
            for was, place in both
            if (was.name, was.parent_id, was.chat_id, was.chat)
            != (place.name, place.parent_id, place.chat_id, place.chat)
        ],
    )


def _joined(was: Doomed, now: Doomed) -> list[Member]:
    known = {member.userid for member in was.members}
    return [member for member in now.members if member.userid not in known]


class _Reading:
    """One live reading of a branch: level by level, several calls under way, until a moment in time."""

    def __init__(self, client: DingTalkClient, *, until: float) -> None:
        self._client = client
        self._until = until
        self._unread: list[Unread] = []

    def plan(self, dept_id: int) -> Plan:
        top = self._top(dept_id)
        above = Department.objects.trail(dept_id)[:-1]
        doomed = [_top_of(top, above_path=" › ".join(row.name for row in above))]
        level = doomed
        while level:
            level = self._below(level)
            doomed += level
        self._read_members(doomed)
        return Plan(departments=doomed, unread=self._unread, mentions=_mentions(doomed))

    def _top(self, dept_id: int) -> dict[str, Any]:
        try:
            live = self._client.get_department(dept_id)
        except NotThere:
            raise sync.gone_or_unknown(dept_id) from None
        sync.mirror(live)
        if live.from_union_org:
            raise Fixed(dept_id, why="linked")
        return live.as_dict()

    def _below(self, parents: list[Doomed]) -> list[Doomed]:
        ids_of = self._ask(parents, lambda place: self._client.list_child_ids(place.dept_id))
        pairs = [(place, child) for place, ids in ids_of for child in ids]
        found = self._ask_details(pairs)
        return [
            # Its parent is the one that lists it, whatever its own details say.
            _doomed(told, above_path=place.path, parent_id=place.dept_id, level=place.level + 1)
            for place, told in found
        ]

    def _ask_details(self, pairs: list[tuple[Doomed, int]]) -> list[tuple[Doomed, dict[str, Any]]]:
        """Details where we may read them; where not, the id is in the plan all the same, as unread."""
        children = [
            Doomed(
                dept_id=child, name=str(child), path=place.path, parent_id=place.dept_id, level=0
            )
            for place, child in pairs
        ]
        answers = self._ask(children, lambda child: self._client.get_department(child.dept_id))
        told = {child.dept_id: live.as_dict() for child, live in answers}
        return [(place, told.get(child, {"dept_id": child})) for place, child in pairs]

    def _read_members(self, doomed: list[Doomed]) -> None:
        listed = self._ask(doomed, lambda place: self._client.list_member_ids(place.dept_id))
        for place, userids in listed:
            place.members = [Member(userid=userid) for userid in userids]
        peopled = [place for place in doomed if place.members]
        self._name_members(peopled)
        self._look_up_other_places(peopled, {place.dept_id for place in doomed})

    def _name_members(self, peopled: list[Doomed]) -> None:
        """Names are a courtesy: whoever cannot be named, or not in time, still counts and still blocks."""
        for place, names in at_once(peopled, self._in_time(self._names_in)):
            if isinstance(names, dict):
                for member in place.members:
                    member.name = names.get(member.userid, "")

    def _names_in(self, place: Doomed) -> dict[str, str]:
        people = self._client.every_member_name(place.dept_id)
        return {person.userid: person.name for person in people}

    def _look_up_other_places(self, peopled: list[Doomed], branch: set[int]) -> None:
        members = [member for place in peopled for member in place.members][:_ALSO_IN_FOR]
        elsewhere: dict[str, list[int]] = {}
        for member in members:
            if time.monotonic() >= self._until:
                break
            try:
                person = self._client.get_person(member.userid)
            except DingTalkError:
                continue
            elsewhere[member.userid] = [
                dept_id for dept_id in person.dept_id_list or [] if dept_id not in branch
            ]
        names = dict(
            Department.objects.filter(
                pk__in={dept_id for ids in elsewhere.values() for dept_id in ids}
            ).values_list("dept_id", "name")
        )
        for member in members:
            ids = elsewhere.get(member.userid, [])
            member.also_in = [names.get(dept_id, str(dept_id)) for dept_id in ids]

    def _ask(self, places: list[Doomed], ask: Callable[[Doomed], T]) -> list[tuple[Doomed, T]]:
        """Ask about each place; what fails, or comes too late, is noted as unread and left out."""
        answered = []
        for place, answer in at_once(places, self._in_time(ask)):
            if isinstance(answer, DingTalkError):
                self._unread.append(_unread(place, answer))
            elif answer is None:
                self._unread.append(Unread(dept_id=place.dept_id, name=place.name, why="time"))
            else:
                answered.append((place, answer))
        return answered

    def _in_time(self, ask: Callable[[Doomed], T]) -> Callable[[Doomed], T | None]:
        return lambda place: ask(place) if time.monotonic() < self._until else None


def at_once(
    places: list[Doomed], ask: Callable[[Doomed], T]
) -> list[tuple[Doomed, T | DingTalkError]]:
    """Ask about each place, several calls under way at a time; a failure is an answer too."""

    def one(place: Doomed) -> T | DingTalkError:
        try:
            return ask(place)
        except DingTalkError as failure:
            return failure

    def in_a_thread(place: Doomed) -> T | DingTalkError:
        try:
            return one(place)
        finally:
            connections.close_all()  # the token's store may have opened one for this thread

    if len(places) == 1:
        return [(places[0], one(places[0]))]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(zip(places, pool.map(in_a_thread, places), strict=True))


def _top_of(told: Mapping[str, Any], *, above_path: str) -> Doomed:
    return _doomed(told, above_path=above_path, parent_id=told.get("parent_id") or 0, level=1)


def _doomed(told: Mapping[str, Any], *, above_path: str, parent_id: int, level: int) -> Doomed:
    name = told.get("name") or str(told["dept_id"])
    return Doomed(
        dept_id=told["dept_id"],
        name=name,
        path=f"{above_path} › {name}" if above_path else name,
        parent_id=parent_id,
        level=level,
        chat=bool(told.get("create_dept_group") or told.get("dept_group_chat_id")),
        chat_id=told.get("dept_group_chat_id") or "",
        details=dict(told),
    )


def _unread(place: Doomed, failure: DingTalkError) -> Unread:
    if isinstance(failure, NotAuthorised):
        why = "scope" if isinstance(failure, OutOfContactScope) else "right"
    else:
        why = "gone" if isinstance(failure, NotThere) else "dingtalk"
    return Unread(
        dept_id=place.dept_id,
        name=place.name,
        why=why,
        code="" if failure.code is None else str(failure.code),
        message=failure.message,
    )


def _mentions(doomed: list[Doomed]) -> list[Mention]:
    """Exceptions of departments elsewhere that name one that would go, as far as memory knows."""
    going = {place.dept_id: place.name for place in doomed}
    elsewhere = Department.objects.present().filter(Q(hidden=True) | Q(restricted=True))
    return [
        Mention(dept_id=row.dept_id, name=row.name, mentions=going[dept_id])
        for row in elsewhere.exclude(pk__in=going)
        for field_name in ("dept_permits", "outer_permit_depts")
        for dept_id in row.details.get(field_name, [])
        if dept_id in going
    ]
