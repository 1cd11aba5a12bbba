"""Creating a department below another: the parent, the fields, and what may come between."""

import pytest
from django.utils import timezone
from looking import ask, left_open, outcomes, reads, sent, writes

from departments import forms
from departments.errors import NotPermitted, OutsideFence
from departments.models import AuditEntry, Department, Kind, Operation, Outcome
from departments.services import audit, edit, settle
from sandbox.faults import Rule

CREATE = "department/create"
GET = "department/get"


# ── Works ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_department_is_created_under_the_root(org, sandbox, editor):
    page = editor.create(1, name="Design")

    assert page.status == 200
    assert "“Design” was created." in page.text
    assert sent(sandbox) == {"name": "Design", "parent_id": 1}
    assert page.url == f"/departments/{org['Design'].dept_id}/"


def test_one_is_created_below_another(org, editor):
    sales = org["Sales"].dept_id

    editor.create(sales, name="West")

    assert org["West"].parent_id == sales
    assert Department.objects.get(name="West").parent_id == sales


def test_the_parent_is_preset_and_can_be_changed(org, editor):
    sales, legal = org["Sales"].dept_id, org["Legal"].dept_id
    assert editor.open_create(sales)["parent_id"] == f"{sales} Sales"

    page = editor.create(sales, name="Patents", parent_id=str(legal))

    assert "“Patents” was created." in page.text
    assert org["Patents"].parent_id == legal


def test_history_knows_the_new_id(org, editor):
    editor.create(1, name="Design", order="5")

    (entry,) = AuditEntry.objects.all()
    assert entry.dept_id == org["Design"].dept_id
    assert entry.outcome == Outcome.DONE
    assert entry.path == "Acme › Design"
    assert entry.wanted == {"name": "Design", "order": 5, "parent_id": 1}
    assert entry.not_taken == []


def test_every_field_of_the_form_arrives(org, sandbox, editor):
    north = org["North"].dept_id

    editor.create(
        1,
        name="Design",
        order="7",
        source_identifier="hr:17",
        hide_dept="on",
        dept_permits=str(north),
        user_permits="liwei",
        outer_dept="on",
        outer_dept_only_self="0",
        outer_permit_depts=str(north),
        outer_permit_users="liwei；wangfang",
        create_dept_group="on",
        auto_approve_apply="on",
    )

    assert sent(sandbox) == {
        "name": "Design",
        "parent_id": 1,
        "order": 7,
        "source_identifier": "hr:17",
        "hide_dept": True,
        "dept_permits": str(north),
        "user_permits": "liwei",
        "outer_dept": True,
        "outer_dept_only_self": False,
        "outer_permit_depts": str(north),
        "outer_permit_users": "liwei,wangfang",
        "create_dept_group": True,
        "auto_approve_apply": True,
    }


def test_the_new_department_appears_in_the_tree_for_htmx(org, editor):
    sales = org["Sales"].dept_id
    editor.get("/departments/")
    form = editor.open_create(sales)

    page = editor.post(f"/departments/{sales}/new/", form | {"name": "West"}, htmx="main")

    assert "<html" not in page.html
    assert f'id="d{org["West"].dept_id}" aria-current="page"' in page.html


def test_a_chat_that_was_asked_for_is_said_to_be_coming(org, editor):
    page = editor.create(1, name="Design", create_dept_group="on")

    assert "Asked for; DingTalk has not made it yet" in page.text


# ── The parent ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_parent_may_be_given_by_a_name_only_it_has(org, editor):
    editor.get(f"/departments/{org['Legal'].dept_id}/")

    editor.create(1, name="Patents", parent_id="Legal")

    assert org["Patents"].parent_id == org["Legal"].dept_id


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Choose the parent department."),
        ("   ", "Choose the parent department."),
        ("Nowhere", "No department is called “Nowhere”. Use its ID."),
        ("0", "“0” is not a department ID."),
        ("-5", "“-5” is not a department ID."),
        ("1_000", "No department is called “1_000”. Use its ID."),
        ("١٢٣", "“١٢٣” is not a department ID."),
        ("1" + "0" * 30, "is not a department ID."),
        ("4711", "There is no such department"),
    ],
)
def test_a_parent_that_cannot_be_is_told_at_its_field(org, sandbox, editor, typed, sentence):
    page = editor.create(1, name="Design", parent_id=typed)

    assert page.status == 422
    assert sentence in page.text
    assert page.field("name") == "Design"
    assert writes(sandbox) == []
    assert org.journal == []


