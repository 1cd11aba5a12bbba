"""Reading: from memory, which answers at once and knows its age; from DingTalk where memory never looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.utils import timezone

from .. import policy
from ..dingtalk import ROOT_ID, OutOfContactScope
from ..gateway import dingtalk
from ..models import Department
from . import sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import User

_FRESH = timedelta(seconds=60)
_OFFERED = 300


@dataclass(frozen=True)
class Opened:
    """One department as its page needs it."""

    department: Department
    trail: list[Department]
    children: int
    #: Names of the departments that its fields mention by id.
    names: dict[int, str]
    needs_a_look: bool


def open_department(*, dept_id: int, by: User, live: bool = False) -> Opened:
    """A department from memory; from DingTalk when `live`, or when memory has never seen it.

    Raises DepartmentUnknown, DepartmentGone, and what a live read raises.
    """
    policy.require(by, policy.VIEW)
    department = Department.objects.filter(pk=dept_id).first()
    if department is None or live or department.gone_at:
        # Missing from its old level may mean moved elsewhere: only DingTalk can say that it is gone.
        department = sync.refresh(dept_id=dept_id)
    details = department.details
    mentioned = [*details.get("dept_permits", []), *details.get("outer_permit_depts", [])]
    mentioned.append(department.parent_id or 0)
    return Opened(
        department=department,
        trail=Department.objects.trail(dept_id),
        children=Department.objects.children_of([dept_id]).count(),
        names=names_of(mentioned),
        needs_a_look=department.details_older_than(timezone.now() - _FRESH),
    )


def names_of(dept_ids: Iterable[int]) -> dict[int, str]:
    """The remembered names of these departments."""
    rows = Department.objects.filter(pk__in=list(dept_ids))
    return dict(rows.values_list("dept_id", "name"))


def remembers(*, dept_id: int) -> bool:
    return Department.objects.present().filter(pk=dept_id).exists()


def suggestions(*, by: User) -> list[Department]:
    """Departments to offer while somebody types a parent; none where the list would be too long to help."""
    policy.require(by, policy.VIEW)
    found = list(
        Department.objects.present().only("dept_id", "name").order_by("name")[: _OFFERED + 1]
    )
    return found if len(found) <= _OFFERED else []


def look_at_the_top(*, by: User) -> None:
    """Fill an empty memory with the first levels, so that the first page has something to show."""
    policy.require(by, policy.VIEW)
    # A department opened by its address alone is not yet a view of the whole.
    if Department.objects.present().filter(children_seen_at__isnull=False).exists():
        return
    for dept_id in _read_the_top():
        sync.refresh_children(dept_id=dept_id)


def overview(*, by: User) -> dict[str, int]:
    """A few counts of what memory holds."""
    policy.require(by, policy.VIEW)
    rows = Department.objects.present()
    return rows.aggregate(
        departments=Count("pk"),
        read=Count("pk", filter=Q(details_seen_at__isnull=False)),
        chats=Count("pk", filter=Q(has_chat=True)),
        hidden=Count("pk", filter=Q(hidden=True)),
    )


def _read_the_top() -> list[int]:
    """The root, or where it lies outside the contact scope, the departments that are in it."""
    try:
        sync.refresh(dept_id=ROOT_ID)
    except OutOfContactScope:
        in_scope = dingtalk().contact_scope().authed_dept
        for dept_id in in_scope:
            sync.refresh(dept_id=dept_id)
        return in_scope
    return [ROOT_ID]
