"""Looking around: from memory at once, from DingTalk where memory never looked, and never an endless loop."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from looking import reads

from departments.errors import NotPermitted
from departments.models import Department
from departments.services import browse, sync

GET = "department/get"
LEVEL = "department/listsub"


def remember(*pairs, **fields):
    """Rows of (id, parent), as if somebody had read them."""
    now = timezone.now()
    known = {"seen_at": now, "details_seen_at": now, "children_seen_at": now} | fields
    return Department.objects.bulk_create(
        Department(dept_id=n, name=f"D{n}", parent_id=above, **known) for n, above in pairs
    )


@pytest.fixture
def read(line, db):
    """Memory holds the whole company."""
    sync.crawl(below=1)


def level(person, dept_id, query=""):
    return person.get(f"/departments/{dept_id}/children/?part=tree{query}", htmx=f"g{dept_id}")


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

    assert "Departments 11 With all their details 11" in page.text
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
        sync.crawl(below=1)
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


# ── A level ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_level_nobody_has_looked_at_is_read_once(org, sandbox, viewer):
    sales = org["Sales"].dept_id
    viewer.get("/departments/")
    sandbox.calls.clear()

    first = level(viewer, sales)
    second = level(viewer, sales)

    assert reads(sandbox) == ["listsub"]
    for page in (first, second):
        assert "<html" not in page.html
        assert "East" in page.text
        assert "North" in page.text


def test_without_htmx_a_level_is_a_whole_page_with_its_branch_open(org, viewer):
    sales = org["Sales"].dept_id

    page = viewer.get(f"/departments/{sales}/children/?part=tree")

    assert "<html" in page.html
    assert "Sub-departments of Sales" in page.text
    assert f'<ul id="g{sales}">' in page.html  # not hidden


def test_for_htmx_and_main_it_is_the_middle_of_the_page(org, viewer):
    page = viewer.get(f"/departments/{org['Sales'].dept_id}/children/", htmx="main")

    assert "<html" not in page.html
    assert "Sub-departments of Sales" in page.text


def test_a_department_without_children_says_so(org, editor, viewer):
    legal = org["Legal"].dept_id

    assert "No sub-departments." in viewer.get(f"/departments/{legal}/children/").text
    assert "Add one" in editor.get(f"/departments/{legal}/children/").text


def test_a_level_that_cannot_be_read_is_a_sentence(org, line, viewer):
    viewer.get("/departments/")
    line.swallow(LEVEL)

    page = level(viewer, org["Sales"].dept_id)

    assert page.status == 503
    assert "DingTalk is not answering" in page.text


def test_what_may_not_be_read_is_not_asked_about(org, sandbox, viewer, read):
    Department.objects.filter(name="Legal").update(readable=False, children_seen_at=None)
    sandbox.calls.clear()

    page = level(viewer, org["Legal"].dept_id)

    assert page.status == 200
    assert sandbox.calls == []


def test_the_level_of_an_unknown_department_is_no_page(viewer):
    assert level(viewer, 4711).status == 404


@pytest.fixture
def crowd(line, db):
    """The root with 450 children."""
    remember((1, None), *((n, 1) for n in range(1000, 1450)))


def test_a_long_level_comes_in_batches(crowd, viewer):
    first = level(viewer, 1)
    second = level(viewer, 1, "&from=200")
    third = level(viewer, 1, "&from=400")

    assert "D1199" in first.text
    assert "D1200" not in first.text
    assert "Show 200 more. 250 of 450 not shown." in first.text
    assert "D1200" in second.text
    assert "D1399" in second.text
    assert "50 of 450 not shown." in second.text
    assert "Show 200" not in third.text
    assert "D1449" in third.text


def test_a_batch_may_be_asked_for_backwards(crowd, viewer):
    page = level(viewer, 1, "&until=400")

    assert "D1200" in page.text
    assert "D1399" in page.text
    assert "D1400" not in page.text
    assert "Show 200 before" in page.text
    assert "Show 200 more" not in page.text


@pytest.mark.parametrize("query", ["&from=x", "&from=-5", "&from=1_0", "&from=٣", "&from=9999999"])
def test_a_batch_that_cannot_be_is_the_first(crowd, viewer, query):
    page = level(viewer, 1, query)

    assert page.status == 200
    assert "D1000" in page.text


def test_without_javascript_batches_are_links(crowd, viewer):
    page = viewer.get("/departments/1/children/?from=200")

    assert 'href="?until=200"' in page.html
    assert 'href="?from=400"' in page.html


def test_the_batch_that_holds_the_one_shown_is_drawn(crowd, viewer):
    page = viewer.get("/departments/1400/")

    assert 'id="d1400"' in page.html
    assert 'id="d1000"' not in page.html
    assert "Show 200 before" in page.text


# ── The tree beside every page ───────────────────────────────────────────────────────────────────────────


def test_the_way_to_the_department_shown_is_open(org, viewer, read):
    page = viewer.get(f"/departments/{org['Ningbo'].dept_id}/")

    assert 'aria-current="page"' in page.html
    assert f'id="d{org["Ningbo"].dept_id}"' in page.html
    assert f'id="d{org["Vault"].dept_id}"' not in page.html


def test_branches_named_in_the_address_are_open(org, viewer, read):
    ids = ".".join(str(org[name].dept_id) for name in ("Empty", "Cellar"))

    page = viewer.get(f"/departments/?open={ids}")

    assert f'id="d{org["Vault"].dept_id}"' in page.html


def test_branches_remembered_by_the_browser_are_open(org, viewer, read):
    """The script keeps them in a cookie, in base 36."""
    viewer.client.cookies["tree"] = base_36(org["Empty"].dept_id)

    page = viewer.get("/departments/")

    assert f'id="d{org["Cellar"].dept_id}"' in page.html


def base_36(number):
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits


def test_nonsense_about_open_branches_is_overlooked(viewer, read):
    for opened in ("", "x", "1..2", "-1", "1_0", "٣", "9" * 5000, "1." * 5000):
        viewer.client.cookies["tree"] = opened.replace("٣", "")

        assert viewer.get("/departments/").status == 200
        assert viewer.get("/departments/?" + urlencode({"open": opened + "\0"})).status == 200


def test_departments_that_hang_nowhere_are_shown_beside_the_root(line, viewer):
    remember((1, None), (2, 1), (77, 76))

    page = viewer.get("/departments/")

    assert "D77" in page.text


@pytest.mark.parametrize("cycle", [[(5, 5)], [(5, 6), (6, 5)], [(5, 6), (6, 7), (7, 6)]])
def test_departments_in_a_circle_end_no_page_in_a_loop(line, viewer, cycle):
    remember((1, None), *cycle)

    assert viewer.get("/departments/?open=1.5.6.7").status == 200
    assert viewer.get("/departments/5/").status == 200
    assert viewer.get("/departments/5/children/").status == 200
    assert level(viewer, 6 if len(cycle) > 1 else 5).status == 200


def test_marks_of_a_row_are_told_in_words(org, viewer, read):
    Department.objects.filter(name="Legal").update(readable=False, restricted=True)

    page = viewer.get(f"/departments/{org['Platform'].dept_id}/")

    for mark in (
        "has Department Chat",
        "hidden from Contacts",
        "members see limited Contacts",
        "outside this app’s contact scope",
    ):
        assert mark in page.text


# ── How many queries ─────────────────────────────────────────────────────────────────────────────────────


def queries_of(person, url, **headers):
    with CaptureQueriesContext(connection) as context:
        assert person.get(url, **headers).status == 200
    return len(context)


def test_opening_a_branch_costs_the_same_at_any_size(line, viewer):
    remember((1, None), (2, 1), (3, 1), (20, 2), *((n, 3) for n in range(1000, 3000)))
    viewer.get("/departments/")  # warm: session and permissions

    few, many = (
        queries_of(viewer, f"/departments/{n}/children/?part=tree", htmx=f"g{n}") for n in (2, 3)
    )

    assert few == many < 12


def test_a_department_page_costs_the_same_whatever_lies_around_it(line, viewer):
    remember((1, None), (2, 1), (3, 1), (20, 2), *((n, 3) for n in range(1000, 3000)))
    viewer.get("/departments/")

    alone, crowded = (queries_of(viewer, f"/departments/{n}/") for n in (20, 1000))

    assert alone == crowded < 20


def test_a_deep_branch_costs_one_step_a_level(line, viewer):
    remember((1, None), *((n, n - 1) for n in range(2, 21)))
    viewer.get("/departments/")
    shallow, deep = (queries_of(viewer, f"/departments/{n}/") for n in (2, 20))

    assert deep - shallow == 2 * 18


# ── Roles, in the services themselves ────────────────────────────────────────────────────────────────────


def test_the_services_ask_for_a_role(sandbox, line, django_user_model, db):
    nobody = django_user_model.objects.create_user("nobody")

    for act in (
        lambda: browse.open_department(dept_id=1, by=nobody),
        lambda: browse.children(dept_id=1, by=nobody),
        lambda: browse.tree(opened=set(), by=nobody),
        lambda: browse.level_showing(dept_id=1, opened=set(), by=nobody),
        lambda: browse.look_at_the_top(by=nobody),
        lambda: browse.overview(by=nobody),
        lambda: browse.suggestions(by=nobody),
    ):
        with pytest.raises(NotPermitted):
            act()

    assert sandbox.calls == []


def test_the_level_of_one_that_is_not_in_the_tree_is_none(line, viewer):
    remember((1, None))

    assert browse.level_showing(dept_id=4711, opened=set(), by=viewer.user) is None


def test_the_level_of_one_deep_down_is_found(viewer, read, org):
    rows = browse.level_showing(dept_id=org["Vault"].dept_id, opened=set(), by=viewer.user)

    assert [node.name for node in rows.nodes] == ["Vault"]
