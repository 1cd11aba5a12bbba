"""Deleting a department with its branch: the plan and its four ends, the confirmation, the carrying out."""

import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from looking import ask, outcomes, reads, writes

from departments import gateway
from departments.dingtalk import NotThere
from departments.errors import Fixed, NotPermitted, OutsideFence, PlanNotUsable
from departments.models import AuditEntry, DeletionPlan, Department, Operation, Outcome
from departments.services import delete, plan, settle

DELETE = "department/delete"
GET = "department/get"
CHILDREN = "department/listsubid"
MEMBERS = "user/listid"


@pytest.fixture
def empty(org):
    """The branch that may go: Empty [chat] › Cellar [chat] › Vault."""
    return org["Empty"].dept_id


def confirm(person, page, **typed):
    return person.post(page.url, {"chats_seen": "on", **typed})


def delete_branch(person, dept_id, **typed):
    return confirm(person, person.check(dept_id), **typed)


# ── The page before the check ────────────────────────────────────────────────────────────────────────────


def test_the_first_page_says_what_will_be_checked_and_deletes_nothing(org, deleter, empty):
    page = deleter.get(f"/departments/{empty}/delete/")

    assert page.status == 200
    assert "Delete “Empty”?" in page.text
    assert "Nothing is deleted until you confirm." in page.text
    assert org.journal == []


@pytest.mark.parametrize("how", ["get", "post"])
def test_the_root_is_never_deleted(sandbox, deleter, how):
    url = "/departments/1/delete/"

    page = deleter.get(url) if how == "get" else deleter.post(url, {})

    assert page.status == 409
    assert "This department cannot be changed here" in page.text
    assert writes(sandbox) == []
    assert DeletionPlan.objects.count() == 0


def test_the_fence_itself_is_never_deleted(org, deleter, settings):
    settings.DINGTALK_ROOT_ID = org["Empty"].dept_id

    assert deleter.check(org["Empty"].dept_id).status == 409


def test_outside_the_fence_nothing_is_deleted(org, deleter, settings):
    settings.DINGTALK_ROOT_ID = org["Empty"].dept_id

    assert deleter.check(org["Legal"].dept_id).status == 403


def test_inside_the_fence_a_branch_may_go(org, deleter, settings, empty):
    settings.DINGTALK_ROOT_ID = empty

    page = delete_branch(deleter, org["Cellar"].dept_id)

    assert "“Cellar” was deleted" in page.text


def test_a_linked_department_is_not_deleted(org, line, deleter, empty):
    line.answer(GET, errcode=0, result={"dept_id": empty, "name": "E", "from_union_org": True})

    page = deleter.check(empty)

    assert page.status == 409
    assert "It comes from a linked organisation" in page.text


def test_an_unknown_department_cannot_be_checked(deleter):
    assert deleter.check(4711).status == 404


def test_a_department_that_is_gone_cannot_be_checked(org, deleter, empty):
    deleter.get(f"/departments/{empty}/")
    org.delete_department(empty)

    page = deleter.check(empty)

    assert page.status == 410
    assert "“Empty” no longer exists" in page.text


def test_the_services_themselves_ask_for_the_role(org, sandbox, editor, deleter, empty):
    kept = delete.check(dept_id=empty, by=deleter.user)
    sandbox.calls.clear()

    for act in (
        lambda: delete.check(dept_id=empty, by=editor.user),
        lambda: delete.kept_plan(plan_id=kept.plan_id, by=editor.user),
        lambda: delete.usable(kept=kept, by=editor.user),
        lambda: delete.deletable(dept_id=empty, by=editor.user),
        lambda: delete.carry_out(kept=kept, ask=ask(editor.user), typed="", chats_seen=True),
    ):
        with pytest.raises(NotPermitted):
            act()

    assert sandbox.calls == []


def test_the_services_themselves_keep_root_and_fence(org, sandbox, deleter, settings, empty):
    with pytest.raises(Fixed):
        delete.check(dept_id=1, by=deleter.user)
    settings.DINGTALK_ROOT_ID = empty
    with pytest.raises(OutsideFence):
        delete.check(dept_id=org["Legal"].dept_id, by=deleter.user)


# ── Blocked by people ────────────────────────────────────────────────────────────────────────────────────


