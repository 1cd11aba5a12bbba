"""What an organisation is made of. Records never change: a change is a new record, so that the
journal can keep the one before and the one after.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ROOT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A department under DingTalk's own field names, those that can be written but not read included."""

    dept_id: int
    name: str
    parent_id: int | None
    order: int
    source_identifier: str = ""
    code: str = ""
    hide_dept: bool = False
    dept_permits: tuple[int, ...] = ()
    user_permits: tuple[str, ...] = ()
    outer_dept: bool = False
    outer_dept_only_self: bool = False
    outer_permit_depts: tuple[int, ...] = ()
    outer_permit_users: tuple[str, ...] = ()
    create_dept_group: bool = False
    dept_group_chat_id: str = ""
    auto_add_user: bool = False
    group_contain_sub_dept: bool = False
    group_contain_outer_dept: bool = False
    group_contain_hidden_dept: bool = False
    org_dept_owner: str = ""
    dept_manager_userid_list: tuple[str, ...] = ()
    auto_approve_apply: bool = False
    brief: str = ""
    telephone: str = ""
    extension: str = ""
    emp_apply_join_dept: bool = False
    hide_scene_config: Mapping[str, object] | None = None
    outer_scene_config: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person. `dept_order` holds their place in each of their departments: the bigger, the earlier."""

    userid: str
    name: str
    dept_order: Mapping[int, int] = field(default_factory=dict)
    title: str = ""
    job_number: str = ""
    hired_date: int = 0
    active: bool = True
    admin: bool = False
    boss: bool = False
    modified: float = 0.0

    @property
    def dept_ids(self) -> tuple[int, ...]:
        return tuple(self.dept_order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A Department Chat. Its owner is the department's `org_dept_owner`."""

    chat_id: str
    dept_id: int
    name: str


Record = Department | Member | Chat
