"""Deleting a department with everything below it: a plan made of live reads, and its carrying out.

DingTalk deletes a department with all its sub-departments and dismisses their Department Chats, and refuses as
a whole while anyone is a member anywhere in the branch
(https://open.dingtalk.com/document/development/operations-related-to-address-book-departments, 2026-07-30).
It names neither who nor what. The plan does.
"""

from __future__ import annotations

import hashlib
import json
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from .. import policy
from ..dingtalk import (
    ROOT_ID,
    DingTalkError,
    NotAuthorised,
    NotThere,
    Refused,
)
from ..errors import FieldsWrong, Fixed, PlanChanged, PlanNotUsable
from ..gateway import dingtalk
from ..models import AuditEntry, DeletionPlan, Department, Kind, Outcome
from . import audit, edit, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from django.contrib.auth.models import User

    from ..dingtalk import DingTalkClient, Receipt

T = TypeVar("T")

_AT_ONCE = 6
_READING_TIME = 8.0  # s; a page answers within ten
_GOOD_FOR = timedelta(minutes=10)
_ALSO_IN_FOR = 50  # people for whom it is looked up where else they belong
#: A deleted department may be readable a moment longer: these pauses, in seconds, and then no more.
_UNTIL_GONE = (0.0, 0.3, 0.9)
#: DingTalk's other reading of its own documents: sub-departments must go first.
_HAS_SUB_DEPARTMENTS = 60006


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
    """What could not be read. `why` is "scope", "right", "time" or "dingtalk"."""

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


def check(*, dept_id: int, by: User) -> DeletionPlan:
    """Read the whole branch live and keep what a delete would take along. Deletes nothing."""
    deletable(dept_id=dept_id, by=by)
    plan = _read_plan(dept_id)
    return DeletionPlan.objects.create(
        dept_id=dept_id,
        name=plan.top.name,
        by=by,
        checked_at=timezone.now(),
        fingerprint=plan.fingerprint(),
        plan=msgspec.to_builtins(plan),
    )


def kept_plan(*, plan_id: UUID, by: User) -> DeletionPlan | None:
    policy.require(by, policy.DELETE)
    return DeletionPlan.objects.filter(pk=plan_id).first()


def plan_of(kept: DeletionPlan) -> Plan:
    return msgspec.convert(kept.plan, Plan)


def usable(*, kept: DeletionPlan, by: User) -> None:
    """Raise PlanNotUsable unless this person may confirm this plan now."""
    policy.require(by, policy.DELETE)
    if kept.by_id != by.pk:
        raise PlanNotUsable("another")
    if timezone.now() - kept.checked_at > _GOOD_FOR:
        raise PlanNotUsable("old")
    if plan_of(kept).end != "allowed":
        raise PlanNotUsable("end")


def good_until(kept: DeletionPlan) -> Any:
    return kept.checked_at + _GOOD_FOR


def carry_out(
    *, kept: DeletionPlan, ask: audit.Ask, typed: str, chats_seen: bool
) -> list[AuditEntry]:
    """Delete what the plan shows, if it is still exactly that. Returns an entry for each department.

    Raises FieldsWrong for a missing confirmation, PlanChanged with the new plan when the branch is no longer
    what was shown; nothing is then deleted.
    """
    policy.require(ask.by, policy.DELETE)
    content = {"fingerprint": kept.fingerprint}
    ask = audit.claim(ask, Kind.DELETE, kept.dept_id, content)
    usable(kept=kept, by=ask.by)
    plan = plan_of(kept)
    _confirmed(plan, typed=typed, chats_seen=chats_seen)
    ids = [department.dept_id for department in plan.departments]
    audit.nothing_in_doubt(ids)
    audit.no_create_in_doubt(ids)
    fresh = check(dept_id=kept.dept_id, by=ask.by)
    if fresh.fingerprint != kept.fingerprint:
        raise PlanChanged(kept, fresh)
    _last_look(kept, plan, ask.by)
    planned = [
        audit.Planned(
            dept_id=one.dept_id,
            name=one.name,
            path=one.path,
            before=one.details,
            wanted={"deleted": True},
        )
        for one in plan.departments
    ]
    with audit.writing(
        ask, kind=Kind.DELETE, dept_id=kept.dept_id, content=content, entries=planned
    ) as entries:
        receipt = _delete_branch(plan, entries)
    _verify(entries, receipt)
    return entries


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


def deletable(*, dept_id: int, by: User) -> None:
    """Raise what stands against ever deleting this department: the role, the root, the fence."""
    policy.require(by, policy.DELETE)
    if dept_id == ROOT_ID or dept_id == settings.DINGTALK_ROOT_ID:
        raise Fixed(dept_id, why="root")
    edit.inside_fence(dept_id)


