"""Settling by looking what was left open: by itself never too early, and never by sending again."""

from datetime import timedelta

import pytest
import reading
from django.utils import timezone
from looking import entry_page, left_open, outcomes, reads, writes

from departments import tasks
from departments.models import AuditEntry, Department, Kind, Outcome
from departments.services import audit, settle, sync
from sandbox.faults import Rule

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


# ── By itself ────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_due_is_settled_without_anybody_looking(
    org, sandbox, line, editor, deleter, at_once
):
    lose_an_edit(line, editor, org["Legal"].dept_id, "lose_reply_to", name="Law")
    left_open(
        deleter, 1, kind=Kind.CREATE, before={"child_ids": []}, wanted={"name": "?", "parent_id": 4}
    )

    assert settle.settle_due() == 2

    assert outcomes() == [Outcome.DONE, Outcome.CONFLICT]
    assert len(writes(sandbox)) == 1


def test_nothing_is_settled_before_its_time(org, line, editor):
    lose_an_edit(line, editor, org["Legal"].dept_id, "lose_reply_to", name="Law")

    assert settle.settle_due() == 0
    assert outcomes() == [Outcome.UNKNOWN]


def test_while_dingtalk_is_silent_it_is_asked_once(org, sandbox, line, editor, at_once):
    for name in ("Legal", "Research"):
        left_open(editor, org[name].dept_id, about=org[name].dept_id, wanted={"name": "X"})
    sandbox.calls.clear()
    line.refuse(GET)

    assert settle.settle_due() == 0
    assert outcomes() == [Outcome.PENDING, Outcome.PENDING]


def test_the_task_of_the_minute_settles(org, line, editor, at_once):
    lose_an_edit(line, editor, org["Legal"].dept_id, "lose_reply_to", name="Law")

    tasks.settle_what_is_due.call_local()

    assert outcomes() == [Outcome.DONE]


@pytest.mark.django_db
def test_without_credentials_the_task_has_nothing_to_do(settings):
    settings.DINGTALK_CLIENT_ID = ""

    tasks.settle_what_is_due.call_local()


# ── A yes, and what shows ────────────────────────────────────────────────────────────────────────────────


def test_copies_of_dingtalk_that_lag_are_not_taken_for_a_no(org, sandbox, editor, time_machine):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    sandbox.faults.add(Rule("lag", path=UPDATE, seconds=3600))

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    assert outcomes() == [Outcome.UNKNOWN]
    assert "DingTalk did not take" not in page.text
    time_machine.move_to(timezone.now() + timedelta(hours=1))
    settle.settle_due()
    assert outcomes() == [Outcome.DONE]


def test_a_yes_that_meant_nothing_settles_as_not_done(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    line.answer(UPDATE, errcode=0, request_id="odd")
    editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})
    line.mend()

    settle.settle_due()

    assert outcomes() == [Outcome.NOT_DONE]


def test_a_yes_of_which_part_shows_later_names_the_rest(org, line, editor, settings):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    line.answer(UPDATE, errcode=0, request_id="slow")
    editor.post(f"/departments/{legal}/edit/", form | {"name": "Law", "code": "L1"})
    line.mend()
    org.rename_department(legal, "Law")

    settings.SETTLE_SECONDS = 0
    settle.settle_due()

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.not_taken) == (Outcome.DONE, ["code"])


def unconfirmed(line, editor, dept_id, **changes):
    """DingTalk says yes, and then nothing more."""
    form = editor.open_edit(dept_id)
    line.when(UPDATE, lambda: line.refuse(GET))
    editor.post(f"/departments/{dept_id}/edit/", form | changes)
    line.mend()
    return AuditEntry.objects.get()


def test_what_could_not_be_read_back_is_confirmed_by_a_later_look(org, line, editor, at_once):
    entry = unconfirmed(line, editor, org["Legal"].dept_id, name="Law")
    assert (entry.outcome, entry.confirmed) == (Outcome.DONE, False)

    settle.settle_due()

    (found,) = entry.corrections.all()
    assert (found.outcome, found.confirmed, found.after["name"]) == (Outcome.DONE, True, "Law")
    assert entry.last_word == found
    assert settle.settle_due() == 0


