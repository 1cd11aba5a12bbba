"""An organisation in memory: departments, members and Department Chats, and the journal of their changes.

Its methods are what an administrator does at DingTalk's console, and keep only what makes a tree a
tree. What the API refuses beyond that is in `rules`; calls made through it pass their `Actor` as `by`.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sandbox import outline as outlines
from sandbox.headcount import Headcount
from sandbox.journal import CONSOLE, Actor, Change, Kind
from sandbox.records import ROOT, Chat, Department, Member, Record
from sandbox.refusals import DingTalkError

Clock = Callable[[], float]
Where = int | str  # a dept_id, or a name that only one department has

# Ids grow, so that departments without an order stand in the order they were made; the stride keeps
# tens of thousands of them within the 8 to 9 digits of DingTalk's samples.
_FIRST_ID = 93_000_000
_STRIDE = 9_000
_FIRST_USER_ORDER = 176_292_574_032_735

P = ParamSpec("P")
T = TypeVar("T")


def _locked(
    method: Callable[Concatenate["Organisation", P], T],
) -> Callable[Concatenate["Organisation", P], T]:
    @wraps(method)
    def holding(self: "Organisation", *args: P.args, **kwargs: P.kwargs) -> T:
        with self.lock:
            return method(self, *args, **kwargs)

    return holding


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An organisation at one moment, to return to."""

    departments: Mapping[int, Department]
    members: Mapping[str, Member]
    chats: Mapping[str, Chat]
    last_id: int
    chance: Any


