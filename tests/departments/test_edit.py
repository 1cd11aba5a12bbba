"""Changing a department: look, note, do, settle; and everything that may come between."""

import pytest
from django.db import IntegrityError
from looking import ask, outcomes, sent, writes

from departments import forms
from departments.errors import Fixed, NotPermitted, OutsideFence, Repeated
from departments.models import AuditEntry, Department, Operation, Outcome
from departments.services import audit, edit

UPDATE = "department/update"
GET = "department/get"


# ── Works ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_changed_field_alone_is_sent(org, sandbox, editor):
    sales = org["Sales"].dept_id

    page = editor.save(sales, name="Field Sales")

    assert page.status == 200
    assert "Saved." in page.text
    assert sent(sandbox) == {"dept_id": sales, "name": "Field Sales"}
    assert org[sales].name == "Field Sales"


def test_history_keeps_before_wanted_and_after(org, editor):
    editor.save(org["Legal"].dept_id, name="Law", code="L-1")

    (entry,) = AuditEntry.objects.all()
    assert entry.outcome == Outcome.DONE
    assert entry.confirmed
    assert entry.before["name"] == "Legal"
    assert entry.wanted == {"name": "Law", "code": "L-1"}
    assert (entry.after["name"], entry.after["code"]) == ("Law", "L-1")
    assert entry.request_id
    assert entry.path == "Legal"
    assert entry.operation.by == editor.user
    assert entry.operation.address == "127.0.0.1"


def test_memory_follows_a_saved_change(org, editor):
    legal = org["Legal"].dept_id

    editor.save(legal, name="Law")

    assert Department.objects.get(pk=legal).name == "Law"


def test_a_form_saved_unchanged_sends_nothing(org, sandbox, editor):
    page = editor.save(org["Sales"].dept_id)

    assert "Nothing has changed, so nothing was sent to DingTalk." in page.text
    assert writes(sandbox) == []
    assert outcomes() == []


def test_every_field_of_the_form_arrives_under_dingtalks_name(org, sandbox, editor):
    legal, north = org["Legal"].dept_id, org["North"].dept_id
    editor.get(f"/departments/{org['Sales'].dept_id}/")

    page = editor.save(
        legal,
        order="7",
        code="L-1",
        source_identifier="hr:17",
        hide_dept="on",
        dept_permits=f"{north} North\nSales",
        user_permits="wangfang, liwei",
        outer_dept="on",
        outer_dept_only_self="1",
        outer_permit_depts=str(north),
        outer_permit_users="liwei",
        create_dept_group="on",
        group_contain_sub_dept="on",
        group_contain_hidden_dept="0",
        auto_approve_apply="on",
    )

    assert "Saved." in page.text
    assert sent(sandbox) == {
        "dept_id": legal,
        "order": 7,
        "code": "L-1",
        "source_identifier": "hr:17",
        "hide_dept": True,
        "dept_permits": f"{north},{org['Sales'].dept_id}",
        "user_permits": "wangfang,liwei",
        "outer_dept": True,
        "outer_dept_only_self": True,
        "outer_permit_depts": str(north),
        "outer_permit_users": "liwei",
        "create_dept_group": True,
        "group_contain_sub_dept": True,
        "group_contain_hidden_dept": False,
        "auto_approve_apply": True,
    }


def test_the_tree_beside_the_page_is_redrawn_for_htmx(org, editor):
    sales = org["Sales"].dept_id
    editor.get("/departments/")
    form = editor.open_edit(sales)

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"}, htmx="main")

    assert "<html" not in page.html
    assert '<template data-below="1">' in page.html
    assert page.html.count("Field Sales") > 1


def test_an_order_never_set_is_shown_empty_and_stays_so(org, sandbox, editor):
    sales = org["Sales"].dept_id

    form = editor.open_edit(sales)

    assert "order" not in form
    assert org[sales].order == sales


def test_an_order_once_set_is_shown(org, editor):
    org.edit_department("Legal", order=40)

    assert editor.open_edit(org["Legal"].dept_id)["order"] == 40


