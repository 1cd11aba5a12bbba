"""A reading's view of memory: which departments there are, and what of them this reading has still to read.

Ids alone and one query, so that fifty thousand departments are a few megabytes for as long as it is looked at.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import BooleanField, ExpressionWrapper, Q

from ..dingtalk import ROOT_ID
from ..models import Department

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime


@dataclass
class Picture:
    """What is in memory and not gone, by id. Only ids above 0 can be asked about."""

    below: int
    starts: Sequence[int]
    parents: dict[int, int | None] = field(default_factory=dict)
    #: Their level, their details were read in this reading; or it was told that they are not to be read.
    listed: set[int] = field(default_factory=set)
    read: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    detached: set[int] = field(default_factory=set)

    @classmethod
    def taken(cls, *, below: int, starts: Sequence[int], since: datetime) -> Picture:
        """Memory as it is now, seen by a reading that began at `since`."""
        found = cls(below, starts)
        marks = [
            (found.listed, Q(children_seen_at__gte=since)),
            (found.read, Q(details_seen_at__gte=since)),
            (found.unread, Q(readable=False, seen_at__gte=since)),
            (found.missing, Q(missing_at__isnull=False)),
            (found.detached, Q(detached=True)),
        ]
        told = [ExpressionWrapper(mark, output_field=BooleanField()) for _ids, mark in marks]
        rows = Department.objects.present().values_list("dept_id", "parent_id", *told)
        for dept_id, parent_id, *is_marked in rows.iterator():
            found.parents[dept_id] = parent_id
            for (ids, _mark), marked in zip(marks, is_marked, strict=True):
                if marked:
                    ids.add(dept_id)
        return found

    @cached_property
    def branch(self) -> set[int]:
        """What the reading is about. A whole one is about everything: also about what hangs from nothing."""
        if self.below == ROOT_ID:
            return set(self.parents)
        return self._reached([self.below])

    @cached_property
    def doubtful(self) -> set[int]:
        """What DingTalk did not list where we had it, and everything below."""
        return self._reached(self.missing & self.branch)

    @cached_property
    def readable(self) -> set[int]:
        return {dept_id for dept_id in self.branch - self.doubtful if dept_id > 0}

    def levels_to_read(self) -> list[int]:
        """Reached from the start through levels this reading has read, and not read yet themselves."""
        loose = self.detached & self.read if self.below == ROOT_ID else set()
        found, asked = [], set()
        waiting = [*self.starts, *sorted(loose)]
        for dept_id in waiting:  # grows meanwhile
            if dept_id in asked or dept_id not in self.readable:
                continue
            asked.add(dept_id)
            if dept_id in self.listed:
                waiting += self._below[dept_id]
            elif dept_id not in self.unread:
                found.append(dept_id)
        return found

    def details_to_read(self) -> list[int]:
        return sorted(self.readable - self.read - self.unread)

    def levels_read(self) -> int:
        return len(self.readable & (self.listed | self.unread))

    def details_read(self) -> int:
        return len(self.readable & (self.read | self.unread))

    def lost(self) -> list[int]:
        """What is to be looked for: of the doubtful only the uppermost, for they tell of the rest."""
        return sorted(
            dept_id
            for dept_id in self.missing & self.branch
            if dept_id > 0 and self.parents[dept_id] not in self.doubtful
        )

    def loose(self) -> set[int]:
        """What is drawn beside the root: it hangs from nothing we know, or it is the smallest of a circle."""
        found = {
            dept_id
            for dept_id, parent_id in self.parents.items()
            if parent_id is not None and parent_id not in self.parents
        }
        tops = [dept_id for dept_id, parent_id in self.parents.items() if parent_id is None]
        reached = self._reached([*tops, *found])
        for dept_id in self.parents:
            if dept_id not in reached:
                smallest = min(self._circle_above(dept_id))
                found.add(smallest)
                reached |= self._reached([smallest])
        return found

    @cached_property
    def _below(self) -> defaultdict[int, list[int]]:
        below = defaultdict(list)
        for dept_id, parent_id in self.parents.items():
            if parent_id is not None:
                below[parent_id].append(dept_id)
        return below

    def _reached(self, starts: Iterable[int]) -> set[int]:
        """These and everything below them, as far as it is in memory."""
        found: set[int] = set()
        waiting = [dept_id for dept_id in starts if dept_id in self.parents]
        while waiting:
            dept_id = waiting.pop()
            if dept_id not in found:
                found.add(dept_id)
                waiting += self._below[dept_id]
        return found

    def _circle_above(self, dept_id: int) -> list[int]:
        """The circle in which the way up ends, for one from which it leads to no top."""
        way: dict[int, None] = {}
        while dept_id not in way:
            way[dept_id] = None
            dept_id = self.parents[dept_id] or 0
        return list(way)[list(way).index(dept_id) :]
