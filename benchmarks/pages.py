"""What a page costs: queries, bytes, and process time against an empty view behind the same middleware."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import company
from benchmarks.lines import Line, cheapest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def run() -> Iterator[Line]:
    company.sandbox()
    person, stranger = company.visitor("deleter"), company.stranger()
    wide, narrow = company.parent_of(1000), company.parent_of(50)
    person.branch(narrow), stranger.get("/empty")
    few, many = queries(lambda: person.branch(narrow)), queries(lambda: person.branch(wide))
    yield Line(
        mark="G11",
        name="a branch of 50 and one of 200 rows: queries",
        figure=f"{few} and {many}",
        goal="≤ 3, whatever the size",
        met=few == many <= 3,
    )
    empty, small, large = cheapest(
        lambda: stranger.get("/empty"), lambda: person.branch(narrow), lambda: person.branch(wide)
    )
    here, there = (company.rows_in(person.branch(dept_id)) for dept_id in (narrow, wide))
    yield Line(
        mark="G11",
        name=f"a branch of {here} rows: process time",
        figure=f"{small / empty:.1f} × ({1000 * small:.1f} ms)",
        goal="≤ 20 ×",
        beside=f"an empty view ({1000 * empty:.2f} ms)",
        met=small <= 20 * empty,
    )
    yield Line(
        mark="G12",
        name=f"the first {there} rows of a wide branch",
        figure=f"{large / small:.1f} ×",
        goal="≤ 2.5 ×",
        beside=f"a branch of {here} rows",
        met=large <= 2.5 * small,
    )
    content = person.branch(wide)
    packed = len(gzip.compress(content, 6)) / there
    yield Line(
        mark="G11",
        name="a row of the tree: bytes",
        figure=f"{len(content) / there:.0f} raw, {packed:.0f} gzipped",
        goal="≤ 140 raw",
        met=len(content) <= 140 * there,
    )
    first = person.get("/departments/")
    size = len(gzip.compress(first, 6))
    yield Line(
        mark="G11",
        name="the first page: gzipped",
        figure=f"{size / 1024:.1f} KB of {len(first) / 1024:.0f}",
        goal="≤ 60 KB",
        met=size <= 60 * 1024,
    )
    yield Line(
        mark="G11",
        name="the first page, a department's page: queries",
        figure=f"{queries(lambda: person.get('/departments/'))} and "
        f"{queries(lambda: person.get(f'/departments/{narrow}/'))}",
    )


def queries(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as seen:
        act()
    return len(seen)