def test_people_inside_are_named_and_nothing_can_be_confirmed(org, sandbox, deleter):
    page = deleter.check(org["Sales"].dept_id)

    assert "“Sales” can’t be deleted yet" in page.text
    assert "3 people still belong to 2 departments here." in page.text
    for name in ("Li Wei", "Chen Yu", "Wang Fang"):
        assert name in page.text
    assert "chats_seen" not in page.html
    assert writes(sandbox) == []


def test_a_blocked_plan_cannot_be_confirmed_by_a_forged_post(org, sandbox, deleter):
    page = deleter.check(org["Sales"].dept_id)

    forged = confirm(deleter, page)

    assert forged.status == 409
    assert "This check does not allow the delete." in forged.text
    assert writes(sandbox) == []


def test_where_people_also_belong_is_told(org, deleter):
    deleter.get(f"/departments/{org['Legal'].dept_id}/")
    org.add_member("Legal", "Wang Fang")
    org.add_member("Research", "Wang Fang")

    page = deleter.check(org["North"].dept_id)

    assert f"Wang Fang – also in Legal, {org['Research'].dept_id}" in page.text


def test_one_person_in_two_departments_of_the_branch_is_one_person(org, deleter):
    org.add_member("North", "Li Wei")

    page = deleter.check(org["Sales"].dept_id)

    assert "3 people still belong to 2 departments here." in page.text
    assert "4 memberships of 3 people" in page.text


def test_people_who_may_not_be_named_are_counted_and_block(org, line, deleter):
    line.answer("user/listsimple", errcode=0, result={"has_more": False, "list": []})

    page = deleter.check(org["North"].dept_id)

    assert "can’t be deleted yet" in page.text
    assert "1 person this app may not name (outside its contact scope)." in page.text


@pytest.mark.parametrize("path", ["user/listsimple", "v2/user/get"])
def test_names_are_a_courtesy(org, line, deleter, path):
    line.answer(path, errcode=60011, errmsg="no")

    page = deleter.check(org["North"].dept_id)

    assert page.status == 200
    assert "1 people still belong to 1 department here." in page.text


def test_where_else_people_belong_is_looked_up_for_fifty(org, sandbox, deleter):
    for number in range(52):
        org.add_member("Legal", f"Person {number}")

    page = deleter.check(org["Legal"].dept_id)

    assert "52 people still belong" in page.text
    assert sum(call.path == "/topapi/v2/user/get" for call in sandbox.calls) == 50


@pytest.mark.parametrize(
    ("seconds", "name", "also_in"), [(60.0, "Wang Fang", ["Legal"]), (0.0, "", [])]
)
def test_when_time_is_up_people_are_counted_but_not_looked_up(org, deleter, seconds, name, also_in):
    org.add_member("Legal", "Wang Fang")
    deleter.get(f"/departments/{org['Legal'].dept_id}/")
    north = plan.Doomed(
        dept_id=org["North"].dept_id, name="North", path="North", parent_id=1, level=1
    )
    north.members = [plan.Member(userid="wangfang")]
    reading = plan._Reading(gateway.dingtalk(), until=time.monotonic() + seconds)

    reading._name_members([north])
    reading._look_up_other_places([north], {north.dept_id})

    assert (north.members[0].name, north.members[0].also_in) == (name, also_in)


# ── Could not check everything ───────────────────────────────────────────────────────────────────────────


def test_a_department_out_of_scope_makes_the_check_incomplete(org, sandbox, line, deleter, empty):
    cellar = org["Cellar"].dept_id
    here = [org["Legal"].dept_id]
    line.when(CHILDREN, lambda: setattr(sandbox.switches, "contact_scope", here))

    page = deleter.check(empty)

    assert "We couldn’t check everything below “Empty”" in page.text
    assert "It is outside this app’s contact scope." in page.text
    assert str(cellar) in page.text
    assert "chats_seen" not in page.html


def test_an_incomplete_check_cannot_be_confirmed(org, sandbox, line, deleter, empty):
    line.answer(MEMBERS, errcode=-1)
    page = deleter.check(empty)
    line.mend()

    forged = confirm(deleter, page)

    assert forged.status == 409
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"errcode": 60011}, "A permission is missing. The set-up page says which."),
        ({"errcode": -1}, "DingTalk did not answer."),
        ({"errcode": 50004}, "It is outside this app’s contact scope."),
        ({"errcode": 60003}, "It was deleted while we were reading. Check again."),
    ],
)
def test_why_something_could_not_be_read_is_told(line, deleter, empty, answer, why):
    line.answer(MEMBERS, **answer)

    page = deleter.check(empty)

    assert "3 departments could not be read" in page.text
    assert why in page.text
    assert f"Code {answer['errcode']}" in page.text


