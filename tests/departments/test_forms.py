"""What people type: checked for what can be known without DingTalk, and turned into the fields to write."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from departments import forms
from departments.models import Department

pytestmark = pytest.mark.django_db


def remember(*rows):
    Department.objects.bulk_create(
        Department(dept_id=n, name=name, seen_at=timezone.now(), gone_at=gone)
        for n, name, gone in rows
    )


def edit_form(told=(), **typed):
    seen = forms.EditForm.seen_of({"dept_id": 7, "name": "Sales", **dict(told)})
    data = {name: value for name, value in seen.items() if value} | {"name": "Sales"} | typed
    form = forms.EditForm(data)
    form.drawn_from(seen)
    return form, seen


def changes(told=(), **typed):
    form, seen = edit_form(told, **typed)
    assert form.is_valid(), form.errors
    return form.changes_from(seen)


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" Sales ", "Sales"),
        ("研发部", "研发部"),
        ("Cafe\u0301", "Café"),
        ("𠮷" * 64, "𠮷" * 64),
        ("A–B", "A–B"),  # a dash that only looks like a hyphen is DingTalk's to judge
        ("a、b", "a、b"),
        ("a  b", "a  b"),
    ],
)
def test_a_name_is_trimmed_and_normalised(typed, name):
    assert forms.department_name(typed) == name


@pytest.mark.parametrize("typed", ["", " ", "\u3000", "\n"])
def test_a_name_is_needed(typed):
    with pytest.raises(ValidationError, match="Enter a name"):
        forms.department_name(typed)


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\u200d", "\u202e", "\u2028", "\u2029", "\ud800"])
def test_an_invisible_character_is_refused(sign):
    with pytest.raises(ValidationError, match="invisible"):
        forms.department_name(f"a{sign}b")


def test_characters_are_counted_after_normalising():
    assert len(forms.department_name("e\u0301" * 64)) == 64


def test_only_one_thing_is_said_about_a_name():
    with pytest.raises(ValidationError) as wrong:
        forms.department_name("-," + "x" * 70)

    assert wrong.value.messages == ["The name has 72 characters. The limit is 64."]


def test_what_dingtalk_has_already_is_not_judged():
    told = {"name": "R-D", "code": "x" * 31, "dept_permits": [9], "hide_dept": True}

    typed = {"name": "R-D", "dept_permits": "9", "hide_dept": "on", "source_identifier": "hr:1"}

    assert changes(told, **typed) == {"source_identifier": "hr:1"}


def test_what_is_typed_instead_is_judged():
    form, _ = edit_form({"name": "R-D", "code": "x" * 31}, name="R-E", code="x" * 32)

    assert form.errors.keys() == {"name", "code"}


def test_too_many_are_too_many_whoever_added_the_first(settings):
    settings.VISIBILITY_LIMIT = 2

    form, _ = edit_form({"user_permits": ["a", "b"]}, user_permits="a\nb", dept_permits="9")

    assert "dept_permits" in form.errors


# ── What is a change ─────────────────────────────────────────────────────────────────────────────────────


def test_nothing_touched_is_no_change():
    told = {"order": 5, "hide_dept": True, "dept_permits": [3, 2], "user_permits": ["b", "a"]}

    typed = {"order": "5", "dept_permits": "2\n3", "user_permits": "a b", "hide_dept": "on"}

    assert changes(told, **typed) == {}


def test_a_list_in_another_order_is_no_change_and_a_shorter_one_is():
    told = {"hide_dept": True, "dept_permits": [2, 3]}

    assert changes(told, hide_dept="on", dept_permits="3\n2") == {}
    assert changes(told, hide_dept="on", dept_permits="3") == {"dept_permits": [3]}
    assert changes(told, hide_dept="on", dept_permits="") == {"dept_permits": []}


def test_text_may_be_emptied():
    assert changes({"source_identifier": "x"}, source_identifier="") == {"source_identifier": ""}


def test_an_order_may_not_be_emptied():
    """DingTalk has no way of unsetting it."""
    assert changes({"order": 5}, order="") == {}


def test_text_that_differs_only_in_spaces_and_form_is_no_change():
    assert changes({"source_identifier": " Cafe\u0301"}, source_identifier="Café ") == {}


def test_switching_off_is_a_change_and_takes_nothing_along():
    told = {"hide_dept": True, "dept_permits": [2]}

    assert changes(told, hide_dept="", dept_permits="3") == {"hide_dept": False}


def test_what_is_never_told_is_left_alone_unless_chosen():
    told = {"outer_dept": True}

    assert changes(told, outer_dept="on") == {}
    assert changes(told, outer_dept="on", outer_dept_only_self="0") == {
        "outer_dept_only_self": False
    }


def test_a_choice_there_is_not_is_refused():
    form, _ = edit_form({"outer_dept": True}, outer_dept="on", outer_dept_only_self="7")

    assert not form.is_valid()


def test_an_existing_chat_stays():
    told = {"create_dept_group": True}

    assert changes(told, create_dept_group="") == {}
    assert changes(told, auto_add_user="on") == {"auto_add_user": True}


def test_a_chat_may_be_asked_for():
    assert changes({}, create_dept_group="on") == {"create_dept_group": True}


@pytest.mark.parametrize("reason", ["", "Merged"])
def test_a_reason_is_no_change(reason):
    assert changes(reason=reason) == {}


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────


def test_departments_are_given_by_id_by_both_or_by_name():
    remember((2, "Sales", None), (3, "Legal", None))
    field = forms.DepartmentsField()

    assert field.clean("2 Sales\n\n  3\nLegal\n2") == [2, 3]
    assert field.clean("9999") == [9999]
    assert field.clean("9999 whatever it is called") == [9999]


def test_a_gone_department_has_no_name_any_more():
    remember((2, "Sales", timezone.now()))

    with pytest.raises(ValidationError, match="No department is called"):
        forms.DepartmentsField().clean("Sales")


def test_an_id_beside_a_wrong_name_is_asked_back():
    remember((1, "Acme", None), (5, "1 组", None))
    field = forms.DepartmentsField()

    assert field.clean("1 组") == [5]
    assert field.clean("1 Acme") == [1]
    with pytest.raises(ValidationError, match="No department is called “1 Team”"):
        field.clean("1 Team")


@pytest.mark.parametrize("typed", ["0", "-1", "+5", "٣", "１２", "1" * 19])
def test_a_number_that_is_no_id(typed):
    with pytest.raises(ValidationError, match="is not a department ID"):
        forms.DepartmentsField().clean(typed)


def test_departments_are_shown_with_their_names():
    remember((2, "Sales", None))

    assert forms.DepartmentsField().prepare_value([2, 9]) == "2 Sales\n9"
    assert forms.DepartmentsField().prepare_value("typed") == "typed"


@pytest.mark.parametrize(
    "end", ["\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "   "]
)
def test_a_name_of_several_lines_is_shown_and_taken_in_one(end):
    name = f"{end}R &{end}{end}D{end}"
    remember((2, name, None), (5, "Sales", None))
    field = forms.DepartmentsField()

    assert field.prepare_value([2, 5]) == "2 R & D\n5 Sales"
    assert field.clean(field.prepare_value([2, 5])) == [2, 5]
    with pytest.raises(ValidationError, match="No department is called “2 R D”"):
        field.clean("2 R D")


def test_people_are_separated_by_anything_usual():
    field = forms.PeopleField(required=False)

    assert field.clean("a, b，c；d、e\nf  a;") == ["a", "b", "c", "d", "e", "f"]
    assert field.clean("") == []
    assert field.prepare_value(["a", "b"]) == "a\nb"
    assert field.prepare_value("typed") == "typed"


@pytest.mark.parametrize(
    "pair", [("dept_permits", "user_permits"), ("outer_permit_depts", "outer_permit_users")]
)
def test_too_many_exceptions_are_counted_together(settings, pair):
    settings.VISIBILITY_LIMIT = 3
    departments, people = pair

    form, _ = edit_form(**{departments: "2\n3", people: "a b"})

    assert not form.is_valid()
    assert form.errors[departments] == [
        "You chose 4. DingTalk allows 3 departments and people together."
    ]


def test_as_many_as_allowed_are_fine(settings):
    settings.VISIBILITY_LIMIT = 3

    form, _ = edit_form(hide_dept="on", dept_permits="2\n3", user_permits="a")

    assert form.is_valid()


# ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_has_at_most_thirty_characters():
    assert edit_form(code="x" * 30)[0].is_valid()

    form, _ = edit_form(code="x" * 31)

    assert not form.is_valid()
    assert form.errors["code"] == ["This has 31 characters. The limit is 30."]


@pytest.mark.parametrize("sign", ["\x07", "\u202e", "\u200b"])
def test_no_line_holds_what_cannot_be_seen(sign):
    form, _ = edit_form(source_identifier=f"a{sign}b")

    assert not form.is_valid()
    assert "invisible" in form.errors["source_identifier"][0]


# ── What a form was drawn from ───────────────────────────────────────────────────────────────────────────


def test_a_sealed_snapshot_comes_back_whole():
    drawn = forms.Drawn.now({"name": "销售", "dept_permits": [1], "order": None})

    drawn = drawn.anew(disputed={"name": "Sales"})

    opened = forms.Drawn.opened(drawn.sealed(about=7, by=1), about=7, by=1)

    assert opened == drawn


def test_drawn_anew_it_is_another_operation_on_the_same_work():
    first = forms.Drawn.now({"name": "Sales"})

    second = first.anew(seen={"name": "Trade"})

    assert second.op_id != first.op_id
    assert (second.at, second.seen) == (first.at, {"name": "Trade"})


@pytest.mark.parametrize(("about", "by"), [(8, 1), (7, 2), (0, 1), (7, None)])
def test_it_opens_for_its_department_and_its_person_only(about, by):
    sealed = forms.Drawn.now({}).sealed(about=7, by=1)

    assert forms.Drawn.opened(sealed, about=about, by=by) is None


def test_a_form_that_an_older_version_drew_is_not_trusted():
    from django.core import signing

    content = {"op": "0" * 32, "seen": {}, "about": 7, "by": 1}
    sealed = signing.dumps(content, salt="departments.form", compress=True)

    assert forms.Drawn.opened(sealed, about=7, by=1) is None


def test_a_seal_of_something_else_does_not_open():
    from django.core import signing

    assert forms.Drawn.opened(signing.dumps({"op": "x"}), about=7, by=1) is None


# ── Choices between three values ─────────────────────────────────────────────────────────────────────────


def between(theirs, mine, data=None, *, field="user_permits", **more):
    """The form of a conflict about one field."""
    typed, seen = edit_form(**{field: mine})
    assert typed.is_valid()
    drawn = forms.Drawn.now(seen).anew(seen=seen | {field: theirs}, disputed={field: None})
    return forms.ConflictForm.between(typed, drawn, data, **more)


def ways(form, field="user_permits"):
    return [way for way, _label in form.fields[field].choices]


def test_lists_may_be_kept_both():
    assert ways(between(["a", "b"], "a c")) == ["theirs", "mine", "both"]


@pytest.mark.parametrize(
    ("theirs", "mine"), [(["a", "b"], "a"), (["a"], "a b"), (["a"], ""), (None, "a"), ([], "a")]
)
def test_both_together_is_offered_only_where_it_is_a_third_value(theirs, mine):
    assert ways(between(theirs, mine)) == ["theirs", "mine"]


def test_text_is_never_kept_both():
    assert ways(between("S-9", "S-1", field="code"), "code") == ["theirs", "mine"]


def test_nothing_is_chosen_in_advance():
    assert between(["a"], "b")["user_permits"].value() is None
    assert between(["a"], "b", made={"user_permits": "mine"})["user_permits"].value() == "mine"


@pytest.mark.parametrize("data", [{}, {"keep-user_permits": ""}, {"keep-user_permits": "neither"}])
def test_a_choice_that_is_missing_is_asked_for(data):
    form = between(["a"], "b", data)

    assert form.errors == {"user_permits": ["Choose a value for People who may still see it."]}


@pytest.mark.parametrize("all_of", ["theirs", "mine"])
def test_one_button_chooses_for_all(all_of):
    form = between(["a"], "b", {"all": all_of, "keep-user_permits": "both"})

    assert form.is_valid()
    assert form.cleaned_data == {"user_permits": all_of}


def test_one_button_cannot_choose_what_is_not_offered():
    assert not between(["a"], "b", {"all": "both"}).is_valid()


@pytest.mark.parametrize(
    ("choice", "kept"),
    [("theirs", ["a", "b"]), ("mine", ["a", "c"]), ("both", ["a", "b", "c"])],
)
def test_a_choice_becomes_the_value_of_its_field(choice, kept):
    typed, seen = edit_form({"hide_dept": True}, hide_dept="on", user_permits="a c")
    assert typed.is_valid()

    form = typed.with_choices(
        {"user_permits": choice}, seen | {"user_permits": ["a", "b"]}, dept_id=7
    )

    assert form.is_valid()
    assert form.cleaned_data["user_permits"] == kept


def test_an_order_that_was_never_set_is_chosen_as_none():
    typed, seen = edit_form(order="5")
    assert typed.is_valid()

    form = typed.with_choices({"order": "theirs"}, seen | {"order": 7}, dept_id=7)

    assert form.changes_from(seen | {"order": 7}) == {}


def test_what_is_carried_is_as_it_was_typed():
    form, _ = edit_form(dept_permits="9 \r\n 8", drawn="sealed", stray="x")

    assert form.carried() == {"name": "Sales", "dept_permits": "9 \r\n 8"}


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", [forms.EditForm(), forms.CreateForm()])
def test_every_field_of_a_department_stands_in_one_card(form):
    shown = [field.name for card in form.cards() for field in card["fields"] + card["dependent"]]

    assert sorted(shown) == sorted(set(form.fields) - {"drawn", "reason"})


def test_the_form_for_create_offers_only_what_create_takes():
    from departments.dingtalk import ON_CREATE

    assert set(forms.CreateForm.base_fields) - {"drawn", "reason"} <= ON_CREATE


def test_labels_stand_in_one_line():
    assert forms.labels(["name", "code", "strange"]) == "Name, Department code, strange"


def test_a_wrong_field_says_so_to_assistive_technology():
    form, _ = edit_form(name="", hide_dept="on")
    form.is_valid()

    assert 'aria-invalid="true"' in str(form["name"])
    assert form["name"].css_classes() == "field wrong"
    assert form["hide_dept"].css_classes() == "field switch"