def test_a_name_that_several_have_is_no_answer(org, sandbox, editor):
    first, second = (org.create_department("Twin", parent=p).dept_id for p in ("Sales", "Legal"))
    for dept_id in (first, second):
        editor.get(f"/departments/{dept_id}/")

    page = editor.create(1, name="Design", parent_id="Twin")

    assert page.status == 422
    assert f"Several departments are called “Twin”: {first}, {second}. Use the ID." in page.text
    assert writes(sandbox) == []


def test_a_name_that_begins_with_a_number_is_not_taken_for_an_id(org, sandbox, editor):
    """“1 组” is somebody's team, not the root."""
    team = org.create_department("1 组", parent="Legal").dept_id
    editor.get("/departments/")
    editor.get(f"/departments/{team}/")

    editor.create(org["Sales"].dept_id, name="Design", parent_id="1 组")

    assert org["Design"].parent_id == team


def test_an_id_with_a_name_that_is_not_its_own_is_asked_back(org, sandbox, editor):
    editor.get("/departments/")

    page = editor.create(org["Sales"].dept_id, name="Design", parent_id="1 组")

    assert page.status == 422
    assert "No department is called “1 组”. Use its ID." in page.text
    assert writes(sandbox) == []


def test_a_parent_deleted_meanwhile_is_told_at_its_field(org, sandbox, editor):
    form = editor.open_create(org["Legal"].dept_id)
    editor.get("/departments/1/")
    org.delete_department("Legal")

    page = editor.post("/departments/1/new/", form | {"name": "Patents"})

    assert page.status == 422
    assert "“Legal” no longer exists" in page.text
    assert page.field("name") == "Patents"
    assert writes(sandbox) == []


def test_a_parent_gone_between_our_two_looks_is_told_too(org, sandbox, line, editor):
    legal = org["Legal"].dept_id
    form = editor.open_create(legal)
    editor.get("/departments/1/")
    line.when("department/listsubid", lambda: org.delete_department(legal))

    page = editor.post("/departments/1/new/", form | {"name": "Patents"})

    assert page.status == 422
    assert writes(sandbox) == []


def test_there_is_no_form_below_an_unknown_department(editor):
    assert editor.get("/departments/4711/new/").status == 404


def test_there_is_no_form_below_a_linked_department(org, line, editor):
    sales = org["Sales"].dept_id
    line.answer(GET, errcode=0, result={"dept_id": sales, "name": "S", "from_union_org": True})

    page = editor.get(f"/departments/{sales}/new/")

    assert page.status == 409
    assert "It comes from a linked organisation" in page.text


def test_a_parent_outside_the_fence_is_told_at_its_field(org, sandbox, editor, settings):
    settings.DINGTALK_ROOT_ID = org["Sales"].dept_id

    page = editor.create(org["Sales"].dept_id, name="Patents", parent_id=str(org["Legal"].dept_id))

    assert page.status == 422
    assert "Outside the part that may be changed" in page.text
    assert page.field("name") == "Patents"
    assert writes(sandbox) == []


def test_the_service_itself_keeps_the_fence(org, sandbox, editor, settings):
    settings.DINGTALK_ROOT_ID = org["Sales"].dept_id

    with pytest.raises(OutsideFence):
        edit.create(
            parent_id=org["Legal"].dept_id, fields={"name": "Patents"}, ask=ask(editor.user)
        )

    assert writes(sandbox) == []


def test_the_service_itself_asks_for_the_role(sandbox, viewer):
    with pytest.raises(NotPermitted):
        edit.create(parent_id=1, fields={"name": "Design"}, ask=ask(viewer.user))
    with pytest.raises(NotPermitted):
        edit.read_parent(parent_id=1, by=viewer.user)

    assert sandbox.calls == []


# ── Bad input ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a-b", "a,b", "a，b", "a\u202eb"])
def test_a_bad_name_is_told_and_everything_typed_stays(org, sandbox, editor, name):
    sales = org["Sales"].dept_id

    page = editor.create(sales, name=name, source_identifier="kept", order="9")

    assert page.status == 422
    assert "There is a problem" in page.text
    assert page.field("source_identifier") == "kept"
    assert page.field("order") == "9"
    assert page.field("parent_id") == f"{sales} Sales"
    assert writes(sandbox) == []
    assert org.journal == []


