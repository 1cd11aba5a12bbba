"""What DingTalk's API refuses, beyond what no tree allows: names, sizes, lists, people, contact scope."""

from collections.abc import Mapping
from typing import Any

from sandbox.org import Organisation
from sandbox.records import ROOT, Department, Member
from sandbox.refusals import DingTalkError
from sandbox.switches import Switches

NAME_LENGTH = 64
CODE_LENGTH = 30
# From checks in the official Java SDK of 2021; the manual no longer lists these fields.
BRIEF_LENGTH = 255
TELEPHONE_LENGTH = 50

_FORBIDDEN_IN_NAMES = "-,，"
_SENSITIVE = "敏感词"
_VISIBILITY = (("dept_permits", "user_permits"), ("outer_permit_depts", "outer_permit_users"))


def in_scope(org: Organisation, switches: Switches, dept_id: int) -> bool:
    """A department in scope brings everything below it along (§5.3, inferred)."""
    return not set(switches.contact_scope).isdisjoint(org.line(dept_id))


def member_in_scope(org: Organisation, switches: Switches, member: Member) -> bool:
    if member.userid in switches.contact_scope_users:
        return True
    return any(in_scope(org, switches, dept_id) for dept_id in member.dept_ids)


def existing(org: Organisation, dept_id: int) -> Department:
    """Raises DingTalkError 60003."""
    if dept_id not in org:
        raise DingTalkError(60003)
    return org[dept_id]


def visible(org: Organisation, switches: Switches, dept_id: int) -> Department:
    """Raises DingTalkError 60003, or 50004 outside the app's contact scope."""
    department = existing(org, dept_id)
    if not in_scope(org, switches, dept_id):
        raise DingTalkError(switches.scope_code)
    return department


def check_parent(org: Organisation, switches: Switches, parent_id: int) -> None:
    if parent_id not in org:
        raise DingTalkError(60004)
    visible(org, switches, parent_id)


def check_name(switches: Switches, name: str) -> None:
    if not name.strip() or len(name) > NAME_LENGTH:
        raise DingTalkError(60001)
    if any(sign in name for sign in _FORBIDDEN_IN_NAMES):
        raise DingTalkError(switches.illegal_name_code)
    if _SENSITIVE in name:
        raise DingTalkError(60022)


def check_siblings(
    org: Organisation, switches: Switches, name: str, *, parent_id: int | None, itself: int = 0
) -> None:
    """Names are compared as they are: whether DingTalk folds case or spaces is unknown (§13.4)."""
    if parent_id is None:
        return
    for sibling in org.child_ids(parent_id):
        if sibling != itself and org[sibling].name == name:
            raise DingTalkError(switches.sibling_name_code)


def check_room(
    org: Organisation, switches: Switches, parent_id: int, *, height: int = 1, new: int = 1
) -> None:
    """Whether a branch of so many levels fits below a parent. Raises DingTalkError 60002 or 60110."""
    if org.depth(parent_id) + height > switches.depth_limit:
        raise DingTalkError(60002)
    if len(org.child_ids(parent_id)) >= switches.children_limit:
        raise DingTalkError(60110)
    if switches.departments_limit is not None and len(org) + new > switches.departments_limit:
        raise DingTalkError(60110)


def check_move(org: Organisation, switches: Switches, dept_id: int, parent_id: int) -> None:
    check_parent(org, switches, parent_id)
    org.check_move(dept_id, parent_id)
    check_room(org, switches, parent_id, height=org.height(dept_id), new=0)


def check_lists_exist(org: Organisation, changes: Mapping[str, Any], *, code: int) -> None:
    """Every department and person on a visibility list must exist."""
    for departments, users in _VISIBILITY:
        known = all(dept_id in org for dept_id in changes.get(departments, ()))
        if not known or not all(map(org.get_member, changes.get(users, ()))):
            raise DingTalkError(code)


def check_lists_each(changes: Mapping[str, Any], *, limit: int, code: int) -> None:
    """The create page limits each list by itself."""
    for pair in _VISIBILITY:
        if any(len(changes.get(name, ())) > limit for name in pair):
            raise DingTalkError(code)


def check_lists_together(
    before: Department, changes: Mapping[str, Any], *, limit: int, code: int
) -> None:
    """The update page limits the two lists of a pair together, the one not sent included."""
    for pair in _VISIBILITY:
        if changes.keys().isdisjoint(pair):
            continue
        if sum(len(changes.get(name, getattr(before, name))) for name in pair) > limit:
            raise DingTalkError(code)


def check_posts(org: Organisation, dept_id: int, changes: Mapping[str, Any]) -> None:
    """Managers and the chat's owner are members of the department itself (§2.3)."""
    staff = org.member_ids(dept_id)
    managers = changes.get("dept_manager_userid_list")
    if managers is not None and not set(managers) <= set(staff):
        raise DingTalkError(40031)
    if changes.get("org_dept_owner", staff[0] if staff else None) not in {*staff, None}:
        raise DingTalkError(40093)


def check_deletable(org: Organisation, switches: Switches, dept_id: int) -> None:
    if dept_id == ROOT:
        raise DingTalkError(switches.root_delete_code)
    visible(org, switches, dept_id)
    if org.headcount(dept_id):
        raise DingTalkError(60005)
    if org.child_ids(dept_id) and not switches.delete_cascades:
        raise DingTalkError(60006)
