"""Reads a company written down as an indented outline, and plants it.

    Acme
      Sales [chat] (Li Wei, Chen Yu*)
        East [hidden] [code E1] [order 10]
      Legal [restricted] [people 150]

The first line is the root. Names in brackets are members, a star marks a manager; the same name in
two departments is one person. `people` adds as many nameless ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.org import Organisation

_LINE = re.compile(
    r"(?P<indent>\s*)(?P<name>[^\[(]+?)\s*(?P<marks>(?:\[[^\]]*\]\s*)*)(?:\((?P<members>[^)]*)\))?\s*"
)
_MARK = re.compile(r"\[(\w+)\s*([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """One department of an outline; `level` counts from the root's 0, `people` those without a name."""

    level: int
    name: str
    marks: dict[str, str]
    people: int
    members: tuple[str, ...]
    managers: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        """The marks that are fields of a department."""
        fields: dict[str, Any] = {}
        for mark, value in self.marks.items():
            match mark:
                case "chat":
                    fields["create_dept_group"] = True
                case "hidden":
                    fields["hide_dept"] = True
                case "restricted":
                    fields["outer_dept"] = True
                case "code":
                    fields["code"] = value
                case "source":
                    fields["source_identifier"] = value
                case "order":
                    fields["order"] = int(value)
                case _:
                    raise ValueError(f"An outline knows no [{mark}].")
        return fields


def read(outline: str) -> Iterator[Line]:
    """The outline's lines, parents before children. Raises ValueError where it does not hang together."""
    indents: list[int] = []
    for text in dedent(outline).splitlines():
        if not text.strip():
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"Not a line of an outline: {text!r}")
        indent = len(match["indent"])
        outer = [above for above in indents if above < indent]
        if indents and not outer:
            raise ValueError(f"An outline has one root: {text!r}")
        indents = [*outer, indent]
        yield _line(match, level=len(outer))


def _line(match: re.Match[str], *, level: int) -> Line:
    marks = dict(_MARK.findall(match["marks"]))
    members = [name.strip() for name in (match["members"] or "").split(",") if name.strip()]
    return Line(
        level=level,
        name=match["name"],
        people=int(marks.pop("people", 0)),
        marks=marks,
        members=tuple(name.rstrip("*") for name in members),
        managers=tuple(name.rstrip("*") for name in members if name.endswith("*")),
    )


def plant(org: "Organisation", outline: str) -> None:
    """Build the outline's departments and members in an organisation that has only its root."""
    trail: list[int] = []
    for line in read(outline):
        del trail[line.level :]
        trail.append(_plant_line(org, line, parent=trail[-1] if trail else None))


def _plant_line(org: "Organisation", line: Line, *, parent: int | None) -> int:
    if parent is None:
        dept_id = org.rename_department(1, line.name).dept_id
    else:
        dept_id = org.create_department(line.name, parent=parent).dept_id
    members = {name: org.add_member(dept_id, name).userid for name in line.members}
    for number in range(1, line.people + 1):
        org.add_member(dept_id, f"{line.name} {number}")
    managers = [members[name] for name in line.managers]
    org.edit_department(dept_id, dept_manager_userid_list=managers, **line.fields())
    return dept_id
