"""What a page costs: queries, bytes, and process time against an empty view in the same run."""

from __future__ import annotations

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import company
from benchmarks.__main__ import Line, cheapest
from departments.models import Department


def run() -> list[Line]:
    company.sandbox()
    person = company.person()
    fragment = {"HX-Request": "true", "HX-Target": "x"}
    wide, narrow = _parent_of(2000), _parent_of(50)

    def branch(dept_id: int) -> bytes:
        return person.get(f"/departments/{dept_id}/children/?part=tree", headers=fragment).content

    branch(narrow)
    person.get("/healthz")
    few, many = _queries(lambda: branch(narrow)), _queries(lambda: branch(wide))
    empty, page, full = cheapest(
        lambda: person.get("/healthz"), lambda: branch(narrow), lambda: branch(wide)
    )
    content = branch(wide)
    rows = len(re.findall(rb"<li data-id", content))
    first = person.get("/departments/").content
    return [
        Line("a branch: queries, small and large", f"{few} and {many}", "the same", few == many),
        Line("a branch of 50 rows: time", f"{page / empty:.1f} × an empty view", "told"),
        Line("a branch of 200 rows: time", f"{full / empty:.1f} × an empty view", "told"),
        Line("a row of the tree", f"{len(content) // rows} bytes raw", "told"),
        Line("the first page", f"{len(first) // 1024} KiB raw", "told"),
    ]


def _parent_of(about: int) -> int:
    """A department whose number of children is nearest to this."""
    sizes: dict[int, int] = {}
    for parent in Department.objects.exclude(parent_id=None).values_list("parent_id", flat=True):
        sizes[parent] = sizes.get(parent, 0) + 1
    return min(sizes, key=lambda dept_id: abs(sizes[dept_id] - about))


def _queries(act: object) -> int:
    with CaptureQueriesContext(connection) as seen:
        act()  # type: ignore[operator]
    return len(seen)
