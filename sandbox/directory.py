"""The reading side of an organisation: which departments and people there are, and how they hang
together. Children, members and headcounts are indexed, so that no question walks the whole company.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sandbox.headcount import Headcount
from sandbox.records import ROOT, Chat, Department, Member

Where = int | str  # a dept_id, or a name that only one department has

# The console counts member orders down from numbers of this size.
_FIRST_MEMBER_ORDER = 176_292_574_032_735


class Directory:
    """Departments, people and chats, with the indices over them."""

    def __init__(self, name: str) -> None:
        root = Department(dept_id=ROOT, name=name, parent_id=None, order=ROOT)
        self._departments: dict[int, Department] = {ROOT: root}
        self._members: dict[str, Member] = {}
        self._chats: dict[str, Chat] = {}
        self._index()

    # Departments

    def __len__(self) -> int:
        return len(self._departments)

    def __iter__(self) -> Iterator[Department]:
        return iter(list(self._departments.values()))

    def __contains__(self, where: Where) -> bool:
        if isinstance(where, int):
            return where in self._departments
        return any(department.name == where for department in self)

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
        """How many levels a department's branch has, itself included."""
        levels, level = 0, [dept_id]
        while level:
            levels += 1
            level = [child for above in level for child in self._children.get(above, ())]
        return levels

    # People and chats

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

    def members(self, dept_id: int) -> list[Member]:
        """The direct members, the one with the biggest order first."""
        staff = [self._members[userid] for userid in self._staff.get(dept_id, ())]
        return sorted(staff, key=lambda one: (-one.dept_order[dept_id], one.userid))

    def member_ids(self, dept_id: int) -> list[str]:
        return list(self._staff.get(dept_id, ()))

    def headcount(self, dept_id: int) -> int:
        """How many people the department has with everything below it."""
        return self._headcount.of(dept_id)

    # Keeping the indices

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

    def _put(self, department: Department) -> None:
        """Add a department, or replace it wherever it hangs."""
        before = self._departments.get(department.dept_id)
        if before is not None and before.parent_id == department.parent_id:
            self._departments[department.dept_id] = department
            return
        posts = self._unhang(before) if before is not None else {}
        self._departments[department.dept_id] = department
        if department.parent_id is not None:
            self._children.setdefault(department.parent_id, set()).add(department.dept_id)
            self._headcount.add(posts, along=self.line(department.parent_id))

    def _drop(self, department: Department) -> None:
        """Remove a department that has neither children nor members."""
        self._unhang(department)
        del self._departments[department.dept_id]
        self._children.pop(department.dept_id, None)
        self._headcount.forget(department.dept_id)

    def _unhang(self, department: Department) -> Mapping[str, int]:
        posts = self._headcount.posts(department.dept_id)
        if department.parent_id is not None:
            self._children[department.parent_id].discard(department.dept_id)
            self._headcount.remove(posts, along=self.line(department.parent_id))
        return posts

    def _enter(self, member: Member, dept_id: int, *, now: float) -> Member:
        if dept_id in member.dept_order:
            return member
        place = _FIRST_MEMBER_ORDER - len(self._staff.get(dept_id, ()))
        after = replace(member, dept_order={**member.dept_order, dept_id: place}, modified=now)
        self._members[member.userid] = after
        self._staff.setdefault(dept_id, {})[member.userid] = None
        self._headcount.add({member.userid: 1}, along=self.line(dept_id))
        return after

    def _leave(self, member: Member, dept_id: int, *, now: float) -> Member:
        if dept_id not in member.dept_order:
            raise KeyError(f"{member.name} is not in {self[dept_id].name}")
        kept = {here: place for here, place in member.dept_order.items() if here != dept_id}
        after = replace(member, dept_order=kept, modified=now)
        self._members[member.userid] = after
        del self._staff[dept_id][member.userid]
        self._headcount.remove({member.userid: 1}, along=self.line(dept_id))
        return after
