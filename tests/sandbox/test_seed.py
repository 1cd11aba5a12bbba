"""The made-up companies: repeatable, believable, and of any size."""

import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from sandbox import Organisation, Sandbox, company
from sandbox.seed import CROWD, DEEPEST


@pytest.fixture(scope="module")
def demo() -> Organisation:
    return company()


@pytest.fixture(scope="module")
def big() -> Organisation:
    return company(10_000)


def everything(org: Organisation) -> tuple[list[object], ...]:
    return list(org), org.people, org.chats


def test_the_same_seed_makes_the_same_company():
    assert everything(company(seed=7)) == everything(company(seed=7))
    assert everything(company(300, seed=7)) == everything(company(300, seed=7))
    assert everything(company(seed=7)) != everything(company(seed=8))


def test_a_company_begins_without_a_history(demo):
    assert demo.journal == []


def test_its_extent(demo):
    assert 55 <= len(demo) <= 75
    assert 180 <= len(demo.people) <= 240
    assert max(demo.depth(one.dept_id) for one in demo) == 5


@pytest.mark.parametrize("departments", [None, 10_000])
def test_ids_are_like_dingtalks(departments, demo, big):
    org = big if departments else demo

    assert all(8 <= len(str(one.dept_id)) <= 9 for one in org if one.dept_id != 1)


@pytest.mark.parametrize("departments", [None, 10_000])
def test_names_keep_dingtalks_rules(departments, demo, big):
    org = big if departments else demo

    for one in org:
        assert 1 <= len(one.name) <= 64
        assert not set(one.name) & set("-,，")
    siblings = Counter((one.parent_id, one.name) for one in org)
    assert set(siblings.values()) == {1}


def test_names_are_chinese_and_western(demo):
    def kinds(names: list[str]) -> set[tuple[bool, bool]]:
        return {(name.isascii(), any(sign.isascii() for sign in name)) for name in names}

    assert kinds([one.name for one in demo]) >= {(True, True), (False, True)}
    assert kinds([one.name for one in demo.people]) == {(True, True), (False, True), (False, False)}


def test_one_name_is_as_long_as_a_name_can_be(demo):
    assert max(len(one.name) for one in demo) == 64


def test_two_departments_share_a_name(demo):
    names = Counter(one.name for one in demo)

    assert names["质量部 Quality"] == 2


def test_managers_belong_to_their_department(demo):
    managed = [one for one in demo if one.dept_manager_userid_list]

    assert len(managed) > 40
    for one in managed:
        assert set(one.dept_manager_userid_list) <= set(demo.member_ids(one.dept_id))


def test_some_people_have_two_departments(demo):
    assert sum(len(member.dept_ids) == 2 for member in demo.people) == 8


@pytest.mark.parametrize("departments", [None, 10_000])
def test_chats_have_an_owner_where_there_is_anybody(departments, demo, big):
    org = big if departments else demo
    chats = [org[chat.dept_id] for chat in org.chats]

    assert len(chats) >= 10
    for one in chats:
        if org.member_ids(one.dept_id):
            assert one.org_dept_owner in org.member_ids(one.dept_id)


def test_hidden_and_restricted_departments_have_exceptions(demo):
    assert any(one.hide_dept and one.dept_permits and one.user_permits for one in demo)
    assert any(one.outer_dept and one.outer_permit_depts and one.outer_permit_users for one in demo)


def test_some_have_codes_identifiers_and_orders_and_some_have_not(demo):
    for field in ("code", "source_identifier"):
        assert {bool(getattr(one, field)) for one in demo} == {True, False}
    assert {one.order == one.dept_id for one in demo if one.dept_id != 1} == {True, False}


def test_an_empty_branch_with_chats_may_be_deleted_and_a_full_one_may_not(demo):
    empty = [one for one in demo.children(1) if not demo.headcount(one.dept_id)]
    (branch,) = empty
    below = [demo[dept_id] for dept_id in demo.branch(branch.dept_id)]

    assert len(below) >= 4
    assert sum(bool(one.dept_group_chat_id) for one in below) >= 2
    assert demo.headcount(demo["制造部 Manufacturing"].dept_id) > 50


@pytest.mark.parametrize("departments", [1, 2, 5, 30, 66, 67, 75, 300])
def test_a_company_is_as_big_as_asked(departments):
    assert len(company(departments)) == departments


def test_a_big_company_is_built_around_the_same_core(demo, big):
    assert len(big) == 10_000
    assert list(big)[: len(demo)] == list(demo)
    assert max(big.depth(one.dept_id) for one in big) == DEEPEST
    assert max(len(big.child_ids(one.dept_id)) for one in big) == CROWD
    with_chat = sum(bool(one.dept_group_chat_id) for one in big)
    assert 0.02 < with_chat / len(big) < 0.04


def test_below_five_thousand_nobody_is_crowded():
    org = company(4_999)

    assert max(len(org.child_ids(one.dept_id)) for one in org) < 100


def test_building_costs_the_same_for_each_department():
    """Counted in lines run, because a clock would tell more about the machine."""
    small = lines_run(lambda: company(1_000))
    large = lines_run(lambda: company(4_000))

    assert large < 6 * small


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("v2/department/get", {"dept_id": 1}),
        ("v2/department/get", {"dept_id": "leaf"}),
        ("v2/department/listsub", {"dept_id": "leaf"}),
        ("v2/department/create", {"name": "New", "parent_id": "leaf"}),
        ("v2/department/delete", {"dept_id": "empty"}),
    ],
)
def test_a_call_costs_the_same_in_a_company_of_any_size(big, app_of, path, fields):
    """No call walks the whole company."""
    small, large = (cost_of(app_of, org, path, fields) for org in (company(), big))

    assert large < 1.5 * small


def cost_of(app_of: Any, org: Organisation, path: str, fields: dict[str, Any]) -> int:
    places = {
        "leaf": org["天线实验室 Antenna Lab"].dept_id,
        "empty": org["旧上海办公室（已迁出）Former Shanghai Office"].dept_id,
    }
    asked = {name: places.get(value, value) for name, value in fields.items()}
    snapshot = org.snapshot()
    app = app_of(Sandbox(org=org))
    lines = lines_run(lambda: app.result(path, **asked))
    org.restore(snapshot)
    return lines


def lines_run(act: Any) -> int:
    """How many lines of the sandbox run meanwhile."""
    count = 0

    def look(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if "sandbox" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        act()
    finally:
        sys.settrace(before)
    return count
