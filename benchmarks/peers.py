"""Opening a branch here and in the lazy admin of django-treebeard 7, in one process: time for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db import connection
from treebeard.admin import TreeAdmin
from treebeard.forms import movenodeform_factory

from benchmarks import company
from benchmarks.lines import Line, cheapest
from benchmarks.models import Node
from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Iterator

site = admin.AdminSite(name="peer")


@admin.register(Node, site=site)
class NodeAdmin(TreeAdmin):
    form = movenodeform_factory(Node)


def run() -> Iterator[Line]:
    company.sandbox()
    plant()
    person, administrator = company.visitor("deleter"), company.administrator()
    for about in (company.NARROW, company.WIDE):
        parent = company.parent_of(about)
        name = Department.objects.get(pk=parent).name
        peer = f"/peer/benchmarks/node/children/{Node.objects.get(name=name).pk}/"
        ours, theirs = cheapest(
            lambda parent=parent: person.branch(parent), lambda peer=peer: administrator.get(peer)
        )
        here = company.rows_in(person.branch(parent))
        there = administrator.get(peer).count(b"action-select")  # a row has one box to tick
        ratio = (ours / here) / (theirs / there)
        yield Line(
            mark="G12",
            name=f"opening a branch of {about:,}: process time a row",
            figure=f"{ratio:.2f} ({1e6 * ours / here:.0f} and {1e6 * theirs / there:.0f} µs)",
            goal="≤ 0.25",
            beside=f"treebeard 7's children view; {here} and {there} rows",
            met=ratio <= 0.25,
        )


def plant() -> None:
    """The same company as a treebeard tree."""
    with connection.schema_editor() as editor:
        editor.create_model(Node)
    below: dict[int | None, list[tuple[int, str]]] = {}
    for dept_id, parent_id, name in Department.objects.values_list("dept_id", "parent_id", "name"):
        below.setdefault(parent_id, []).append((dept_id, name))
    nodes: list[Node] = []
    waiting: list[tuple[int | None, str, int]] = [(None, "", 1)]
    while waiting:
        parent_id, path, depth = waiting.pop()
        for step, (dept_id, name) in enumerate(below.get(parent_id, ()), start=1):
            own = Node._get_path(path, depth, step)
            count = len(below.get(dept_id, ()))
            nodes.append(Node(path=own, depth=depth, numchild=count, name=name))
            waiting.append((dept_id, own, depth + 1))
    Node.objects.bulk_create(nodes, batch_size=500)