def test_a_name_of_64_rare_characters_is_created(org, editor):
    editor.create(1, name="𠮷" * 64)

    assert "𠮷" * 64 in org


def test_forged_fields_never_reach_dingtalk(org, sandbox, editor):
    editor.create(
        1,
        name="Design",
        dept_id="5",
        is_root="1",
        code="X",
        dept_permits=str(org["Legal"].dept_id),
        outer_permit_users="liwei",
        outer_dept_only_self="1",
        dept_manager_userid_list="liwei",
        auto_add_user="on",
        group_contain_sub_dept="on",
    )

    assert sent(sandbox) == {"name": "Design", "parent_id": 1}


def test_an_unverified_form_keeps_the_text_and_can_be_sent_once_more(org, sandbox, editor):
    form = editor.open_create(1) | {"name": "Design", "drawn": "forged"}
    page = editor.post("/departments/1/new/", form)
    assert page.status == 422
    assert "This form cannot be verified." in page.text
    assert writes(sandbox) == []

    again = editor.post("/departments/1/new/", form | {"drawn": page.field("drawn")})

    assert "“Design” was created." in again.text


def test_the_form_of_an_edit_creates_nothing(org, sandbox, editor):
    drawn = editor.open_edit(org["Legal"].dept_id)["drawn"]

    page = editor.post("/departments/1/new/", {"name": "Design", "parent_id": "1", "drawn": drawn})

    assert page.status == 422
    assert writes(sandbox) == []


# ── The same form again ──────────────────────────────────────────────────────────────────────────────────


def test_a_double_click_creates_one(org, sandbox, editor):
    form = editor.open_create(1) | {"name": "Design"}

    editor.post("/departments/1/new/", form)
    page = editor.post("/departments/1/new/", form)

    assert page.url.startswith("/history/")
    assert len(writes(sandbox)) == 1
    assert Operation.objects.count() == 1


def test_back_and_another_name_is_a_conflict_and_keeps_the_text(org, sandbox, editor):
    form = editor.open_create(1)
    editor.post("/departments/1/new/", form | {"name": "Design"})

    page = editor.post("/departments/1/new/", form | {"name": "Brand"})

    assert page.status == 409
    assert "This form has already been sent" in page.text
    assert page.field("name") == "Brand"
    assert "Brand" not in org


def test_another_name_after_a_refusal_is_a_new_create(org, sandbox, editor):
    form = editor.open_create(1)
    editor.post("/departments/1/new/", form | {"name": "Sales"})

    editor.post("/departments/1/new/", form | {"name": "Brand"})
    editor.post("/departments/1/new/", form | {"name": "Brand"})

    assert outcomes() == [Outcome.REFUSED, Outcome.DONE]
    assert len(writes(sandbox)) == 2
    assert "Brand" in org


def test_what_is_not_known_of_the_second_is_not_told_of_the_first(org, line, editor):
    form = editor.open_create(1)
    editor.post("/departments/1/new/", form | {"name": "Sales"})
    line.lose_reply_to(CREATE)

    page = editor.post("/departments/1/new/", form | {"name": "Brand"})

    assert page.status == 502
    assert "We don’t know yet whether “Brand” was changed." in page.text


# ── What DingTalk makes of it ────────────────────────────────────────────────────────────────────────────


def test_a_taken_name_is_told_at_the_name(org, sandbox, editor):
    page = editor.create(1, name="Sales", source_identifier="kept")

    assert page.status == 409
    assert "The parent already has a sub-department with this name." in page.text
    assert 'aria-invalid="true"' in page.html
    assert page.field("source_identifier") == "kept"
    assert outcomes() == [Outcome.REFUSED]


def test_too_many_levels_are_told_at_the_parent(org, sandbox, editor):
    sandbox.switches.depth_limit = 3

    page = editor.create(org["Ningbo"].dept_id, name="Deeper")

    assert page.status == 409
    assert "This would be deeper than the 20 levels DingTalk allows." in page.text
    assert 'id="id_parent_id_error"' in page.html


