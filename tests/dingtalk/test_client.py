"""Each endpoint against the sandbox: what it does, and each refusal its docstring names."""

from collections.abc import Callable
from typing import Any

import pytest
from other_side import CREATE, NAMES, UPDATE, Line, reply

from departments.dingtalk import (
    ON_CREATE,
    ROOT_ID,
    AddressNotAllowed,
    DepartmentChanges,
    DingTalkClient,
    NotAuthorised,
    NotThere,
    NotUnderstood,
    OutOfContactScope,
    PermissionMissing,
    QuotaSpent,
    Refused,
    SaidNo,
)
from sandbox import Organisation, Sandbox

NOWHERE = 404_404_404
UNTAKEN = "Research"


def refusal(family: type[SaidNo], call: Callable[[], object]) -> Any:
    """The code with which a call was refused, in the family expected."""
    with pytest.raises(SaidNo) as caught:
        call()
    assert type(caught.value) is family, caught.value
    assert caught.value.message
    return caught.value.code


@pytest.fixture
def sales(org: Organisation) -> int:
    return org["Sales"].dept_id


@pytest.fixture
def legal_only(sandbox: Sandbox, org: Organisation) -> int:
    """The app may see Legal and nothing else."""
    sandbox.switches.contact_scope = [org["Legal"].dept_id]
    return org["Legal"].dept_id


# Create


def test_a_department_is_created_with_all_that_create_takes(client, org: Organisation, sales, east):
    fields: DepartmentChanges = {
        "name": "研发部",
        "parent_id": sales,
        "order": 20,
        "source_identifier": "hr-17",
        "hide_dept": True,
        "dept_permits": [sales, east],
        "user_permits": ["liwei", "chenyu"],
        "outer_dept": True,
        "outer_dept_only_self": True,
        "outer_permit_depts": [east],
        "outer_permit_users": ["liwei"],
        "create_dept_group": True,
        "auto_approve_apply": True,
    }
    assert fields.keys() == ON_CREATE

    receipt = client.create_department(fields)

    created = org[receipt.dept_id]
    assert (created.name, created.parent_id, created.order) == ("研发部", sales, 20)
    assert (created.dept_permits, created.user_permits) == ((sales, east), ("liwei", "chenyu"))
    assert (created.outer_permit_depts, created.outer_permit_users) == ((east,), ("liwei",))
    assert created.hide_dept
    assert created.outer_dept_only_self
    assert created.auto_approve_apply


def test_a_receipt_names_the_department_and_the_request(client: DingTalkClient, sandbox: Sandbox):
    receipt = client.create_department({"name": UNTAKEN, "parent_id": ROOT_ID})

    assert receipt.dept_id == sandbox.org[UNTAKEN].dept_id
    assert receipt.request_id == sandbox.journal[-1].request_id


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "x" * 65}, 60001),
        ({"name": " "}, 60001),
        ({"name": "East-West"}, 60009),
        ({"name": "East, West"}, 60009),
        ({"name": "东，西"}, 60009),
        ({"name": "Legal"}, 60021),
        ({"name": "敏感词"}, 60022),
        ({"order": 0}, 40011),
        ({"order": -1}, 40011),
        ({"order": "first"}, 40035),
        ({"name": None}, 40035),
        ({"parent_id": None}, 40035),
        ({"parent_id": NOWHERE}, 60004),
        ({"hide_dept": True, "dept_permits": [NOWHERE]}, 600109),
        ({"hide_dept": True, "user_permits": ["nobody"]}, 600109),
        ({"hide_dept": True, "user_permits": ["liwei"] * 51}, 600109),
    ],
)
def test_a_create_is_refused(client: DingTalkClient, sandbox: Sandbox, fields, code):
    wanted = {"name": UNTAKEN, "parent_id": ROOT_ID} | fields

    assert refusal(Refused, lambda: client.create_department(wanted)) == code
    assert sandbox.journal == []


def test_the_older_code_for_a_namesake_means_the_same(client, sandbox: Sandbox):
    sandbox.switches.sibling_name_code = 60008

    legal = {"name": "Legal", "parent_id": ROOT_ID}
    assert refusal(Refused, lambda: client.create_department(legal)) == 60008


