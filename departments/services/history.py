"""What people did, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import policy
from ..errors import DepartmentUnknown
from ..models import AuditEntry, Department, Operation

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet


def entries(*, by: User, dept_id: int | None = None) -> QuerySet[AuditEntry]:
    """Newest first; of one department where `dept_id` is given."""
    policy.require(by, policy.VIEW)
    rows = AuditEntry.objects.select_related("operation").order_by("-pk")
    return rows if dept_id is None else rows.filter(dept_id=dept_id)


def operation(*, op_id: UUID, by: User) -> Operation | None:
    policy.require(by, policy.VIEW)
    return Operation.objects.prefetch_related("entries").filter(pk=op_id).first()


def remembered(*, dept_id: int, by: User) -> dict[str, Any]:
    """A department as memory has it, gone or not, for the page of its history."""
    policy.require(by, policy.VIEW)
    department = Department.objects.filter(pk=dept_id).first()
    if department is None:
        raise DepartmentUnknown(dept_id)
    return {"department": department, "trail": Department.objects.trail(dept_id)}
