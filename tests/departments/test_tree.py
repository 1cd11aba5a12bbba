"""The tree, level by level: drawn from memory, read once where nobody looked, never redrawn unasked."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import reading
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from looking import reads

from departments.errors import NotPermitted
from departments.models import Department
from departments.services import sync, tree

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
    reading.read(below=1)


def level(person, dept_id, query=""):
    return person.get(f"/departments/{dept_id}/children/?part=tree{query}", htmx="yes")


def drawn(page):
    """The departments of the tree, as they stand in the page."""
    return [int(found) for found in re.findall(r"\bid=\"d(-?[0-9]+)\"", page.html)]


def marker(page):
    """What the page says of its first batch."""
    return dict(re.findall(r"data-(of|from|version)=\"([0-9a-f]+)\"", page.html))


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
    viewer.get("/departments/")

    page = viewer.get(f"/departments/{sales}/children/?part=tree")

    assert "<html" in page.html
    assert "Sub-departments of Sales" in page.text
    assert org["East"].dept_id in drawn(page)


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


def test_a_batch_is_asked_for_anew_with_what_leads_to_both_sides(crowd, viewer):
    page = level(viewer, 1, "&at=200")

    assert drawn(page) == [*range(1200, 1400)]
    assert "Show 200 before" in page.text
    assert "Show 200 more. 50 of 450 not shown." in page.text


def test_a_batch_starts_where_batches_start(crowd, viewer):
    assert drawn(level(viewer, 1, "&from=257"))[0] == 1200


def test_a_batch_behind_the_end_is_empty_and_says_where_it_would_be(crowd, viewer):
    page = level(viewer, 1, "&at=600")

    assert drawn(page) == []
    assert (marker(page)["of"], marker(page)["from"]) == ("0", "600")
    assert tree.changed(seen={(1, 600): marker(page)["version"]}, by=viewer.user) == []


def test_without_javascript_batches_are_links(crowd, viewer):
    page = viewer.get("/departments/1/children/?from=200")

    assert 'href="?until=200"' in page.html
    assert 'href="?from=400"' in page.html


def test_the_batch_that_holds_the_one_shown_is_drawn(crowd, viewer):
    page = viewer.get("/departments/1400/")

    assert drawn(page) == [1, *range(1400, 1450)]
    assert "Show 200 before" in page.text


# ── The tree beside every page ───────────────────────────────────────────────────────────────────────────


def test_the_way_to_the_department_shown_is_open(org, viewer, read):
    page = viewer.get(f"/departments/{org['Ningbo'].dept_id}/")

    assert f'id="d{org["Ningbo"].dept_id}" aria-current="page"' in page.html
    assert org["Vault"].dept_id not in drawn(page)


def test_branches_named_in_the_address_are_open(org, viewer, read):
    ids = ".".join(str(org[name].dept_id) for name in ("Empty", "Cellar"))

    page = viewer.get(f"/departments/?open={ids}")

    assert org["Vault"].dept_id in drawn(page)


def test_branches_remembered_by_the_browser_are_open(org, viewer, read):
    """The script keeps them in a cookie, in base 36."""
    viewer.client.cookies["tree"] = base_36(org["Empty"].dept_id)

    page = viewer.get("/departments/")

    assert org["Cellar"].dept_id in drawn(page)


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


# ── Odd data ─────────────────────────────────────────────────────────────────────────────────────────────


def test_departments_that_hang_nowhere_are_shown_beside_the_root(line, viewer):
    remember((1, None), (2, 1))
    remember((77, 76), (78, 76), detached=True)

    page = viewer.get("/departments/")

    assert drawn(page) == [1, 2, 77, 78]
    assert page.html.count('data-apart="Not below any department we know"') == 1
    assert page.text.count("not below any department we know") == 2


def test_without_the_root_what_is_known_needs_no_heading(line, viewer):
    remember((77, 1), (78, 1), detached=True)

    page = viewer.get("/departments/")

    assert drawn(page) == [77, 78]
    assert "data-apart" not in page.html


@pytest.mark.parametrize("cycle", [[(5, 5)], [(5, 6), (6, 5)], [(5, 6), (6, 7), (7, 6)]])
def test_departments_in_a_circle_end_no_page_in_a_loop(line, viewer, cycle):
    remember((1, None), *cycle)

    assert viewer.get("/departments/?open=1.5.6.7").status == 200
    assert viewer.get("/departments/5/").status == 200
    assert viewer.get("/departments/5/children/").status == 200
    assert level(viewer, 6 if len(cycle) > 1 else 5).status == 200


def test_a_circle_is_drawn_once_from_where_it_was_cut(line, viewer):
    remember((1, None), (6, 5), (7, 6))
    remember((5, 7), detached=True)

    page = viewer.get("/departments/?open=1.5.6.7")

    assert drawn(page) == [1, 5, 6, 7]
    assert drawn(level(viewer, 7)) == []


@pytest.mark.parametrize("dept_id", [-7, -1, 0])
def test_an_id_that_has_no_page_is_a_row_without_a_link(line, viewer, dept_id):
    remember((1, None), (dept_id, 1), readable=False)
    remember((2, 1), children_seen_at=None)

    page = viewer.get("/departments/?open=1")

    assert drawn(page) == [1, dept_id, 2]
    assert f'<span id="d{dept_id}">D{dept_id} <span class="ico">' in page.html
    assert f"/departments/{dept_id}/" not in page.html
    assert [row.below for row in tree.children(dept_id=1, by=viewer.user).rows] == ["", "…"]


def test_an_id_without_a_page_needs_no_mark_to_be_without_a_link(line, viewer):
    remember((1, None), (-7, 1))

    page = viewer.get("/departments/")

    assert '<span id="d-7">D-7' in page.html


def test_more_tops_than_a_batch_are_reached(line, viewer):
    remember((1, None))
    remember(*((n, 9) for n in range(1000, 1450)), detached=True)

    first, second = (
        viewer.get(f"/departments/?part=tree{q}", htmx="yes") for q in ("", "&from=200")
    )

    assert drawn(first) == [1, *range(1000, 1199)]
    assert "Show 200 more. 251 of 451 not shown." in first.text
    assert 'href="/departments/?from=200"' in first.html
    assert drawn(second) == [*range(1199, 1399)]
    assert drawn(viewer.get("/departments/?from=400")) == [*range(1399, 1450)]
    assert drawn(viewer.get("/departments/1420/")) == [*range(1399, 1450)]


# ── Looking again, and what changed ──────────────────────────────────────────────────────────────────────


def test_a_level_read_long_ago_is_marked_and_looked_at_when_asked(org, sandbox, viewer, read):
    sales = org["Sales"].dept_id
    assert "data-stale" not in level(viewer, sales).html
    Department.objects.update(children_seen_at=timezone.now() - timedelta(hours=1))
    org.create_department("West", parent="Sales")
    sandbox.calls.clear()

    opened = level(viewer, sales)
    looked = viewer.get(f"/departments/{sales}/children/?part=look", htmx="yes")

    assert "data-stale" in opened.html
    assert "West" not in opened.text
    assert looked.status == 204
    assert reads(sandbox) == ["listsub"]
    assert "West" in level(viewer, sales).text


def test_a_level_read_just_now_or_unreadable_or_unknown_is_not_looked_at(
    org, sandbox, viewer, read
):
    Department.objects.filter(name="Legal").update(readable=False, children_seen_at=None)
    sandbox.calls.clear()

    for dept_id in (org["Sales"].dept_id, org["Legal"].dept_id, 4711):
        tree.look_again(dept_id=dept_id, by=viewer.user)

    assert sandbox.calls == []


def test_a_look_that_fails_is_no_news(org, line, viewer, read):
    Department.objects.update(children_seen_at=None)
    line.refuse()

    assert level(viewer, org["Sales"].dept_id, "").status == 503
    look = viewer.get(f"/departments/{org['Sales'].dept_id}/children/?part=look", htmx="yes")
    assert look.status == 204


def seen(page, parent):
    return f"{parent}.{marker(page)['from']}.{marker(page)['version']}"


def ask(viewer, *batches):
    return viewer.get("/departments/changes/?seen=" + "_".join(batches), htmx="yes")


def test_nothing_changed_is_nothing_to_offer(org, viewer, read):
    top = viewer.get("/departments/?part=tree", htmx="yes")
    sales = org["Sales"].dept_id

    page = ask(viewer, seen(top, 0), seen(level(viewer, 1), 1), seen(level(viewer, sales), sales))

    assert page.status == 204


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.filter(name="East").update(name="Far East"),
        lambda rows: rows.filter(name="East").update(hidden=True),
        lambda rows: rows.filter(name="East").update(missing_at=timezone.now()),
        lambda rows: rows.filter(name="East").update(gone_at=timezone.now()),
        lambda rows: rows.filter(name="East").update(parent_id=1),
        lambda rows: rows.filter(name="East").update(order=10**9),
        lambda rows: rows.filter(name="Ningbo").update(gone_at=timezone.now()),
        lambda rows: rows.filter(name="Legal").update(parent_id=rows.get(name="Sales").pk),
    ],
)  # fmt: skip
def test_whatever_would_be_drawn_differently_is_offered(org, viewer, read, change):
    sales = org["Sales"].dept_id
    before = seen(level(viewer, sales), sales)

    change(Department.objects.all())
    page = ask(viewer, before)

    assert page.status == 200
    assert "1 change in open branches. Show" in page.text
    assert f'data-show="{sales}.0 "' in page.html


def test_what_nobody_sees_is_no_change(org, viewer, read):
    sales = org["Sales"].dept_id
    before = seen(level(viewer, sales), sales)

    Department.objects.update(keys="x", code="y", seen_at=timezone.now())

    assert ask(viewer, before).status == 204


def test_a_change_at_the_top_is_offered(line, viewer):
    remember((1, None))
    before = seen(viewer.get("/departments/?part=tree", htmx="yes"), 0)

    remember((77, 76), detached=True)

    assert 'data-show="0.0 "' in ask(viewer, before).html


def test_only_the_batch_that_changed_is_offered(crowd, viewer):
    batches = [seen(level(viewer, 1, f"&at={start}"), 1) for start in (0, 200, 400)]

    Department.objects.filter(pk=1250).update(name="Renamed")

    assert 'data-show="1.200 "' in ask(viewer, *batches).html


@pytest.mark.parametrize(
    "nonsense", ["", "x", "1", "1.x.2", "-1.0.a", "٣.0.a", "9" * 30 + ".0.a", "_" * 999]
)
def test_what_is_no_batch_is_not_asked_about(viewer, read, nonsense):
    assert ask(viewer, nonsense).status == 204


def test_a_branch_that_is_gone_is_a_change(org, viewer, read):
    empty = org["Empty"].dept_id
    before = seen(level(viewer, empty), empty)

    sync.forget([empty])

    assert ask(viewer, before).status == 200


# ── Beside an answer ─────────────────────────────────────────────────────────────────────────────────────


def test_a_live_look_that_finds_another_name_brings_the_row(org, viewer, read):
    sales = org["Sales"].dept_id
    org.rename_department(sales, "Field Sales")

    page = viewer.get(f"/departments/{sales}/?live=1", htmx="main")
    again = viewer.get(f"/departments/{sales}/?live=1", htmx="main")

    assert '<template data-below="1">' in page.html
    assert sales in drawn(page)
    assert drawn(again) == []


def test_after_a_create_its_level_comes_along_with_the_batch_that_shows_it(
    line, org, viewer, editor
):
    remember((1, None), *((n, 1) for n in range(1000, 1450)))
    remember(*((n, 1449) for n in range(2000, 2450)))

    found = tree.level_showing(dept_id=1449, opened=[1449], showing=2449, by=viewer.user)

    assert (found.parent_id, found.start) == (1, 400)
    (here,) = [row for row in found.rows if row.id == "1449"]
    assert (here.level.start, here.level.total) == (400, 450)
    assert here.level.rows[-1].id == "2449"


# ── How many queries ─────────────────────────────────────────────────────────────────────────────────────


def queries_of(person, url, **headers):
    with CaptureQueriesContext(connection) as context:
        assert person.get(url, **headers).status == 200
    return len(context)


def test_opening_a_branch_costs_the_same_at_any_size(line, viewer):
    remember((1, None), (2, 1), (3, 1), (20, 2), *((n, 3) for n in range(1000, 3000)))
    viewer.get("/departments/")  # warm: session and permissions

    few, many = (
        queries_of(viewer, f"/departments/{n}/children/?part=tree", htmx="yes") for n in (2, 3)
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

    assert deep - shallow == 18


# ── The services ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_services_ask_for_a_role(sandbox, line, django_user_model, db):
    nobody = django_user_model.objects.create_user("nobody")

    for act in (
        lambda: tree.children(dept_id=1, by=nobody),
        lambda: tree.tree(opened=[], by=nobody),
        lambda: tree.top(by=nobody),
        lambda: tree.look_again(dept_id=1, by=nobody),
        lambda: tree.looks(dept_id=1, by=nobody),
        lambda: tree.changed(seen={}, by=nobody),
        lambda: tree.level_showing(dept_id=1, opened=[], by=nobody),
    ):
        with pytest.raises(NotPermitted):
            act()

    assert sandbox.calls == []


def test_the_level_of_one_that_is_not_in_the_tree_is_none(line, viewer):
    remember((1, None))

    assert tree.level_showing(dept_id=4711, opened=[], by=viewer.user) is None


def test_the_level_of_one_deep_down_is_found(viewer, read, org):
    found = tree.level_showing(dept_id=org["Vault"].dept_id, opened=[], by=viewer.user)

    assert [row.name for row in found.rows] == ["Vault"]


def test_of_very_many_open_branches_the_latest_are_open(line, viewer):
    """At most about 2,000 rows: with 200 a branch, ten of them."""
    branches = range(100, 120)
    remember((1, None), *((n, 1) for n in branches))
    remember(*((n * 1000 + i, n) for n in branches for i in range(200)))

    drawn_below = tree.tree(opened=[*reversed(branches)], by=viewer.user).rows[0].level.rows

    assert [row.id for row in drawn_below if row.level] == [str(n) for n in branches[-9:]]
