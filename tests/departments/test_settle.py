"""Settling by looking what was left open: by itself never too early, and never by sending again."""

from datetime import timedelta

import pytest
from django.utils import timezone
from looking import entry_page, left_open, outcomes, reads, writes

from departments.models import AuditEntry, Department, Outcome
from departments.services import settle

UPDATE = "department/update"
CREATE = "department/create"
GET = "department/get"
CHILDREN = "department/listsubid"


@pytest.fixture
def at_once(settings):
    """The settle window is over as soon as it begins."""
    settings.SETTLE_SECONDS = 0


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

    assert settle.settles_at(row) == row.noted_at + timedelta(seconds=60)
    assert settle.settles_at(row) > timezone.now()


def test_looking_again_costs_one_call(org, sandbox, line, editor, at_once):
    lose_an_edit(line, editor, org["Sales"].dept_id, "lose_reply_to", name="Field Sales")
    sandbox.calls.clear()

    entry_page(editor)

    assert reads(sandbox) == ["get"]
