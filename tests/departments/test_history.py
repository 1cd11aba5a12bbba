"""What people did, and settling by looking what was left open."""

from datetime import timedelta

import pytest
from django.utils import timezone
from looking import ask, outcomes, reads, writes

from departments.errors import DepartmentUnknown, NotPermitted
from departments.models import AuditEntry, Department, Kind, Outcome
from departments.services import audit, history

UPDATE = "department/update"
CREATE = "department/create"
GET = "department/get"
CHILDREN = "department/listsubid"


@pytest.fixture
def at_once(settings):
    """The settle window is over as soon as it begins."""
    settings.SETTLE_SECONDS = 0


def left_open(person, dept_id, *, kind=Kind.EDIT, before=None, wanted=None, about=None):
    """An entry as a process leaves it that dies between its note and its outcome."""
    planned = audit.Planned(
        dept_id=about,
        name="Sales",
        path="Acme › Sales",
        before=before or {},
        wanted=wanted or {},
    )
    with audit.writing(
        ask(person.user), kind=kind, dept_id=dept_id, content={}, entries=[planned]
    ) as (row,):
        pass
    return row


def entry_page(person, row=None):
    return person.get(f"/history/{(row or AuditEntry.objects.get()).pk}/")


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
    line.refuse(UPDATE)
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


# ── Settling: a change ───────────────────────────────────────────────────────────────────────────────────


def lose_an_edit(line, editor, dept_id, how, **changes):
    form = editor.open_edit(dept_id)
    getattr(line, how)(UPDATE)
    editor.post(f"/departments/{dept_id}/edit/", form | changes)
    line.mend()


def test_before_the_window_ends_nothing_is_looked_at(org, sandbox, line, editor):
    lose_an_edit(line, editor, org["Sales"].dept_id, "lose_reply_to", name="Field Sales")
    sandbox.calls.clear()

    page = entry_page(editor)

    assert sandbox.calls == []
    assert "We don’t know yet whether “Sales” was changed." in page.text
    assert 'hx-trigger="every 5s"' in page.html


def test_a_change_that_happened_settles_as_done(org, sandbox, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "lose_reply_to", name="Field Sales")

    page = entry_page(editor)

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.confirmed) == (Outcome.DONE, True)
    assert entry.after["name"] == "Field Sales"
    assert "Name Sales Field Sales Field Sales" in page.text
    assert len(writes(sandbox)) == 1
    assert Department.objects.get(pk=org["Field Sales"].dept_id).name == "Field Sales"


def test_a_change_that_did_not_settles_as_not_done(org, sandbox, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "swallow", name="Field Sales")

    page = entry_page(editor)

    assert outcomes() == [Outcome.NOT_DONE]
    assert "We looked: it did not happen. It can be tried again." in page.text
    assert writes(sandbox) == []


def test_afterwards_the_department_may_be_changed_again(org, line, editor, at_once):
    sales = org["Sales"].dept_id
    lose_an_edit(line, editor, sales, "swallow", name="Field Sales")
    entry_page(editor)

    assert "Saved." in editor.save(sales, name="Trade").text


def test_neither_old_nor_wanted_needs_a_person(org, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "swallow", name="Field Sales")
    org.rename_department("Sales", "Trade")

    page = entry_page(editor)

    assert outcomes() == [Outcome.CONFLICT]
    assert "What DingTalk shows is neither the old state nor the wanted one" in page.text


def test_half_of_it_needs_a_person(org, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "swallow", name="Field Sales", code="S-1")
    org.edit_department("Sales", code="S-1")

    entry_page(editor)

    assert outcomes() == [Outcome.CONFLICT]


