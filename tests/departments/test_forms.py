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
    form.keep_chat(seen)
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

    opened = forms.Drawn.opened(drawn.sealed(about=7, by=1), about=7, by=1)

    assert opened == drawn


@pytest.mark.parametrize(("about", "by"), [(8, 1), (7, 2), (0, 1), (7, None)])
def test_it_opens_for_its_department_and_its_person_only(about, by):
    sealed = forms.Drawn.now({}).sealed(about=7, by=1)

    assert forms.Drawn.opened(sealed, about=about, by=by) is None


def test_a_seal_of_something_else_does_not_open():
    from django.core import signing

    assert forms.Drawn.opened(signing.dumps({"op": "x"}), about=7, by=1) is None


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", [forms.EditForm(), forms.CreateForm()])
def test_every_field_but_the_seal_stands_in_one_card(form):
    shown = [field.name for card in form.cards() for field in card["fields"] + card["dependent"]]

    assert sorted(shown) == sorted(set(form.fields) - {"drawn"})


def test_the_form_for_create_offers_only_what_create_takes():
    from departments.dingtalk import ON_CREATE

    assert set(forms.CreateForm.base_fields) - {"drawn"} <= ON_CREATE


def test_labels_stand_in_one_line():
    assert forms.labels(["name", "code", "strange"]) == "Name, Department code, strange"


def test_a_wrong_field_says_so_to_assistive_technology():
    form, _ = edit_form(name="", hide_dept="on")
    form.is_valid()

    assert 'aria-invalid="true"' in str(form["name"])
    assert form["name"].css_classes() == "field wrong"
    assert form["hide_dept"].css_classes() == "field switch"
