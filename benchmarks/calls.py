"""How many calls to DingTalk things take: exact on any machine."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from benchmarks import company
from benchmarks.lines import Line
from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LISTSUB, GET = "/topapi/v2/department/listsub", "/topapi/v2/department/get"


def run() -> Iterator[Line]:
    sandbox, person = company.sandbox(), company.visitor("deleter")
    asked = Counter((call.path, (call.body or {}).get("dept_id")) for call in sandbox.calls)
    for name, path in (("the tree, by listsub", LISTSUB), ("the details, by get", GET)):
        each = [times for (called, _dept_id), times in asked.items() if called == path]
        yield Line(
            mark="G1",
            name=f"a whole reading: {name}",
            figure=f"{sum(each)} calls, {sum(each) - len(each)} twice",
            goal="one each",
            beside=f"{company.SIZE} departments",
            met=sum(each) == len(each) == company.SIZE,
        )
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
