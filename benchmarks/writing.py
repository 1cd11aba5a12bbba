"""What writing down a reading costs where little or nothing has changed, against writing down everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.utils import timezone

from benchmarks import company
from benchmarks.company import Told
from benchmarks.lines import Line, cheapest
from departments import dingtalk as wire
from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of a hundred departments, so many are renamed between two readings in the second measurement.
CHANGED, OF = 1, 40
_LISTED = ["name", "parent_id", "has_chat", "readable", "seen_at", "gone_at"]
_TOLD = [*_LISTED, "order", "code", "source_identifier", "hidden", "restricted", "linked"]
_TOLD += ["details", "details_seen_at"]


def run() -> Iterator[Line]:
    company.sandbox()
    told = Told(
        [
            msgspec.convert(details, wire.Department)
            for details in Department.objects.present().values_list("details", flat=True)
        ]
    )
    others = [renamed(told, "甲"), renamed(told, "乙")]
    others[0].write_down()  # the first name that changes brings pypinyin in, once

    def write_down_changes() -> None:
        others.reverse()
        others[0].write_down()

    changed, upsert_then = cheapest(write_down_changes, lambda: upsert(told), rounds=5)
    told.write_down()
    same, upsert_now = cheapest(told.write_down, lambda: upsert(told), rounds=5)
    everything = min(upsert_then, upsert_now)
    for name, took, part in (("nothing", same, 6), ("2.5 %", changed, 5)):
        yield Line(
            mark="G7",
            name=f"a reading of {company.SIZE:,} with {name} changed",
            figure=f"1/{everything / took:.1f} ({1000 * took:.0f} ms)",
            goal=f"≤ 1/{part}",
            beside=f"a bulk upsert of all, as listed and as told ({1000 * everything:.0f} ms)",
            met=took <= everything / part,
        )


def renamed(told: Told, mark: str) -> Told:
    return Told(
        [
            msgspec.structs.replace(one, name=one.name + mark) if place % OF < CHANGED else one
            for place, one in enumerate(told.departments)
        ]
    )


def upsert(told: Told) -> None:
    """The same without looking at what is there: all rows as listed, then all as told."""
    now = timezone.now()
    listed = [
        Department(
            dept_id=one.dept_id,
            name=one.name,
            parent_id=parent_id,
            has_chat=one.create_dept_group,
            seen_at=now,
        )
        for parent_id, level in told.levels
        for one in level
    ]
    details = [
        Department(
            dept_id=one.dept_id,
            name=one.name,
            parent_id=one.parent_id or None,
            order=one.order,
            has_chat=one.create_dept_group,
            code=one.code or "",
            source_identifier=one.source_identifier or "",
            hidden=one.hide_dept,
            restricted=one.outer_dept,
            linked=one.from_union_org,
            details=one.as_dict(),
            seen_at=now,
            details_seen_at=now,
        )
        for one in told.departments
    ]
    for rows, fields in ((listed, _LISTED), (details, _TOLD)):
        with transaction.atomic():
            Department.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["dept_id"],
                update_fields=fields,
                batch_size=500,
            )