def test_a_branch_too_large_for_one_go_is_told_so(deleter, empty, monkeypatch):
    monkeypatch.setattr(plan, "_READING_TIME", 0.0)

    page = deleter.check(empty)

    assert "The branch is too large to be read in one go" in page.text


def test_people_found_in_an_incomplete_check_still_block(org, line, deleter):
    line.answer("user/listsimple", errcode=60011)
    line.when(MEMBERS, lambda: line.answer(CHILDREN, errcode=-1))

    page = deleter.check(org["Sales"].dept_id)

    assert "can’t be deleted yet" in page.text


def test_dingtalk_silent_at_the_start_is_a_sentence(line, deleter, empty):
    line.swallow(GET)

    page = deleter.check(empty)

    assert page.status == 503
    assert "DingTalk is not answering" in page.text
    assert DeletionPlan.objects.count() == 0


# ── Allowed ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_branch_is_shown_with_everything_that_goes(org, deleter, empty):
    page = deleter.check(empty)

    assert "Delete “Empty” and everything under it?" in page.text
    assert "3 departments will be deleted. 2 Department Chats will be dismissed." in page.text
    for path in ("Empty", "Empty › Cellar", "Empty › Cellar › Vault"):
        assert path in page.text
    assert org["Empty"].dept_group_chat_id in page.text
    assert "Delete 3 departments" in page.text
    assert "Keep them" in page.text


def test_a_single_one_without_chat_is_asked_about_plainly(org, deleter):
    page = deleter.check(org["Legal"].dept_id)

    assert "Delete “Legal”?" in page.text
    assert "No Department Chat is affected." in page.text
    assert "Delete 1 department" in page.text
    assert "chats_seen" not in page.html


def test_settings_elsewhere_that_name_it_are_told(org, deleter, empty):
    org.edit_department("Platform", dept_permits=(empty,))
    org.edit_department("Legal", outer_dept=True, outer_permit_depts=(org["Vault"].dept_id,))
    for name in ("Platform", "Legal"):
        deleter.get(f"/departments/{org[name].dept_id}/")

    page = deleter.check(empty)

    assert "Settings elsewhere that mention them 2" in page.text
    assert "Platform – its exceptions name “Empty”" in page.text
    assert "Legal – its exceptions name “Vault”" in page.text


def test_managers_who_would_lose_the_post_are_known_to_the_plan(org, deleter):
    kept = delete.check(dept_id=org["Sales"].dept_id, by=deleter.user)

    assert [place.name for place in delete.plan_of(kept).managers] == ["Sales"]


def test_a_chat_asked_for_but_not_yet_made_counts(org, deleter):
    org._put(replace(org["Legal"], create_dept_group=True))

    page = deleter.check(org["Legal"].dept_id)

    assert "1 Department Chat will be dismissed." in page.text


def test_a_department_hangs_from_the_one_that_lists_it():
    """Its own details may leave the parent out, or name the one it has just left."""
    odd = plan._doomed(
        {"dept_id": 5, "name": "Odd", "parent_id": 7}, above_path="A", parent_id=9, level=2
    )

    assert (odd.parent_id, odd.path) == (9, "A › Odd")


# ── Confirming ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_whole_branch_goes_with_one_call(org, sandbox, deleter, empty):
    page = delete_branch(deleter, empty)

    assert page.status == 200
    assert page.url.endswith("/result/")
    assert "“Empty” was deleted" in page.text
    assert "3 of 3 departments are gone from DingTalk." in page.text
    assert "2 Department Chats were dismissed." in page.text
    assert [call.body for call in writes(sandbox)] == [{"dept_id": empty}]
    assert "Empty" not in org


def test_every_department_has_its_own_entry_with_its_picture_from_before(org, deleter, empty):
    ids = {name: org[name].dept_id for name in ("Empty", "Cellar", "Vault")}

    delete_branch(deleter, empty)

    entries = {entry.name: entry for entry in AuditEntry.objects.all()}
    assert {name: entry.dept_id for name, entry in entries.items()} == ids
    assert entries["Vault"].path == "Empty › Cellar › Vault"
    assert entries["Cellar"].before["dept_group_chat_id"]
    assert entries["Vault"].before["parent_id"] == ids["Cellar"]
    assert {entry.outcome for entry in entries.values()} == {Outcome.DONE}
    assert all(entry.confirmed and entry.after == {} for entry in entries.values())