def test_a_chat_that_exists_cannot_be_switched_off(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    assert "create_dept_group" not in form  # drawn disabled

    page = editor.post(
        f"/departments/{sales}/edit/",
        form | {"create_dept_group": "", "auto_approve_apply": "on"},
    )

    assert "Saved." in page.text
    assert sent(sandbox) == {"dept_id": sales, "auto_approve_apply": True}
    assert org[sales].dept_group_chat_id


# ── What may not be edited ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("htmx", [None, "main"])
def test_the_root_is_not_edited(sandbox, editor, htmx):
    page = editor.get("/departments/1/edit/", htmx=htmx)

    assert page.status == 409
    assert "The top department can only be changed in DingTalk’s admin console." in page.text


def test_the_root_is_not_edited_by_a_post_either(org, sandbox, editor):
    forged = forms.Drawn.now({"name": "Acme"}).sealed(about=1, by=editor.user.pk)

    page = editor.post("/departments/1/edit/", {"drawn": forged, "name": "Evil"})

    assert page.status == 409
    assert writes(sandbox) == []
    assert org[1].name == "Acme"


def test_a_department_of_a_linked_organisation_is_not_edited(org, line, editor):
    sales = org["Sales"].dept_id
    line.answer(
        GET,
        errcode=0,
        result={"dept_id": sales, "name": "Sales", "parent_id": 1, "from_union_org": True},
    )

    page = editor.get(f"/departments/{sales}/edit/")

    assert page.status == 409
    assert "It comes from a linked organisation" in page.text


def test_outside_the_fence_nothing_is_edited(org, sandbox, editor, settings):
    settings.DINGTALK_ROOT_ID = org["Sales"].dept_id

    page = editor.get(f"/departments/{org['Legal'].dept_id}/edit/")

    assert page.status == 403
    assert "Outside the part that may be changed" in page.text


def test_inside_the_fence_and_the_fence_itself_everything_is(org, editor, settings):
    settings.DINGTALK_ROOT_ID = org["Sales"].dept_id

    assert "Saved." in editor.save(org["Ningbo"].dept_id, name="Ning Bo").text
    assert "Saved." in editor.save(org["Sales"].dept_id, name="Selling").text


def test_the_service_itself_keeps_the_fence(org, sandbox, editor, settings):
    settings.DINGTALK_ROOT_ID = org["Sales"].dept_id

    with pytest.raises(OutsideFence):
        edit.save(
            dept_id=org["Legal"].dept_id, changes={"name": "X"}, seen={}, ask=ask(editor.user)
        )

    assert writes(sandbox) == []


def test_behind_a_fence_an_unknown_department_is_unknown(org, editor, settings):
    settings.DINGTALK_ROOT_ID = org["Sales"].dept_id

    assert editor.get("/departments/4711/edit/").status == 404


def test_the_service_itself_asks_for_the_role(org, sandbox, viewer):
    with pytest.raises(NotPermitted):
        edit.save(
            dept_id=org["Legal"].dept_id, changes={"name": "X"}, seen={}, ask=ask(viewer.user)
        )
    with pytest.raises(NotPermitted):
        edit.read_live(dept_id=org["Legal"].dept_id, by=viewer.user)

    assert sandbox.calls == []


def test_the_service_itself_leaves_the_root_alone(sandbox, editor):
    with pytest.raises(Fixed):
        edit.save(dept_id=1, changes={"name": "X"}, seen={}, ask=ask(editor.user))

    assert writes(sandbox) == []


def test_an_unknown_department_has_no_form(editor):
    page = editor.get("/departments/4711/edit/")

    assert page.status == 404
    assert "There is no such department" in page.text


def test_a_department_deleted_since_the_form_was_opened_is_gone(org, sandbox, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    org.delete_department(legal)

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    assert page.status == 410
    assert "“Legal” no longer exists" in page.text
    assert "Name Law" in page.text
    assert writes(sandbox) == []


# ── Bad input ────────────────────────────────────────────────────────────────────────────────────────────

BAD_NAMES = {
    "": "Enter a name.",
    "   \t ": "Enter a name.",
    "　　": "Enter a name.",
    "x" * 65: "The name has 65 characters. The limit is 64.",
    "𠮷" * 65: "The name has 65 characters. The limit is 64.",
    "a-b": "The name can’t contain a hyphen (-)",
    "a,b": "The name can’t contain a comma (, or ，).",
    "a，b": "The name can’t contain a comma (, or ，).",
    "a\nb": "The name contains an invisible character.",
    "a\x07b": "The name contains an invisible character.",
    "a\x00b": "The name contains an invisible character.",
    "a\u202eb": "The name contains an invisible character.",
    "a\u200bb": "The name contains an invisible character.",
    "a\u2028b": "The name contains an invisible character.",
}


def test_a_bad_name_that_dingtalk_has_already_is_left_alone(org, sandbox, editor):
    legal = org["Legal"].dept_id
    org.edit_department(legal, name="Legal-IP")

    page = editor.save(legal, code="L-1")

    assert "Saved." in page.text
    assert sent(sandbox) == {"dept_id": legal, "code": "L-1"}


@pytest.mark.parametrize(("name", "sentence"), BAD_NAMES.items(), ids=map(ascii, BAD_NAMES))
def test_a_bad_name_is_told_at_the_field_and_nothing_is_sent(org, sandbox, editor, name, sentence):
    page = editor.save(org["Sales"].dept_id, name=name, source_identifier="kept")

    assert page.status == 422
    assert "There is a problem" in page.text
    assert sentence in page.text
    assert page.field("source_identifier") == "kept"
    assert 'aria-invalid="true"' in page.html
    assert writes(sandbox) == []
    assert org.journal == []


@pytest.mark.parametrize("name", ["x" * 64, "𠮷" * 64, " Selling ", "研发·华东", "A&B <i>"])
def test_a_name_at_the_limits_is_saved(org, editor, name):
    legal = org["Legal"].dept_id

    page = editor.save(legal, name=name)

    assert page.status == 200
    assert org[legal].name == name.strip()


def test_an_unnormalised_name_is_sent_normalised(org, sandbox, editor):
    editor.save(org["Legal"].dept_id, name="Cafe\u0301")

    assert sent(sandbox)["name"] == "Café"


@pytest.mark.parametrize("order", ["0", "-1", "1.5", "1_000", "١٢", "１２", "10" * 10, "soon"])
def test_a_bad_position_is_told_at_the_field(org, sandbox, editor, order):
    page = editor.save(org["Legal"].dept_id, order=order)

    assert page.status == 422
    assert "Enter a whole number greater than 0." in page.text
    assert page.field("order") == order
    assert writes(sandbox) == []


def test_forged_fields_never_reach_dingtalk(org, sandbox, editor):
    sales, legal = org["Sales"].dept_id, org["Legal"].dept_id
    forged = {
        "dept_id": str(legal),
        "parent_id": str(legal),
        "is_root": "1",
        "org_dept_owner": "liwei",
        "dept_manager_userid_list": "wangfang",
        "force_update_fields": "dept_manager_userid_list",
        "member_count": "0",
        "from_union_org": "on",
        "brief": "x",
        "telephone": "x",
        "language": "en_US",
        # Of switches that are off: their fields are not shown.
        "dept_permits": str(legal),
        "user_permits": "liwei",
        "outer_dept_only_self": "1",
        "outer_permit_depts": str(legal),
        "outer_permit_users": "liwei",
    }

    page = editor.post(
        f"/departments/{sales}/edit/", editor.open_edit(sales) | forged | {"name": "Field Sales"}
    )

    assert "Saved." in page.text
    assert sent(sandbox) == {"dept_id": sales, "name": "Field Sales"}


def test_what_hangs_on_a_chat_that_is_not_wanted_is_not_sent(org, sandbox, editor):
    page = editor.save(
        org["Legal"].dept_id,
        name="Law",
        auto_add_user="on",
        group_contain_sub_dept="on",
        group_contain_hidden_dept="1",
        group_contain_outer_dept="0",
    )

    assert "Saved." in page.text
    assert sent(sandbox).keys() == {"dept_id", "name"}


@pytest.mark.parametrize("drawn", ["", "forged", "e30:1abc:def", None])
def test_a_form_that_cannot_be_verified_sends_nothing_and_keeps_the_text(
    org, sandbox, editor, drawn
):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Field Sales", "drawn": drawn}
    if drawn is None:
        del form["drawn"]

    page = editor.post(f"/departments/{sales}/edit/", form)

    assert page.status == 422
    assert "This form cannot be verified." in page.text
    assert page.field("name") == "Field Sales"
    assert writes(sandbox) == []


def test_a_form_drawn_for_another_department_is_not_accepted(org, sandbox, editor):
    sales, legal = org["Sales"].dept_id, org["Legal"].dept_id

    page = editor.post(f"/departments/{legal}/edit/", editor.open_edit(sales) | {"name": "Law"})

    assert page.status == 422
    assert "This form cannot be verified." in page.text
    assert writes(sandbox) == []


def test_a_form_drawn_for_another_person_is_not_accepted(org, sandbox, editor, deleter):
    sales = org["Sales"].dept_id

    page = deleter.post(f"/departments/{sales}/edit/", editor.open_edit(sales) | {"name": "Mine"})

    assert page.status == 422
    assert writes(sandbox) == []


def test_an_unverified_form_shown_again_can_be_saved_once_more(org, editor):
    """The sentence says so."""
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Field Sales", "drawn": "expired"}
    page = editor.post(f"/departments/{sales}/edit/", form)

    again = editor.post(f"/departments/{sales}/edit/", form | {"drawn": page.field("drawn")})

    assert "Saved." in again.text
    assert org[sales].name == "Field Sales"


def test_an_unknown_exception_is_told_at_its_field(org, sandbox, editor):
    page = editor.save(org["Legal"].dept_id, hide_dept="on", dept_permits="Nowhere")

    assert page.status == 422
    assert "No department is called “Nowhere”. Use its ID." in page.text


# ── Two at once ──────────────────────────────────────────────────────────────────────────────────────────


def test_changes_that_do_not_meet_are_merged_and_told(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    org.edit_department(sales, code="S-9")

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert "Saved." in page.text
    assert "Somebody else changed meanwhile, and it was kept: Department code." in page.text
    assert sent(sandbox) == {"dept_id": sales, "name": "Field Sales"}
    assert (org[sales].name, org[sales].code) == ("Field Sales", "S-9")


def test_the_same_change_by_two_is_no_clash(org, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    org.rename_department(sales, "Field Sales")

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert page.status == 200


def test_a_clash_sends_nothing_and_asks(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    org.rename_department(sales, "Trade")

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert page.status == 409
    assert "“Sales” changed since you opened it" in page.text
    assert page.field("name") == "Field Sales"
    assert writes(sandbox) == []
    assert outcomes() == []


def test_an_unverified_form_sent_once_more_still_meets_what_others_did(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Field Sales", "drawn": "expired"}
    page = editor.post(f"/departments/{sales}/edit/", form)
    org.rename_department(sales, "Trade")

    again = editor.post(f"/departments/{sales}/edit/", form | {"drawn": page.field("drawn")})

    assert again.status == 409
    assert writes(sandbox) == []


# ── The same form again ──────────────────────────────────────────────────────────────────────────────────


def test_a_double_click_is_one_write(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Field Sales"}

    editor.post(f"/departments/{sales}/edit/", form)
    page = editor.post(f"/departments/{sales}/edit/", form)

    assert page.status == 200
    assert page.url.startswith("/history/")
    assert len(writes(sandbox)) == 1
    assert Operation.objects.count() == 1


def test_other_content_after_a_done_one_is_a_conflict_and_keeps_the_text(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Other Sales"})

    assert page.status == 409
    assert "This form has already been sent" in page.text
    assert page.field("name") == "Other Sales"
    assert len(writes(sandbox)) == 1
    assert org[sales].name == "Field Sales"


def test_other_content_after_a_refused_one_is_a_new_write_and_its_double_click_is_not(
    org, sandbox, editor
):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    editor.post(f"/departments/{sales}/edit/", form | {"name": "Legal"})  # taken: refused

    second = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})
    third = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert "Saved." in second.text
    assert third.url.startswith("/history/")
    assert len(writes(sandbox)) == 2
    assert outcomes() == [Outcome.REFUSED, Outcome.DONE]


def test_what_is_not_known_of_the_second_is_not_told_of_the_first(org, line, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    editor.post(f"/departments/{sales}/edit/", form | {"name": "Legal"})  # taken: refused
    line.lose_reply_to(UPDATE)

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert page.status == 502
    assert "We don’t know yet whether “Sales” was changed." in page.text
    assert "did not accept" not in page.text


def test_the_same_content_after_a_refused_one_shows_the_refusal(org, sandbox, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Legal"}
    editor.post(f"/departments/{sales}/edit/", form)

    page = editor.post(f"/departments/{sales}/edit/", form)

    assert "The parent already has a sub-department with this name." in page.text
    assert len(writes(sandbox)) == 1


def test_another_persons_operation_id_is_of_no_use(org, sandbox, editor, deleter):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})
    theirs = forms.Drawn.opened(form["drawn"], about=legal, by=editor.user.pk)
    stolen = theirs.sealed(about=legal, by=deleter.user.pk)

    page = deleter.post(f"/departments/{legal}/edit/", form | {"name": "Law", "drawn": stolen})

    assert page.status == 409
    assert len(writes(sandbox)) == 1


def test_whoever_notes_second_learns_of_the_first(org, editor):
    """Both requests looked before either had noted; the database decides."""
    legal = org["Legal"].dept_id
    mine = ask(editor.user)
    planned = audit.Planned(dept_id=legal, name="Legal", path="Legal")
    noted = {"kind": "edit", "dept_id": legal, "content": {"name": "Law"}, "entries": [planned]}

    with (
        audit.writing(mine, **noted),
        pytest.raises(Repeated) as second,
        audit.writing(mine, **noted),
    ):
        raise AssertionError("the second may not write")

    assert second.value.operation.op_id == mine.op_id
    assert not isinstance(second.value.__cause__, IntegrityError)


# ── What DingTalk makes of it ────────────────────────────────────────────────────────────────────────────


def test_a_field_that_was_not_taken_is_named(org, sandbox, editor):
    org.edit_department("Legal", source_identifier="hr:1")
    sandbox.switches.empty_value_clears = False

    page = editor.save(org["Legal"].dept_id, source_identifier="", name="Law")

    assert "Saved. But DingTalk did not take: Source identifier." in page.text
    assert AuditEntry.objects.get().not_taken == ["source_identifier"]
    assert org["Law"].source_identifier == "hr:1"


def test_the_entrys_page_marks_what_was_not_taken(org, sandbox, editor):
    org.edit_department("Legal", source_identifier="hr:1")
    sandbox.switches.empty_value_clears = False
    editor.save(org["Legal"].dept_id, source_identifier="", name="Law")

    page = editor.get(f"/history/{AuditEntry.objects.get().pk}/")

    assert "DingTalk accepted this, but did not take: Source identifier." in page.text
    assert "Source identifier hr:1 not set hr:1 not taken" in page.text


def test_a_yes_that_cannot_be_read_back_is_done_but_not_confirmed(org, line, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    line.when(UPDATE, lambda: line.swallow(GET))

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    assert "could not be read afterwards: not confirmed yet" in page.text
    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.confirmed) == (Outcome.DONE, False)
    assert org[legal].name == "Law"


def test_the_entrys_page_says_not_confirmed(org, line, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    line.when(UPDATE, lambda: line.swallow(GET))
    editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    page = editor.get(f"/history/{AuditEntry.objects.get().pk}/")

    assert "not confirmed yet" in page.text


def test_a_change_to_a_department_that_vanishes_at_once_stays_open(org, line, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    # Gone between DingTalk's yes and our look.
    line.when(GET, lambda: org.delete_department(legal), after=1)

    editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.accepted) == (Outcome.UNKNOWN, True)


def test_an_expired_token_goes_unnoticed(org, sandbox, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    sandbox.expire_tokens()

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    assert "Saved." in page.text


# ── DingTalk silent ──────────────────────────────────────────────────────────────────────────────────────


def test_a_form_is_not_opened_while_dingtalk_is_silent(org, line, editor):
    line.swallow(GET)

    page = editor.get(f"/departments/{org['Sales'].dept_id}/edit/")

    assert page.status == 503
    assert "DingTalk is not answering" in page.text
    assert page.response["Retry-After"] == "30"


@pytest.mark.parametrize("htmx", [None, "main"])
def test_silence_before_the_note_keeps_the_text_and_sends_nothing(org, sandbox, line, editor, htmx):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    line.swallow(GET)

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"}, htmx=htmx)

    assert page.status == 503
    assert page.field("name") == "Field Sales"
    assert page.response["HX-Retarget"] == "#main"
    assert writes(sandbox) == []
    assert outcomes() == []


def test_no_connection_for_the_write_is_not_sent_and_can_be_tried_again(org, sandbox, line, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Field Sales"}
    line.refuse(UPDATE)
    page = editor.post(f"/departments/{sales}/edit/", form)
    assert page.status == 503
    assert outcomes() == [Outcome.NOT_SENT]
    line.mend()

    again = editor.post(f"/departments/{sales}/edit/", form | {"drawn": page.field("drawn")})

    assert "Saved." in again.text
    assert outcomes() == [Outcome.NOT_SENT, Outcome.DONE]
    assert org[sales].name == "Field Sales"


@pytest.mark.parametrize("htmx", [None, "main"])
def test_a_lost_answer_is_unknown_and_nothing_is_resent(org, sandbox, line, editor, htmx):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    line.lose_reply_to(UPDATE)

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"}, htmx=htmx)

    assert page.status == 502
    assert "We don’t know yet whether “Sales” was changed." in page.text
    assert "nothing is sent twice" in page.text
    assert org[sales].name == "Field Sales"  # it happened; we did not hear
    assert len(writes(sandbox)) == 1
    assert outcomes() == [Outcome.UNKNOWN]


def test_a_write_lost_on_the_way_is_unknown_too(org, sandbox, line, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    line.swallow(UPDATE)

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert page.status == 502
    assert writes(sandbox) == []
    assert org[sales].name == "Sales"
    assert outcomes() == [Outcome.UNKNOWN]


@pytest.mark.parametrize(
    "body", [{"errcode": -1}, {"errcode": 15}, {"errcode": 400001}, {"errcode": 123456}, {"ok": 1}]
)
def test_an_unclear_answer_is_unknown(org, line, editor, body):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    line.answer(UPDATE, **body)

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})

    assert page.status == 502
    assert outcomes() == [Outcome.UNKNOWN]


def test_a_double_click_on_an_unknown_write_shows_the_entry(org, sandbox, line, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales) | {"name": "Field Sales"}
    line.lose_reply_to(UPDATE)
    editor.post(f"/departments/{sales}/edit/", form)

    page = editor.post(f"/departments/{sales}/edit/", form)

    assert page.url.startswith("/history/")
    assert "We don’t know yet whether “Sales” was changed." in page.text
    assert len(writes(sandbox)) == 1


def test_while_a_write_is_unknown_the_department_waits(org, sandbox, line, editor, deleter):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    theirs = deleter.open_edit(sales)
    line.lose_reply_to(UPDATE)
    editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})
    line.mend()

    page = deleter.post(f"/departments/{sales}/edit/", theirs | {"code": "S-1"})

    assert page.status == 423
    assert "An earlier change is not settled yet" in page.text
    assert f'href="/history/{AuditEntry.objects.get().pk}/"' in page.html
    assert page.field("code") == "S-1"
    assert len(writes(sandbox)) == 1


def test_other_departments_do_not_wait(org, line, editor):
    form = editor.open_edit(org["Sales"].dept_id)
    line.lose_reply_to(UPDATE)
    editor.post(f"/departments/{org['Sales'].dept_id}/edit/", form | {"name": "Field Sales"})
    line.mend()

    assert "Saved." in editor.save(org["Legal"].dept_id, name="Law").text


def test_a_write_cut_by_our_own_fault_stays_unknown(org, editor, monkeypatch):
    """Whatever happens inside, an entry never claims that nothing was done."""
    legal = org["Legal"].dept_id
    planned = audit.Planned(dept_id=legal, name="Legal", path="Legal")

    with (
        pytest.raises(ZeroDivisionError),
        audit.writing(ask(editor.user), kind="edit", dept_id=legal, content={}, entries=[planned]),
    ):
        raise ZeroDivisionError

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.code, entry.settled_at) == (Outcome.UNKNOWN, "", None)


# ── How values compare ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [(None, ""), (False, None), ([], None), ([2, 1], [1, 2]), (["1"], [1]), ("a", "a")],
)
def test_values_that_mean_the_same(one, other):
    assert edit.same(one, other)


@pytest.mark.parametrize(("one", "other"), [(True, None), ("a", "b"), ([1], [2]), ([1], None)])
def test_values_that_do_not(one, other):
    assert not edit.same(one, other)
