"""What DingTalk's API refuses, beyond what no tree allows: names, sizes, lists, people, contact scope."""

from collections.abc import Mapping
from typing import Any

from sandbox.org import Organisation
from sandbox.records import ROOT, Department, Member
from sandbox.refusals import Refused
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
    """Raises Refused 60003."""
    if dept_id not in org:
        raise Refused(60003)
    return org[dept_id]


def visible(org: Organisation, switches: Switches, dept_id: int) -> Department:
    """Raises Refused 60003, or 50004 outside the app's contact scope."""
    department = existing(org, dept_id)
    if not in_scope(org, switches, dept_id):
        raise Refused(switches.scope_code)
    return department


def check_parent(org: Organisation, switches: Switches, parent_id: int) -> None:
    if parent_id not in org:
        raise Refused(60004)
    visible(org, switches, parent_id)


def check_name(switches: Switches, name: str) -> None:
    if not name.strip() or len(name) > NAME_LENGTH:
        raise Refused(60001)
    if any(sign in name for sign in _FORBIDDEN_IN_NAMES):
        raise Refused(switches.illegal_name_code)
    if _SENSITIVE in name:
        raise Refused(60022)


def check_siblings(
    org: Organisation, switches: Switches, name: str, *, parent_id: int, itself: int = 0
) -> None:
    """Names are compared as they are: whether DingTalk folds case or spaces is unknown (§13.4)."""
    for sibling in org.child_ids(parent_id):
        if sibling != itself and org[sibling].name == name:
            raise Refused(switches.sibling_name_code)


def check_total(org: Organisation, switches: Switches) -> None:
    if switches.departments_limit is not None and len(org) >= switches.departments_limit:
        raise Refused(60110)


def check_room(org: Organisation, switches: Switches, parent_id: int, *, height: int = 1) -> None:
    """Whether a branch of so many levels fits below a parent. Raises Refused 60002 or 60110."""
    if org.depth(parent_id) + height > switches.depth_limit:
        raise Refused(60002)
    if len(org.child_ids(parent_id)) >= switches.children_limit:
        raise Refused(60110)


def check_move(org: Organisation, switches: Switches, dept_id: int, parent_id: int) -> None:
    check_parent(org, switches, parent_id)
    org.check_move(dept_id, parent_id)
    check_room(org, switches, parent_id, height=org.height(dept_id))


def check_lists_exist(org: Organisation, changes: Mapping[str, Any], *, code: int) -> None:
    """Every department and person on a visibility list must exist."""
    for departments, users in _VISIBILITY:
        known = all(dept_id in org for dept_id in changes.get(departments, ()))
        if not known or not all(map(org.get_member, changes.get(users, ()))):
            raise Refused(code)


def check_lists_each(changes: Mapping[str, Any], *, limit: int, code: int) -> None:
    """The create page limits each list by itself."""
    for pair in _VISIBILITY:
        if any(len(changes.get(name, ())) > limit for name in pair):
            raise Refused(code)


def check_lists_together(
    before: Department, changes: Mapping[str, Any], *, limit: int, code: int
) -> None:
    """The update page limits the two lists of a pair together, the one not sent included."""
    for pair in _VISIBILITY:
        if changes.keys().isdisjoint(pair):
            continue
        if sum(len(changes.get(name, getattr(before, name))) for name in pair) > limit:
            raise Refused(code)


def check_posts(org: Organisation, dept_id: int, changes: Mapping[str, Any]) -> None:
    """Managers and the chat's owner are members of the department itself (§2.3)."""
    staff = set(org.member_ids(dept_id))
    if not staff.issuperset(changes.get("dept_manager_userid_list", ())):
        raise Refused(40031)
    if "org_dept_owner" in changes and changes["org_dept_owner"] not in staff:
        raise Refused(40093)


def check_deletable(org: Organisation, switches: Switches, dept_id: int) -> None:
    if dept_id == ROOT:
        raise Refused(switches.root_delete_code)
    visible(org, switches, dept_id)
    if org.headcount(dept_id):
        raise Refused(60005)
    if org.child_ids(dept_id) and not switches.delete_cascades:
        raise Refused(60006)
