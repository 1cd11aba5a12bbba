"""Moving a department: where to, where never, and what may come between."""

import pytest
from looking import ask, left_open, outcomes, sent, writes

from departments.errors import FieldsWrong, NotPermitted, OutsideFence
from departments.models import AuditEntry, Department, Kind, Outcome
from departments.services import move, settle

UPDATE = "department/update"
GET = "department/get"


def move_to(person, dept_id, target, **more):
    form = {"drawn": person.get(f"/departments/{dept_id}/move/").field("drawn")}
    return person.post(f"/departments/{dept_id}/move/", form | {"parent_id": target} | more)


@pytest.fixture
def legal(org):
    return org["Legal"].dept_id


@pytest.fixture
def sales(org):
    return org["Sales"].dept_id


# ── Works ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_department_is_moved(org, sandbox, editor, legal, sales):
    page = move_to(editor, legal, str(sales), reason="Reorganisation 2026")

    assert "“Legal” was moved." in page.text
    assert org[legal].parent_id == sales
    assert sent(sandbox) == {"dept_id": legal, "parent_id": sales}
    (entry,) = AuditEntry.objects.all()
    assert (entry.operation.kind, entry.outcome) == (Kind.MOVE, Outcome.DONE)
    assert (entry.before["parent_id"], entry.after["parent_id"]) == (1, sales)
    assert entry.operation.reason == "Reorganisation 2026"
    assert Department.objects.get(pk=legal).parent_id == sales


def test_its_branch_goes_with_it(org, editor, sales):
    move_to(editor, org["Empty"].dept_id, str(sales))

    assert org["Vault"].parent_id == org["Cellar"].dept_id
    assert org["Empty"].parent_id == sales


def test_the_target_may_be_named(org, editor, legal, sales):
    editor.get(f"/departments/{sales}/")

    move_to(editor, legal, "Sales")

    assert org[legal].parent_id == sales


def test_the_page_leads_there_for_whoever_may(org, editor, viewer, legal):
    assert f"/departments/{legal}/move/" in editor.get(f"/departments/{legal}/").html
    assert f"/departments/{legal}/move/" not in viewer.get(f"/departments/{legal}/").html
    assert viewer.get(f"/departments/{legal}/move/").status == 403


# ── Never ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("target", ["Empty", "Cellar", "Vault"])
def test_a_department_is_not_moved_below_itself(org, sandbox, editor, target):
    page = move_to(editor, org["Empty"].dept_id, str(org[target].dept_id))

    assert page.status == 422
    assert "A department can’t be moved below itself." in page.text
    assert writes(sandbox) == []


def test_where_it_is_already_nothing_is_sent(sandbox, editor, legal):
    page = move_to(editor, legal, "1")

    assert page.status == 422
    assert "It is there already." in page.text
    assert writes(sandbox) == []


@pytest.mark.parametrize("target", ["", "4711", "no such name"])
def test_a_target_that_is_none_is_said_beside_the_field(sandbox, editor, legal, target):
    page = move_to(editor, legal, target, reason="kept")

    assert page.status == 422
    assert page.field("reason") == "kept"
    assert writes(sandbox) == []


def test_neither_the_root_nor_the_fence_is_moved(org, sandbox, editor, sales, settings):
    assert editor.get("/departments/1/move/").status == 409

    settings.DINGTALK_ROOT_ID = sales
    assert editor.get(f"/departments/{sales}/move/").status == 409
    assert writes(sandbox) == []


def test_nothing_moves_across_the_fence(org, sandbox, editor, legal, sales, settings):
    settings.DINGTALK_ROOT_ID = sales
    page = move_to(editor, org["East"].dept_id, str(legal))

    assert page.status == 422
    assert "Outside the part that may be changed" in page.text
    with pytest.raises(OutsideFence):
        move.move(dept_id=legal, parent_id=sales, seen_parent_id=1, ask=ask(editor.user))
    assert writes(sandbox) == []


