"""What people did: the lists, and one entry field by field."""

import pytest
from looking import entry_page, left_open

from departments.errors import DepartmentUnknown, NotPermitted
from departments.models import Outcome
from departments.services import audit, history, settle

# ── The lists ────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_yet_is_said_so(viewer):
    assert "Nothing has been changed here yet." in viewer.get("/history/").text


def test_everything_is_listed_newest_first(org, editor, viewer):
    editor.save(org["Legal"].dept_id, name="Law")
    editor.create(1, name="Design")

    page = viewer.get("/history/")

    assert page.text.index("Design") < page.text.index("Changed Legal")
    assert "editor" in page.text
    assert "done" in page.text


def test_a_departments_history_is_its_own(org, editor, viewer):
    legal = org["Legal"].dept_id
    editor.save(legal, name="Law")
    editor.create(1, name="Design")

    page = viewer.get(f"/departments/{legal}/history/")

    assert page.text.count("Changed") == 1
    assert "Created" not in page.text


def test_the_history_of_a_gone_department_stays(org, deleter):
    legal = org["Legal"].dept_id
    deleter.get(f"/departments/{legal}/")
    page = deleter.check(legal)
    deleter.post(page.url, {})

    page = deleter.get(f"/departments/{legal}/history/")

    assert page.status == 200
    assert "Deleted" in page.text


def test_each_department_of_a_deleted_branch_has_its_line(org, deleter):
    vault = org["Vault"].dept_id
    deleter.get(f"/departments/{vault}/")
    page = deleter.check(org["Empty"].dept_id)
    deleter.post(page.url, {"chats_seen": "on"})

    assert "Deleted" in deleter.get(f"/departments/{vault}/history/").text


def test_the_history_of_a_department_nobody_knows_is_no_page(viewer):
    assert viewer.get("/departments/4711/history/").status == 404


def test_the_list_has_pages(org, editor, viewer):
    for number in range(51):
        left_open(editor, number + 1000, about=number + 1000)

    first = viewer.get("/history/")
    second = viewer.get("/history/?page=2")
    nonsense = viewer.get("/history/?page=soon")

    assert "Older" in first.text
    assert "Newer" in second.text
    assert nonsense.status == 200


def test_a_list_costs_the_same_at_any_length(org, editor, viewer, django_assert_max_num_queries):
    for number in range(50):
        left_open(editor, number + 1000, about=number + 1000)

    with django_assert_max_num_queries(15):
        viewer.get("/history/")


def test_reading_history_asks_dingtalk_nothing(org, sandbox, editor, viewer):
    editor.save(org["Legal"].dept_id, name="Law")
    viewer.get("/departments/")
    sandbox.calls.clear()

    viewer.get("/history/")
    viewer.get(f"/departments/{org['Law'].dept_id}/history/")
    entry_page(viewer)

    assert sandbox.calls == []


# ── One entry ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_entry_is_told_field_by_field(org, editor, viewer):
    editor.save(org["Legal"].dept_id, name="Law", hide_dept="on", user_permits="liwei")

    page = entry_page(viewer)

    assert "Name Legal Law Law" in page.text
    assert "Hide from Contacts No Yes Yes" in page.text
    assert "People who may still see it not set liwei liwei" in page.text
    assert "127.0.0.1" in page.text


def test_an_entry_of_a_create_names_the_parent(org, editor, viewer):
    editor.create(org["Sales"].dept_id, name="West")

    page = entry_page(viewer)

    assert "Parent not set Sales Sales" in page.text


def test_an_entry_of_a_delete_has_no_fields(org, deleter):
    page = deleter.check(org["Legal"].dept_id)
    deleter.post(page.url, {})

    page = entry_page(deleter)

    assert "Field by field" not in page.text


def test_a_refusal_is_told_in_our_words_and_dingtalks(org, editor):
    editor.save(org["Legal"].dept_id, name="Sales")

    page = entry_page(editor)

    assert "The parent already has a sub-department with this name." in page.text
    assert "父部门下该部门名称已存在" in page.text
    assert "60021" in page.text


def test_a_code_that_is_a_word_is_told_too(org, line, editor):
    row = left_open(editor, 7, about=7)
    row.code = "system.busy"
    audit.settle(row, Outcome.NOT_DONE)

    page = entry_page(editor)

    assert "system.busy" in page.text
    assert "We looked: it did not happen." in page.text


def test_not_sent_is_told(org, line, editor):
    form = editor.open_edit(org["Legal"].dept_id)
    line.refuse("department/update")
    editor.post(f"/departments/{org['Legal'].dept_id}/edit/", form | {"name": "Law"})

    assert "It never reached DingTalk; nothing was changed." in entry_page(editor).text


@pytest.mark.parametrize("number", [0, 4711, 10**30])
def test_an_entry_that_is_not_there_is_no_page(viewer, number):
    assert viewer.get(f"/history/{number}/").status == 404


def test_one_under_way_is_not_called_lost(editor):
    left_open(editor, 7, about=7)

    page = entry_page(editor)

    assert "under way" in page.text
    assert "lost" not in page.text


# ── The services themselves ──────────────────────────────────────────────────────────────────────────────


def test_the_services_ask_for_a_role(editor, django_user_model):
    row = left_open(editor, 7, about=7)
    nobody = django_user_model.objects.create_user("nobody")

    for act in (
        lambda: history.entries(by=nobody),
        lambda: history.operation(op_id=row.operation_id, by=nobody),
        lambda: history.remembered(dept_id=7, by=nobody),
        lambda: settle.look_again(entry=row, by=nobody),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_an_operation_is_found_with_its_entries(editor):
    row = left_open(editor, 7, about=7)

    found = history.operation(op_id=row.operation_id, by=editor.user)

    assert found.entry() == row
    with pytest.raises(DepartmentUnknown):
        history.remembered(dept_id=7, by=editor.user)