def test_memory_follows(org, deleter, empty):
    deleter.get("/departments/")
    deleter.get(f"/departments/{org['Cellar'].dept_id}/")
    cellar = org["Cellar"].dept_id

    delete_branch(deleter, empty)

    assert Department.objects.get(pk=empty).gone_at
    assert Department.objects.get(pk=cellar).gone_at
    assert deleter.get(f"/departments/{cellar}/").status == 410


def test_the_tree_is_redrawn_for_htmx(org, deleter, empty):
    deleter.get("/departments/")
    page = deleter.check(empty)

    page = deleter.post(page.url, {"chats_seen": "on"}, htmx="main")

    assert "was deleted" in page.text
    assert '<template data-below="0">' in page.html
    assert f'id="d{empty}"' not in page.html


def test_the_chats_must_have_been_seen(org, sandbox, deleter, empty):
    page = deleter.check(empty)

    page = deleter.post(page.url, {})

    assert page.status == 422
    assert "Confirm that you have seen which Department Chats will be dismissed." in page.text
    assert writes(sandbox) == []


def test_without_chats_nothing_needs_to_have_been_seen(org, deleter):
    page = deleter.check(org["Legal"].dept_id)

    page = deleter.post(page.url, {})

    assert "“Legal” was deleted" in page.text


@pytest.mark.parametrize("typed", ["", "empty", "Empt", "Empty1", "12", "0", "\x00", "é" * 300])
def test_from_some_size_on_the_name_must_be_typed(org, sandbox, deleter, settings, empty, typed):
    settings.DELETE_TYPE_FROM = 3

    page = delete_branch(deleter, empty, typed=typed)

    assert page.status == 422
    assert f"The text doesn’t match. Type Empty or {empty}." in page.text
    assert writes(sandbox) == []


def test_what_was_typed_wrongly_stays(deleter, settings, empty):
    settings.DELETE_TYPE_FROM = 3

    page = delete_branch(deleter, empty, typed="Emptty")

    assert page.field("typed") == "Emptty"


@pytest.mark.parametrize("how", ["name", "spaces", "id", "full-width id"])
def test_name_or_id_in_any_width_confirms(org, deleter, settings, empty, how):
    settings.DELETE_TYPE_FROM = 3
    wide = str(empty).translate({ord("0") + n: ord("０") + n for n in range(10)})
    typed = {"name": "Empty", "spaces": "  Empty ", "id": str(empty), "full-width id": wide}[how]

    page = delete_branch(deleter, empty, typed=typed)

    assert "“Empty” was deleted" in page.text


def test_doubled_spaces_in_a_name_do_not_count(org, deleter, settings):
    settings.DELETE_TYPE_FROM = 1
    org.rename_department("Legal", "Legal  Affairs")

    page = delete_branch(deleter, org["Legal  Affairs"].dept_id, typed="Legal Affairs")

    assert page.status == 200
    assert "Legal  Affairs" not in org


def test_below_that_size_nothing_is_typed(deleter, settings, empty):
    settings.DELETE_TYPE_FROM = 4

    assert 'name="typed"' not in deleter.check(empty).html


# ── Changed since the check ──────────────────────────────────────────────────────────────────────────────


def changed(page, sandbox):
    assert page.status == 409
    assert "Something changed since this check" in page.text
    assert "Nothing has been deleted." in page.text
    assert writes(sandbox) == []
    assert outcomes() == []


def test_somebody_joined_since(org, sandbox, deleter, empty):
    page = deleter.check(empty)
    org.add_member("Vault", "Wang Fang")

    page = confirm(deleter, page)

    changed(page, sandbox)
    assert "Wang Fang joined Empty › Cellar › Vault" in page.text
    assert "Review the new result" in page.text


def test_the_new_result_is_the_new_plan(org, deleter, empty):
    page = deleter.check(empty)
    org.add_member("Vault", "Wang Fang")
    page = confirm(deleter, page)
    new = DeletionPlan.objects.order_by("checked_at").last()
    assert f'href="/deletions/{new.plan_id}/"' in page.html

    page = deleter.get(f"/deletions/{new.plan_id}/")

    assert "can’t be deleted yet" in page.text


