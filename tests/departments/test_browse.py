"""Looking around: from memory at once, from DingTalk where memory never looked, and never an endless loop."""

from datetime import timedelta

import pytest
import reading
from django.utils import timezone
from looking import reads

from departments.errors import NotPermitted
from departments.models import Department
from departments.services import browse, sync

GET = "department/get"


@pytest.fixture
def read(line, db):
    """Memory holds the whole company."""
    reading.read(below=1)


# ── The first page ───────────────────────────────────────────────────────────────────────────────────────


def test_the_first_visit_reads_the_top(org, sandbox, viewer):
    page = viewer.get("/departments/")

    assert page.status == 200
    for name in ("Acme", "Sales", "Research", "Empty", "Legal"):
        assert name in page.text
    assert reads(sandbox) == ["get", "listsub"]


def test_the_second_visit_asks_dingtalk_nothing(sandbox, viewer):
    viewer.get("/departments/")
    sandbox.calls.clear()

    viewer.get("/departments/")

    assert sandbox.calls == []


def test_with_everything_in_memory_no_page_of_the_tree_asks(org, sandbox, viewer, read):
    sandbox.calls.clear()

    viewer.get("/departments/")
    viewer.get(f"/departments/{org['Sales'].dept_id}/children/")
    viewer.get("/search/?q=sales")

    assert sandbox.calls == []


def test_counts_of_what_memory_holds_are_shown(viewer, read):
    page = viewer.get("/departments/")

    assert "Departments 11 With all their details 11 of 11" in page.text
    assert "With a Department Chat 4 Hidden from Contacts 1" in page.text


def test_home_leads_to_it(viewer):
    assert viewer.get("/").url == "/departments/"


def test_a_department_opened_by_address_first_does_not_hide_the_rest(org, viewer):
    viewer.get(f"/departments/{org['Vault'].dept_id}/")

    page = viewer.get("/departments/")

    assert "Sales" in page.text


def test_where_the_root_is_out_of_scope_its_parts_are_the_top(org, sandbox, viewer):
    sandbox.switches.contact_scope = [org["Sales"].dept_id, org["Vault"].dept_id]

    page = viewer.get("/departments/")

    assert page.status == 200
    assert "Sales" in page.text
    assert "Vault" in page.text
    assert "East" not in page.text  # closed


def test_there_too_the_second_visit_asks_nothing(org, sandbox, viewer):
    sandbox.switches.contact_scope = [org["Sales"].dept_id, org["Vault"].dept_id]
    viewer.get("/departments/")
    sandbox.calls.clear()

    viewer.get("/departments/")

    assert sandbox.calls == []


def test_dingtalk_silent_at_the_first_visit_is_said(line, viewer):
    line.swallow(GET)

    page = viewer.get("/departments/")

    assert page.status == 200
    assert "DingTalk is not answering" in page.text
    assert "No departments yet." in page.text


def test_dingtalk_silent_later_changes_nothing_here(line, viewer, read):
    line.refuse()

    assert viewer.get("/departments/").status == 200


def test_who_may_create_is_offered_it(viewer, editor, read):
    assert "Add a department under the root" in editor.get("/departments/").text
    assert "Ask an administrator to be able to edit." in viewer.get("/departments/").text


# ── A department ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_department_is_shown_from_memory_at_once(org, sandbox, viewer, read):
    sandbox.calls.clear()

    page = viewer.get(f"/departments/{org['Sales'].dept_id}/")

    assert page.status == 200
    assert "Read from DingTalk less than a minute ago." in page.text
    assert sandbox.calls == []


def test_one_memory_has_never_seen_costs_one_call(org, sandbox, viewer):
    page = viewer.get(f"/departments/{org['Sales'].dept_id}/")

    assert page.status == 200
    assert reads(sandbox) == ["get"]


@pytest.mark.parametrize("seen", ["never", "long ago", "just now", "gone"])
@pytest.mark.parametrize("query", ["", "?live=1"])
def test_a_department_page_never_costs_more_than_one_call(org, sandbox, viewer, seen, query):
    sales = org["Sales"].dept_id
    if seen != "never":
        reading.read(below=1)
    if seen == "long ago":
        Department.objects.update(details_seen_at=timezone.now() - timedelta(days=9))
    if seen == "gone":
        sync.forget([sales])
    sandbox.calls.clear()

    page = viewer.get(f"/departments/{sales}/{query}")

    assert page.status == 200
    assert len(reads(sandbox)) <= 1


def test_old_details_are_shown_with_their_age_and_looked_at_by_the_page_itself(org, viewer, read):
    Department.objects.update(details_seen_at=timezone.now() - timedelta(hours=3))

    page = viewer.get(f"/departments/{org['Sales'].dept_id}/")

    assert "Read from DingTalk 3" in page.text
    assert "Looking for changes…" in page.text
    assert '?live=1" hx-trigger="load"' in page.html


def test_details_never_read_are_said_to_be_missing(org, viewer):
    viewer.get("/departments/")

    page = viewer.get(f"/departments/{org['Sales'].dept_id}/")

    assert "Details not read yet. Reading them now…" in page.text