def test_twenty_levels_are_the_most(client: DingTalkClient, org: Organisation):
    parent = ROOT_ID
    for level in range(20):
        parent = client.create_department({"name": f"Level {level}", "parent_id": parent}).dept_id

    below = {"name": UNTAKEN, "parent_id": parent}
    assert refusal(Refused, lambda: client.create_department(below)) == 60002
    assert org.depth(parent) == 20


def test_a_parent_has_so_many_children_at_most(client, sandbox: Sandbox, sales):
    sandbox.switches.children_limit = 2

    third = {"name": UNTAKEN, "parent_id": sales}
    assert refusal(Refused, lambda: client.create_department(third)) == 60110


def test_nothing_is_created_below_what_the_app_may_not_see(client, legal_only, sales):
    wanted = {"name": UNTAKEN, "parent_id": sales}

    assert refusal(OutOfContactScope, lambda: client.create_department(wanted)) == 50004


# Update


def test_an_update_writes_the_fields_given_and_no_other(client, org: Organisation, sales, east):
    before = org[east]

    receipt = client.update_department(east, {"name": "Orient", "code": "E1", "order": 5})

    after = org[east]
    assert receipt.dept_id == east
    assert receipt.request_id
    assert (after.name, after.code, after.order) == ("Orient", "E1", 5)
    assert (after.parent_id, after.hide_dept) == (before.parent_id, before.hide_dept)


def test_an_update_of_the_parent_moves(client: DingTalkClient, org: Organisation, east):
    client.update_department(east, {"parent_id": org["Legal"].dept_id})

    assert org.find("Legal/East").dept_id == east


def test_managers_are_named_and_cleared(client: DingTalkClient, org: Organisation, sales):
    client.update_department(sales, {"dept_manager_userid_list": ["liwei", "chenyu"]})
    assert org[sales].dept_manager_userid_list == ("liwei", "chenyu")

    client.update_department(sales, {"force_update_fields": ["dept_manager_userid_list"]})
    assert org[sales].dept_manager_userid_list == ()


@pytest.mark.parametrize(
    ("where", "changes", "code"),
    [
        ("Acme", {"name": "Acme Ltd"}, 60018),
        ("East", {"name": ""}, 60001),
        ("East", {"name": "East-West"}, 60009),
        ("East", {"name": "West"}, 60021),
        ("East", {"order": 0}, 40011),
        ("East", {"parent_id": NOWHERE}, 60004),
        ("Sales", {"parent_id": "East"}, 60010),
        ("East", {"hide_dept": True, "dept_permits": [NOWHERE]}, 60109),
        ("East", {"user_permits": ["liwei"] * 30, "dept_permits": [1] * 30}, 60109),
        ("Legal", {"dept_manager_userid_list": ["liwei"]}, 40031),
        ("Sales", {"dept_manager_userid_list": []}, 40031),
        ("Sales", {"org_dept_owner": "zhaomin"}, 40093),
    ],
)
def test_an_update_is_refused(client, org: Organisation, sandbox, where, changes, code):
    dept_id = org[where].dept_id
    if isinstance(changes.get("parent_id"), str):
        changes = changes | {"parent_id": org[changes["parent_id"]].dept_id}

    assert refusal(Refused, lambda: client.update_department(dept_id, changes)) == code
    assert sandbox.journal == []


def test_setting_rights_can_fail(client: DingTalkClient, line: Line, east):
    line.answer(UPDATE, reply({"errcode": 60510, "errmsg": "设置部门权限失败"}))

    assert refusal(Refused, lambda: client.update_department(east, {"hide_dept": True})) == 60510


# Delete


def test_a_delete_takes_the_branch_along(client: DingTalkClient, org: Organisation, sandbox):
    for who in ("liwei", "chenyu", "zhaomin"):
        org.move_member(who, to="Legal")
    sales, branch = org["Sales"].dept_id, org.branch(org["Sales"].dept_id)
    sandbox.journal.clear()

    receipt = client.delete_department(sales)

    assert receipt.dept_id == sales
    assert [department.name for department in org] == ["Acme", "Legal"]
    assert [set(change.dept_ids) for change in sandbox.journal] == [set(branch), {sales}]
    assert [change.kind for change in sandbox.journal] == ["department.delete", "chat.dismiss"]