def test_a_department_readable_a_moment_late_is_waited_for(org, line, editor):
    form = editor.open_create(1)
    hidden = []

    def appears_late():
        """The first look after the create finds nothing."""
        hidden.append(org["Design"])
        line.when(GET, lambda: org._put(hidden[0]))
        del org._departments[hidden[0].dept_id]

    line.when(GET, appears_late, after=1)
    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    assert "“Design” was created." in page.text
    assert AuditEntry.objects.get().confirmed


def test_one_that_dingtalk_does_not_show_yet_is_not_called_created(org, line, editor, settings):
    form = editor.open_create(1)
    line.when(CREATE, lambda: line.answer(GET, errcode=60003, errmsg="部门不存在"))

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.accepted) == (Outcome.UNKNOWN, True)
    assert entry.dept_id == org["Design"].dept_id
    assert page.url == f"/history/{entry.pk}/"

    line.mend()
    settings.SETTLE_SECONDS = 0
    settle.settle_due()
    assert outcomes() == [Outcome.DONE]


def test_one_that_cannot_be_read_is_created_but_not_confirmed(org, line, editor):
    form = editor.open_create(1)
    line.when(CREATE, lambda: line.refuse(GET))

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.confirmed) == (Outcome.DONE, False)
    assert page.url == f"/history/{entry.pk}/"
    assert "not confirmed yet" in page.text
    assert "Nothing was changed" not in page.text
    assert entry.dept_id == org["Design"].dept_id


def test_an_id_that_is_another_departments_is_not_believed(org, line, editor, settings):
    form = editor.open_create(1)
    legal = org["Legal"].dept_id
    line.when(CREATE, lambda: org.create_department("Design", parent=1))
    line.answer(CREATE, errcode=0, request_id="odd", result={"dept_id": legal})

    editor.post("/departments/1/new/", form | {"name": "Design"})

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.dept_id) == (Outcome.UNKNOWN, None)

    settings.SETTLE_SECONDS = 0
    settle.settle_due()
    entry.refresh_from_db()
    assert (entry.outcome, entry.dept_id) == (Outcome.DONE, org["Design"].dept_id)


def test_an_id_from_elsewhere_in_the_tree_is_not_believed(org, line, editor):
    form = editor.open_create(1)
    line.answer(CREATE, errcode=0, request_id="odd", result={"dept_id": org["East"].dept_id})

    editor.post("/departments/1/new/", form | {"name": "Design"})

    assert AuditEntry.objects.get().dept_id is None
    assert outcomes() == [Outcome.UNKNOWN]


def test_a_create_doubled_on_its_way_needs_a_persons_look(org, sandbox, editor):
    form = editor.open_create(1)
    sandbox.faults.add(Rule("twice", path=CREATE))

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    assert outcomes() == [Outcome.CONFLICT]
    assert "needs a person’s look" in page.text


def test_the_echo_of_our_own_call_is_not_called_a_refusal(org, sandbox, editor):
    """The proxy sent it twice, and the answer is the second one's: the name is taken."""
    form = editor.open_create(1)
    sandbox.faults.add(Rule("replayed", path=CREATE))

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    (entry,) = AuditEntry.objects.all()
    assert (entry.outcome, entry.code) == (Outcome.CONFLICT, "60021")
    assert "did not accept" not in page.text


def test_while_one_is_under_way_nobody_here_takes_its_name(org, line, editor, deleter):
    form = editor.open_create(1)
    others = []
    line.when(CREATE, lambda: others.append(deleter.create(1, name="Design")))

    editor.post("/departments/1/new/", form | {"name": "Design"})

    assert [page.status for page in others] == [423]
    assert outcomes() == [Outcome.DONE]


def test_a_namesake_of_another_operation_is_no_double(org, line, editor, deleter):
    """What an administrator's colleague made here, and moved in, is theirs."""
    form = editor.open_create(1)
    made = org.create_department("Design", parent=org["Sales"].dept_id)
    left_open(deleter, made.dept_id, kind=Kind.MOVE, about=made.dept_id)
    audit.settle(AuditEntry.objects.get(), Outcome.DONE)
    line.when(CREATE, lambda: org.move_department(made.dept_id, to=1))  # so the name is taken

    editor.post("/departments/1/new/", form | {"name": "Design"})

    assert outcomes() == [Outcome.DONE, Outcome.REFUSED]


