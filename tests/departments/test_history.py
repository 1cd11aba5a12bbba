"""What people did: the lists, and one entry field by field."""

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import reading
import time_machine
from looking import ask, entry_page, left_open

from departments.dingtalk import Receipt
from departments.errors import DepartmentUnknown, NotPermitted
from departments.models import AuditEntry, Department, Kind, Outcome
from departments.services import audit, history, settle, sync


def table(page):
    """The rows of the list as a person reads them."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.html.partition("<tbody>")[2], flags=re.S)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in rows]


def listed(seeker, url="/history/", /, **filters):
    page = seeker.get(f"{url}?{urlencode(filters)}")
    assert page.status == 200, page.text
    return table(page)


def note(person, path="Acme › Sales", *, about=7, kind=Kind.EDIT, outcome=Outcome.DONE, **more):
    """One entry of this person, settled at once."""
    planned = audit.Planned(
        dept_id=about,
        name=path.rpartition(" › ")[2],
        path=path,
        before=more.pop("before", {}),
        wanted=more.pop("wanted", {}),
    )
    with audit.writing(
        ask(person.user), kind=kind, dept_id=more.pop("of", about), content={}, entries=[planned]
    ) as (row,):
        for field, value in more.items():
            setattr(row, field, value)
        audit.settle(row, outcome)
    return row


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

    (row,) = listed(viewer, f"/departments/{legal}/history/")

    assert "Changed" in row
    assert "Legal" in row


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


def test_an_entry_of_a_delete_shows_the_department_as_it_was(org, deleter):
    org.edit_department("Legal", code="LGL", hide_dept=True)
    reading.read(below=1)
    page = deleter.check(org["Legal"].dept_id)
    deleter.post(page.url, {})

    page = entry_page(deleter)

    assert "Field by field" not in page.text
    assert "The department as it was before" in page.text
    assert "Department code LGL" in page.text
    assert "Hide from Contacts Yes" in page.text
    assert "Parent Acme" in page.text
    assert "Introduction" not in page.text


def test_an_entry_of_a_branch_leads_to_the_others(org, deleter):
    page = deleter.check(org["Empty"].dept_id)
    deleter.post(page.url, {"chats_seen": "on"})
    top, cellar, vault = AuditEntry.objects.order_by("pk")

    page = entry_page(deleter, cellar)

    assert "Other departments of the same operation" in page.text
    assert f'href="/history/{top.pk}/"' in page.html
    assert f'href="/history/{vault.pk}/"' in page.html
    assert f'href="/history/{cellar.pk}/"' not in page.html


def test_of_a_large_branch_fifty_are_named_and_the_rest_is_a_list(deleter):
    planned = [audit.Planned(dept_id=n, name=f"D{n}", path=f"Acme › D{n}") for n in range(2, 56)]
    with audit.writing(
        ask(deleter.user), kind=Kind.DELETE, dept_id=2, content={}, entries=planned
    ) as rows:
        for row in rows:
            audit.done(row, None, after={})

    page = entry_page(deleter, rows[0])

    others = page.html.partition('id="others"')[2]
    assert others.count("<li>") == 50
    assert "and 3 more" in page.text
    assert f"/history/?operation={rows[0].operation_id}" in others
    everything = deleter.get(f"/history/?operation={rows[0].operation_id}")
    assert "54 entries" in everything.text
    assert str(rows[0].operation_id) in everything.field("operation")


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


def test_the_entry_of_a_move_names_the_places(org, editor):
    reading.read(below=1)
    east, research = org["East"].dept_id, org["Research"].dept_id
    form = editor.get(f"/departments/{east}/move/").field("drawn")
    editor.post(
        f"/departments/{east}/move/",
        {"parent_id": research, "reason": "Closer to the labs", "drawn": form},
    )

    page = entry_page(editor)

    assert "Parent Acme › Sales Acme › Research Acme › Research" in page.text
    assert "Reason Closer to the labs" in page.text
    assert str(AuditEntry.objects.get().operation_id) in page.text


def test_what_nobody_can_read_is_not_called_unset(org, editor):
    org.edit_department("Legal", outer_dept=True)
    editor.save(org["Legal"].dept_id, outer_dept_only_self="1")

    page = entry_page(editor)

    assert "Limited to DingTalk does not tell the current value. Their own dep" in page.text


def test_what_no_look_can_show_is_said_to_be_beyond_verifying(org, editor):
    org.edit_department("Legal", outer_dept=True)
    editor.save(org["Legal"].dept_id, name="Law", outer_dept_only_self="1")

    page = entry_page(editor)

    assert "everything below it DingTalk never tells this, so nobody can verify it." in page.text
    assert page.text.count("nobody can verify it") == 1


def test_of_what_was_never_done_there_is_nothing_to_verify(org, editor):
    org.edit_department("Legal", outer_dept=True)
    editor.save(org["Legal"].dept_id, name="Sales", outer_dept_only_self="0")

    page = entry_page(editor)

    assert "Only themselves –" in page.text
    assert "nobody can verify it" not in page.text


def test_what_was_accepted_but_not_taken_is_marked(editor):
    row = note(
        editor,
        wanted={"name": "Trade", "code": "T"},
        before={"name": "Sales"},
        after={"name": "Trade", "order": 1},
        not_taken=["code"],
        confirmed=True,
    )

    page = entry_page(editor, row)

    assert "Name Sales Trade Trade" in page.text
    assert "Department code not set T not set not taken" in page.text


def test_a_look_at_a_list_says_nothing_of_what_lists_do_not_tell(editor):
    wanted = {"name": "West", "parent_id": 3, "hide_dept": True}
    row = note(editor, kind=Kind.CREATE, outcome=Outcome.NOT_DONE, wanted=wanted)
    look = audit.correct(row, Outcome.DONE, after={"name": "West", "parent_id": 3, "dept_id": 9})

    page = entry_page(editor, look)

    assert "Name not set West West" in page.text
    assert "Hide from Contacts not set Yes –" in page.text


def test_a_yes_that_does_not_show_yet_is_not_called_a_lost_answer(editor):
    row = left_open(editor, 7, about=7)
    audit.doubtful(row, Receipt(request_id="r1"))

    page = entry_page(editor)

    assert "DingTalk said yes, but does not show it yet." in page.text
    assert "We look again after" in page.text
    assert "lost" not in page.text


# ── Later looks ──────────────────────────────────────────────────────────────────────────────────────────

LATER = [
    (Outcome.NOT_DONE, Outcome.DONE, True, "It did happen after all", "corrected: it did happen"),
    (Outcome.NOT_DONE, Outcome.DONE, False, "said yes after all", "corrected: DingTalk said yes"),
    (Outcome.DONE, Outcome.DONE, True, "It is confirmed", "confirmed later"),
    (Outcome.DONE, Outcome.NOT_DONE, True, "it did not happen.", "corrected: it did not happen"),
    (Outcome.DONE, Outcome.CONFLICT, True, "neither the old state", "needs a person’s look"),
]


@pytest.mark.parametrize(("first", "later", "confirmed", "sentence", "badge"), LATER)
def test_what_a_later_look_found_is_told_everywhere(
    editor, first, later, confirmed, sentence, badge
):
    row = note(editor, outcome=first, accepted=first == Outcome.DONE)
    look = audit.correct(row, later, after=None, confirmed=confirmed)

    looked, was = listed(editor)
    its_page, page = entry_page(editor, look), entry_page(editor, row)

    assert badge in was
    assert f"A later look at entry {row.pk}" in looked
    assert "corrected" not in looked
    assert "Later, at" in page.text
    assert sentence in page.text
    assert f'href="/history/{look.pk}/"' in page.html
    assert f"A later look at entry {row.pk}" in its_page.text
    assert sentence in its_page.text
    assert f'href="/history/{row.pk}/"' in its_page.html


def test_once_it_did_happen_nobody_is_told_to_try_again(editor):
    row = note(editor, outcome=Outcome.NOT_DONE)
    audit.correct(row, Outcome.DONE, after={})

    assert "It can be tried again." not in entry_page(editor, row).text


def test_a_list_with_corrections_costs_the_same_at_any_length(
    editor, django_assert_max_num_queries
):
    for number in range(30):
        row = note(editor, outcome=Outcome.NOT_DONE, about=number + 100)
        audit.correct(row, Outcome.DONE, after={})

    with django_assert_max_num_queries(16):
        page = editor.get("/history/")

    assert "60 entries" in page.text


# ── The filters ──────────────────────────────────────────────────────────────────────────────────────────


def test_by_person(people, editor):
    note(editor, "Acme › Sales")
    other = people("editor", "chenyu")
    other.user.first_name, other.user.last_name = "Yu", "Chen"
    other.user.save()
    note(other, "Acme › Legal", about=8)

    assert len(listed(editor, person="edit")) == 1
    (by_name,) = listed(editor, person="yu c")
    (by_account,) = listed(editor, person="ChenYu")
    assert "Legal" in by_name
    assert "Legal" in by_account


def test_by_action(editor):
    note(editor, kind=Kind.MOVE)
    note(editor, kind=Kind.DELETE)

    (row,) = listed(editor, action="move")

    assert "Moved" in row


def test_by_outcome(editor):
    for number, outcome in enumerate(
        (Outcome.DONE, Outcome.REFUSED, Outcome.NOT_SENT, Outcome.NOT_DONE, Outcome.CONFLICT)
    ):
        note(editor, about=number + 10, outcome=outcome)
    left_open(editor, 7, about=7)

    assert len(listed(editor, outcome="open")) == 1
    assert len(listed(editor, outcome="failed")) == 3
    (refused,) = listed(editor, outcome="refused")
    assert "refused by DingTalk" in refused
    assert len(listed(editor)) == 6


def test_by_day_in_the_persons_time_zone_both_included(editor):
    # 16:30 in UTC is already the next day in Shanghai.
    for about, hour in ((11, 15), (12, 17)):
        with time_machine.travel(datetime(2026, 3, 1, hour, 30, tzinfo=UTC)):
            note(editor, f"Acme › D{about}", about=about)

    (first,) = listed(editor, until="2026-03-01")
    (second,) = listed(editor, since="2026-03-02", until="2026-03-02")
    assert "D11" in first
    assert "D12" in second
    assert len(listed(editor, since="0001-01-01", until="9999-12-31")) == 2


def test_by_branch_whatever_was_done_there_now_or_then(org, editor):
    reading.read(below=1)
    sales, east, ningbo = (org[name].dept_id for name in ("Sales", "East", "Ningbo"))
    note(editor, "Acme › Sales › East › Ningbo", about=ningbo)
    note(editor, "Acme › Sales", about=sales)
    note(editor, "Acme › Sales › Gone long ago", about=4711)
    note(editor, "Acme › Old Sales › Older", about=4712)
    note(editor, "Acme › Old Sales", about=sales)
    note(editor, "Acme › Salesmen", about=4713)
    note(editor, "Acme › sales › Other", about=4714)
    note(editor, "", about=None, of=east, kind=Kind.CREATE, outcome=Outcome.REFUSED)

    found = " | ".join(listed(editor, branch="Sales"))

    for there in ("Ningbo", "Gone long ago", "Older", "refused"):
        assert there in found
    assert "Salesmen" not in found
    assert "sales › Other" not in found
    assert len(listed(editor, branch=f"{east} East")) == 2
    assert len(listed(editor, branch=str(sales))) == 6


def test_a_branch_that_is_gone_is_found_by_the_name_it_had(org, deleter):
    reading.read(below=1)
    page = deleter.check(org["Empty"].dept_id)
    deleter.post(page.url, {"chats_seen": "on"})

    assert len(listed(deleter, branch="Empty")) == 3
    assert len(listed(deleter, branch="Vault")) == 1


def test_a_branch_of_any_size_is_one_question(org, editor, django_assert_max_num_queries):
    reading.read(below=1)
    note(editor, about=1, path="Acme")

    with django_assert_max_num_queries(18):
        editor.get("/history/?branch=1")


def test_filters_combine_and_paging_keeps_them(editor, deleter):
    for number in range(51):
        note(editor, about=number + 100, outcome=Outcome.REFUSED)
    note(deleter, about=99, outcome=Outcome.REFUSED)

    first = editor.get("/history/?person=edi&outcome=failed&action=")

    assert "51 entries" in first.text
    assert "Page 1 of 2" in first.text
    older = re.search(r'href="([^"]*page=2)"', first.html)[1].replace("&amp;", "&")
    assert older == "/history/?person=edi&outcome=failed&page=2"
    assert len(table(editor.get(older))) == 1


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("branch", "Nowhere", "No department is called “Nowhere”. Use its ID."),
        ("since", "yesterday", "Enter a day like this: 2026-11-24."),
        ("operation", "that one", "This is not the ID of an operation."),
        ("person", "a\u200bb", "invisible character"),
    ],
)
def test_wrong_input_is_said_at_its_field_and_stays(org, viewer, field, typed, sentence):
    page = viewer.get(f"/history/?{urlencode({field: typed})}")

    assert page.status == 422
    assert page.text.count(sentence) == 2  # in the summary, and at the field
    assert page.field(field) == typed
    assert "Nothing has been changed" not in page.text


def test_a_branch_is_one_department(org, viewer):
    reading.read(below=1)

    assert "Choose one department." in viewer.get("/history/?branch=Sales%0ALegal").text


def test_a_name_that_several_had_is_asked_for_by_id(org, viewer):
    reading.read(below=1)
    sync.forget(row.pk for row in Department.objects.filter(name__in=["Cellar", "Vault"]))
    Department.objects.filter(name="Vault").update(name="Cellar")

    assert viewer.get("/history/?branch=Cellar").status == 422


def test_a_browser_is_not_left_to_throw_away_a_day_that_is_none(viewer):
    page = viewer.get("/history/?since=soon")

    assert re.search(r'<input type="text" name="since" value="soon"', page.html)
    assert re.search(r'<input type="date" name="until"', page.html)


def test_days_in_the_wrong_order_are_said(viewer):
    page = viewer.get("/history/?since=2026-03-02&until=2026-03-01")

    assert page.status == 422
    assert "This day lies before the first one." in page.text


def test_an_outcome_nobody_knows_is_said(viewer):
    assert viewer.get("/history/?outcome=sideways").status == 422


def test_no_match_is_said_and_offers_to_clear(editor):
    note(editor)

    page = editor.get("/history/?person=nobody")

    assert "No entry matches these filters." in page.text
    assert 'href="/history/"' in page.html.partition("No entry matches")[2]


def test_a_departments_list_has_filters_of_its_own(editor, org):
    editor.get(f"/departments/{org['Legal'].dept_id}/")
    legal = org["Legal"].dept_id
    note(editor, "Acme › Legal", about=legal)
    note(editor, "Acme › Legal", about=legal, kind=Kind.MOVE)
    note(editor, "Acme › Sales", kind=Kind.MOVE)

    here = f"/departments/{legal}/history/"
    page = editor.get(f"{here}?action=move&branch=nowhere&department=7")

    assert "1 entry" in page.text
    assert 'name="branch"' not in page.html
    assert 'name="department"' not in page.html
    assert f"/history/?branch={legal}" in page.html
    assert f"/history/export/?department={legal}&amp;action=move" in page.html


def test_htmx_gets_the_list_alone(editor):
    note(editor)

    page = editor.get("/history/?person=editor", htmx="main")

    assert "<html" not in page.html
    assert "1 entry" in page.text


# ── The services themselves ──────────────────────────────────────────────────────────────────────────────


def test_the_services_ask_for_a_role(editor, django_user_model):
    row = left_open(editor, 7, about=7)
    nobody = django_user_model.objects.create_user("nobody")

    for act in (
        lambda: history.entries(by=nobody),
        lambda: history.operation(op_id=row.operation_id, by=nobody),
        lambda: history.remembered(dept_id=7, by=nobody),
        lambda: history.listed(by=nobody),
        lambda: history.entry(number=row.pk, by=nobody),
        lambda: history.companions(entry=row, by=nobody),
        lambda: history.people(by=nobody),
        lambda: history.export(by=nobody, filters=history.Filters()),
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