@pytest.mark.parametrize(("where", "code"), [("Acme", 60007), ("Sales", 60005), ("West", 60005)])
def test_a_delete_is_refused(client: DingTalkClient, org: Organisation, sandbox, where, code):
    dept_id = org[where].dept_id

    assert refusal(Refused, lambda: client.delete_department(dept_id)) == code
    assert sandbox.journal == []


def test_a_delete_may_be_refused_for_sub_departments(client, sandbox: Sandbox, org: Organisation):
    sandbox.switches.delete_cascades = False
    org.create_department("Coast", parent="East")
    dept_id = org["East"].dept_id

    assert refusal(Refused, lambda: client.delete_department(dept_id)) == 60006


# Departments that are not there, or not ours to see

NEEDS_A_DEPARTMENT: dict[str, Callable[[DingTalkClient, int], object]] = {
    "update": lambda client, dept_id: client.update_department(dept_id, {"name": UNTAKEN}),
    "delete": lambda client, dept_id: client.delete_department(dept_id),
    "get": lambda client, dept_id: client.get_department(dept_id),
    "children": lambda client, dept_id: client.list_children(dept_id),
    "child ids": lambda client, dept_id: client.list_child_ids(dept_id),
    "ancestors": lambda client, dept_id: client.list_ancestor_ids(dept_id),
    "member ids": lambda client, dept_id: client.list_member_ids(dept_id),
    "names": lambda client, dept_id: client.list_member_names(dept_id),
    "members": lambda client, dept_id: client.list_members(dept_id),
    "every name": lambda client, dept_id: list(client.every_member_name(dept_id)),
}
IGNORES_THE_SCOPE = {"child ids", "ancestors", "member ids"}


@pytest.mark.parametrize("call", NEEDS_A_DEPARTMENT)
def test_an_unknown_department_is_not_there(client: DingTalkClient, call):
    assert refusal(NotThere, lambda: NEEDS_A_DEPARTMENT[call](client, NOWHERE)) == 60003


@pytest.mark.parametrize("call", sorted(NEEDS_A_DEPARTMENT.keys() - IGNORES_THE_SCOPE))
def test_a_department_may_be_out_of_scope(client: DingTalkClient, call, legal_only, sales, sandbox):
    assert refusal(OutOfContactScope, lambda: NEEDS_A_DEPARTMENT[call](client, sales)) == 50004
    assert sandbox.journal == []


@pytest.mark.parametrize("call", sorted(IGNORES_THE_SCOPE))
def test_some_calls_look_beyond_the_scope(client: DingTalkClient, call, legal_only, sales):
    assert NEEDS_A_DEPARTMENT[call](client, sales)


# Reads


def test_a_department_is_told_in_full(client: DingTalkClient, org: Organisation, sales):
    department = client.get_department(sales)

    assert (department.dept_id, department.name, department.parent_id) == (sales, "Sales", 1)
    assert department.order == sales, "no order was ever set"
    assert department.create_dept_group is True
    assert department.dept_group_chat_id == org[sales].dept_group_chat_id
    assert department.dept_manager_userid_list == ["chenyu"]
    assert (department.member_count, department.owning_member_count) == (3, 2)


def test_children_are_told_with_basic_fields(client: DingTalkClient, org: Organisation, sales):
    children = client.list_children(sales)

    assert [(child.name, child.parent_id) for child in children] == [
        ("East", sales),
        ("West", sales),
    ]
    assert client.list_child_ids(sales) == [child.dept_id for child in children]
    assert client.list_children(org["Legal"].dept_id) == []
    assert client.list_child_ids(org["Legal"].dept_id) == []


def test_ancestors_go_from_the_department_to_the_root(client, org: Organisation, sales, east):
    assert client.list_ancestor_ids(east) == [east, sales, ROOT_ID]
    assert client.list_ancestor_ids(ROOT_ID) == [ROOT_ID]


def test_a_person_has_a_line_of_ancestors_for_each_department(client, org: Organisation, sales):
    legal = org["Legal"].dept_id
    org.add_member(legal, "Li Wei")

    assert client.list_ancestor_ids_of_person("liwei") == [[sales, ROOT_ID], [legal, ROOT_ID]]
    assert refusal(NotThere, lambda: client.list_ancestor_ids_of_person("nobody")) == 33012