def _confirmed(plan: Plan, *, typed: str, chats_seen: bool) -> None:
    wrong = {}
    if plan.must_be_typed and not _matches(typed, plan.top):
        wrong["typed"] = "mismatch"
    if plan.chats and not chats_seen:
        wrong["chats_seen"] = "required"
    if wrong:
        raise FieldsWrong(wrong)


def _matches(typed: str, top: Doomed) -> bool:
    """The name, or the id in ASCII or full-width digits; spaces at the ends and doubled ones do not count."""
    text = " ".join(unicodedata.normalize("NFC", typed).split())
    name = " ".join(unicodedata.normalize("NFC", top.name).split())
    return text == name or unicodedata.normalize("NFKC", text) == str(top.dept_id)


def _read_plan(dept_id: int) -> Plan:
    reading = _Reading(dingtalk(), until=time.monotonic() + _READING_TIME)
    return reading.plan(dept_id)


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
        for place, names in _at_once(peopled, self._in_time(self._names_in)):
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
        for place, answer in _at_once(places, self._in_time(ask)):
            if isinstance(answer, DingTalkError):
                self._unread.append(_unread(place, answer))
            elif answer is None:
                self._unread.append(Unread(dept_id=place.dept_id, name=place.name, why="time"))
            else:
                answered.append((place, answer))
        return answered

    def _in_time(self, ask: Callable[[Doomed], T]) -> Callable[[Doomed], T | None]:
        return lambda place: ask(place) if time.monotonic() < self._until else None


def _at_once(
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
        why = "scope" if failure.code in (50002, 50004) else "right"
    else:
        why = "dingtalk"
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


def _last_look(kept: DeletionPlan, plan: Plan, by: User) -> None:
    """The last reads before the call: has anyone added a department since? Then nothing is deleted."""
    children: dict[int, set[int]] = {place.dept_id: set() for place in plan.departments}
    for place in plan.departments[1:]:
        children[place.parent_id].add(place.dept_id)
    client = dingtalk()
    for place, ids in _at_once(plan.departments, lambda p: client.list_child_ids(p.dept_id)):
        if isinstance(ids, DingTalkError):
            raise ids
        if set(ids) != children[place.dept_id]:
            raise PlanChanged(kept, check(dept_id=kept.dept_id, by=by))


def _delete_branch(plan: Plan, entries: list[AuditEntry]) -> Receipt | None:
    """One call for the whole branch; leaf by leaf only where DingTalk wants sub-departments gone first."""
    try:
        return dingtalk().delete_department(plan.top.dept_id)
    except Refused as refusal:
        if refusal.code != _HAS_SUB_DEPARTMENTS or len(entries) == 1:
            raise
    _delete_bottom_up(plan, entries)
    return None


def _delete_bottom_up(plan: Plan, entries: list[AuditEntry]) -> None:
    """One by one, deepest first, each looked at afterwards; stops at the first surprise."""
    levels = {place.dept_id: place.level for place in plan.departments}
    waiting = sorted(entries, key=lambda entry: -levels[entry.dept_id or 0])
    while waiting:
        entry = waiting[0]
        try:
            _verify([entry], dingtalk().delete_department(entry.dept_id or 0))
        except DingTalkError:
            _leave(waiting[1:])
            raise
        waiting.pop(0)
        if entry.outcome != Outcome.DONE:
            _leave(waiting)
            return


def _leave(entries: list[AuditEntry]) -> None:
    for untouched in entries:
        audit.settle(untouched, Outcome.NOT_SENT)


def _verify(entries: list[AuditEntry], receipt: Receipt | None) -> None:
    """Is each one gone? Its entry says so only when a read does; memory follows.

    DingTalk's yes stands even where that read fails: done, not confirmed.
    """
    waiting = {entry.dept_id or 0: entry for entry in entries if entry.is_open}
    for pause in _UNTIL_GONE:
        time.sleep(pause if waiting else 0)
        for dept_id, answer in _look_for(waiting):
            if isinstance(answer, DingTalkError):
                gone = isinstance(answer, NotThere)
                audit.done(waiting.pop(dept_id), receipt, after={} if gone else None)
    for entry in waiting.values():
        audit.settle(entry, Outcome.CONFLICT)  # DingTalk said yes, and it is still there
    sync.forget(entry.dept_id or 0 for entry in entries if entry.outcome == Outcome.DONE)


def _look_for(dept_ids: Iterable[int]) -> list[tuple[int, Any]]:
    places = [
        Doomed(dept_id=dept_id, name="", path="", parent_id=0, level=0) for dept_id in dept_ids
    ]
    client = dingtalk()
    answers = _at_once(places, lambda place: client.get_department(place.dept_id))
    return [(place.dept_id, answer) for place, answer in answers]
