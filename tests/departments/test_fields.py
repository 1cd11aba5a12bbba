"""Every field in a person's words."""

import pytest

from departments import fields, forms
from departments.dingtalk import Department as Told

NAMES = {5: "Sales", 6: "Legal"}


def words(name, value):
    return fields.in_words(name, value, NAMES)


def test_every_field_dingtalk_tells_has_a_label():
    assert set(Told.__struct_fields__) <= set(fields.FIELDS)


def test_no_field_stands_in_two_cards():
    named = [field.name for card in fields.CARDS for field in card.fields]

    assert len(named) == len(set(named))


def test_every_kind_can_be_said():
    kinds = {field.kind for field in fields.FIELDS.values()}

    assert kinds - {"chat"} <= set(fields._SAY)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", "Sales", "Sales"),
        ("name", "", "not set"),
        ("name", None, "not set"),
        ("dept_id", 5, "5"),
        ("parent_id", 5, "Sales"),
        ("parent_id", 7, "7"),
        ("order", 3, "3"),
        ("member_count", 0, "0"),
        ("hide_dept", True, "Yes"),
        ("hide_dept", False, "No"),
        ("hide_dept", None, "not set"),
        ("dept_permits", [5, 6, 7], "Sales, Legal, 7"),
        ("dept_permits", [], "not set"),
        ("user_permits", ["a", "b"], "a, b"),
        ("org_dept_owner", "a", "a"),
        ("create_dept_group", True, "Yes"),
        ("outer_dept_only_self", False, "Only themselves"),
        ("outer_dept_only_self", True, "Their own department and everything below it"),
        ("outer_dept_only_self", None, "not set"),
        ("group_contain_hidden_dept", True, "Yes"),
        ("union_dept_ext", {"dept_id": 1}, '{"dept_id": 1}'),
        ("union_dept_ext", {}, "not set"),
        ("hide_scene_config", {"search": True, "profile": False, "new": 1}, "search, new"),
        ("unheard_of", 7, "7"),
    ],
)
def test_a_value_in_one_line(name, value, said):
    assert words(name, value) == said


def test_how_far_members_see_is_said_as_the_form_offers_it():
    _leave, *offered = forms.EditForm.base_fields["outer_dept_only_self"].choices

    assert [(key == "1", str(said)) for key, said in offered] == [
        (value, words("outer_dept_only_self", value)) for value in (False, True)
    ]


def test_an_order_that_was_never_set_is_called_so():
    (part,) = fields.parts_of(fields.FIELDS["order"], {"order": 5, "dept_id": 5}, {})

    assert part.text == "5 (never set)"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "None"),
        ({"create_dept_group": True}, "Asked for; DingTalk has not made it yet"),
        ({"create_dept_group": True, "dept_group_chat_id": "chat1"}, "Exists"),
    ],
)
def test_a_chat_has_three_states(told, said):
    (part,) = fields.parts_of(fields.FIELDS["create_dept_group"], told, {})

    assert part.text == said


def test_mentioned_departments_are_links():
    parts = fields.parts_of(fields.FIELDS["dept_permits"], {"dept_permits": [5, 7]}, NAMES)

    assert [(part.text, part.dept_id) for part in parts] == [("Sales", 5), ("7", 7)]


def test_ids_and_people_are_set_as_code():
    (part,) = fields.parts_of(fields.FIELDS["org_dept_owner"], {"org_dept_owner": "a"}, {})

    assert part.code


def test_a_card_has_a_row_for_each_field_set_or_not():
    rows = fields.rows_of(fields.CARDS[0], {"name": "Sales", "code": ""}, {})

    assert [row.field.name for row in rows] == [field.name for field in fields.CARDS[0].fields]
    assert [row.field.name for row in rows if not row.unset] == ["name"]


def test_a_field_without_a_label_goes_by_its_name():
    assert fields.label_of("unheard_of") == "unheard_of"
    assert fields.label_of("name") == "Name"
