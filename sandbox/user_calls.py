"""The calls that read people: who is in a department, and one person."""

from collections.abc import Callable, Sequence

from sandbox import rules
from sandbox.fields import Asked
from sandbox.records import Member
from sandbox.refusals import Refused

PAGE_LIMIT = 100

Answer = dict[str, object]


def listid(asked: Asked) -> Answer:
    """D:query-the-list-of-department-userids: no paging, not limited by the contact scope."""
    department = rules.existing(asked.org, asked.needed_number("dept_id"))
    return {"userid_list": [member.userid for member in asked.org.members(department.dept_id)]}


def listsimple(asked: Asked) -> Answer:
    """D:queries-the-simple-information-of-a-department-user."""
    return _page(asked, lambda member, _: {"userid": member.userid, "name": member.name})


def list_members(asked: Asked) -> Answer:
    """D:queries-the-complete-information-of-a-department-user."""

    def shown(member: Member, dept_id: int) -> Answer:
        managers = asked.org[dept_id].dept_manager_userid_list
        return {
            **_profile(member),
            "leader": member.userid in managers,
            "dept_order": member.dept_order[dept_id],
        }

    return _page(asked, shown)


def get(asked: Asked) -> Answer:
    """D:query-user-details."""
    member = asked.org.get_member(asked.needed_text("userid"))
    asked.check_language()
    if member is None:
        raise Refused(asked.switches.unknown_user_code)
    if not rules.member_in_scope(asked.org, asked.switches, member):
        raise Refused(50002)
    return {
        **_profile(member),
        "senior": False,
        "real_authed": True,
        "role_list": [],
        "leader_in_dept": [
            {"dept_id": here, "leader": member.userid in asked.org[here].dept_manager_userid_list}
            for here in member.dept_ids
        ],
        "dept_order_list": [
            {"dept_id": here, "order": order} for here, order in member.dept_order.items()
        ],
    }


def _profile(member: Member) -> Answer:
    """Fields for which the plain member permission is enough: no mobile, no e-mail (§4)."""
    return {
        "userid": member.userid,
        "unionid": f"union{member.userid}",
        "name": member.name,
        "title": member.title,
        "job_number": member.job_number,
        "active": member.active,
        "admin": member.admin,
        "boss": member.boss,
        "hide_mobile": False,
        "exclusive_account": False,
        "dept_id_list": list(member.dept_ids),
        "hired_date": member.hired_date,
    }


def _page(asked: Asked, shown: Callable[[Member, int], Answer]) -> Answer:
    """One page of a department's direct members; without more, `next_cursor` is missing (§4)."""
    dept_id = asked.needed_number("dept_id")
    cursor = asked.needed_number("cursor")
    size = asked.needed_number("size")
    if cursor < 0:
        raise Refused(40068)
    if not 0 < size <= PAGE_LIMIT:
        raise Refused(40069)
    asked.check_language()
    rules.visible(asked.org, asked.switches, dept_id)
    members = _ordered(asked, dept_id)
    answer: Answer = {
        "has_more": cursor + size < len(members),
        "list": [shown(member, dept_id) for member in members[cursor : cursor + size]],
    }
    return answer | ({"next_cursor": cursor + size} if answer["has_more"] else {})


def _ordered(asked: Asked, dept_id: int) -> Sequence[Member]:
    members = asked.org.members(dept_id)
    match asked.text("order_field") or "custom":
        case "custom":
            return members
        case "entry_asc":
            return sorted(members, key=lambda member: member.hired_date)
        case "entry_desc":
            return sorted(members, key=lambda member: -member.hired_date)
        case "modify_asc":
            return sorted(members, key=lambda member: member.modified)
        case "modify_desc":
            return sorted(members, key=lambda member: -member.modified)
        case _:
            raise Refused(40070)