def test_a_yes_never_carried_out_is_put_right_by_a_later_look(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    entry = unconfirmed(line, editor, legal, name="Law")
    org.rename_department(legal, "Legal")  # as if it had never been

    settle.settle_due()

    assert entry.last_word.outcome == Outcome.NOT_DONE
    assert AuditEntry.objects.get(pk=entry.pk).outcome == Outcome.DONE


def test_what_nobody_can_read_rests_on_dingtalks_word(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    line.when(UPDATE, lambda: line.refuse(GET))
    editor.post(
        f"/departments/{legal}/edit/", form | {"outer_dept": "on", "outer_dept_only_self": "1"}
    )
    left = left_open(editor, 1, about=legal, wanted={"outer_dept_only_self": True})
    left.accepted = True
    left.save()
    line.mend()
    settle.settle_due()

    left.refresh_from_db()
    assert left.outcome == Outcome.DONE


# ── Later than anybody waits ─────────────────────────────────────────────────────────────────────────────


def believed_not_done(line, editor, dept_id, **changes):
    lose_an_edit(line, editor, dept_id, "swallow", **changes)
    settle.settle_due()
    entry = AuditEntry.objects.get()
    assert entry.outcome == Outcome.NOT_DONE
    return entry


def test_a_change_that_lands_late_is_found_by_the_next_read(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    entry = believed_not_done(line, editor, legal, name="Law")
    org.rename_department(legal, "Law")

    page = editor.get(f"/departments/{legal}/?live=1")

    assert entry.last_word.outcome == Outcome.DONE
    assert AuditEntry.objects.get(pk=entry.pk).outcome == Outcome.NOT_DONE
    assert "Now we know: your change to “Legal” (Changed) was made." in page.text


def test_it_is_found_once(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    entry = believed_not_done(line, editor, legal, name="Law")
    org.rename_department(legal, "Law")

    for _again in range(3):
        editor.get(f"/departments/{legal}/?live=1")

    assert entry.corrections.count() == 1


def test_a_newer_change_of_ours_explains_what_is_there(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    entry = believed_not_done(line, editor, legal, name="Law")
    editor.save(legal, name="Law")

    editor.get(f"/departments/{legal}/?live=1")

    assert entry.last_word == entry


def test_what_was_so_before_proves_nothing(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    left_open(editor, legal, about=legal, before={"name": "Law"}, wanted={"name": "Law"})
    audit.settle(AuditEntry.objects.get(), Outcome.NOT_DONE)
    org.rename_department(legal, "Law")

    editor.get(f"/departments/{legal}/?live=1")

    assert AuditEntry.objects.count() == 1


def test_a_week_later_it_is_somebodys_new_work(org, line, editor, at_once, time_machine):
    legal = org["Legal"].dept_id
    entry = believed_not_done(line, editor, legal, name="Law")
    org.rename_department(legal, "Law")
    time_machine.move_to(timezone.now() + timedelta(days=8))
    editor.client.force_login(editor.user)

    editor.get(f"/departments/{legal}/?live=1")

    assert entry.last_word == entry


@pytest.mark.parametrize("how", ["listed", "read", "crawled"])
def test_a_create_that_lands_late_is_found(org, line, editor, at_once, how):
    editor.get("/departments/1/children/")
    lose_a_create(line, editor, "swallow", name="Design")
    settle.settle_due()
    entry = AuditEntry.objects.get()
    assert entry.outcome == Outcome.NOT_DONE
    design = org.create_department("Design", parent=1).dept_id
    org.create_department("Design", parent=org["Legal"].dept_id)

    if how == "listed":
        sync.refresh_children(dept_id=1)
    elif how == "read":
        editor.get(f"/departments/{design}/")
    else:
        reading.read(below=1)

    found = entry.last_word
    assert (found.outcome, found.dept_id) == (Outcome.DONE, design)
    assert entry.corrections.count() == 1


def test_a_create_tried_again_explains_the_department(org, line, editor, at_once):
    lose_a_create(line, editor, "swallow", name="Design")
    settle.settle_due()
    editor.create(1, name="Design")
    first = AuditEntry.objects.order_by("pk")[0]

    sync.refresh_children(dept_id=1)

    assert first.last_word == first


def test_a_delete_that_lands_late_is_found(org, line, deleter, at_once):
    legal = org["Legal"].dept_id
    page = deleter.check(legal)
    line.swallow("department/delete")
    deleter.post(page.url, {})
    line.mend()
    settle.settle_due()
    entry = AuditEntry.objects.get()
    assert entry.outcome == Outcome.NOT_DONE
    org.delete_department(legal)

    deleter.get(f"/departments/{legal}/?live=1")

    assert entry.last_word.outcome == Outcome.DONE


def test_a_correction_that_was_wrong_is_put_right_in_turn(org, line, editor, at_once):
    """DingTalk said yes, showed nothing, was called not done; and then it lands."""
    legal = org["Legal"].dept_id
    entry = unconfirmed(line, editor, legal, name="Law")
    org.rename_department(legal, "Legal")
    settle.settle_due()
    org.rename_department(legal, "Law")

    editor.get(f"/departments/{legal}/?live=1")

    assert [found.outcome for found in entry.corrections.order_by("pk")] == [
        Outcome.NOT_DONE,
        Outcome.DONE,
    ]


def test_a_form_whose_write_landed_late_is_spent(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    line.swallow(UPDATE)
    editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})
    line.mend()
    settle.settle_due()
    org.rename_department(legal, "Law")
    editor.get(f"/departments/{legal}/?live=1")

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Lawyers"})

    assert page.status == 409
    assert org[legal].name == "Law"


def test_a_worker_that_comes_back_after_the_look_is_believed(org, editor, at_once):
    legal = org["Legal"].dept_id
    entry = left_open(editor, legal, about=legal, before={"name": "Legal"}, wanted={"name": "Law"})
    settle.settle_due()

    audit.done(entry, None, after={"name": "Law"})

    first, found = AuditEntry.objects.order_by("pk")
    assert (first.outcome, found.outcome) == (Outcome.NOT_DONE, Outcome.DONE)


def test_the_same_correction_is_written_once(editor):
    entry = left_open(editor, 7, about=7)
    audit.settle(entry, Outcome.NOT_DONE)

    one = audit.correct(entry, Outcome.DONE, after={})
    two = audit.correct(entry, Outcome.DONE, after={})

    assert one == two


# ── Word to the author ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("lose_reply_to", "your change to “Legal” (Changed) was made."),
        ("swallow", "your change to “Legal” (Changed) was not made."),
    ],
)
def test_the_author_is_told_on_the_next_page_and_once(org, line, editor, at_once, how, sentence):
    lose_an_edit(line, editor, org["Legal"].dept_id, how, name="Law")
    settle.settle_due()

    assert sentence in editor.get("/history/").text
    assert sentence not in editor.get("/history/").text


def test_the_author_is_told_of_a_conflict(org, line, editor, at_once):
    legal = org["Legal"].dept_id
    lose_an_edit(line, editor, legal, "swallow", name="Law")
    org.rename_department(legal, "Lawyers")
    settle.settle_due()

    assert "cannot tell how it ended" in editor.get("/departments/").text


def test_nobody_else_is_told(org, line, editor, viewer, at_once):
    lose_an_edit(line, editor, org["Legal"].dept_id, "lose_reply_to", name="Law")
    settle.settle_due()

    assert "Now we know" not in viewer.get("/history/").text


def test_whoever_saw_it_settle_is_not_told_again(org, line, editor, at_once):
    lose_an_edit(line, editor, org["Legal"].dept_id, "lose_reply_to", name="Law")
    entry_page(editor)

    assert "Now we know" not in editor.get("/history/").text


def test_somebody_elses_look_is_news_to_the_author(org, line, editor, viewer, at_once):
    lose_an_edit(line, editor, org["Legal"].dept_id, "lose_reply_to", name="Law")
    entry_page(viewer)

    assert "Now we know" in editor.get("/history/").text


def test_while_part_of_it_is_open_nothing_is_told(editor):
    row = left_open(editor, 7, about=7)
    audit.owe_a_word(row)

    assert settle.news(by=editor.user) == []


# ── Waiting, said on the pages ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", ["", "edit/", "children/", "delete/", "move/", "new/", "history/"])
def test_a_page_says_what_keeps_its_department_waiting(org, deleter, page):
    legal = org["Legal"].dept_id
    deleter.get(f"/departments/{legal}/")
    entry = left_open(deleter, legal, about=legal)

    shown = deleter.get(f"/departments/{legal}/{page}")

    assert "We do not know yet how an earlier change to “Sales” ended." in shown.text
    assert f"/history/{entry.pk}/" in shown.html
    assert "We do not know yet" not in deleter.get(f"/departments/{org['Research'].dept_id}/").text


def test_the_parent_of_a_create_in_doubt_says_so_too(org, editor):
    legal = org["Legal"].dept_id
    left_open(editor, legal, kind=Kind.CREATE, wanted={"name": "Patents", "parent_id": legal})

    assert "We do not know yet" in editor.get(f"/departments/{legal}/new/").text
