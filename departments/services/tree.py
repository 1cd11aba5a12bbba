"""The tree as memory has it, level by level: what a page draws, and what a branch that is opened brings.

Rows are plain tuples with everything as text, because a level of 200 is drawn on every page; a level is one
query whatever its size.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, OuterRef, Subquery, Window
from django.db.models.functions import Coalesce
from django.utils import timezone

from .. import policy
from ..dingtalk import ROOT_ID, DingTalkError
from ..models import Department
from . import sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from django.contrib.auth.models import User


BATCH = 200
#: A page draws about so many rows: 2,000 take half a second in a browser, 10,000 five.
_ROOM = 2000
#: A level read longer ago than this is looked at again when somebody opens it.
_FRESH = timedelta(seconds=60)
#: Drawn where a department's children were never listed: it may have some.
NOT_READ = "…"


class Marks(NamedTuple):
    """What a row says beside name and count, weightiest first. Most rows say nothing."""

    unreadable: bool
    linked: bool
    hidden: bool
    restricted: bool
    missing: bool
    chat: bool
    detached: bool = False


class Row(NamedTuple):
    """One department as drawn. `below` is empty where it has nothing below, `level` None while it is closed."""

    id: str
    name: str
    keys: str
    below: str
    marks: Marks | None
    level: Level | None = None


@dataclass(slots=True)
class Level:
    """A batch of siblings out of `total`, from `start`; `version` changes with anything that is drawn."""

    parent_id: int
    rows: list[Row] = field(default_factory=list)
    start: int = 0
    total: int = 0
    version: str = ""
    stale: bool = False
    #: Where what is detached begins beside the root, the id of the first of these.
    apart: str = ""

    @property
    def after(self) -> int:
        return self.start + len(self.rows)

    @property
    def rest(self) -> int:
        return self.total - self.after

    @property
    def words(self) -> dict[str, str]:
        """What "Show 200 more" says."""
        return {"rest": f"{self.rest:,}", "total": f"{self.total:,}"}


class _Told(NamedTuple):
    """A row as the database tells it."""

    dept_id: int
    parent_id: int | None
    name: str
    keys: str | None
    chat: bool | None
    hidden: bool | None
    restricted: bool | None
    linked: bool | None
    readable: bool
    detached: bool
    missing_at: datetime | None
    children_seen_at: datetime | None
    below: int


_FIELDS = ["dept_id", "parent_id", "name", "keys", "has_chat", "hidden", "restricted", "linked"]
_FIELDS += ["readable", "detached", "missing_at", "children_seen_at", "below"]


def tree(*, opened: Sequence[int], by: User, showing: int | None = None, start: int = 0) -> Level:
    """The tree with these departments open, and the way down to the one shown. At most 200 rows a level.

    `opened` has those opened last first: where all of them would be too many rows, the oldest stay closed.
    `start` is where the top begins, unless one of it is shown.
    """
    policy.require(by, policy.VIEW)
    way = [row.dept_id for row in Department.objects.trail(showing)] if showing else []
    tops = _tops()
    below = _read_open(tops, way=[*way[:-1], ROOT_ID], opened=opened)
    return _drawn({0: tops, **below}, 0, dict(pairwise([0, *way])), start)


def top(*, by: User, start: int = 0) -> Level:
    """A batch of where the tree begins, with everything closed."""
    policy.require(by, policy.VIEW)
    return _batch(0, _tops(), start)


def children(*, dept_id: int, by: User, start: int = 0) -> Level:
    """One level below a department. Asks DingTalk once if nobody has looked there yet.

    Raises DepartmentUnknown or DepartmentGone, and what a live read raises.
    """
    policy.require(by, policy.VIEW)
    level = _level(dept_id, start)
    if level is None:
        department = Department.objects.present().filter(pk=dept_id).first()
        department = department or sync.refresh(dept_id=dept_id)
        if department.children_seen_at is None and department.readable:
            sync.refresh_children(dept_id=dept_id)
        level = _level(dept_id, start)
    return level or Level(dept_id, start=start, version=_version([]))


def look_again(*, dept_id: int, by: User) -> None:
    """Read a level anew that was opened from an old memory. What changed is offered, not forced.

    Nobody waits for this look, so a DingTalk that does not answer is no news to anybody.
    """
    policy.require(by, policy.VIEW)
    department = Department.objects.present().filter(pk=dept_id).first()
    if department is None or not department.readable or not _is_old(department.children_seen_at):
        return
    try:
        sync.refresh_children(dept_id=dept_id)
    except DingTalkError:
        return


def level_showing(
    *, dept_id: int, opened: Sequence[int], by: User, showing: int | None = None
) -> Level | None:
    """The level that holds this department, with the given branches open, and the way to the one shown."""
    wanted = str(dept_id)
    way = [row.dept_id for row in Department.objects.trail(dept_id)]
    levels = [tree(opened=[*way[:-1], *opened], by=by, showing=showing or dept_id)]
    for level in levels:
        if any(row.id == wanted for row in level.rows):
            return level
        levels += [row.level for row in level.rows if row.level]
    return None


def changed(*, seen: Mapping[tuple[int, int], str], by: User) -> list[tuple[int, int]]:
    """Which of these batches, by parent and start, would be drawn differently now; parent 0 is the top."""
    policy.require(by, policy.VIEW)
    parents = {parent for parent, _start in seen}
    told = _grouped(_rows().children_of(parents))
    if 0 in parents:
        told[0] = _tops()
    return [
        (parent, start)
        for (parent, start), version in seen.items()
        if _version(told.get(parent, [])[start : start + BATCH]) != version
    ]


def looks(*, dept_id: int, by: User) -> str:
    """Changes when the department's row would be drawn differently."""
    policy.require(by, policy.VIEW)
    return _version(_told(_rows().present().filter(pk=dept_id)))