def test_a_name_that_was_taken_before_is_a_refusal_even_if_nobody_can_look(org, line, editor):
    form = editor.open_create(1)
    line.when(CREATE, lambda: line.refuse("department/listsub"))

    editor.post("/departments/1/new/", form | {"name": "Legal"})

    assert outcomes() == [Outcome.REFUSED]


def test_a_field_not_taken_is_named(org, line, editor):
    form = editor.open_create(1)
    # An administrator undoes part of it before we look.
    line.when(GET, lambda: org.edit_department("Design", source_identifier=""), after=1)

    page = editor.post(
        "/departments/1/new/", form | {"name": "Design", "source_identifier": "hr:1"}
    )

    assert "“Design” was created. But DingTalk did not take: Source identifier." in page.text


# ── DingTalk silent ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("silent", [GET, "department/listsubid"])
def test_silence_before_the_note_keeps_the_text_and_sends_nothing(
    org, sandbox, line, editor, silent
):
    form = editor.open_create(1)
    line.swallow(silent)

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    assert page.status == 503
    assert page.field("name") == "Design"
    assert writes(sandbox) == []
    assert outcomes() == []


def test_no_connection_is_not_sent(org, sandbox, line, editor):
    form = editor.open_create(1)
    line.refuse(CREATE)

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    assert page.status == 503
    assert page.field("name") == "Design"
    assert outcomes() == [Outcome.NOT_SENT]


def test_a_lost_answer_is_unknown_and_nothing_is_resent(org, sandbox, line, editor):
    form = editor.open_create(1)
    line.lose_reply_to(CREATE)

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    assert page.status == 502
    assert "We don’t know yet whether “Design” was changed." in page.text
    assert len(writes(sandbox)) == 1
    assert outcomes() == [Outcome.UNKNOWN]


def test_a_yes_without_the_new_id_is_unknown(org, line, editor):
    form = editor.open_create(1)
    line.answer(CREATE, errcode=0, result={"dept_id": "soon"})

    page = editor.post("/departments/1/new/", form | {"name": "Design"})

    assert page.status == 502
    assert outcomes() == [Outcome.UNKNOWN]


def test_while_a_create_is_unknown_its_parent_takes_no_other(org, sandbox, line, editor, deleter):
    form = editor.open_create(1)
    theirs = deleter.open_create(1)
    line.lose_reply_to(CREATE)
    editor.post("/departments/1/new/", form | {"name": "Design"})
    line.mend()

    page = deleter.post("/departments/1/new/", theirs | {"name": "Design"})

    assert page.status == 423
    assert page.field("name") == "Design"
    assert len(writes(sandbox)) == 1


def test_below_a_parent_whose_own_change_is_unknown_nothing_is_created(org, sandbox, line, editor):
    sales = org["Sales"].dept_id
    form = editor.open_edit(sales)
    create = editor.open_create(sales)
    line.lose_reply_to("department/update")
    editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"})
    line.mend()

    page = editor.post(f"/departments/{sales}/new/", create | {"name": "West"})

    assert page.status == 423
    assert "West" not in org


def test_a_create_makes_five_calls(org, sandbox, editor):
    """Two looks, the write, one look at it and one for a double; the page that follows asks nothing."""
    form = editor.open_create(1)
    sandbox.calls.clear()

    editor.post("/departments/1/new/", form | {"name": "Design"})

    assert reads(sandbox) == ["get", "listsubid", "create", "get", "listsub"]


def test_the_form_offers_departments_while_there_are_few(org, editor):
    editor.get("/departments/")

    assert "<option value=" in editor.get("/departments/1/new/").html


def test_the_form_offers_none_where_there_are_too_many(org, editor):
    sales = org["Sales"].dept_id
    Department.objects.bulk_create(
        Department(dept_id=n, name=f"D{n}", parent_id=1, seen_at=timezone.now())
        for n in range(1000, 1301)
    )

    page = editor.get(f"/departments/{sales}/new/")

    assert page.status == 200
    assert "<option value=" not in page.html


def test_the_sealed_form_does_not_open_for_another(editor):
    sealed = forms.Drawn.now({}).sealed(about=0, by=editor.user.pk)

    assert forms.Drawn.opened(sealed, about=0, by=None) is None
    assert forms.Drawn.opened(sealed, about=1, by=editor.user.pk) is None
    assert forms.Drawn.opened(sealed, about=0, by=editor.user.pk)