def test_a_department_was_added_since(org, sandbox, deleter, empty):
    page = deleter.check(empty)
    org.create_department("Shelf", parent="Vault")

    page = confirm(deleter, page)

    changed(page, sandbox)
    assert "Department added: Empty › Cellar › Vault › Shelf" in page.text


def test_a_department_went_since(org, sandbox, deleter, empty):
    page = deleter.check(empty)
    org.delete_department("Vault")

    page = confirm(deleter, page)

    changed(page, sandbox)
    assert "Department gone: Empty › Cellar › Vault" in page.text


def test_a_department_was_renamed_since(org, sandbox, deleter, empty):
    page = deleter.check(empty)
    org.rename_department("Vault", "Safe")

    page = confirm(deleter, page)

    changed(page, sandbox)
    assert "Name, place or chat changed: Empty › Cellar › Safe" in page.text


def test_a_chat_was_made_since(org, sandbox, deleter):
    page = deleter.check(org["Legal"].dept_id)
    org.edit_department("Legal", create_dept_group=True)

    page = confirm(deleter, page)

    changed(page, sandbox)
    assert "Name, place or chat changed: Legal" in page.text


def test_a_department_added_at_the_last_look_stops_it(org, sandbox, line, deleter, empty):
    page = deleter.check(empty)
    # Three reads of children for the second check; the fourth is the last look.
    line.when(CHILDREN, lambda: org.create_department("Shelf", parent="Empty"), after=3)

    page = confirm(deleter, page)

    changed(page, sandbox)
    assert "Department added: Empty › Shelf" in page.text


def test_a_last_look_that_fails_stops_it(org, sandbox, line, deleter, empty):
    page = deleter.check(empty)
    line.when(CHILDREN, lambda: line.answer(CHILDREN, errcode=-1), after=3)

    page = confirm(deleter, page)

    assert page.status == 503
    assert writes(sandbox) == []
    assert outcomes() == []


def test_gone_at_the_last_look_is_a_sentence_too(org, sandbox, line, deleter, empty):
    page = deleter.check(empty)
    line.when(CHILDREN, lambda: org.delete_department("Empty"), after=3)

    page = confirm(deleter, page)

    assert page.status == 404
    assert writes(sandbox) == []


def test_somebody_joining_after_the_last_look_is_dingtalks_to_refuse(
    org, sandbox, line, deleter, empty
):
    page = deleter.check(empty)
    line.when(DELETE, lambda: org.add_member("Vault", "Wang Fang"))

    page = confirm(deleter, page)

    assert page.status == 409
    assert "“Empty” was not deleted" in page.text
    assert "People still belong to this department or to one below it." in page.text
    assert set(outcomes()) == {Outcome.REFUSED}
    assert "Vault" in org


# ── Whose plan, how old ──────────────────────────────────────────────────────────────────────────────────


def test_an_old_check_cannot_be_confirmed(org, sandbox, deleter, empty):
    page = deleter.check(empty)
    kept = DeletionPlan.objects.get()
    kept.checked_at -= timedelta(minutes=10, seconds=1)
    kept.save()
    assert "This check can’t be confirmed any more" in deleter.get(page.url).text

    page = confirm(deleter, page)

    assert page.status == 409
    assert "This check is too old. Check again." in page.text
    assert writes(sandbox) == []


def test_another_persons_check_cannot_be_confirmed(org, sandbox, deleter, administrator, empty):
    page = deleter.check(empty)
    assert "This check can’t be confirmed any more" in administrator.get(page.url).text

    page = confirm(administrator, page)

    assert page.status == 409
    assert "This check was made by somebody else. Make your own." in page.text
    assert writes(sandbox) == []


def test_a_plan_nobody_made_is_no_page(deleter):
    assert deleter.get(f"/deletions/{uuid4()}/").status == 404
    assert deleter.post(f"/deletions/{uuid4()}/", {"chats_seen": "on"}).status == 404
    assert deleter.get(f"/deletions/{uuid4()}/result/").status == 404


def test_a_plan_not_carried_out_has_no_result(deleter, empty):
    page = deleter.check(empty)

    assert deleter.get(f"{page.url}result/").url == page.url


def test_a_plan_carried_out_leads_to_its_result(deleter, empty):
    page = deleter.check(empty)
    done = confirm(deleter, page)

    assert deleter.get(page.url).url == done.url


