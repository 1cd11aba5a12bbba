"""What our own rules refuse, each carrying what a page needs to say so.

DepartmentError
├─ NotPermitted          the person's role does not allow it
├─ DepartmentUnknown     neither in memory nor in DingTalk
├─ DepartmentGone        it was there, DingTalk no longer has it; carries what we remember
├─ Fixed                 the root, or a department of a linked organisation: not changed through the API
├─ OutsideFence          outside the part of the organisation this installation may write
├─ FieldsWrong           a field's value cannot be right; carries sentences by field
├─ ChangedMeanwhile      a field being changed is no longer what the person saw; carries the three values
├─ InDoubt               an earlier write to it is not settled yet; carries that entry
├─ Repeated              the same form again (double click, reload, Back); carries its operation
├─ AskedBefore           the same form with other content, and the first has had its effect
├─ PlanChanged           the branch is no longer what was checked; carries the new plan
└─ PlanNotUsable         too old, another person's, or blocked
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .models import AuditEntry, DeletionPlan, Department, Operation


class DepartmentError(Exception):
    """Our rules say no; nothing was sent to DingTalk."""


class NotPermitted(DepartmentError):
    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(permission)


class DepartmentUnknown(DepartmentError):
    def __init__(self, dept_id: int) -> None:
        self.dept_id = dept_id
        super().__init__(str(dept_id))


class DepartmentGone(DepartmentError):
    def __init__(self, remembered: Department, path: str) -> None:
        self.remembered = remembered
        self.path = path
        super().__init__(str(remembered.dept_id))


class Fixed(DepartmentError):
    """`why` is "root" or "linked"."""

    def __init__(self, dept_id: int, *, why: str) -> None:
        self.dept_id = dept_id
        self.why = why
        super().__init__(f"{dept_id}: {why}")


class OutsideFence(DepartmentError):
    def __init__(self, dept_id: int) -> None:
        self.dept_id = dept_id
        super().__init__(str(dept_id))


class FieldsWrong(DepartmentError):
    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.wrong = dict(wrong)
        super().__init__(", ".join(self.wrong))


@dataclass(frozen=True)
class Clash:
    """One field on which two people disagree."""

    field: str
    opened: Any
    now: Any
    yours: Any


class ChangedMeanwhile(DepartmentError):
    def __init__(self, clashes: list[Clash], now: Mapping[str, Any]) -> None:
        self.clashes = clashes
        self.now = now
        super().__init__(", ".join(clash.field for clash in clashes))


class InDoubt(DepartmentError):
    def __init__(self, entry: AuditEntry) -> None:
        self.entry = entry
        super().__init__(f"entry {entry.pk}")


class Repeated(DepartmentError):
    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        super().__init__(str(operation.op_id))


class AskedBefore(DepartmentError):
    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        super().__init__(str(operation.op_id))


class PlanChanged(DepartmentError):
    def __init__(self, old: DeletionPlan, new: DeletionPlan) -> None:
        self.old = old
        self.new = new
        super().__init__(str(old.plan_id))


class PlanNotUsable(DepartmentError):
    """`why` is "old", "another" or "end" (the check did not end in "allowed")."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)