def test_a_changed_department_that_is_gone_needs_a_person(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    lose_an_edit(line, editor, legal, "swallow", name="Law")
    org.delete_department(legal)

    entry_page(editor)

    assert outcomes() == [Outcome.CONFLICT]


def test_what_can_never_be_read_needs_a_person(org, line, editor, at_once):
    org.edit_department("Legal", outer_dept=True)
    legal = org["Legal"].dept_id
    lose_an_edit(line, editor, legal, "lose_reply_to", outer_dept_only_self="1")

    entry_page(editor)

    assert outcomes() == [Outcome.CONFLICT]


def test_while_dingtalk_is_silent_it_stays_open(org, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "lose_reply_to", name="Field Sales")
    line.swallow(GET)

    page = entry_page(editor)

    assert page.status == 200
    assert outcomes() == [Outcome.UNKNOWN]


# ── Settling: a create ───────────────────────────────────────────────────────────────────────────────────


def lose_a_create(line, editor, how, **fields):
    form = editor.open_create(1)
    getattr(line, how)(CREATE)
    editor.post("/departments/1/new/", form | fields)
    line.mend()


def test_a_create_that_happened_settles_as_done_with_its_id(org, sandbox, line, editor, at_once):
    lose_a_create(line, editor, "lose_reply_to", name="Design")

    entry_page(editor)

    (entry,) = AuditEntry.objects.all()
    assert entry.outcome == Outcome.DONE
    assert entry.dept_id == org["Design"].dept_id
    assert Department.objects.get(name="Design").parent_id == 1
    assert len(writes(sandbox)) == 1


def test_a_create_settled_late_names_what_was_not_taken(org, line, editor, at_once):
    lose_a_create(line, editor, "lose_reply_to", name="Design", source_identifier="hr:1")
    org.edit_department("Design", source_identifier="")

    entry_page(editor)

    assert AuditEntry.objects.get().not_taken == ["source_identifier"]


def test_a_create_that_did_not_happen_settles_as_not_done(org, line, editor, at_once):
    lose_a_create(line, editor, "swallow", name="Design")

    entry_page(editor)

    assert outcomes() == [Outcome.NOT_DONE]


def test_another_new_child_needs_a_person(org, line, editor, at_once):
    lose_a_create(line, editor, "swallow", name="Design")
    org.create_department("Brand")

    entry_page(editor)

    assert outcomes() == [Outcome.CONFLICT]


def test_a_parent_that_is_gone_needs_a_person(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    form = editor.open_create(legal)
    line.swallow(CREATE)
    editor.post(f"/departments/{legal}/new/", form | {"name": "Patents"})
    line.mend()
    org.delete_department(legal)

    entry_page(editor)

    assert outcomes() == [Outcome.CONFLICT]


def test_a_new_child_that_cannot_be_read_leaves_it_open(org, line, editor, at_once):
    lose_a_create(line, editor, "lose_reply_to", name="Design")
    line.swallow(GET)

    entry_page(editor)

    assert outcomes() == [Outcome.UNKNOWN]


# ── A process that died ──────────────────────────────────────────────────────────────────────────────────


def test_what_a_dead_process_left_is_settled_by_looking_too(org, editor, at_once):
    legal = org["Legal"].dept_id
    left_open(editor, legal, about=legal, before={"name": "Legal"}, wanted={"name": "Law"})

    entry_page(editor)

    assert outcomes() == [Outcome.NOT_DONE]


def test_until_then_its_department_waits(org, editor):
    legal = org["Legal"].dept_id
    left_open(editor, legal, about=legal, wanted={"name": "Law"})

    assert editor.save(legal, name="Law").status == 423


def test_a_settled_entry_is_not_looked_at_again(org, sandbox, editor, at_once):
    editor.save(org["Legal"].dept_id, name="Law")
    sandbox.calls.clear()

    entry_page(editor)

    assert sandbox.calls == []


def test_the_window_begins_with_the_note(editor, settings):
    settings.SETTLE_SECONDS = 60
    row = left_open(editor, 7, about=7)

    assert history.settles_at(row) == row.noted_at + timedelta(seconds=60)
    assert history.settles_at(row) > timezone.now()


# ── The services themselves ──────────────────────────────────────────────────────────────────────────────


def test_the_services_ask_for_a_role(editor, django_user_model):
    row = left_open(editor, 7, about=7)
    nobody = django_user_model.objects.create_user("nobody")

    for act in (
        lambda: history.entries(by=nobody),
        lambda: history.operation(op_id=row.operation_id, by=nobody),
        lambda: history.remembered(dept_id=7, by=nobody),
        lambda: history.look_again(entry=row, by=nobody),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_an_operation_is_found_with_its_entries(editor):
    row = left_open(editor, 7, about=7)

    found = history.operation(op_id=row.operation_id, by=editor.user)

    assert found.entry() == row
    with pytest.raises(DepartmentUnknown):
        history.remembered(dept_id=7, by=editor.user)


def test_looking_again_costs_one_call(org, sandbox, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "lose_reply_to", name="Field Sales")
    sandbox.calls.clear()

    entry_page(editor)

    assert reads(sandbox) == ["get"]
