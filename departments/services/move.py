"""Moving a department, and everything below it, to another parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from .. import policy
from ..dingtalk import NotThere
from ..errors import FieldsWrong, Fixed
from ..gateway import dingtalk
from ..models import Kind
from . import audit, doubt, edit, sync

if TYPE_CHECKING:
    from .. import dingtalk as wire


def read_live(*, dept_id: int, by: Any) -> wire.Department:
    """The department as it is now, to be moved. Raises Fixed and OutsideFence where it never can be."""
    policy.require(by, policy.EDIT)
    if dept_id == settings.DINGTALK_ROOT_ID:
        raise Fixed(dept_id, why="root")
    return edit.read_live(dept_id=dept_id, by=by)


def move(*, dept_id: int, parent_id: int, seen_parent_id: int | None, ask: audit.Ask) -> edit.Saved:
    """Put the department below another one; its own branch goes with it.

    Raises FieldsWrong where the target is the department itself, lies below it, or is where it already is;
    ChangedMeanwhile when somebody else moved it since the person looked. Nothing is then sent.
    """
    policy.require(ask.by, policy.EDIT)
    changes: wire.DepartmentChanges = {"parent_id": parent_id}
    ask = audit.claim(ask, Kind.MOVE, dept_id, changes)
    doubt.nothing_in_doubt(doubt.Reach.of(Kind.MOVE, [dept_id], changes))
    before = read_live(dept_id=dept_id, by=ask.by).as_dict()
    edit.stop_on_clashes(changes, {"parent_id": seen_parent_id}, before)
    if before.get("parent_id") == parent_id:
        raise FieldsWrong({"parent_id": "same"})
    edit.read_parent(parent_id=parent_id, by=ask.by)
    if dept_id in _up_from(parent_id):
        raise FieldsWrong({"parent_id": "below"})
    return edit.write(kind=Kind.MOVE, before=before, changes=changes, ask=ask)


def _up_from(parent_id: int) -> list[int]:
    try:
        return dingtalk().list_ancestor_ids(parent_id)
    except NotThere:
        raise sync.gone_or_unknown(parent_id) from None
