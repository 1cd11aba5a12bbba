"""What travels between us and DingTalk, as types.

Replies are strict in what we rely on and blind to the rest. DingTalk's own pages print booleans and numbers
of some replies as strings, and real replies leave fields out or send empty lists: both are read alike, and
`None` always means "DingTalk did not say".
"""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import msgspec

#: Numbers we keep must fit a database's bigint. Ids occur from -7 (home-school contacts) upwards.
Bigint = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Id = Bigint

ROOT_ID = 1


class Department(msgspec.Struct, frozen=True, kw_only=True):
    """A department as `department/get` tells it
    (https://open.dingtalk.com/document/development/query-department-details0-v2, 2026-06-08).

    The last seven fields are known from SDKs and live replies, not from that page. Never returned, though they
    can be written: `outer_dept_only_self`, `group_contain_outer_dept`, `group_contain_hidden_dept`.
    """

    dept_id: Id
    name: str
    parent_id: Id | None = None
    order: Bigint | None = None
    source_identifier: str | None = None
    code: str | None = None
    create_dept_group: bool | None = None
    auto_add_user: bool | None = None
    dept_group_chat_id: str | None = None
    group_contain_sub_dept: bool | None = None
    org_dept_owner: str | None = None
    dept_manager_userid_list: list[str] | None = None
    hide_dept: bool | None = None
    dept_permits: list[Id] | None = None
    user_permits: list[str] | None = None
    outer_dept: bool | None = None
    outer_permit_depts: list[Id] | None = None
    outer_permit_users: list[str] | None = None
    auto_approve_apply: bool | None = None
    member_count: Bigint | None = None
    owning_member_count: Bigint | None = None
    tags: str | None = None
    from_union_org: bool | None = None
    union_dept_ext: dict[str, Any] | None = None
    brief: str | None = None
    telephone: str | None = None
    extention: str | None = None  # DingTalk's spelling in replies; requests say `extension`
    emp_apply_join_dept: bool | None = None
    hide_scene_config: dict[str, Any] | None = None
    outer_scene_config: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Only the fields DingTalk told, as plain JSON values."""
        told = msgspec.to_builtins(self)
        return {field: value for field, value in told.items() if value is not None}


_again = msgspec.json.Decoder(Department, strict=False)


def told_before(kept: str) -> Department | None:
    """A department from the JSON that `as_dict` gave; None where an older version kept another shape."""
    try:
        return _again.decode(kept)
    except msgspec.MsgspecError:
        return None


class ListedDepartment(msgspec.Struct, frozen=True, kw_only=True):
    """One child as `department/listsub` tells it: no order, no rights, no counts."""

    dept_id: Id
    name: str
    parent_id: Id | None = None
    create_dept_group: bool | None = None
    auto_add_user: bool | None = None


class DepartmentChanges(TypedDict, total=False):
    """Fields to write; a field left out stays as it is.

    Lists travel as comma-joined strings, which the wire does. Limits, as the update page gives them
    (https://open.dingtalk.com/document/development/address-book-update-department, 2026-06-08):
    `name` 1–64 characters without ``-``, ``,`` and ``，``; `code` at most 30, on update only; each pair of
    exception lists at most 50 entries together; `order` a number above 0; managers and chat owner must be
    members of the department.
    """

    name: str
    parent_id: int
    order: int
    source_identifier: str
    code: str
    hide_dept: bool
    dept_permits: list[int]
    user_permits: list[str]
    outer_dept: bool
    outer_dept_only_self: bool
    outer_permit_depts: list[int]
    outer_permit_users: list[str]
    create_dept_group: bool
    auto_add_user: bool
    dept_manager_userid_list: list[str]
    org_dept_owner: str
    group_contain_sub_dept: bool
    group_contain_outer_dept: bool
    group_contain_hidden_dept: bool
    auto_approve_apply: bool
    force_update_fields: list[str]
    language: str


#: What `department/create` takes; the others need an update afterwards
#: (https://open.dingtalk.com/document/development/address-book-creation-department-established-department).
ON_CREATE: frozenset[str] = frozenset(
    {"name", "parent_id", "order", "source_identifier", "hide_dept", "dept_permits", "user_permits"}
    | {"outer_dept", "outer_dept_only_self", "outer_permit_depts", "outer_permit_users"}
    | {"create_dept_group", "auto_approve_apply"}
)

#: What can be written but is never told back: no read can confirm it.
WRITE_ONLY: frozenset[str] = frozenset(
    {"outer_dept_only_self", "group_contain_outer_dept", "group_contain_hidden_dept"}
)


class Receipt(msgspec.Struct, frozen=True):
    """DingTalk's yes to a write; `request_id` is what its support asks for."""

    request_id: str
    dept_id: int | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A member, as far as naming them and finding their departments needs."""

    userid: str
    name: str = ""
    title: str | None = None
    leader: bool | None = None
    dept_id_list: list[Id] | None = None


class PeoplePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a department's direct members; ask on with `next_cursor` while `has_more`."""

    has_more: bool = False
    next_cursor: int | None = None
    people: list[Person] = msgspec.field(name="list", default_factory=list)


class SearchPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Ids whose names match, in the order of `department search`; hints to be confirmed by a read."""

    has_more: bool = False
    total_count: int | None = None
    dept_ids: list[Id] = msgspec.field(name="list", default_factory=list)


class ContactScope(msgspec.Struct, frozen=True):
    """What the app may see: `[1]` among the departments means the whole organisation."""

    authed_dept: list[Id] = []
    authed_user: list[str] = []
