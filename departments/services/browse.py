"""Reading: from memory, which answers at once and knows its age; from DingTalk where memory never looked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.utils import timezone

from .. import policy
from ..dingtalk import ROOT_ID, OutOfContactScope
from ..gateway import dingtalk
from ..models import Department
from . import sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User

BATCH = 200
_FRESH = timedelta(seconds=60)
_RESULTS = 50
_OFFERED = 300


@dataclass(frozen=True)
class Opened:
    """One department as its page needs it."""

    department: Department
    trail: list[Department]
    children: int
    #: Names of the departments that its fields mention by id.
    names: dict[int, str]
    needs_a_look: bool


@dataclass(slots=True)
class Node:
    """One row of the tree. `children` None: never looked. `rows` None: closed."""

    dept_id: int
    id: str
    name: str
    level: str
    position: str
    siblings: str
    children: int | None
    chat: bool
    hidden: bool
    restricted: bool
    readable: bool
    rows: Rows | None = None


@dataclass(slots=True)
class Rows:
    """One level as drawn: a batch of siblings out of `total`, from `start`."""

    parent_id: int
    level: int
    nodes: list[Node] = field(default_factory=list)
    start: int = 0
    total: int = 0

    @property
    def after(self) -> int:
        return self.start + len(self.nodes)

    @property
    def rest(self) -> int:
        return self.total - self.after


def open_department(*, dept_id: int, by: User, live: bool = False) -> Opened:
    """A department from memory; from DingTalk when `live`, or when memory has never seen it.

    Raises DepartmentUnknown, DepartmentGone, and what a live read raises.
    """
    policy.require(by, policy.VIEW)
    department = Department.objects.filter(pk=dept_id).first()
    if department is None or live or department.gone_at:
        # Missing from its old level may mean moved elsewhere: only DingTalk can say that it is gone.
        department = sync.refresh(dept_id=dept_id)
    details = department.details
    mentioned = [*details.get("dept_permits", []), *details.get("outer_permit_depts", [])]
    mentioned.append(department.parent_id or 0)
    return Opened(
        department=department,
        trail=Department.objects.trail(dept_id),
        children=Department.objects.children_of([dept_id]).count(),
        names=names_of(mentioned),
        needs_a_look=department.details_older_than(timezone.now() - _FRESH),
    )


def names_of(dept_ids: Iterable[int]) -> dict[int, str]:
    """The remembered names of these departments."""
    rows = Department.objects.filter(pk__in=list(dept_ids))
    return dict(rows.values_list("dept_id", "name"))


def remembers(*, dept_id: int) -> bool:
    return Department.objects.present().filter(pk=dept_id).exists()


def suggestions(*, by: User) -> list[Department]:
    """Departments to offer while somebody types a parent; none where the list would be too long to help."""
    policy.require(by, policy.VIEW)
    found = list(
        Department.objects.present().only("dept_id", "name").order_by("name")[: _OFFERED + 1]
    )
    return found if len(found) <= _OFFERED else []


def children(*, dept_id: int, by: User, start: int = 0) -> Rows:
    """One level below a department. Asks DingTalk once if nobody has looked there yet."""
    policy.require(by, policy.VIEW)
    department = Department.objects.present().filter(pk=dept_id).first()
    department = department or sync.refresh(dept_id=dept_id)
    if department.children_seen_at is None and department.readable:
        sync.refresh_children(dept_id=dept_id)
    return _level(dept_id, Department.objects.depth(dept_id) + 1, start)


def tree(*, opened: set[int], by: User, showing: int | None = None) -> Rows:
    """The tree with these departments open, and the way down to the one shown. At most 200 rows a level."""
    policy.require(by, policy.VIEW)
    way = [row.dept_id for row in Department.objects.trail(showing)] if showing else []
    shown = dict(pairwise(way))
    to_open = opened | set(way[:-1])
    top = Rows(parent_id=0, level=1, nodes=_nodes(_tops(), level=1))
    top.total = len(top.nodes)
    level = [node for node in top.nodes if node.dept_id in to_open or node.dept_id == ROOT_ID]
    while level:
        level = _open(level, shown, to_open)
    return top


def level_showing(*, dept_id: int, opened: set[int], by: User) -> Rows | None:
    """The level that holds this department, with the given branches open."""
    levels = [tree(opened=opened, by=by, showing=dept_id)]
    for rows in levels:
        if any(node.dept_id == dept_id for node in rows.nodes):
            return rows
        levels += [node.rows for node in rows.nodes if node.rows]
    return None


def look_at_the_top(*, by: User) -> None:
    """Fill an empty memory with the first levels, so that the first page has something to show."""
    policy.require(by, policy.VIEW)
    # A department opened by its address alone is not yet a view of the whole.
    known = Q(parent_id=None) | Q(children_seen_at__isnull=False)
    if Department.objects.present().filter(known).exists():
        return
    for dept_id in _read_the_top():
        sync.refresh_children(dept_id=dept_id)


def search(*, words: str, by: User) -> tuple[list[Department], int]:
    """Departments by name, code, source identifier or id, best first, and how many there are in all."""
    policy.require(by, policy.VIEW)
    # PostgreSQL takes no NUL, and SQLite ends a pattern at one.
    words = unicodedata.normalize("NFC", words.replace("\0", "")).strip()
    if not words:
        return [], 0
    matches = Q(name__icontains=words) | Q(code__iexact=words) | Q(source_identifier__iexact=words)
    if re.fullmatch(r"[0-9]{1,18}", words):
        matches |= Q(pk=int(words))
    rank = Case(
        When(name__iexact=words, then=Value(0)),
        When(name__istartswith=words, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    found = Department.objects.present().filter(matches).order_by(rank, "name", "dept_id")
    return list(found[:_RESULTS]), found.count()


def paths_of(departments: Iterable[Department]) -> dict[int, str]:
    """For each department the path of its parent; one walk a department, so for short lists only."""
    return {
        department.dept_id: sync.path_of(department.parent_id) if department.parent_id else ""
        for department in departments
    }


def overview(*, by: User) -> dict[str, int]:
    """A few counts of what memory holds."""
    policy.require(by, policy.VIEW)
    rows = Department.objects.present()
    return rows.aggregate(
        departments=Count("pk"),
        read=Count("pk", filter=Q(details_seen_at__isnull=False)),
        chats=Count("pk", filter=Q(has_chat=True)),
        hidden=Count("pk", filter=Q(hidden=True)),
    )


def _read_the_top() -> list[int]:
    """The root, or where it lies outside the contact scope, the departments that are in it."""
    try:
        sync.refresh(dept_id=ROOT_ID)
    except OutOfContactScope:
        in_scope = dingtalk().contact_scope().authed_dept
        for dept_id in in_scope:
            sync.refresh(dept_id=dept_id)
        return in_scope
    return [ROOT_ID]


def _tops() -> list[Department]:
    """Departments whose parent we do not have: the root first, then what is detached from it."""
    rows = Department.objects.present()
    known = rows.values("dept_id")
    tops = rows.filter(Q(parent_id=None) | ~Q(parent_id__in=known)).in_display_order()
    return sorted(tops[:BATCH], key=lambda row: row.dept_id != ROOT_ID)


def _open(nodes: list[Node], shown: dict[int, int], to_open: set[int]) -> list[Node]:
    """Fill in the next level below these nodes with two queries; return those of it to open next."""
    by_id = {node.dept_id: node for node in nodes}
    grouped: dict[int, list[Department]] = {dept_id: [] for dept_id in by_id}
    for row in Department.objects.children_of(by_id).defer("details"):
        grouped[row.parent_id or 0].append(row)
    below: list[Node] = []
    for dept_id, rows in grouped.items():
        start = _start_of_batch(rows, shown.get(dept_id))
        batch = rows[start : start + BATCH]
        level = int(by_id[dept_id].level) + 1
        found = Rows(parent_id=dept_id, level=level, start=start, total=len(rows))
        found.nodes = _nodes(batch, level=level, start=start, siblings=len(rows), counted=False)
        by_id[dept_id].rows = found
        below += found.nodes
    _count_children(below)
    return [node for node in below if node.dept_id in to_open]


def _start_of_batch(rows: list[Department], wanted: int | None) -> int:
    """The batch that shows this child, in steps of 200."""
    positions = [place for place, row in enumerate(rows) if row.dept_id == wanted]
    return positions[0] // BATCH * BATCH if positions else 0


def _level(dept_id: int, level: int, start: int) -> Rows:
    rows = Department.objects.children_of([dept_id]).defer("details")
    total = rows.count()
    found = Rows(parent_id=dept_id, level=level, start=start, total=total)
    found.nodes = _nodes(rows[start : start + BATCH], level=level, start=start, siblings=total)
    return found


def _nodes(
    rows: Iterable[Department],
    *,
    level: int,
    start: int = 0,
    siblings: int | None = None,
    counted: bool = True,
) -> list[Node]:
    rows = list(rows)
    nodes = [
        Node(
            dept_id=row.dept_id,
            # As text: localising integers in a template is half of a row's cost.
            id=str(row.dept_id),
            name=row.name,
            level=str(level),
            position=str(place),
            siblings=str(siblings or len(rows)),
            children=None if row.children_seen_at is None else 0,
            chat=bool(row.has_chat),
            hidden=bool(row.hidden),
            restricted=bool(row.restricted),
            readable=row.readable,
        )
        for place, row in enumerate(rows, start=start + 1)
    ]
    if counted:
        _count_children(nodes)
    return nodes


def _count_children(nodes: list[Node]) -> None:
    rows = Department.objects.present().filter(parent_id__in=[node.dept_id for node in nodes])
    counts = dict(rows.order_by().values_list("parent_id").annotate(n=Count("pk")))
    for node in nodes:
        if node.children is not None or node.dept_id in counts:
            node.children = counts.get(node.dept_id, 0)