def test_the_service_asks_for_a_role_and_a_place(org, viewer, editor, legal):
    with pytest.raises(NotPermitted):
        move.read_live(dept_id=legal, by=viewer.user)
    with pytest.raises(NotPermitted):
        move.move(dept_id=legal, parent_id=1, seen_parent_id=1, ask=ask(viewer.user))
    with pytest.raises(FieldsWrong):
        move.move(dept_id=legal, parent_id=legal, seen_parent_id=1, ask=ask(editor.user))


# ── Meanwhile ────────────────────────────────────────────────────────────────────────────────────────────


def test_moved_elsewhere_meanwhile_is_said_and_not_overruled(org, sandbox, editor, legal, sales):
    form = {"drawn": editor.get(f"/departments/{legal}/move/").field("drawn")}
    editor.get(f"/departments/{org['Research'].dept_id}/")
    org.move_department("Legal", to=org["Research"].dept_id)

    page = editor.post(f"/departments/{legal}/move/", form | {"parent_id": str(sales)})

    assert page.status == 409
    assert "it is now under “Research”" in page.text
    assert writes(sandbox) == []

    form["drawn"] = page.field("drawn")
    editor.post(f"/departments/{legal}/move/", form | {"parent_id": str(sales)})
    assert org[legal].parent_id == sales


def test_one_that_is_gone_is_called_so(org, editor, legal, sales):
    form = {"drawn": editor.get(f"/departments/{legal}/move/").field("drawn")}
    org.delete_department("Legal")

    page = editor.post(f"/departments/{legal}/move/", form | {"parent_id": str(sales)})

    assert page.status == 410


def test_a_target_that_vanishes_between_our_looks_is_said(org, sandbox, line, editor, legal):
    empty = org["Empty"].dept_id
    line.when("listparentbydept", lambda: org.delete_department("Empty"))

    page = move_to(editor, legal, str(empty))

    assert page.status == 422
    assert writes(sandbox) == []


def test_the_same_form_twice_moves_once(org, sandbox, editor, legal, sales):
    form = {"drawn": editor.get(f"/departments/{legal}/move/").field("drawn")}
    form["parent_id"] = str(sales)

    editor.post(f"/departments/{legal}/move/", form)
    page = editor.post(f"/departments/{legal}/move/", form)

    assert page.url.startswith("/history/")
    assert len(writes(sandbox)) == 1


def test_a_form_that_is_not_ours_moves_nothing(sandbox, editor, legal, sales):
    page = editor.post(f"/departments/{legal}/move/", {"drawn": "forged", "parent_id": str(sales)})

    assert page.status == 422
    assert "This form cannot be verified." in page.text
    assert writes(sandbox) == []


def test_a_refusal_keeps_what_was_typed(org, line, editor, legal, sales):
    line.answer(UPDATE, errcode=60002, errmsg="部门层级过深")

    page = move_to(editor, legal, str(sales), reason="kept")

    assert page.status == 409
    assert "deeper than the 20 levels" in page.text
    assert page.field("reason") == "kept"
    assert outcomes() == [Outcome.REFUSED]


def test_a_lost_answer_is_settled_by_looking(org, sandbox, line, editor, legal, sales, settings):
    form = {"drawn": editor.get(f"/departments/{legal}/move/").field("drawn")}
    line.lose_reply_to(UPDATE)

    page = editor.post(f"/departments/{legal}/move/", form | {"parent_id": str(sales)})

    assert page.status == 502
    assert outcomes() == [Outcome.UNKNOWN]
    line.mend()
    settings.SETTLE_SECONDS = 0
    settle.settle_due()
    assert outcomes() == [Outcome.DONE]
    assert len(writes(sandbox)) == 1


def test_a_yes_that_does_not_show_yet_is_not_called_moved(line, editor, legal, sales):
    line.answer(UPDATE, errcode=0, request_id="odd")

    page = move_to(editor, legal, str(sales))

    assert outcomes() == [Outcome.UNKNOWN]
    assert page.url.startswith("/history/")


def test_while_the_target_is_in_doubt_the_move_waits(sandbox, editor, legal, sales):
    left_open(editor, sales, about=sales)

    page = move_to(editor, legal, str(sales))

    assert page.status == 423
    assert writes(sandbox) == []