def test_usable_says_why_not(deleter, administrator, empty):
    kept = delete.check(dept_id=empty, by=deleter.user)
    delete.usable(kept=kept, by=deleter.user)

    with pytest.raises(PlanNotUsable) as why:
        delete.usable(kept=kept, by=administrator.user)

    assert why.value.why == "another"


# ── The same confirmation again ──────────────────────────────────────────────────────────────────────────


def test_a_double_click_deletes_once(org, sandbox, deleter, empty):
    page = deleter.check(empty)
    confirm(deleter, page)

    again = confirm(deleter, page)

    assert again.status == 200
    assert "“Empty” was deleted" in again.text
    assert len(writes(sandbox)) == 1
    assert AuditEntry.objects.count() == 3


def test_somebody_else_confirming_a_carried_out_plan_learns_so(
    sandbox, deleter, administrator, empty
):
    page = deleter.check(empty)
    confirm(deleter, page)

    again = confirm(administrator, page)

    assert again.status == 409
    assert "This form has already been sent" in again.text
    assert len(writes(sandbox)) == 1


def test_a_refused_delete_is_checked_anew_before_it_is_sent_again(
    org, sandbox, line, deleter, empty
):
    page = deleter.check(empty)
    line.answer(DELETE, errcode=60005)
    confirm(deleter, page)
    line.mend()

    again = confirm(deleter, page)

    assert "“Empty” was not deleted" in again.text
    assert writes(sandbox) == []


# ── Without the cascade ──────────────────────────────────────────────────────────────────────────────────


def test_where_sub_departments_must_go_first_they_do(org, sandbox, deleter, empty):
    sandbox.switches.delete_cascades = False
    order = [org[name].dept_id for name in ("Empty", "Vault", "Cellar", "Empty")]

    page = delete_branch(deleter, empty)

    assert "“Empty” was deleted" in page.text
    assert [call.body["dept_id"] for call in writes(sandbox)] == order
    assert outcomes() == [Outcome.DONE] * 3


def test_bottom_up_each_entry_has_its_own_request_id(org, sandbox, deleter, empty):
    sandbox.switches.delete_cascades = False

    delete_branch(deleter, empty)

    assert len({entry.request_id for entry in AuditEntry.objects.all()}) == 3


def test_bottom_up_stops_at_the_first_refusal(org, sandbox, line, deleter, empty):
    sandbox.switches.delete_cascades = False
    page = deleter.check(empty)
    line.when(DELETE, lambda: org.add_member("Cellar", "Wang Fang"), after=2)

    page = confirm(deleter, page)

    assert page.status == 409
    assert "1 of 3 departments were deleted" in page.text
    entries = {entry.name: entry.outcome for entry in AuditEntry.objects.all()}
    assert entries == {
        "Empty": Outcome.NOT_SENT,
        "Cellar": Outcome.REFUSED,
        "Vault": Outcome.DONE,
    }
    assert "Cellar" in org
    assert "Vault" not in org


def test_bottom_up_stops_at_a_lost_answer(org, sandbox, line, deleter, empty):
    sandbox.switches.delete_cascades = False
    page = deleter.check(empty)
    line.when(DELETE, lambda: line.lose_reply_to(DELETE), after=2)

    page = confirm(deleter, page)

    assert page.status == 502
    entries = {entry.name: entry.outcome for entry in AuditEntry.objects.all()}
    assert entries == {
        "Empty": Outcome.NOT_SENT,
        "Cellar": Outcome.UNKNOWN,
        "Vault": Outcome.DONE,
    }
    assert "We do not know yet whether “Empty” was deleted" in page.text


def test_bottom_up_stops_when_its_time_is_up(org, sandbox, deleter, empty, settings):
    sandbox.switches.delete_cascades = False
    page = deleter.check(empty)
    settings.SETTLE_SECONDS = 0.0001

    confirm(deleter, page)

    assert sorted(outcomes()) == [Outcome.DONE, Outcome.NOT_SENT, Outcome.NOT_SENT]


def test_bottom_up_stops_where_a_yes_deleted_nothing(org, sandbox, line, deleter, empty):
    sandbox.switches.delete_cascades = False
    page = deleter.check(empty)
    line.when(DELETE, lambda: line.answer(DELETE, errcode=0, request_id="odd"), after=1)

    page = confirm(deleter, page)

    entries = {entry.name: entry.outcome for entry in AuditEntry.objects.all()}
    assert entries == {
        "Empty": Outcome.NOT_SENT,
        "Cellar": Outcome.NOT_SENT,
        "Vault": Outcome.UNKNOWN,
    }
    assert "Vault" in org