def test_search_gives_ids_page_by_page(client: DingTalkClient, org: Organisation, east):
    page = client.search_departments("st", size=1)
    rest = client.search_departments("st", offset=1, size=1)

    assert (page.has_more, page.total_count, page.dept_ids) == (True, 2, [east])
    assert (rest.has_more, rest.dept_ids) == (False, [org["West"].dept_id])
    assert client.search_departments("nothing like it").dept_ids == []


def test_search_needs_words(client: DingTalkClient):
    assert refusal(Refused, lambda: client.search_departments("")) == "parameter.error"


def test_member_ids_come_at_once(client: DingTalkClient, org: Organisation, sales, east):
    assert client.list_member_ids(sales) == ["liwei", "chenyu"]
    assert client.list_member_ids(east) == []


def test_members_are_told_with_their_part(client: DingTalkClient, sales):
    page = client.list_members(sales, size=1)
    rest = client.list_members(sales, cursor=page.next_cursor, size=1)

    assert [(one.name, one.leader) for one in page.people] == [("Li Wei", False)]
    assert [(one.name, one.leader) for one in rest.people] == [("Chen Yu", True)]
    assert (page.has_more, rest.has_more, rest.next_cursor) == (True, False, None)
    assert page.people[0].dept_id_list == [sales]


@pytest.mark.parametrize("method", ["list_member_names", "list_members"])
def test_a_page_has_a_place_and_a_size(client: DingTalkClient, sales, method):
    ask = getattr(client, method)

    assert refusal(Refused, lambda: ask(sales, cursor=-1)) == 40068
    assert refusal(Refused, lambda: ask(sales, size=101)) == 40069
    assert refusal(Refused, lambda: ask(sales, size=0)) == 40069


def test_every_member_is_named_page_after_page(client, line: Line, org: Organisation):
    names = [f"Person {number}" for number in range(230)]
    for name in names:
        org.add_member("Legal", name)

    found = list(client.every_member_name(org["Legal"].dept_id))

    assert [person.name for person in found] == names
    assert len(line.asked(NAMES)) == 3


def test_names_are_asked_for_as_they_are_needed(client, line: Line, org: Organisation):
    for number in range(150):
        org.add_member("Legal", f"Person {number}")

    next(client.every_member_name(org["Legal"].dept_id))

    assert len(line.asked(NAMES)) == 1


@pytest.mark.parametrize(
    "cursors",
    [[None], [0], [100, 100], [100, 0], [100, 200, 100]],
    ids=str,
)
def test_pages_that_lead_nowhere_are_no_endless_loop(client, line: Line, cursors):
    person = {"userid": "liwei", "name": "Li Wei"}
    for cursor in cursors:
        page = {"has_more": True, "next_cursor": cursor, "list": [person]}
        line.answer(NAMES, reply({"errcode": 0, "result": page}), times=1)

    with pytest.raises(NotUnderstood):
        list(client.every_member_name(1))
    assert len(line.asked(NAMES)) == len(cursors)


@pytest.mark.parametrize("code", [60121, 33012])
def test_a_person_is_found_or_not_there(client, org: Organisation, sandbox: Sandbox, code, sales):
    sandbox.switches.unknown_user_code = code

    person = client.get_person("chenyu")

    assert (person.userid, person.name, person.dept_id_list) == ("chenyu", "Chen Yu", [sales])
    assert refusal(NotThere, lambda: client.get_person("nobody")) == code


def test_a_person_may_be_out_of_scope(client: DingTalkClient, legal_only):
    assert refusal(OutOfContactScope, lambda: client.get_person("chenyu")) == 50002


def test_the_scope_says_what_the_app_may_see(client, sandbox: Sandbox, legal_only):
    sandbox.switches.contact_scope_users = ["liwei"]

    scope = client.contact_scope()

    assert (scope.authed_dept, scope.authed_user) == ([legal_only], ["liwei"])


# Rights