def test_a_live_look_brings_the_change(org, viewer, read):
    sales = org["Sales"].dept_id
    org.rename_department(sales, "Field Sales")

    page = viewer.get(f"/departments/{sales}/?live=1", htmx="main")

    assert "Field Sales" in page.text
    assert "Read from DingTalk just now." in page.text
    assert 'hx-trigger="load"' not in page.html


def test_a_live_look_that_fails_shows_memory_and_says_so(org, line, viewer, read):
    line.swallow(GET)

    page = viewer.get(f"/departments/{org['Sales'].dept_id}/?live=1", htmx="main")

    assert page.status == 200
    assert "DingTalk is not answering" in page.text
    assert "Sales" in page.text
    assert 'hx-trigger="load"' not in page.html  # it does not ask again and again


def test_where_memory_has_nothing_to_show_a_silent_dingtalk_is_a_page(org, line, viewer):
    line.swallow(GET)

    page = viewer.get(f"/departments/{org['Sales'].dept_id}/")

    assert page.status == 503
    assert "DingTalk is not answering" in page.text


def test_outside_the_contact_scope_memory_is_marked(org, sandbox, viewer, read):
    sandbox.switches.contact_scope = [org["Sales"].dept_id]

    page = viewer.get(f"/departments/{org['Legal'].dept_id}/?live=1")

    assert page.status == 200
    assert "This department is outside this app’s contact scope." in page.text


def test_one_nobody_knows_is_no_page(viewer):
    page = viewer.get("/departments/4711/")

    assert page.status == 404
    assert "Neither DingTalk nor our history knows a department with the ID 4711." in page.text


def test_one_that_is_gone_is_remembered(org, viewer, read):
    legal = org["Legal"].dept_id
    org.delete_department(legal)

    page = viewer.get(f"/departments/{legal}/?live=1")

    assert page.status == 410
    assert "“Legal” no longer exists" in page.text
    assert "Acme › Legal" in page.text


def test_one_believed_gone_is_asked_about(org, viewer, read):
    legal = org["Legal"].dept_id
    sync.forget([legal])

    page = viewer.get(f"/departments/{legal}/")

    assert page.status == 200
    assert Department.objects.get(pk=legal).gone_at is None


@pytest.mark.parametrize(
    "dept_id",
    ["0", "-1", "1_000", "٣", "１", "1" + "0" * 30, "sales", "1.5", "0x1", "01", "%00", "1%20"],
)
def test_an_id_that_cannot_be_is_no_page(sandbox, administrator, dept_id):
    for rest in ("", "children/", "edit/", "new/", "delete/", "history/"):
        page = administrator.get(f"/departments/{dept_id}/{rest}")

        assert page.status == 404
        assert "There is no such page" in page.text
    assert sandbox.calls == []


def test_the_largest_id_there_can_be_is_merely_unknown(viewer):
    assert viewer.get(f"/departments/{10**18 - 1}/").status == 404


def test_every_field_dingtalk_tells_is_on_the_page(org, sandbox, editor):
    sandbox.switches.undocumented_fields = True
    north, legal = org["North"].dept_id, org["Legal"].dept_id
    org.edit_department(
        legal,
        order=7,
        code="L-1",
        source_identifier="hr:1",
        hide_dept=True,
        dept_permits=(north,),
        user_permits=("liwei",),
        outer_dept=True,
        outer_permit_depts=(4711,),
        outer_permit_users=("wangfang",),
        create_dept_group=True,
        brief="About law",
        telephone="123",
        extension='{"floor": 3}',
        hide_scene_config={"active": True, "search": True, "other": True, "profile": False},
    )
    editor.get(f"/departments/{north}/")

    page = editor.get(f"/departments/{legal}/")

    for said in (
        "Position value 7",
        "Department code L-1",
        "Source identifier hr:1",
        "Departments that may still see it North",
        "People who may still see it liwei",
        "Departments they may also see 4711",
        "Department Chat Exists",
        "Introduction About law",
        "Phone 123",
        "Extension {&quot;floor&quot;: 3}",
        "own setting instead of the organisation’s , search , other",
        "Limited to DingTalk does not tell the current value.",
        "Managers Not set",
    ):
        assert said in page.text


# ── Roles, in the services themselves ────────────────────────────────────────────────────────────────────


def test_the_services_ask_for_a_role(sandbox, line, django_user_model, db):
    nobody = django_user_model.objects.create_user("nobody")

    for act in (
        lambda: browse.open_department(dept_id=1, by=nobody),
        lambda: browse.look_at_the_top(by=nobody),
        lambda: browse.overview(by=nobody),
        lambda: browse.suggestions(by=nobody),
    ):
        with pytest.raises(NotPermitted):
            act()

    assert sandbox.calls == []


def test_who_has_chosen_nothing_is_offered_what_is_worth_a_look(org, line, viewer):
    reading.read(below=1)
    org.create_department("Newcomer", parent="Sales")
    sync.refresh_children(dept_id=org["Sales"].dept_id)

    page = viewer.get("/departments/")
    changed = viewer.get("/list/?only=changed")

    assert "/list/?only=changed" in page.html
    assert "Newcomer" in changed.text
