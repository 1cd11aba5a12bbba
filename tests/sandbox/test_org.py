"""The organisation behind the calls: outlines, edits behind the app's back, the journal, control calls."""

import pytest

from sandbox import Organisation, Refused, Sandbox


def test_an_outline_is_planted_as_it_is_drawn():
    org = Organisation.plant("""
        Acme
          Sales [chat] (Li Wei, Chen Yu*)
            East [hidden] [code E1] [order 10]
          Legal [restricted] [people 2] (Li Wei)
    """)

    assert [one.name for one in org] == ["Acme", "Sales", "East", "Legal"]
    assert org[1].name == "Acme"
    assert org.find("Sales/East") == org["East"]
    assert (org["East"].hide_dept, org["East"].code, org["East"].order) == (True, "E1", 10)
    assert org["Legal"].outer_dept
    assert org.member_ids(org["Legal"].dept_id) == ["liwei", "legal1", "legal2"]
    assert org["Sales"].dept_group_chat_id == org.chats[0].chat_id
    assert org["Sales"].dept_manager_userid_list == (org.member("Chen Yu").userid,)
    assert org.member("Li Wei").dept_ids == (org["Sales"].dept_id, org["Legal"].dept_id)
    assert org.journal == []


@pytest.mark.parametrize("outline", ["Acme\nOther", "Acme\n  Sales [purple]", "Acme\n  Sales (Li"])
def test_an_outline_that_makes_no_sense(outline):
    with pytest.raises(ValueError, match=r"outline"):
        Organisation.plant(outline)


def test_a_name_of_two_departments_finds_neither():
    org = Organisation.plant("""
        Acme
          East
            Sales
          West
            Sales
    """)

    with pytest.raises(KeyError, match="2 departments are called Sales"):
        org["Sales"]
    with pytest.raises(KeyError, match="Acme has no North"):
        org.find("North")
    assert "Sales" in org
    assert "Marketing" not in org
    assert org.find("East/Sales") != org.find("West/Sales")


def test_the_console_leaves_its_mark_in_the_journal(org):
    before = org["Legal"]

    after = org.rename_department("Legal", "Law")

    (change,) = org.journal
    assert (change.kind, change.who, change.dept_ids) == (
        "department.update",
        "console",
        (before.dept_id,),
    )
    assert (change.before, change.after) == ((before,), (after,))


def test_an_edit_that_changes_nothing_is_no_change(org):
    org.rename_department("Legal", "Legal")

    assert org.journal == []


def test_the_console_may_rename_the_root_but_not_move_it(org):
    assert org.rename_department("Acme", "Apex").dept_id == 1
    with pytest.raises(Refused, match="60018"):
        org.move_department("Apex", to="Sales")


def test_the_console_keeps_a_tree_a_tree(org):
    with pytest.raises(Refused, match="60010"):
        org.move_department("Sales", to="East")
    with pytest.raises(Refused, match="60004"):
        org.edit_department("Legal", parent_id=404)
    with pytest.raises(Refused, match="60004"):
        org.create_department("North", parent=404)
    with pytest.raises(Refused, match="60005"):
        org.delete_department("Sales")
    with pytest.raises(Refused, match="60007"):
        org.delete_department("Acme")


def test_two_people_of_one_name_are_told_apart_by_userid(org):
    org.add_member("Legal", "Ada", userid="ada.legal")
    org.add_member("East", "Eve!", userid="ada.legal")

    assert org.member("ada.legal").dept_ids == (org["Legal"].dept_id, org["East"].dept_id)
    assert org.add_member("West", "ada!").userid == "ada2"
    with pytest.raises(KeyError, match="2 people are called Ada"):
        org.member("Ada")


def test_people_come_move_and_go(org):
    org.add_member("Legal", "Eve")
    org.move_member("Eve", to="East")
    org.add_member("Legal", "Eve")
    org.move_member("Eve", out_of="East", to="West")
    assert org.member("Eve").dept_ids == (org["Legal"].dept_id, org["West"].dept_id)

    org.remove_member("Legal", "Eve")
    org.remove_member("West", "Eve")

    assert org.get_member("eve") is None
    assert [change.kind for change in org.journal] == [
        "member.add",
        "member.move",
        "member.add",
        "member.move",
        "member.remove",
        "member.remove",
    ]


def test_who_is_in_a_department_already_stays_as_they_are(org):
    before = org.member("Ada")

    assert org.add_member(1, "Ada") == before
    assert org.headcount(1) == 4
    assert org.journal == []


def test_who_is_not_in_a_department_cannot_leave_it(org):
    with pytest.raises(KeyError, match="Ada is not in Legal"):
        org.remove_member("Legal", "Ada")
    with pytest.raises(KeyError, match="0 people are called Nobody"):
        org.remove_member("Legal", "Nobody")