def _tops() -> list[_Told]:
    """The root first, then what is detached from it."""
    tops = _told(_rows().tops())
    return sorted(tops, key=lambda row: row.dept_id != ROOT_ID)


def _read_open(
    tops: list[_Told], *, way: Sequence[int], opened: Sequence[int]
) -> dict[int, list[_Told]]:
    """What lies below the open departments, one query for each step down."""
    ranks = {dept_id: rank for rank, dept_id in reversed([*enumerate([*way, *opened])])}
    found: dict[int, list[_Told]] = {}
    rows, room = tops, _ROOM
    while rows:
        step = []
        wanted = (row for row in rows if row.dept_id in ranks and row.dept_id not in found)
        for row in sorted(wanted, key=lambda row: ranks[row.dept_id]):
            takes = min(row.below, BATCH)
            if takes <= room or row.dept_id in way:
                step.append(row.dept_id)
                room -= takes
        below = _grouped(_rows().children_of(step)) if step else {}
        found |= {dept_id: below.get(dept_id, []) for dept_id in step}
        rows = [row for dept_id in step for row in found[dept_id]]
    return found


def _drawn(
    told: Mapping[int, list[_Told]], parent_id: int, shown: Mapping[int, int], start: int = 0
) -> Level:
    """The batch of one level that holds what is to be shown, and in it what is open."""
    rows = told[parent_id]
    places = (place for place, row in enumerate(rows) if row.dept_id == shown.get(parent_id))
    level = _batch(parent_id, rows, next(places, start) // BATCH * BATCH)
    # An id of 0, which DingTalk's replies may hold, stands for the top in here.
    level.rows = [
        row._replace(level=_drawn(told, int(row.id), shown))
        if int(row.id) in told and row.id != "0"
        else row
        for row in level.rows
    ]
    return level


def _batch(parent_id: int, told: list[_Told], start: int) -> Level:
    batch = told[start : start + BATCH]
    apart = (str(row.dept_id) for row in batch if row.detached and told[0].dept_id == ROOT_ID)
    rows = [_row(row) for row in batch]
    return Level(parent_id, rows, start, len(told), _version(batch), apart=next(apart, ""))


def _level(dept_id: int, start: int) -> Level | None:
    """A batch of one level by one query; None where only a look at the department itself can tell."""
    rows = list(_rows_and_parent().children_of([dept_id])[start : start + BATCH])
    if not rows or rows[0][-1] is None:
        return None
    told = _told(row[:-2] for row in rows)
    total, seen_at = rows[0][-2:]
    return Level(
        dept_id, [_row(row) for row in told], start, total, _version(told), _is_old(seen_at)
    )


def _told(rows: Iterable[Any]) -> list[_Told]:
    return [_Told._make(row) for row in rows]


def _grouped(rows: Iterable[Any]) -> dict[int, list[_Told]]:
    grouped: dict[int, list[_Told]] = {}
    for row in _told(rows):
        grouped.setdefault(row.parent_id or 0, []).append(row)
    return grouped


@cache
def _rows() -> Any:
    """A DepartmentQuerySet of what is drawn of each department; counted below each in the same query.

    Made once: putting the query together costs more than asking it, and every page asks.
    """
    below = (
        Department.objects.present()
        .filter(parent_id=OuterRef("dept_id"), detached=False)
        .order_by()
        .values("parent_id")
        .annotate(n=Count("*"))
        .values("n")
    )
    rows = Department.objects.annotate(below=Coalesce(Subquery(below), 0))
    return rows.values_list(*_FIELDS)


@cache
def _rows_and_parent() -> Any:
    """The same, with how many there are in all and when their parent's level was read."""
    parent = Department.objects.present().filter(pk=OuterRef("parent_id"))
    return _rows().annotate(
        total=Window(Count("*")), seen_at_parent=Subquery(parent.values("children_seen_at")[:1])
    )


def _row(told: _Told) -> Row:
    marks = Marks(
        unreadable=not told.readable,
        linked=bool(told.linked),
        hidden=bool(told.hidden),
        restricted=bool(told.restricted),
        missing=told.missing_at is not None,
        detached=told.detached,
        chat=bool(told.chat),
    )
    return Row(
        str(told.dept_id),
        told.name,
        _first_keys(told.keys or ""),
        _below(told),
        # A row with marks is looked at closer: these are no page's address.
        marks if True in marks or told.dept_id < 1 else None,
    )


def _first_keys(keys: str) -> str:
    """The usual pinyin and its initials. Rarer readings are for the search: here each would cost every row."""
    return " ".join(keys.split(" ", 2)[:2])


def _below(told: _Told) -> str:
    if told.dept_id < 1:
        return ""  # one of DingTalk's own, which it answers nothing about
    if told.children_seen_at is None and told.readable:
        return NOT_READ
    return f"{told.below:,}" if told.below else ""


def _version(rows: Iterable[_Told]) -> str:
    """Short enough to be sent back for every open branch; a clash only delays an offer to the next change."""
    drawn = [
        (row.dept_id, row.parent_id, row.name, *row[4:10], row.missing_at is None, _below(row))
        for row in rows
    ]
    return f"{zlib.crc32(repr(drawn).encode()):x}"


def _is_old(moment: Any) -> bool:
    return moment is None or moment < timezone.now() - _FRESH