def test_a_single_department_refused_for_its_children_is_refused(org, sandbox, line, deleter):
    page = deleter.check(org["Legal"].dept_id)
    line.answer(DELETE, errcode=60006)

    page = confirm(deleter, page)

    assert page.status == 409
    assert "DingTalk wants the sub-departments deleted first." in page.text
    assert outcomes() == [Outcome.REFUSED]


# ── Verified ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_yes_after_which_it_is_still_there_stays_open(org, line, deleter, empty, settings):
    page = deleter.check(empty)
    line.answer(DELETE, errcode=0, request_id="odd")

    page = confirm(deleter, page)

    assert "We do not know yet whether “Empty” was deleted" in page.text
    assert set(outcomes()) == {Outcome.UNKNOWN}
    assert Department.objects.get(pk=empty).gone_at is None

    settings.SETTLE_SECONDS = 0
    settle.settle_due()
    assert set(outcomes()) == {Outcome.NOT_DONE}


def test_one_gone_at_the_last_moment_is_gone(org, line, deleter, empty):
    """By our own call, doubled on its way, or by somebody in DingTalk: what was wanted is so."""
    page = deleter.check(empty)
    line.when(DELETE, lambda: org.delete_department(empty))

    page = confirm(deleter, page)

    assert "“Empty” was deleted" in page.text
    assert set(outcomes()) == {Outcome.DONE}
    assert {entry.code for entry in AuditEntry.objects.all()} == {"60003"}


@pytest.mark.parametrize("unread", [False, True])
def test_said_to_be_gone_and_still_there_or_unreadable_stays_open(org, line, deleter, unread):
    page = deleter.check(org["Legal"].dept_id)
    line.when(DELETE, lambda: line.refuse(GET) if unread else None)
    line.answer(DELETE, errcode=60003, errmsg="部门不存在")

    confirm(deleter, page)

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.accepted) == (Outcome.UNKNOWN, False)


def test_one_readable_a_moment_longer_is_waited_for(org, line, deleter):
    legal = org["Legal"].dept_id
    page = deleter.check(legal)
    # DingTalk says yes at once and forgets it a look later.
    line.answer(DELETE, errcode=0, request_id="slow")
    line.when(GET, lambda: org.delete_department(legal), after=2)

    page = confirm(deleter, page)

    assert "“Legal” was deleted" in page.text
    assert AuditEntry.objects.get().confirmed


def test_a_yes_that_cannot_be_verified_is_done_but_not_confirmed(org, line, deleter, empty):
    page = deleter.check(empty)
    line.when(DELETE, lambda: line.swallow(GET))

    page = confirm(deleter, page)

    assert "DingTalk says that “Empty” is deleted; not confirmed yet" in page.text
    assert set(outcomes()) == {Outcome.DONE}
    assert not any(entry.confirmed for entry in AuditEntry.objects.all())


# ── DingTalk silent, and the settle window ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("htmx", [None, "main"])
def test_a_lost_answer_is_unknown_for_the_whole_branch(org, sandbox, line, deleter, empty, htmx):
    page = deleter.check(empty)
    line.lose_reply_to(DELETE)

    page = deleter.post(page.url, {"chats_seen": "on"}, htmx=htmx)

    assert page.status == 502
    assert "We do not know yet whether “Empty” was deleted" in page.text
    assert "never send the delete twice" in page.text
    assert set(outcomes()) == {Outcome.UNKNOWN}
    assert len(writes(sandbox)) == 1
    assert page.response["HX-Retarget"] == "#main"


def test_the_result_settles_after_the_window(org, sandbox, line, deleter, settings, empty):
    page = deleter.check(empty)
    line.lose_reply_to(DELETE)
    page = confirm(deleter, page)
    line.mend()
    settings.SETTLE_SECONDS = 0

    page = deleter.get(f"{page.url}result/")

    assert "“Empty” was deleted" in page.text
    assert set(outcomes()) == {Outcome.DONE}
    assert len(writes(sandbox)) == 1
    assert Department.objects.get(pk=empty).gone_at


