"""How many calls to DingTalk things take: exact on any machine."""

from __future__ import annotations

from collections import Counter

from benchmarks import company
from benchmarks.__main__ import Line
from departments.models import Department


def run() -> list[Line]:
    sandbox, person = company.sandbox(), company.person()
    read = Counter(call.path for call in sandbox.calls)
    listed = read["/topapi/v2/department/listsub"]
    parent = Department.objects.exclude(children_seen_at=None).filter(parent_id=1)[0].dept_id
    return [
        Line(
            "a whole reading: listsub calls",
            f"{listed} for {company.SIZE} departments",
            "one each",
            listed == company.SIZE,
        ),
        _counted("a fresh page", 0, lambda: person.get("/departments/")),
        _counted("a fresh branch", 0, lambda: person.get(f"/departments/{parent}/children/")),
        _counted("a search", 0, lambda: person.get("/search/?q=部")),
        _counted("a department read anew", 1, lambda: person.get(f"/departments/{parent}/?live=1")),
    ]


def _counted(name: str, most: int, act: object) -> Line:
    before = company.calls()
    act()  # type: ignore[operator]
    made = company.calls() - before
    return Line(f"{name}: calls", str(made), f"at most {most}", made <= most)
