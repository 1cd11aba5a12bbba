"""The calls under /topapi/v2/department. Department fields keep the names the calls give them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import rules
from sandbox.fields import BAD_FIELD, Asked, as_number
from sandbox.records import ROOT, Department
from sandbox.refusals import Refused

Answer = dict[str, object]


@dataclass(frozen=True, slots=True)
class Codes:
    """Create and update have different words for the same fault (their pages' tables, §2.1 and §2.3)."""

    field: int
    order: int
    visibility: int


_CREATE = Codes(field=40035, order=40035, visibility=600109)
_UPDATE = Codes(field=BAD_FIELD, order=40011, visibility=60109)

_FLAGS = (
    "hide_dept",
    "outer_dept",
    "outer_dept_only_self",
    "create_dept_group",
    "auto_approve_apply",
)
_FLAGS_OF_UPDATE = (
    *_FLAGS,
    "auto_add_user",
    "group_contain_sub_dept",
    "group_contain_outer_dept",
    "group_contain_hidden_dept",
)
_DEPT_LISTS = ("dept_permits", "outer_permit_depts")
_USER_LISTS = ("user_permits", "outer_permit_users")
_MANAGERS = "dept_manager_userid_list"
_OWNER = "org_dept_owner"


def create(asked: Asked) -> Answer:
    """D:address-book-creation-department-established-department. Managers and owner need an update."""
    org, switches = asked.org, asked.switches
    name = asked.needed_text("name", wrong=_CREATE.field)
    parent_id = asked.needed_number("parent_id", wrong=_CREATE.field)
    fields = _common_fields(asked, _CREATE, flags=_FLAGS, with_code=switches.create_accepts_code)
    rules.check_name(switches, name)
    rules.check_parent(org, switches, parent_id)
    rules.check_siblings(org, switches, name, parent_id=parent_id)
    rules.check_total(org, switches)
    rules.check_room(org, switches, parent_id)
    rules.check_lists_each(fields, limit=switches.visibility_limit, code=_CREATE.visibility)
    rules.check_lists_exist(org, fields, code=_CREATE.visibility)
    department = org.create_department(name, parent=parent_id, by=asked.by, **fields)
    return {"dept_id": department.dept_id}


def update(asked: Asked) -> None:
    """D:address-book-update-department. Partial: a field that is not sent stays as it is."""
    dept_id = asked.needed_number("dept_id", wrong=40009)
    if dept_id <= 0:
        raise Refused(40009)
    if dept_id == ROOT:
        raise Refused(60018)
    before = rules.visible(asked.org, asked.switches, dept_id)
    asked.check_language()
    changes = _changes(asked)
    _check_place(asked, before, changes)
    limit = asked.switches.visibility_limit
    rules.check_lists_together(before, changes, limit=limit, code=_UPDATE.visibility)
    rules.check_lists_exist(asked.org, changes, code=_UPDATE.visibility)
    rules.check_posts(asked.org, dept_id, changes)
    asked.org.edit_department(dept_id, by=asked.by, **changes)


def delete(asked: Asked) -> None:
    """D:address-book-deletion-department; what it takes along: reference §3."""
    dept_id = rules.existing(asked.org, asked.needed_number("dept_id")).dept_id
    rules.check_deletable(asked.org, asked.switches, dept_id)
    asked.org.delete_department(dept_id, by=asked.by)


def get(asked: Asked) -> Answer:
    """D:query-department-details0-v2."""
    dept_id = asked.needed_number("dept_id")
    if dept_id < 0:
        # Special trees, such as home-school contacts at -7 (D:common-errors).
        raise Refused(40009)
    asked.check_language()
    return _shown(asked, rules.visible(asked.org, asked.switches, dept_id))


def listsub(asked: Asked) -> list[Answer]:
    """D:user-management-acquires-the-list-departments: one level, no paging, sorted by order (OLD-PY)."""
    dept_id = asked.number("dept_id")
    asked.check_language()
    above = rules.visible(asked.org, asked.switches, ROOT if dept_id is None else dept_id)
    return [
        {
            "dept_id": child.dept_id,
            "name": child.name,
            "parent_id": child.parent_id,
            "create_dept_group": child.create_dept_group,
            "auto_add_user": child.auto_add_user,
        }
        for child in asked.org.children(above.dept_id)
    ]


def listsubid(asked: Asked) -> Answer:
    """D:obtain-the-list-of-sub-department-ids: not limited by the contact scope."""
    above = rules.existing(asked.org, asked.needed_number("dept_id"))
    return {"dept_id_list": [child.dept_id for child in asked.org.children(above.dept_id)]}


def listparentbydept(asked: Asked) -> Answer:
    """D:query-the-list-of-all-parent-departments-of-a-department: not limited by the contact scope."""
    department = rules.existing(asked.org, asked.needed_number("dept_id"))
    return {"parent_id_list": asked.org.line(department.dept_id)}


def listparentbyuser(asked: Asked) -> Answer:
    """D:queries-the-list-of-all-parent-departments-of-a-user: not limited by the contact scope."""
    member = asked.org.get_member(asked.needed_text("userid"))
    if member is None:
        raise Refused(33012)
    lines = [{"parent_dept_id_list": asked.org.line(dept_id)} for dept_id in member.dept_ids]
    return {"parent_list": lines}


def _common_fields(
    asked: Asked, codes: Codes, *, flags: tuple[str, ...], with_code: bool
) -> dict[str, Any]:
    """What create and update read alike; fields that were not sent are left out."""
    texts = ("source_identifier", "code") if with_code else ("source_identifier",)
    read: dict[str, object] = {"order": _order(asked, codes)}
    read |= {name: asked.flag(name, wrong=codes.field) for name in flags}
    read |= {name: asked.text(name, wrong=codes.field) for name in texts}
    read |= {name: _dept_list(asked, name, codes) for name in _DEPT_LISTS}
    read |= {name: asked.listed(name, wrong=codes.visibility) for name in _USER_LISTS}
    if asked.switches.undocumented_fields:
        read |= _undocumented(asked, codes)
    if len(str(read.get("code") or "")) > rules.CODE_LENGTH:
        raise Refused(codes.field)
    return {name: value for name, value in read.items() if value is not None}


def _changes(asked: Asked) -> dict[str, Any]:
    fields = _common_fields(asked, _UPDATE, flags=_FLAGS_OF_UPDATE, with_code=True)
    if not asked.switches.empty_value_clears:
        fields = {name: value for name, value in fields.items() if value not in ("", ())}
    if fields.get("create_dept_group") is False and not asked.switches.false_dismisses_chat:
        del fields["create_dept_group"]
    sent = {
        "name": asked.text("name"),
        "parent_id": asked.number("parent_id"),
        _MANAGERS: _managers(asked),
        _OWNER: asked.text(_OWNER, wrong=40093),
    }
    return fields | {name: value for name, value in sent.items() if value is not None}


def _managers(asked: Asked) -> tuple[str, ...] | None:
    """An empty list fails; clearing is asked for by name, with the list left out (D:common-errors)."""
    forced = asked.listed("force_update_fields") or ()
    if not set(forced) <= {_MANAGERS}:
        raise Refused(BAD_FIELD)
    managers = asked.listed(_MANAGERS, wrong=40031)
    if managers == ():
        raise Refused(40031)
    return () if managers is None and forced else managers


def _check_place(asked: Asked, before: Department, changes: Mapping[str, Any]) -> None:
    """Name and parent together: a move may end beside a namesake."""
    org, switches = asked.org, asked.switches
    name = changes.get("name", before.name)
    parent_id = changes.get("parent_id", before.parent_id)
    if "name" in changes:
        rules.check_name(switches, name)
    if parent_id != before.parent_id:
        rules.check_move(org, switches, before.dept_id, parent_id)
    if (name, parent_id) != (before.name, before.parent_id):
        rules.check_siblings(org, switches, name, parent_id=parent_id, itself=before.dept_id)


def _order(asked: Asked, codes: Codes) -> int | None:
    order = asked.number("order", wrong=codes.order)
    if order is not None and order <= 0:
        raise Refused(40011)
    return order


def _dept_list(asked: Asked, name: str, codes: Codes) -> tuple[int, ...] | None:
    listed = asked.listed(name, wrong=codes.visibility)
    if listed is None:
        return None
    dept_ids = [as_number(item) for item in listed]
    known = tuple(dept_id for dept_id in dept_ids if dept_id is not None)
    if len(known) < len(dept_ids):
        raise Refused(codes.visibility)
    return known


def _undocumented(asked: Asked, codes: Codes) -> dict[str, object]:
    """Fields that only the SDKs know; DingTalk's reply may or may not show that it took them (§13.7)."""
    brief = asked.text("brief", wrong=codes.field)
    telephone = asked.text("telephone", wrong=codes.field)
    if len(brief or "") > rules.BRIEF_LENGTH or len(telephone or "") > rules.TELEPHONE_LENGTH:
        raise Refused(codes.field)
    settings: dict[str, Callable[..., object]] = {
        "extension": asked.text,
        "emp_apply_join_dept": asked.flag,
        "hide_scene_config": asked.settings,
        "outer_scene_config": asked.settings,
    }
    read = {name: read(name, wrong=codes.field) for name, read in settings.items()}
    return {"brief": brief, "telephone": telephone, **read}


def _shown(asked: Asked, department: Department) -> Answer:
    """A department as `get` shows it: write-only fields never, some only once they are set (§2.2)."""
    answer: Answer = {
        "dept_id": department.dept_id,
        "name": department.name,
        **_shown_parent(asked, department),
        "order": department.order,
        "brief": department.brief,
        "create_dept_group": department.create_dept_group,
        "auto_add_user": department.auto_add_user,
        "group_contain_sub_dept": department.group_contain_sub_dept,
        "hide_dept": department.hide_dept,
        "outer_dept": department.outer_dept,
        "auto_approve_apply": department.auto_approve_apply,
        "emp_apply_join_dept": department.emp_apply_join_dept,
        "member_count": asked.org.headcount(department.dept_id),
        "owning_member_count": len(asked.org.member_ids(department.dept_id)),
    }
    return answer | _shown_lists(asked, department) | _shown_once_set(department)


def _shown_parent(asked: Asked, department: Department) -> Answer:
    if department.parent_id is not None:
        return {"parent_id": department.parent_id}
    match asked.switches.root_parent:
        case "absent":
            return {}
        case "zero":
            return {"parent_id": 0}
        case "null":
            return {"parent_id": None}


def _shown_lists(asked: Asked, department: Department) -> Answer:
    lists: Answer = {}
    if department.hide_dept:
        lists["dept_permits"] = list(department.dept_permits)
        lists["user_permits"] = list(department.user_permits)
    elif asked.switches.empty_lists_shown:
        lists |= {"dept_permits": [], "user_permits": []}
    if department.outer_dept:
        lists["outer_permit_depts"] = list(department.outer_permit_depts)
        lists["outer_permit_users"] = list(department.outer_permit_users)
    elif asked.switches.empty_lists_shown:
        lists |= {"outer_permit_depts": [], "outer_permit_users": []}
    if department.dept_manager_userid_list or asked.switches.no_managers_shown:
        lists[_MANAGERS] = list(department.dept_manager_userid_list)
    return lists


def _shown_once_set(department: Department) -> Answer:
    values: Answer = {
        "source_identifier": department.source_identifier,
        "code": department.code,
        "dept_group_chat_id": department.dept_group_chat_id,
        _OWNER: department.org_dept_owner,
        "telephone": department.telephone,
        # Spelled so in replies, while the request's field is `extension` (TOP:52330).
        "extention": department.extension,
        "hide_scene_config": department.hide_scene_config,
        "outer_scene_config": department.outer_scene_config,
    }
    return {name: value for name, value in values.items() if value}