POINTS: dict[str, Callable[[DingTalkClient], object]] = {
    "qyapi_manage_addresslist": lambda client: client.delete_department(5),
    "qyapi_get_department_list": lambda client: client.get_department(1),
    "qyapi_get_department_member": lambda client: client.list_members(1),
    "qyapi_get_member": lambda client: client.list_member_ids(1),
    "qyapi_addresslist_search": lambda client: client.search_departments("Sales"),
    "qyapi_base": lambda client: client.contact_scope(),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_missing_permission_point_is_named(client: DingTalkClient, sandbox: Sandbox, point):
    sandbox.switches.granted_points.discard(point)

    with pytest.raises(PermissionMissing) as caught:
        POINTS[point](client)

    assert caught.value.scopes == [point]
    if point != "qyapi_addresslist_search":
        assert caught.value.apply_url.startswith("https://open-dev.dingtalk.com/appscope/apply?")
        assert caught.value.apply_url.endswith(f"%23{point}")


def test_the_new_api_names_points_apart_from_its_text(client, line: Line):
    denied = {
        "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
        "message": "没有调用该接口的权限",
        "accessdenieddetail": {"requiredScopes": ["qyapi_a", "qyapi_b"]},
    }
    line.answer("/v1.0/contact/departments/search", reply(denied, status=403))

    with pytest.raises(PermissionMissing) as caught:
        client.search_departments("Sales")

    assert caught.value.scopes == ["qyapi_a", "qyapi_b"]
    assert caught.value.message.startswith("没有调用该接口的权限")


def test_points_that_the_text_names_already_are_not_named_twice(client, line: Line):
    denied = {
        "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
        "message": "{requiredScopes=[qyapi_a]}",
        "accessdenieddetail": {"requiredScopes": ["qyapi_a"]},
    }
    line.answer("/v1.0/contact/departments/search", reply(denied, status=403))

    with pytest.raises(PermissionMissing) as caught:
        client.search_departments("Sales")
    assert caught.value.message == "{requiredScopes=[qyapi_a]}"


@pytest.mark.parametrize("shape", ["60011", "43007"])
def test_the_older_codes_for_a_missing_point_mean_the_same(client, sandbox: Sandbox, shape):
    sandbox.switches.granted_points.clear()
    sandbox.switches.missing_point_shape = shape

    with pytest.raises(PermissionMissing) as caught:
        client.get_department(1)
    assert (caught.value.code, caught.value.scopes) == (int(shape), [])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda client: client.get_department(1), True),
        (lambda client: client.contact_scope(), True),
        (lambda client: client.search_departments("Sales"), False),
    ],
    ids=["inside 88", "bare", "new api"],
)
def test_an_address_that_is_not_listed_is_refused(client, sandbox: Sandbox, call, named):
    client.get_department(1)
    sandbox.switches.listed_ips = ["203.0.113.*"]

    with pytest.raises(AddressNotAllowed) as caught:
        call(client)

    assert isinstance(caught.value, NotAuthorised)
    assert caught.value.address == ("127.0.0.1" if named else "")


def test_the_months_calls_can_be_used_up(client: DingTalkClient, line: Line, sandbox: Sandbox):
    sandbox.switches.monthly_quota = 0

    assert refusal(QuotaSpent, client.contact_scope) == 90020
    assert refusal(QuotaSpent, lambda: client.search_departments("Sales")).endswith("ForOrg")
    assert client.get_department(1).name == "Acme", "reads of the tree are not counted"
    assert len(line.asked("/auth/scopes")) == 1


# The client itself


def test_in_background_is_the_same_client_at_another_pace(client: DingTalkClient, sandbox: Sandbox):
    background = client.in_background()

    assert type(background) is type(client)
    assert background is not client
    assert background.get_department(1) == client.get_department(1)
    assert sandbox.token_fetches == 1


def test_a_closed_client_calls_no_more(client: DingTalkClient, line: Line):
    client.close()

    with pytest.raises(RuntimeError):
        client.get_department(1)
    assert line.requests == []


def test_lists_travel_as_joined_words(client: DingTalkClient, line: Line, east):
    fields = {"name": UNTAKEN, "parent_id": 1, "dept_permits": [1, east], "user_permits": []}
    client.create_department(fields)

    (request,) = line.asked(CREATE)
    assert f'"dept_permits":"1,{east}","user_permits":""'.encode() in request.content
    assert b'"parent_id":1' in request.content