def test_a_delete_that_never_arrived_settles_as_not_done(
    org, sandbox, line, deleter, settings, empty
):
    page = deleter.check(empty)
    line.swallow(DELETE)
    page = confirm(deleter, page)
    line.mend()
    settings.SETTLE_SECONDS = 0

    page = deleter.get(f"{page.url}result/")

    assert "“Empty” was not deleted" in page.text
    assert set(outcomes()) == {Outcome.NOT_DONE}
    assert writes(sandbox) == []


def test_no_connection_is_not_sent(org, sandbox, line, deleter, empty):
    page = deleter.check(empty)
    line.refuse(DELETE)

    page = confirm(deleter, page)

    assert page.status == 503
    assert "“Empty” was not deleted" in page.text
    assert set(outcomes()) == {Outcome.NOT_SENT}


def test_silence_at_the_second_check_stops_it(sandbox, line, deleter, empty):
    page = deleter.check(empty)
    line.swallow(GET)

    page = confirm(deleter, page)

    assert page.status == 503
    assert outcomes() == []


def test_a_branch_with_an_unsettled_change_waits(org, sandbox, line, deleter, empty):
    vault = org["Vault"].dept_id
    form = deleter.open_edit(vault)
    page = deleter.check(empty)
    line.lose_reply_to("department/update")
    deleter.post(f"/departments/{vault}/edit/", form | {"code": "V-1"})
    line.mend()

    page = confirm(deleter, page)

    assert page.status == 423
    assert "Empty" in org


def test_a_branch_with_an_unsettled_create_waits(org, sandbox, line, deleter, empty):
    vault = org["Vault"].dept_id
    form = deleter.open_create(vault)
    line.swallow("department/create")
    deleter.post(f"/departments/{vault}/new/", form | {"name": "Shelf"})
    line.mend()

    page = delete_branch(deleter, empty)

    assert page.status == 423
    assert "Empty" in org


# ── How many calls ───────────────────────────────────────────────────────────────────────────────────────


def test_checking_costs_three_calls_a_department(org, sandbox, deleter, empty):
    deleter.get(f"/departments/{empty}/")
    sandbox.calls.clear()

    deleter.check(empty)

    assert sorted(reads(sandbox)) == sorted(["get"] * 3 + ["listsubid"] * 3 + ["listid"] * 3)


def test_a_plan_tells_apart_what_must_still_be_true(org, deleter, empty):
    plan = delete.plan_of(delete.check(dept_id=empty, by=deleter.user))
    same = delete.plan_of(delete.check(dept_id=empty, by=deleter.user))
    org.add_member("Vault", "Wang Fang")
    other = delete.plan_of(delete.check(dept_id=empty, by=deleter.user))

    assert plan.fingerprint() == same.fingerprint()
    assert plan.fingerprint() != other.fingerprint()


def test_a_failure_among_many_is_an_answer(org, deleter):
    """Asked at once, one that fails does not take the others along."""
    places = [
        plan.Doomed(dept_id=dept_id, name="", path="", parent_id=0, level=0)
        for dept_id in (org["Legal"].dept_id, 4711)
    ]

    (_, found), (_, failed) = plan.at_once(
        places, lambda place: gateway.dingtalk().get_department(place.dept_id)
    )

    assert found.name == "Legal"
    assert isinstance(failed, NotThere)


def test_a_result_that_could_not_be_checked_does_not_claim_it(org, line, deleter, empty, settings):
    page = deleter.check(empty)
    line.when(DELETE, lambda: line.refuse(GET))
    line.answer(DELETE, errcode=0, request_id="odd")

    page = confirm(deleter, page)

    assert "DingTalk says that “Empty” is deleted; not confirmed yet" in page.text
    assert "0 of 3 departments are gone" in page.text
    assert "dismissed" not in page.text

    line.mend()
    settings.SETTLE_SECONDS = 0
    page = deleter.get(page.url)
    assert "“Empty” was not deleted" in page.text
    assert page.text.count("did not happen") == 3


def test_a_result_shows_what_later_looks_found(org, line, deleter, empty, settings):
    page = deleter.check(empty)
    line.swallow(DELETE)
    page = confirm(deleter, page)
    line.mend()
    settings.SETTLE_SECONDS = 0
    settle.settle_due()
    org.delete_department(empty)
    for entry in AuditEntry.objects.filter(corrects=None):
        deleter.get(f"/departments/{entry.dept_id}/?live=1")

    page = deleter.get(f"/deletions/{Operation.objects.get().pk}/result/")

    assert "“Empty” was deleted" in page.text
    assert "3 of 3 departments are gone" in page.text
