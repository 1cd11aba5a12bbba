"""Two people, one department: the page of choices, and what becomes of work on a department that is gone."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone
from looking import outcomes, sent, writes

from departments.models import Operation, Outcome

UPDATE = "department/update"


@dataclass
class Desk:
    """Somebody at the edit form of one department, as a browser keeps it for them."""

    person: object
    dept_id: int
    typed: dict = field(default_factory=dict)
    page: object = None

    def __post_init__(self):
        self.form = self.person.open_edit(self.dept_id)

    @property
    def url(self):
        return f"/departments/{self.dept_id}/edit/"

    def save(self, **typed):
        self.typed = typed
        return self._send(self.form | typed)

    def choose(self, **choices):
        """Send the conflict page back, with a choice for each of these fields."""
        kept = {f"keep-{name}": way for name, way in choices.items() if name != "all"}
        return self._send(self._on_the_page() | kept | {"all": choices.get("all", "")})

    def _on_the_page(self):
        """The hidden fields alone: nothing else of the form is in this page."""
        return {**self.page.response.context["carried"], "drawn": self.page.field("drawn")}

    def _send(self, data):
        self.page = self.person.post(self.url, data)
        return self.page


@pytest.fixture
def desk(org, editor):
    """The editor has Sales open, and has typed nothing yet."""
    return Desk(editor, org["Sales"].dept_id)


def checked(page):
    """What is chosen on the page."""
    choices = page.response.context["choices"]
    return {bound.name: bound.value() for bound in choices if bound.value()}


# ── What the page shows ──────────────────────────────────────────────────────────────────────────────────


def test_three_values_and_no_choice_made(org, sandbox, desk):
    org.rename_department("Sales", "Trade")

    page = desk.save(name="Field Sales")

    assert page.status == 409
    assert "“Sales” changed since you opened it" in page.text
    assert "Your changes are safe, and nothing has been saved yet." in page.text
    assert "Name Sales Trade outside this app Field Sales" in page.text
    assert checked(page) == {}
    assert " checked" not in page.html
    assert writes(sandbox) == []


def test_lists_name_their_departments_and_may_be_kept_together(org, editor):
    legal, north, east = (org[name].dept_id for name in ("Legal", "North", "East"))
    org.edit_department(legal, hide_dept=True, dept_permits=(north,))
    for dept_id in (north, east, org["Research"].dept_id):
        editor.get(f"/departments/{dept_id}/")
    desk = Desk(editor, legal)
    org.edit_department(legal, dept_permits=(east,))

    page = desk.save(dept_permits="Research")

    assert "Departments that may still see it North East outside this app Research" in page.text
    assert "Both together East, Research" in page.text


def test_text_has_no_both_together(org, desk):
    org.rename_department("Sales", "Trade")

    assert "Both together" not in desk.save(name="Field Sales").text


def test_what_nobody_disputes_is_named_beside(org, desk):
    org.rename_department("Sales", "Trade")

    page = desk.save(name="Field Sales", code="S-1")

    assert "No conflict, will be saved Department code not set → becomes S-1" in page.text


def test_an_order_that_was_never_set_is_not_shown_as_the_id(org, desk):
    org.edit_department("Sales", order=5)

    assert "Position value not set 5 outside this app 9" in desk.save(order="9").text


def test_who_changed_it_here_is_named_with_the_time(org, desk, deleter):
    deleter.user.first_name, deleter.user.last_name = "Fang", "Wang"
    deleter.user.save()
    deleter.save(desk.dept_id, name="Trade")

    page = desk.save(name="Field Sales")

    time = timezone.localtime(Operation.objects.get().noted_at).strftime("%H:%M")
    assert f"Trade Fang Wang, {time}, here" in page.text


def test_who_changed_another_field_is_not_named(org, desk, deleter):
    deleter.save(desk.dept_id, code="S-9")
    org.rename_department("Sales", "Trade")

    assert "Trade outside this app" in desk.save(name="Field Sales").text


def test_who_was_overtaken_elsewhere_is_not_named(org, desk, deleter):
    deleter.save(desk.dept_id, name="Trade")
    org.rename_department(desk.dept_id, "Commerce")

    assert "Commerce outside this app" in desk.save(name="Field Sales").text


def test_who_changed_it_before_the_form_was_opened_is_not_named(org, editor, deleter):
    sales = org["Sales"].dept_id
    deleter.save(sales, name="Trade")
    org.rename_department(sales, "Sales")
    desk = Desk(editor, sales)
    org.rename_department(sales, "Trade")

    assert "Trade outside this app" in desk.save(name="Field Sales").text


def test_the_day_is_told_unless_it_is_today(org, desk, monkeypatch):
    org.rename_department("Sales", "Trade")
    monkeypatch.setattr(timezone, "localdate", lambda: timezone.now().date() + timedelta(days=3))

    page = desk.save(name="Field Sales")

    assert f"You opened the form: {timezone.localtime().strftime('%-d %b %Y, ')}" in page.text


def test_names_are_text_and_no_markup(org, desk):
    org.rename_department("Sales", "<b>Trade</b>")

    page = desk.save(name="<i>Field</i>", code='"><s>')

    assert "&lt;b&gt;Trade&lt;/b&gt;" in page.html
    assert "<b>" not in page.html
    assert "<i>" not in page.html
    assert "<s>" not in page.html


def test_htmx_is_given_the_part_with_the_tree_as_it_is_now(org, editor):
    sales = org["Sales"].dept_id
    editor.get("/departments/")
    form = editor.open_edit(sales)
    org.rename_department(sales, "Trade")

    page = editor.post(f"/departments/{sales}/edit/", form | {"name": "Field Sales"}, htmx="main")

    assert page.status == 409
    assert "<html" not in page.html
    assert '<template data-below="1">' in page.html


# ── Choosing ─────────────────────────────────────────────────────────────────────────────────────────────


def test_mine_is_written_over_theirs(org, sandbox, desk):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales")

    page = desk.choose(name="mine")

    assert "Saved." in page.text
    assert sent(sandbox) == {"dept_id": desk.dept_id, "name": "Field Sales"}


def test_theirs_stays_and_the_rest_is_saved(org, sandbox, desk):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales", source_identifier="hr:1")

    page = desk.choose(name="theirs")

    assert "Saved." in page.text
    assert sent(sandbox) == {"dept_id": desk.dept_id, "source_identifier": "hr:1"}
    assert org[desk.dept_id].name == "Trade"


def test_theirs_with_nothing_else_sends_nothing_and_says_so(org, sandbox, desk):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales")

    page = desk.choose(all="theirs")

    assert "DingTalk’s values were kept, so nothing was sent." in page.text
    assert page.url == f"/departments/{desk.dept_id}/"
    assert writes(sandbox) == []
    assert outcomes() == []


def test_theirs_may_be_what_nobody_could_type_here(org, sandbox, desk):
    org.edit_department("Sales", name="S-1", code="S-9")
    desk.save(name="Field Sales", code="S-1")

    desk.choose(name="theirs", code="mine")

    assert sent(sandbox) == {"dept_id": desk.dept_id, "code": "S-1"}


def test_all_of_mine(org, sandbox, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales", code="S-1")

    desk.choose(all="mine")

    assert sent(sandbox) == {"dept_id": desk.dept_id, "name": "Field Sales", "code": "S-1"}


def test_one_of_each(org, sandbox, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales", code="S-1")

    desk.choose(name="theirs", code="mine")

    assert sent(sandbox) == {"dept_id": desk.dept_id, "code": "S-1"}


def test_a_list_is_kept_both(org, sandbox, editor):
    org.edit_department("Legal", hide_dept=True, user_permits=("liwei",))
    desk = Desk(editor, org["Legal"].dept_id)
    org.edit_department("Legal", user_permits=("liwei", "chenyu"))
    desk.save(user_permits="liwei zhaolei")

    desk.choose(user_permits="both")

    assert sent(sandbox) == {"dept_id": desk.dept_id, "user_permits": "liwei,chenyu,zhaolei"}


def test_departments_are_kept_both(org, sandbox, editor):
    east, north = org["East"].dept_id, org["North"].dept_id
    for dept_id in (east, north):
        editor.get(f"/departments/{dept_id}/")
    org.edit_department("Legal", hide_dept=True)
    desk = Desk(editor, org["Legal"].dept_id)
    org.edit_department("Legal", dept_permits=(east,))
    desk.save(dept_permits="North")

    desk.choose(dept_permits="both")

    assert sent(sandbox) == {"dept_id": desk.dept_id, "dept_permits": f"{east},{north}"}


def test_both_together_may_be_too_many(org, sandbox, editor, settings):
    settings.VISIBILITY_LIMIT = 2
    org.edit_department("Legal", hide_dept=True)
    desk = Desk(editor, org["Legal"].dept_id)
    org.edit_department("Legal", user_permits=("liwei", "chenyu"))
    desk.save(user_permits="zhaolei", code="L-1")

    page = desk.choose(user_permits="both")

    assert page.status == 422
    assert "You chose 3. DingTalk allows 2 departments and people together." in page.text
    assert "liwei\nchenyu\nzhaolei" in page.html  # to take some out
    assert page.field("code") == "L-1"
    assert writes(sandbox) == []

    again = editor.post(
        desk.url,
        desk.form | {"user_permits": "liwei zhaolei", "drawn": page.field("drawn"), "code": "L-1"},
    )

    assert "Saved." in again.text
    assert sent(sandbox)["user_permits"] == "liwei,zhaolei"


def test_fields_nobody_here_touched_are_not_written(org, sandbox, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales")

    page = desk.choose(name="mine")

    assert sent(sandbox) == {"dept_id": desk.dept_id, "name": "Field Sales"}
    assert org[desk.dept_id].code == "S-9"
    assert "Somebody else changed meanwhile, and it was kept: Department code." in page.text


# ── A choice is missing ──────────────────────────────────────────────────────────────────────────────────


def test_a_missing_choice_is_asked_for_and_the_others_are_kept(org, sandbox, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales", code="S-1", source_identifier="hr:1")

    page = desk.choose(code="mine")

    assert page.status == 422
    assert page.html.count("Choose a value for Name.") == 2  # in the summary and at the field
    assert "Choose a value for Department code." not in page.html
    assert checked(page) == {"code": "mine"}
    assert "Sales Trade outside this app Field Sales" in page.text
    assert writes(sandbox) == []

    desk.choose(name="mine", code="mine")

    assert sent(sandbox).keys() == {"dept_id", "name", "code", "source_identifier"}


@pytest.mark.parametrize("way", ["", "both", "neither"])
def test_a_choice_that_was_not_offered_is_none(org, sandbox, desk, way):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales")

    page = desk.choose(name=way)

    assert page.status == 422
    assert writes(sandbox) == []


def test_the_page_of_another_person_is_of_no_use(org, sandbox, desk, deleter):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales")
    stolen = {**desk.page.response.context["carried"], "drawn": desk.page.field("drawn")}

    page = deleter.post(desk.url, stolen | {"all": "mine"})

    assert page.status == 422
    assert writes(sandbox) == []


# ── A second conflict ────────────────────────────────────────────────────────────────────────────────────


def test_a_second_conflict_asks_again_about_what_has_changed_again(org, sandbox, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales", code="S-1", source_identifier="hr:1")
    org.rename_department("Trade", "Commerce")

    page = desk.choose(name="mine", code="theirs")

    assert page.status == 409
    assert "Name Sales Commerce outside this app Field Sales" in page.text
    assert "Department code not set S-9 outside this app S-1" in page.text
    assert checked(page) == {"code": "theirs"}  # still the same two values
    assert "will be saved Source identifier" in page.text
    assert writes(sandbox) == []

    desk.choose(name="mine", code="theirs")

    assert sent(sandbox) == {
        "dept_id": desk.dept_id,
        "name": "Field Sales",
        "source_identifier": "hr:1",
    }


def test_a_choice_between_other_values_now_is_made_again(org, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales", code="S-1")
    org.edit_department("Trade", name="Commerce", code="S-8")

    page = desk.choose(name="mine", code="theirs")

    assert checked(page) == {}
    assert "Department code not set S-8 outside this app S-1" in page.text


def test_a_field_that_joins_the_conflict_is_told_from_its_beginning(org, desk):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales", code="S-1")
    org.edit_department("Trade", code="S-9")

    page = desk.choose(name="mine")

    assert "Department code not set S-9 outside this app S-1" in page.text
    assert checked(page) == {"name": "mine"}


def test_where_both_now_agree_there_is_no_conflict_any_more(org, desk):
    org.edit_department("Sales", name="Trade", code="S-9")
    desk.save(name="Field Sales", code="S-1")
    org.edit_department("Trade", name="Commerce", code="S-1")

    page = desk.choose(name="mine", code="mine")

    assert list(page.response.context["choices"].fields) == ["name"]


def test_each_conflict_page_is_an_operation_of_its_own_and_a_double_click_is_one(
    org, sandbox, desk
):
    org.rename_department("Sales", "Trade")
    desk.save(name="Field Sales")
    first = desk.page

    desk.choose(name="mine")
    desk.page = first
    page = desk.choose(name="mine")

    assert page.url.startswith("/history/")
    assert len(writes(sandbox)) == 1
    assert outcomes() == [Outcome.DONE]


def test_after_a_refusal_the_form_comes_back_with_what_was_chosen(org, sandbox, desk):
    org.edit_department("Sales", code="S-9", name="Trade")
    desk.save(name="Legal", code="S-1")  # a name that is taken

    page = desk.choose(name="mine", code="theirs")

    assert "The parent already has a sub-department with this name." in page.text
    assert (page.field("name"), page.field("code")) == ("Legal", "S-9")


# ── Gone meanwhile ───────────────────────────────────────────────────────────────────────────────────────


def gone_while_editing(org, editor, **typed):
    """The page after saving Ningbo, which somebody has deleted under East."""
    editor.get(f"/departments/{org['East'].dept_id}/")
    desk = Desk(editor, org["Ningbo"].dept_id)
    org.delete_department(desk.dept_id)
    desk.save(**typed)
    return desk


def test_what_was_typed_for_a_department_that_is_gone_is_shown(org, sandbox, editor):
    desk = gone_while_editing(
        org, editor, name="Ning Bo", code="N-1", hide_dept="on", dept_permits="East", order="7"
    )

    page = desk.page
    assert page.status == 410
    assert "“Ningbo” no longer exists" in page.text
    assert "It was last seen on" in page.text
    assert "East › Ningbo" in page.text
    for told in ("Name Ning Bo", "Position value 7", "Department code N-1", "see it East"):
        assert told in page.text
    assert "Hide from Contacts Yes" in page.text
    assert 'data-copy="N-1"' in page.html
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("chosen", "told"), [("0", "Limited to Only themselves"), ("1", "Limited to Their own")]
)
def test_a_no_that_was_chosen_is_shown_and_a_switch_that_is_off_is_not(org, editor, chosen, told):
    page = gone_while_editing(
        org,
        editor,
        name="Ning Bo",
        outer_dept="on",
        outer_dept_only_self=chosen,
        group_contain_outer_dept="0",
    ).page

    assert told in page.text
    assert "Include outsourced departments No" in page.text
    assert "Include hidden departments" not in page.text  # left as it is
    assert "Hide from Contacts" not in page.text


def test_it_can_be_created_again_with_what_was_typed(org, sandbox, editor):
    east = org["East"].dept_id
    desk = gone_while_editing(
        org, editor, name="Ning Bo", code="N-1", hide_dept="on", user_permits="liwei", reason="Back"
    )
    assert "Create it again under “East”" in desk.page.text
    typed = dict(desk.page.response.context["carried"])

    page = editor.post(f"/departments/{east}/new/", typed | {"again": "1"})

    assert page.status == 200
    assert "Filled in with what you typed" in page.text
    assert "Not carried over, to be set once it exists: Department code." in page.text
    assert page.field("name") == "Ning Bo"
    assert page.field("reason") == "Back"
    assert re.search(r'name="hide_dept"[^>]* checked', page.html)
    assert "liwei</textarea>" in page.html
    assert writes(sandbox) == []
    assert outcomes() == []

    made = editor.post(
        f"/departments/{east}/new/",
        {"name": "Ning Bo", "parent_id": str(east), "drawn": page.field("drawn")},
    )

    assert "“Ning Bo” was created." in made.text
    assert org["Ning Bo"].parent_id == east


def test_one_deleted_between_our_look_and_the_write_is_gone_too(org, line, editor):
    desk = Desk(editor, org["Legal"].dept_id)
    line.when(UPDATE, lambda: org.delete_department("Legal"))

    page = desk.save(name="Law")

    assert page.status == 410
    assert "Name Law" in page.text
    assert outcomes() == [Outcome.REFUSED]


def test_wrong_text_is_kept_too(org, editor):
    desk = gone_while_editing(org, editor, name="Ning Bo")
    editor.get(f"/departments/{desk.dept_id}/")  # memory knows by now

    page = desk.save(name="Ning-Bo", order="first")

    assert page.status == 410
    assert "Ning-Bo" in page.text
    assert "first" in page.text


def test_a_form_that_cannot_be_verified_is_kept_too(org, editor):
    desk = gone_while_editing(org, editor, name="Ning Bo")

    page = desk.save(name="Ning Bo", drawn="forged")

    assert page.status == 410
    assert "Ning Bo" in page.text


def test_where_the_parent_is_gone_as_well_nothing_is_offered(org, sandbox, editor):
    desk = gone_while_editing(org, editor, name="Ning Bo")
    east = org["East"].dept_id
    org.delete_department(east)
    editor.get(f"/departments/{east}/?live=1")

    page = desk.save(name="Ning Bo")

    assert page.status == 410
    assert "Create it again" not in page.text


def test_a_form_drawn_again_below_a_parent_that_is_gone_is_kept(org, sandbox, editor):
    east = org["East"].dept_id
    desk = gone_while_editing(org, editor, name="Ning Bo")
    typed = dict(desk.page.response.context["carried"])
    org.delete_department(east)

    drawn = editor.post(f"/departments/{east}/new/", typed | {"again": "1"})
    page = editor.post(
        f"/departments/{east}/new/",
        {"name": "Ning Bo", "parent_id": str(east), "drawn": drawn.field("drawn")},
    )

    assert page.status == 422
    assert "“East” no longer exists" in page.text
    assert page.field("name") == "Ning Bo"
    assert writes(sandbox) == []


def test_a_viewer_is_drawn_no_form(org, viewer):
    page = viewer.post(f"/departments/{org['East'].dept_id}/new/", {"again": "1", "name": "X"})

    assert page.status == 403
