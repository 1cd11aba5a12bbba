"""What DingTalk tells, as types: strict in what we rely on, blind to the rest."""

import typing

import pytest
from other_side import CHILDREN, GET, NAMES, Line, reply

from departments.dingtalk import (
    ON_CREATE,
    ROOT_ID,
    WRITE_ONLY,
    Department,
    DepartmentChanges,
    DingTalkClient,
    NotUnderstood,
)

# Composed by the reference from the shapes of live replies (§2.2).
LIVE = {
    "dept_id": 931204477,
    "name": "研发部",
    "parent_id": 1,
    "order": 931204477,
    "brief": "",
    "create_dept_group": True,
    "auto_add_user": True,
    "dept_group_chat_id": "chat3f0b7c55d2a94e60b6a1c8e2d4f90713",
    "group_contain_sub_dept": False,
    "org_dept_owner": "user017",
    "dept_manager_userid_list": ["user017"],
    "hide_dept": False,
    "dept_permits": [],
    "user_permits": [],
    "outer_dept": False,
    "outer_permit_depts": [],
    "outer_permit_users": [],
    "auto_approve_apply": False,
    "emp_apply_join_dept": False,
    "member_count": 12,
    "owning_member_count": 7,
}


def told(result: object) -> dict[str, object]:
    return {"errcode": 0, "errmsg": "ok", "request_id": "16kq0v3n7c1ua", "result": result}


def test_a_department_keeps_every_field_dingtalk_told(client: DingTalkClient, line: Line):
    line.answer(GET, reply(told(LIVE)))

    department = client.get_department(931204477)

    assert department.as_dict() == LIVE


def test_what_dingtalk_did_not_say_is_none_and_left_out(client: DingTalkClient, line: Line):
    line.answer(GET, reply(told({"dept_id": 1, "name": "Acme"})))

    department = client.get_department(ROOT_ID)

    assert department.order is None
    assert department.dept_manager_userid_list is None
    assert department.as_dict() == {"dept_id": 1, "name": "Acme"}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"hide_dept": "true"}, {"hide_dept": True}),
        ({"order": "12", "member_count": "0"}, {"order": 12, "member_count": 0}),
        ({"dept_id": "931204477"}, {"dept_id": 931204477}),
        ({"order": 0}, {"order": 0}),
        ({"a_field_of_next_year": {"x": [1]}}, {}),
        ({"union_dept_ext": {"deptId": 5, "corp_id": "c"}}, {}),
    ],
)
def test_numbers_and_flags_may_be_printed_as_words(client, line, sent, read):
    line.answer(GET, reply(told(LIVE | sent)))

    department = client.get_department(931204477)

    assert department.as_dict().items() >= read.items()


@pytest.mark.parametrize("root", [{}, {"parent_id": None}, {"parent_id": 0}])
def test_the_root_has_no_parent_whichever_way_it_is_said(client, line, root):
    line.answer(GET, reply(told({"dept_id": 1, "name": "Acme"} | root)))

    assert not client.get_department(ROOT_ID).parent_id


@pytest.mark.parametrize("dept_id", [-7, -1, 0, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), "1", 1.0])
def test_an_odd_id_breaks_nothing(client: DingTalkClient, line: Line, dept_id):
    line.answer(CHILDREN, reply(told([{"dept_id": dept_id, "name": "x"}])))

    assert client.list_children(1)[0].dept_id == int(dept_id)


@pytest.mark.parametrize(
    "dept_id", [2**63, -(2**63) - 1, 10**30, 1.5, True, None, "", "x", "１", "1_000", [1], {"x": 1}]
)
def test_what_no_database_could_keep_is_no_id(client: DingTalkClient, line: Line, dept_id):
    line.answer(CHILDREN, reply(told([{"dept_id": dept_id, "name": "x"}])))

    with pytest.raises(NotUnderstood) as caught:
        client.list_children(1)
    assert "dept_id" in caught.value.message


@pytest.mark.parametrize("field", ["order", "member_count", "owning_member_count", "parent_id"])
def test_what_no_database_could_keep_is_no_number(client: DingTalkClient, line: Line, field):
    line.answer(GET, reply(told(LIVE | {field: 10**30})))

    with pytest.raises(NotUnderstood) as caught:
        client.get_department(931204477)
    assert field in caught.value.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None},
        {"name": 5},
        {"order": "first"},
        {"hide_dept": "maybe"},
        {"dept_permits": "[2,3]"},
        {"dept_manager_userid_list": {"user017": True}},
        {"dept_manager_userid_list": [None]},
    ],
)
def test_a_field_of_the_wrong_kind_is_named_without_its_value(client, line, wrong):
    line.answer(GET, reply(told(LIVE | wrong)))

    with pytest.raises(NotUnderstood) as caught:
        client.get_department(931204477)

    assert next(iter(wrong)) in caught.value.message
    assert "user017" not in str(caught.value)
    assert caught.value.request_id == "16kq0v3n7c1ua"


@pytest.mark.parametrize("result", [None, [], "", 5, {}, {"dept_id": 5}, {"name": "x"}])
def test_a_result_without_the_department_is_not_understood(client, line, result):
    line.answer(GET, reply(told(result)))

    with pytest.raises(NotUnderstood):
        client.get_department(5)


def test_a_last_page_may_leave_everything_out(client: DingTalkClient, line: Line):
    line.answer(NAMES, reply(told({})))

    page = client.list_member_names(1)

    assert (page.people, page.has_more, page.next_cursor) == ([], False, None)


def test_what_can_be_written_is_what_the_manual_lists():
    fields = typing.get_type_hints(DepartmentChanges).keys()

    assert fields >= ON_CREATE
    assert fields >= WRITE_ONLY
    assert WRITE_ONLY.isdisjoint(Department.__struct_fields__)
    # Managers and chat owner need members, so they wait for an update.
    assert ON_CREATE.isdisjoint({"dept_manager_userid_list", "org_dept_owner", "code"})
