"""How many calls to DingTalk things take: exact on any machine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from benchmarks import company
from benchmarks.lines import Line
from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def run() -> Iterator[Line]:
    company.sandbox()
    person = company.visitor("deleter")
    parent = company.parent_of(50)
    page, stale = f"/departments/{parent}/", Department.objects.filter(pk=parent)
    yield counted("the first page", 0, lambda: person.get("/departments/"))
    yield counted("a fresh branch", 0, lambda: person.branch(parent))
    yield counted("a department's page", 0, lambda: person.get(page))
    yield counted("a search", 0, lambda: person.get("/search/?q=%E9%83%A8"))
    yield counted("a department read anew", 1, lambda: person.get(f"{page}?live=1"))
    stale.update(children_seen_at=timezone.now() - timedelta(hours=1))
    yield counted(
        "a branch opened from an old memory",
        1,
        lambda: (person.branch(parent), person.look_again(parent)),
    )
    stale.update(children_seen_at=None)
    yield counted("a branch opened for the first time", 1, lambda: person.branch(parent))


def counted(name: str, most: int, act: Callable[[], object]) -> Line:
    before = company.calls()
    act()
    made = company.calls() - before
    return Line(
        mark="G1",
        name=name,
        figure=f"{made} calls",
        goal=f"{most or 'none'}",
        met=made <= most,
    )
