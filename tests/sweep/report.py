"""The table of a sweep, and a bad case in all its detail."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from .cases import KINDS
from .judge import CATEGORIES

_COLUMNS = (*CATEGORIES, "idle")


@dataclass(frozen=True)
class Result:
    """All cases, and how long they took in seconds."""

    cases: list[dict[str, Any]]
    seconds: int
    least: int

    @property
    def is_good(self) -> bool:
        return not any(case["wrong"] for case in self.cases) and len(self.cases) >= self.least

    def page(self) -> str:
        failed = sum(bool(case["wrong"]) for case in self.cases)
        lines = [
            "# The fault sweep",
            "",
            f"commit {_commit()}, {self.seconds} s; the list of cases is fixed, no seed",
            "",
            *self._table("this product", self.cases),
            "",
            *self._table(
                "control: try three times, then log",
                [
                    case["control"] | {"kind": case["kind"]}
                    for case in self.cases
                    if "control" in case
                ],
            ),
            "",
            *self._conflicts(),
        ]
        if len(self.cases) < self.least:
            lines.append(f"Too few cases: {self.least} are the least.")
        lines += [f"{len(self.cases) - failed} passed, {failed} failed", ""]
        return "\n".join(lines)

    def _table(self, title: str, cases: list[dict[str, Any]]) -> list[str]:
        head = f"| {title} | cases | {' | '.join(_COLUMNS)} | in conflict |"
        rule = "| --- |" + " ---: |" * (len(_COLUMNS) + 2)
        rows = [_row(kind, [case for case in cases if case["kind"] == kind]) for kind in KINDS]
        return [head, rule, *rows, _row("all", cases)]

    def _conflicts(self) -> list[str]:
        found = sorted(
            {f"{case['kind']} · {case['fault']}" for case in self.cases if case["conflicts"]}
        )
        if not found:
            return ["No case ended in conflict.", ""]
        return [
            "Ended in conflict, which claims nothing:",
            "",
            *(f"- {name}" for name in found),
            "",
        ]


def _row(name: str, cases: list[dict[str, Any]]) -> str:
    counts = [
        sum(any(category == column for category, _why in case["wrong"]) for case in cases)
        for column in _COLUMNS
    ]
    conflicts = sum(bool(case["conflicts"]) for case in cases)
    return f"| {name} | {len(cases)} | {' | '.join(map(str, counts))} | {conflicts} |"


def in_detail(told: dict[str, Any]) -> str:
    """A bad case: its name, what is wrong, what the journal, our database and the pages say."""
    lines = [f"NOT {told['case']}", *(f"    {category}: {why}" for category, why in told["wrong"])]
    evidence = told.get("evidence")
    if evidence is None:
        return "\n".join(lines)
    for moment in ("settled", "read", "end"):
        journal = [
            f"{one['kind']} {one['dept_ids']} at {one['time']:.3f}"
            for one in evidence[moment]["journal"]
        ]
        lines.append(f"    {moment}: the journal says {journal}")
        lines += [
            f"    {moment}: our database says {_short(row)}" for row in evidence[moment]["rows"]
        ]
    lines.append(f"    sent: {evidence['sent']}")
    pages = [("told", evidence["told"]), *(("looked", page) for page in evidence["looked"])]
    for name, page in [*pages, ("again", evidence["again"])]:
        if page:
            lines.append(
                f"    {name}: {page['status']} {page['url']} {page['outcomes']} {page['text'][:300]}"
            )
    return "\n".join(lines)


def _short(row: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name != "operation"})


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    clean = subprocess.run(["git", "diff", "--quiet", "HEAD"], capture_output=True, check=False)
    return found + ("" if clean.returncode == 0 else ", with uncommitted changes")
