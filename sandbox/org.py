"""An organisation in memory and what can happen to it, journalled.

Its methods are what an administrator does at DingTalk's console, and keep only what makes a tree a
tree. What the API refuses beyond that is in `rules`; calls made through it pass their `Actor` as `by`.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar, cast

from sandbox import outline as outlines
from sandbox.directory import Directory, Where
from sandbox.journal import CONSOLE, Actor, Change, Kind
from sandbox.records import ROOT, Chat, Department, Member, Record
from sandbox.refusals import Refused

Clock = Callable[[], float]

# Ids grow, so that departments without an order stand in the order they were made; the stride keeps
# tens of thousands of them within the 8 to 9 digits of DingTalk's samples.
_FIRST_ID = 93_000_000
_STRIDE = 9_000

Method = TypeVar("Method", bound=Callable[..., Any])


def _locked(method: Method) -> Method:
    """Hold the organisation's lock meanwhile."""

    @wraps(method)
    def holding(self: "Organisation", *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return cast("Method", holding)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An organisation at one moment, to return to."""

    departments: Mapping[int, Department]
    members: Mapping[str, Member]
    chats: Mapping[str, Chat]
    last_id: int
    chance: Any


class Organisation(Directory):
    """One company. Each change holds `lock` and is journalled; a sandbox holds it for a whole call."""

    def __init__(self, name: str = "Acme", *, seed: int = 1, clock: Clock = time.time) -> None:
        super().__init__(name)
        self.lock = threading.RLock()
        self.clock = clock
        self.journal: list[Change] = []
        self._chance = random.Random(seed)
        self._last_id = _FIRST_ID

    @classmethod
    def plant(cls, outline: str, *, seed: int = 1) -> "Organisation":
        """A company from an outline (see `sandbox.outline`), with an empty journal."""
        org = cls(seed=seed)
        outlines.plant(org, outline)
        org.journal.clear()
        return org

    # Departments

    @_locked
    def create_department(
        self, name: str, *, parent: Where = ROOT, by: Actor = CONSOLE, **fields: Any
    ) -> Department:
        """A new department with any fields of `Department`. Raises Refused 60004."""
        if isinstance(parent, int) and parent not in self:
            raise Refused(60004)
        dept_id = self._next_id()
        given = {"order": dept_id} | _with_chat_habits(_frozen(fields))
        department = Department(dept_id=dept_id, name=name, parent_id=self[parent].dept_id, **given)
        self._put(department)
        self._note("department.create", [dept_id], after=(department,), by=by)
        self._settle_chat(dept_id, by=by, at_once=by.who == "console")
        return self[dept_id]

    @_locked
    def edit_department(self, where: Where, *, by: Actor = CONSOLE, **fields: Any) -> Department:
        """Change any fields. Raises Refused 60004, 60010 or 60018 where it would move to."""
        before = self[where]
        chat_begins = bool(fields.get("create_dept_group")) and not before.create_dept_group
        changes = _frozen(fields)
        after = replace(before, **(_with_chat_habits(changes) if chat_begins else changes))
        if after == before:
            return before
        if after.parent_id != before.parent_id:
            self.check_move(before.dept_id, after.parent_id)
        self._put(after)
        self._note("department.update", [before.dept_id], before=(before,), after=(after,), by=by)
        self._settle_chat(before.dept_id, by=by, at_once=chat_begins and by.who == "console")
        return self[before.dept_id]

    def rename_department(self, where: Where, name: str) -> Department:
        return self.edit_department(where, name=name)

    def move_department(self, where: Where, *, to: Where) -> Department:
        return self.edit_department(where, parent_id=self[to].dept_id)

    @_locked
    def delete_department(self, where: Where, *, by: Actor = CONSOLE) -> list[int]:
        """Delete a department with everything below it and dismiss the chats; the ids, leaf first.

        Raises Refused 60007 for the root and 60005 while anybody is in the branch: the console
        lets members block a deletion too (LOG19).
        """
        top = self[where].dept_id
        if top == ROOT:
            raise Refused(60007)
        if self.headcount(top):
            raise Refused(60005)
        gone = [self[dept_id] for dept_id in self.branch(top)]
        for department in gone:
            self._drop(department)
        dept_ids = [department.dept_id for department in gone]
        self._note("department.delete", dept_ids, before=tuple(gone), by=by)
        for department in gone:
            self._dismiss_chat(department, by=by)
        return dept_ids

    def check_move(self, dept_id: int, parent_id: int | None) -> None:
        """Raises Refused: 60018 for the root, 60004 without a parent, 60010 below itself."""
        if dept_id == ROOT:
            raise Refused(60018)
        if parent_id is None or parent_id not in self:
            raise Refused(60004)
        if dept_id in self.line(parent_id):
            raise Refused(60010)

    # Members

    @_locked
    def add_member(self, where: Where, name: str, *, userid: str = "", **details: Any) -> Member:
        """Put a person into a department: who has the userid, else who has the name, else someone new."""
        dept_id = self[where].dept_id
        before = self._known(name, userid)
        member = before or self._newcomer(name, userid, details)
        after = self._enter(member, dept_id, now=self.clock())
        if after == before:
            return after
        self._note("member.add", [dept_id], before=(before,) if before else (), after=(after,))
        self._settle_chat(dept_id, by=CONSOLE)
        return after

    @_locked
    def remove_member(self, where: Where, who: str) -> None:
        """Take a person out of a department; out of the last one, they leave the organisation."""
        dept_id = self[where].dept_id
        before = self.member(who)
        after = self._leave(before, dept_id, now=self.clock())
        if not after.dept_order:
            del self._members[after.userid]
        self._note("member.remove", [dept_id], before=(before,), after=(after,))
        self._release_posts(after.userid, dept_id)

    @_locked
    def move_member(self, who: str, *, to: Where, out_of: Where | None = None) -> Member:
        """Move a person into a department, out of one of theirs or out of all."""
        before = self.member(who)
        target = self[to].dept_id
        left = before.dept_ids if out_of is None else (self[out_of].dept_id,)
        after = before
        for dept_id in left:
            after = self._leave(after, dept_id, now=self.clock())
        after = self._enter(after, target, now=self.clock())
        self._note("member.move", [*left, target], before=(before,), after=(after,))
        for dept_id in left:
            self._release_posts(after.userid, dept_id)
        self._settle_chat(target, by=CONSOLE)
        return after

    # Going back

    @_locked
    def snapshot(self) -> Snapshot:
        return Snapshot(
            departments=dict(self._departments),
            members=dict(self._members),
            chats=dict(self._chats),
            last_id=self._last_id,
            chance=self._chance.getstate(),
        )

    @_locked
    def restore(self, snapshot: Snapshot) -> None:
        """Make everything as it was, with an empty journal."""
        self._departments = dict(snapshot.departments)
        self._members = dict(snapshot.members)
        self._chats = dict(snapshot.chats)
        self._last_id = snapshot.last_id
        self._chance.setstate(snapshot.chance)
        self.journal.clear()
        self._index()

    # What follows from a change

    def _note(
        self,
        kind: Kind,
        dept_ids: Iterable[int],
        *,
        before: tuple[Record, ...] = (),
        after: tuple[Record, ...] = (),
        by: Actor = CONSOLE,
    ) -> None:
        self.journal.append(
            Change(
                sequence=len(self.journal) + 1,
                time=self.clock(),
                kind=kind,
                dept_ids=tuple(dict.fromkeys(dept_ids)),
                before=before,
                after=after,
                who=by.who,
                request_id=by.request_id,
                body=by.body,
            )
        )

    def _settle_chat(self, dept_id: int, *, by: Actor, at_once: bool = False) -> None:
        """Make or dismiss the chat as the department's flag says.

        Through the API a chat waits for the first member, the flag being true and the id missing
        meanwhile (LOG19); at the console it is made at once.
        """
        department = self[dept_id]
        if not department.create_dept_group:
            self._dismiss_chat(department, by=by)
        elif not department.dept_group_chat_id and (at_once or self._staff.get(dept_id)):
            self._make_chat(department, by=by)

    def _make_chat(self, department: Department, *, by: Actor) -> None:
        chat_id = f"chat{self._chance.getrandbits(128):032x}"
        chat = Chat(chat_id=chat_id, dept_id=department.dept_id, name=department.name)
        owners = (*department.dept_manager_userid_list, *self.member_ids(department.dept_id))
        owner = department.org_dept_owner or next(iter(owners), "")
        self._chats[chat_id] = chat
        self._put(replace(department, dept_group_chat_id=chat_id, org_dept_owner=owner))
        self._note("chat.create", [department.dept_id], after=(chat,), by=by)

    def _dismiss_chat(self, department: Department, *, by: Actor) -> None:
        chat = self._chats.pop(department.dept_group_chat_id, None)
        if chat is None:
            return
        if department.dept_id in self:
            self._put(replace(department, dept_group_chat_id="", org_dept_owner=""))
        self._note("chat.dismiss", [department.dept_id], before=(chat,), by=by)

    def _release_posts(self, userid: str, dept_id: int) -> None:
        """Who left a department neither manages it nor owns its chat: both need a member (§2.3)."""
        if userid in self._staff.get(dept_id, {}):
            return
        department = self[dept_id]
        managers = [one for one in department.dept_manager_userid_list if one != userid]
        owner = department.org_dept_owner
        if owner == userid:
            owner = next(iter((*managers, *self.member_ids(dept_id))), "")
        self.edit_department(dept_id, dept_manager_userid_list=managers, org_dept_owner=owner)

    def _next_id(self) -> int:
        self._last_id += self._chance.randint(1, _STRIDE)
        return self._last_id

    def _known(self, name: str, userid: str) -> Member | None:
        if userid:
            return self._members.get(userid)
        named = any(member.name == name for member in self._members.values())
        return self.member(name) if named else None

    def _newcomer(self, name: str, userid: str, details: Mapping[str, Any]) -> Member:
        given = {"hired_date": int(self.clock() * 1000)} | dict(details)
        return Member(userid=userid or self._spare_userid(name), name=name, **given)

    def _spare_userid(self, name: str) -> str:
        stem = "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum()) or "user"
        userid, number = stem, 2
        while userid in self._members:
            userid, number = f"{stem}{number}", number + 1
        return userid


def _frozen(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Records hold tuples, whatever a test or a control call gave."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }


def _with_chat_habits(fields: dict[str, Any]) -> dict[str, Any]:
    """A new chat takes newcomers in until that is switched off (reference §10)."""
    return {"auto_add_user": True} | fields if fields.get("create_dept_group") else fields