def test_reset_makes_everything_as_it_was(app, sandbox, org):
    before = list(org)
    app.ask("v2/department/delete", dept_id=org["Archive"].dept_id)
    org.move_member("Ada", to="East")
    sandbox.switches.depth_limit = 3
    sandbox.switches.granted_points.clear()

    sandbox.reset()

    assert list(org) == before
    assert org.member("Ada").dept_ids == (1,)
    assert org.headcount(org["Sales"].dept_id) == 3
    assert (sandbox.journal, sandbox.calls, sandbox.token_fetches) == ([], [], 0)
    assert sandbox.switches.depth_limit == 20
    assert sandbox.switches.granted_points


class TestControl:
    def test_console_edits_come_in_by_name(self, app, org):
        edit = {"action": "move_department", "where": "Legal", "to": "Sales"}

        reply = app.http.post("/_control/console", json=edit)

        assert reply.json()["result"]["parent_id"] == org["Sales"].dept_id
        journal = app.http.get("/_control/journal").json()["journal"]
        assert [(change["kind"], change["who"]) for change in journal] == [
            ("department.update", "console")
        ]

    def test_people_and_deletions_too(self, app, org):
        added = {"action": "add_member", "where": "Legal", "name": "Eve"}
        removed = {"action": "remove_member", "where": "Legal", "who": "Eve"}
        deleted = {"action": "delete_department", "where": "Legal"}
        legal = org["Legal"].dept_id

        assert app.http.post("/_control/console", json=added).json()["result"]["userid"] == "eve"
        assert app.http.post("/_control/console", json=removed).json() == {"result": None}
        assert app.http.post("/_control/console", json=deleted).json() == {"result": [legal]}

    @pytest.mark.parametrize(
        "edit",
        [
            {},
            {"action": "restore"},
            {"action": "rename_department", "where": "Nowhere", "name": "X"},
            {"action": "rename_department", "wherever": "Legal"},
            {"action": "delete_department", "where": "Sales"},
        ],
    )
    def test_an_edit_that_cannot_be(self, app, org, edit):
        reply = app.http.post("/_control/console", json=edit)

        assert reply.status_code == 400
        assert reply.json()["message"]
        assert org.journal == []

    def test_switches_are_turned_by_name(self, app, sandbox):
        wanted = {"delete_cascades": False, "granted_points": ["qyapi_base"], "scope_code": 60003}

        reply = app.http.post("/_control/switches", json=wanted).json()

        assert reply["delete_cascades"] is False
        assert sandbox.switches.granted_points == {"qyapi_base"}
        assert sandbox.switches.scope_code == 60003
        assert app.http.get("/_control/switches").json() == reply

    @pytest.mark.parametrize(
        "wanted",
        [
            {"purple": True},
            {"delete_cascades": 1},
            {"scope_code": 7},
            {"depth_limit": True},
            {"depth_limit": 5, "calls_per_second": "many"},
            {"listed_ips": [1]},
        ],
    )
    def test_a_switch_that_does_not_turn_that_way(self, app, sandbox, wanted):
        reply = app.http.post("/_control/switches", json=wanted)

        assert reply.status_code == 400
        assert sandbox.switches.depth_limit == 20

    def test_a_limit_is_taken_off_again(self, app, sandbox):
        app.http.post("/_control/switches", json={"calls_per_second": 20})
        app.http.post("/_control/switches", json={"calls_per_second": None})

        assert sandbox.switches.calls_per_second is None

    @pytest.mark.parametrize("end", ["expire", "revoke"])
    def test_tokens_are_ended(self, app, end):
        app.http.post("/_control/tokens", json={end: True})

        assert app.ask("v2/department/listsub")["sub_code"] == "40014"

    def test_tokens_are_not_ended_by_accident(self, app):
        assert app.http.post("/_control/tokens", json={}).status_code == 400

    def test_the_whole_company_can_be_read(self, app, org):
        reply = app.http.get("/_control/org").json()

        sales = next(one for one in reply["departments"] if one["name"] == "Sales")
        assert sales["userids"] == ["liwei", "chenyu"]
        assert len(reply["departments"]) == len(org)
        assert len(reply["people"]) == len(org.people)

    def test_calls_are_told_and_control_calls_are_none(self, app):
        app.ask("v2/department/get", dept_id=1)

        calls = app.http.get("/_control/calls").json()["calls"]

        assert [call["path"] for call in calls] == [
            "/v1.0/oauth2/accessToken",
            "/topapi/v2/department/get",
        ]

    def test_reset(self, app, org):
        org.delete_department("Legal")

        assert app.http.post("/_control/reset").json() == {"departments": len(org)}
        assert org.find("Legal")

    def test_there_is_no_more(self, app):
        assert app.http.get("/_control/nothing").status_code == 404
        assert app.http.post("/_control/reset", content=b"{nonsense").status_code == 400


def test_a_sandbox_needs_nothing():
    assert len(Sandbox().org) == 1