class Organisation:
    """One company. Every change is journalled; `lock` is held for each, and by a sandbox for a whole call."""

    def __init__(self, name: str = "Acme", *, seed: int = 1, clock: Clock = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.journal: list[Change] = []
        self._chance = random.Random(seed)
        self._last_id = _FIRST_ID
        root = Department(dept_id=ROOT, name=name, parent_id=None, order=ROOT)
        self._departments: dict[int, Department] = {ROOT: root}
        self._members: dict[str, Member] = {}
        self._chats: dict[str, Chat] = {}
        self._index()

    @classmethod
    def plant(cls, outline: str, *, seed: int = 1) -> "Organisation":
        """A company from an outline (see `sandbox.outline`), with an empty journal."""
        org = cls(seed=seed)
        outlines.plant(org, outline)
        org.journal.clear()
        return org

    # Looking

    def __len__(self) -> int:
        return len(self._departments)

    def __iter__(self) -> Iterator[Department]:
        return iter(list(self._departments.values()))

    def __contains__(self, dept_id: int) -> bool:
        return dept_id in self._departments

    def __getitem__(self, where: Where) -> Department:
        """The department with an id, or the only one with a name. Raises KeyError."""
        if isinstance(where, int):
            return self._departments[where]
        found = [department for department in self if department.name == where]
        if len(found) != 1:
            raise KeyError(f"{len(found)} departments are called {where}")
        return found[0]

    def find(self, path: str) -> Department:
        """The department at a path of names below the root, as in `Sales/East`. Raises KeyError."""
        here = self._departments[ROOT]
        for name in path.split("/"):
            below = [child for child in self.children(here.dept_id) if child.name == name]
            if not below:
                raise KeyError(f"{here.name} has no {name}")
            here = below[0]
        return here

    @property
    def people(self) -> list[Member]:
        return list(self._members.values())

    @property
    def chats(self) -> list[Chat]:
        return list(self._chats.values())

    def member(self, who: str) -> Member:
        """The person with a userid, or the only one with a name. Raises KeyError."""
        if who in self._members:
            return self._members[who]
        found = [member for member in self._members.values() if member.name == who]
        if len(found) != 1:
            raise KeyError(f"{len(found)} people are called {who}")
        return found[0]

    def get_member(self, userid: str) -> Member | None:
        return self._members.get(userid)

    def children(self, dept_id: int) -> list[Department]:
        """Direct children, by order and then id."""
        below = [self._departments[child] for child in self._children.get(dept_id, ())]
        return sorted(below, key=lambda child: (child.order, child.dept_id))

    def child_ids(self, dept_id: int) -> frozenset[int]:
        return frozenset(self._children.get(dept_id, ()))

    def line(self, dept_id: int) -> list[int]:
        """The department and its ancestors, the root last."""
        line = []
        here: int | None = dept_id
        while here is not None:
            line.append(here)
            here = self._departments[here].parent_id
        return line

    def branch(self, dept_id: int) -> list[int]:
        """The department and everything below it, children before parents."""
        branch = [dept_id]
        for above in branch:
            branch.extend(sorted(self._children.get(above, ())))
        return branch[::-1]

    def depth(self, dept_id: int) -> int:
        """How many levels a department lies below the root."""
        return len(self.line(dept_id)) - 1

    def height(self, dept_id: int) -> int:
        """How many levels a department has, itself included."""
        levels, level = 0, [dept_id]
        while level:
            levels += 1
            level = [child for above in level for child in self._children.get(above, ())]
        return levels

    def members(self, dept_id: int) -> list[Member]:
        """The direct members, the one with the biggest order first."""
        staff = [self._members[userid] for userid in self._staff.get(dept_id, ())]
        return sorted(staff, key=lambda one: (-one.dept_order[dept_id], one.userid))

    def member_ids(self, dept_id: int) -> list[str]:
        return list(self._staff.get(dept_id, ()))

    def headcount(self, dept_id: int) -> int:
        """How many people the department has with everything below it."""
        return self._headcount.of(dept_id)

    # Departments

    @_locked
    def create_department(
        self, name: str, *, parent: Where = ROOT, by: Actor = CONSOLE, **fields: Any
    ) -> Department:
        """A new department with any fields of `Department`. Raises DingTalkError 60004."""
        if isinstance(parent, int) and parent not in self:
            raise DingTalkError(60004)
        parent_id = self[parent].dept_id
        dept_id = self._next_id()
        department = Department(
            dept_id=dept_id,
            name=name,
            parent_id=parent_id,
            **({"order": dept_id} | _with_chat_habits(_frozen(fields))),
        )
        self._departments[dept_id] = department
        self._children.setdefault(parent_id, set()).add(dept_id)
        self._note("department.create", [dept_id], after=(department,), by=by)
        self._settle_chat(dept_id, by=by, at_once=by.who == "console")
        return self[dept_id]

    @_locked
    def edit_department(self, where: Where, *, by: Actor = CONSOLE, **fields: Any) -> Department:
        """Change any fields of a department. Raises DingTalkError 60004 or 60010 where it would move to."""
        before = self[where]
        chat_begins = bool(fields.get("create_dept_group")) and not before.create_dept_group
        changes = _frozen(fields)
        after = replace(before, **(_with_chat_habits(changes) if chat_begins else changes))
        if after == before:
            return before
        if after.parent_id != before.parent_id:
            self._reparent(before, after.parent_id)
        self._departments[before.dept_id] = after
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

        Raises DingTalkError 60007 for the root and 60005 while anybody is in the branch: the console
        refuses both as well (LOG19).
        """
        top = self[where].dept_id
        if top == ROOT:
            raise DingTalkError(60007)
        if self.headcount(top):
            raise DingTalkError(60005)
        gone = [self._departments[dept_id] for dept_id in self.branch(top)]
        for department in gone:
            self._forget(department)
        dept_ids = [department.dept_id for department in gone]
        self._note("department.delete", dept_ids, before=tuple(gone), by=by)
        for department in gone:
            self._dismiss_chat(department, by=by)
        return dept_ids

    def check_move(self, dept_id: int, parent_id: int | None) -> None:
        """Raises DingTalkError: 60018 for the root, 60004 without a parent, 60010 below itself."""
        if dept_id == ROOT:
            raise DingTalkError(60018)
        if parent_id is None or parent_id not in self:
            raise DingTalkError(60004)
        if dept_id in self.line(parent_id):
            raise DingTalkError(60010)

    # Members

    @_locked
    def add_member(self, where: Where, name: str, *, userid: str = "", **details: Any) -> Member:
        """Put a person into a department: the one with the userid, else the one with the name, else a new one."""
        dept_id = self[where].dept_id
        before = self._known(name, userid)
        member = before or Member(
            userid=userid or self._spare_userid(name),
            name=name,
            **({"hired_date": int(self.clock() * 1000)} | details),
        )
        after = self._enter(member, dept_id)
        self._note("member.add", [dept_id], before=(before,) if before else (), after=(after,))
        self._settle_chat(dept_id, by=CONSOLE)
        return after

    @_locked
    def remove_member(self, where: Where, who: str) -> None:
        """Take a person out of a department; out of the last one, they leave the organisation."""
        dept_id = self[where].dept_id
        before = self.member(who)
        after = self._leave(before, dept_id)
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
            after = self._leave(after, dept_id)
        after = self._enter(after, target)
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

    # Inside

    def _index(self) -> None:
        self._children: dict[int, set[int]] = {}
        self._staff: dict[int, dict[str, None]] = {}
        self._headcount = Headcount()
        for department in self._departments.values():
            if department.parent_id is not None:
                self._children.setdefault(department.parent_id, set()).add(department.dept_id)
        for member in self._members.values():
            for dept_id in member.dept_ids:
                self._staff.setdefault(dept_id, {})[member.userid] = None
                self._headcount.add({member.userid: 1}, along=self.line(dept_id))

    def _next_id(self) -> int:
        self._last_id += self._chance.randint(1, _STRIDE)
        return self._last_id

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
            )
        )

    def _reparent(self, department: Department, parent_id: int | None) -> None:
        self.check_move(department.dept_id, parent_id)
        assert department.parent_id is not None
        assert parent_id is not None
        posts = self._headcount.posts(department.dept_id)
        self._headcount.remove(posts, along=self.line(department.parent_id))
        self._headcount.add(posts, along=self.line(parent_id))
        self._children[department.parent_id].discard(department.dept_id)
        self._children.setdefault(parent_id, set()).add(department.dept_id)

    def _forget(self, department: Department) -> None:
        assert department.parent_id is not None
        del self._departments[department.dept_id]
        self._children[department.parent_id].discard(department.dept_id)
        self._children.pop(department.dept_id, None)
        self._headcount.forget(department.dept_id)

    def _settle_chat(self, dept_id: int, *, by: Actor, at_once: bool = False) -> None:
        """Make or dismiss the chat as the department's flag says.

        Through the API a chat waits for the first member, the flag being true and the id missing
        meanwhile (LOG19); at the console it is made at once.
        """
        department = self._departments[dept_id]
        if not department.create_dept_group:
            self._dismiss_chat(department, by=by)
        elif not department.dept_group_chat_id and (at_once or self._staff.get(dept_id)):
            self._make_chat(department, by=by)

    def _make_chat(self, department: Department, *, by: Actor) -> None:
        chat_id = f"chat{self._chance.getrandbits(128):032x}"
        chat = Chat(chat_id=chat_id, dept_id=department.dept_id, name=department.name)
        owners = (*department.dept_manager_userid_list, *self._staff.get(department.dept_id, ()))
        owner = department.org_dept_owner or next(iter(owners), "")
        self._chats[chat_id] = chat
        self._departments[department.dept_id] = replace(
            department, dept_group_chat_id=chat_id, org_dept_owner=owner
        )
        self._note("chat.create", [department.dept_id], after=(chat,), by=by)

    def _dismiss_chat(self, department: Department, *, by: Actor) -> None:
        chat = self._chats.pop(department.dept_group_chat_id, None)
        if chat is None:
            return
        if department.dept_id in self._departments:
            self._departments[department.dept_id] = replace(
                department, dept_group_chat_id="", org_dept_owner=""
            )
        self._note("chat.dismiss", [department.dept_id], before=(chat,), by=by)

    def _known(self, name: str, userid: str) -> Member | None:
        if userid:
            return self._members.get(userid)
        named = any(member.name == name for member in self._members.values())
        return self.member(name) if named else None

    def _spare_userid(self, name: str) -> str:
        stem = "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum()) or "user"
        userid, number = stem, 2
        while userid in self._members:
            userid, number = f"{stem}{number}", number + 1
        return userid

    def _enter(self, member: Member, dept_id: int) -> Member:
        if dept_id in member.dept_order:
            return member
        place = _FIRST_USER_ORDER - len(self._staff.get(dept_id, ()))
        after = replace(
            member, dept_order={**member.dept_order, dept_id: place}, modified=self.clock()
        )
        self._members[member.userid] = after
        self._staff.setdefault(dept_id, {})[member.userid] = None
        self._headcount.add({member.userid: 1}, along=self.line(dept_id))
        return after

    def _leave(self, member: Member, dept_id: int) -> Member:
        kept = {here: place for here, place in member.dept_order.items() if here != dept_id}
        if len(kept) == len(member.dept_order):
            raise KeyError(f"{member.name} is not in {self[dept_id].name}")
        after = replace(member, dept_order=kept, modified=self.clock())
        self._members[member.userid] = after
        del self._staff[dept_id][member.userid]
        self._headcount.remove({member.userid: 1}, along=self.line(dept_id))
        return after

    def _release_posts(self, userid: str, dept_id: int) -> None:
        """Who left a department neither manages it nor owns its chat: both need a member of it (§2.3)."""
        department = self._departments[dept_id]
        staff = self._staff.get(dept_id, {})
        if userid in staff:
            return
        managers = [one for one in department.dept_manager_userid_list if one != userid]
        owner = department.org_dept_owner
        if owner == userid:
            owner = next(iter((*managers, *staff)), "")
        self.edit_department(dept_id, dept_manager_userid_list=managers, org_dept_owner=owner)


def _frozen(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }


def _with_chat_habits(fields: dict[str, Any]) -> dict[str, Any]:
    """A new chat takes newcomers in until that is switched off (reference §10)."""
    return {"auto_add_user": True} | fields if fields.get("create_dept_group") else fields
