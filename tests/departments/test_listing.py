"""All departments as a table: filtered, sorted, page by page, and honest about what nobody has read yet."""

import csv
import io
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from departments.errors import NotPermitted
from departments.models import Department
from departments.services import listing, names
from departments.services.listing import Filters


def remember(*departments, **fields):
    """Rows of (id, parent, name, what is known of it), as if somebody had read them whole."""
    now = timezone.now()
    known = {"seen_at": now, "details_seen_at": now, "children_seen_at": now} | fields
    return Department.objects.bulk_create(
        Department(dept_id=n, parent_id=above, name=name, **known | (more[0] if more else {}))
        for n, above, name, *more in departments
    )


def told(*managers, people=3):
    return {"details": {"dept_manager_userid_list": list(managers), "member_count": people}}


NOT_READ = {"details_seen_at": None, "children_seen_at": None}


@pytest.fixture
def acme(line, db):
    flags = {"has_chat": False, "hidden": False, "restricted": False}
    remember(
        (1, None, "Acme", flags | told("boss", people=9)),
        (2, 1, "Sales", flags | told("li", "chen") | {"has_chat": True, "code": "S-1"}),
        (3, 2, "East", flags | {"details": {"member_count": 4}, "hidden": True}),
        (4, 1, "研发中心", flags | told(people=0) | {"keys": "yanfazhongxin yfzx"}),
        (5, 4, "East", flags | told("wang", people=0) | {"restricted": True}),
        (6, 1, "Legal", NOT_READ),
    )


def ids(person, sort="id", number=1, **filters):
    page = listing.page(by=person.user, filters=Filters(**filters), sort=sort, number=number)
    return [int(row.id) for row in page.rows]


def look(person, *, htmx=None, **query):
    return person.get("/list/?" + urlencode(query, doseq=True), htmx=htmx)


# ── Which ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ("no-manager", [3, 4]),
        ("empty", [5]),
        ("hidden", [3]),
        ("restricted", [5]),
        ("chat", [2]),
        ("namesake", [3, 5]),
        ("unread", [6]),
        ("out-of-scope", []),
        ("changed", []),
    ],
)
def test_a_filter_leaves_those_for_which_it_holds(acme, viewer, only, found):
    assert ids(viewer, only=(only,)) == found


def test_what_was_changed_within_a_week_and_what_is_out_of_scope(acme, viewer):
    now = timezone.now()
    Department.objects.filter(pk=2).update(changed_at=now - timedelta(days=6))
    Department.objects.filter(pk=3).update(changed_at=now - timedelta(days=8))
    Department.objects.filter(pk=6).update(readable=False)

    assert ids(viewer, only=("changed",)) == [2]
    assert ids(viewer, only=("out-of-scope",)) == [6]
    assert "Legal Outside this app’s contact scope" in look(viewer).text


def test_filters_all_hold_together(acme, viewer):
    assert ids(viewer, only=("namesake", "hidden")) == [3]
    assert ids(viewer, only=("namesake",), below=4) == [5]
    assert ids(viewer, text="east") == [3, 5]
    assert ids(viewer, text="yf") == [4]
    assert ids(viewer, below=2) == [2, 3]
    assert ids(viewer, below=4711) == []


def test_what_is_gone_is_not_listed_nor_a_namesake(acme, viewer):
    Department.objects.filter(pk=5).update(gone_at=timezone.now())

    assert ids(viewer) == [1, 2, 3, 4, 6]
    assert ids(viewer, only=("namesake",)) == []


def test_a_filter_nobody_can_judge_everywhere_says_so(acme, viewer):
    assert "Known for 5 of 6 departments." in look(viewer, only="no-manager").text
    assert "Known for 1 of 1 departments." not in look(viewer, only="no-manager", below=5).text
    assert "Known for" not in look(viewer, only="namesake").text
    assert "Known for" not in look(viewer).text


def test_how_long_the_rest_would_take_is_told(acme, viewer, settings):
    settings.DINGTALK_CALLS_PER_SECOND = 0.1  # 6 departments, two calls each

    page = listing.page(by=viewer.user, filters=Filters(only=("hidden",)))

    assert page.known == (5, 6, 2)


def test_where_dingtalk_never_tells_how_many_there_are_nothing_is_called_empty(line, viewer):
    remember((1, None, "Acme"), (2, 1, "Sales"))

    page = look(viewer, only="empty")

    assert "Known for 0 of 2 departments. No departments match these filters." in page.text


def test_a_large_company_is_counted_readably(line, viewer):
    remember(*((n, None, f"D{n}", NOT_READ) for n in range(1, 1235)))

    page = look(viewer, only="unread", page=2)

    assert "51–100 of 1,234" in page.text
    assert "Known for 0 of 1,234" in look(viewer, only="hidden").text


# ── In which order ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("id", [1, 2, 3, 4, 5, 6]),
        ("-id", [6, 5, 4, 3, 2, 1]),
        ("name", [1, 3, 5, 6, 2, 4]),
        ("-name", [4, 2, 6, 3, 5, 1]),
        ("code", [2, 1, 3, 4, 5, 6]),
        ("managers", [4, 1, 5, 2, 3, 6]),
        ("-managers", [2, 1, 5, 4, 3, 6]),
        ("people", [4, 5, 2, 3, 1, 6]),
        ("-people", [1, 3, 2, 4, 5, 6]),
        ("-chat", [2, 1, 3, 4, 5, 6]),
        ("-hidden", [3, 1, 2, 4, 5, 6]),
        ("-restricted", [5, 1, 2, 3, 4, 6]),
        ("-read", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_unknown_comes_last_and_equals_by_id(acme, viewer, sort, found):
    assert ids(viewer, sort) == found


def test_a_heading_says_how_the_table_is_sorted_and_turns_it(acme, viewer):
    first, other = look(viewer), look(viewer, sort="-people", only="chat")

    assert 'aria-sort="ascending"><a href="/list/?sort=-name"' in first.html
    assert first.html.count("aria-sort") == other.html.count("aria-sort") == 1
    assert 'aria-sort="descending"><a href="/list/?only=chat&amp;sort=people"' in other.html
    assert '<th scope="col"><span>Path</span></th>' in other.html


# ── How it is shown ──────────────────────────────────────────────────────────────────────────────────────


def test_a_row_tells_what_is_known(acme, viewer):
    page = look(viewer, sort="id")

    assert "Sales Acme Acme 2 S-1 2 3 Yes No No" in page.text
    assert "East Acme › Sales Acme › Sales 3 0 4 No Yes No" in page.text
    not_read = "– not read yet"
    assert f"Legal Acme Acme 6 {' '.join([not_read] * 6)}" in page.text
    assert "1–6 of 6" in page.text


def test_names_and_codes_are_text(line, viewer):
    remember((1, None, "<b>Acme</b>", {"code": "<i>"}))

    page = look(viewer)

    assert "&lt;b&gt;Acme" in page.html
    assert "<b>" not in page.html
    assert "<i>" not in page.html


def test_nothing_matches_and_nothing_read_are_said(acme, viewer):
    page = look(viewer, q="nowhere")
    Department.objects.all().delete()

    assert "No departments match these filters. Clear filters" in page.text
    assert "Nothing has been read from DingTalk yet." in look(viewer).text


def test_the_filters_are_kept_in_every_link(acme, viewer):
    page = look(viewer, q="east", below="4 研发中心", only=["namesake", "restricted"], sort="-id")

    assert "1–1 of 1" in page.text
    query = "q=east&amp;below=4+%E7%A0%94%E5%8F%91%E4%B8%AD%E5%BF%83"
    assert f'/list/?{query}&amp;only=namesake&amp;only=restricted&amp;sort=id"' in page.html
    assert page.html.count("checked") == 2


@pytest.mark.parametrize(
    "query", [{"below": "nowhere"}, {"only": "nothing"}, {"sort": "path"}, {"q": "a\0b"}]
)
def test_what_cannot_be_understood_is_said_at_its_field(acme, viewer, query):
    page = look(viewer, **query)

    assert page.status == 422
    assert "There is a problem" in page.text
    assert "<table" not in page.html


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def crowd(line, db):
    remember((1, None, "Acme"), *((n, 1, "Team", told("x")) for n in range(1000, 1170)))


def test_pages_do_not_overlap_and_lose_nothing(crowd, viewer):
    seen = [n for number in (1, 2, 3, 4) for n in ids(viewer, "name", number)]

    assert seen == [1, *range(1000, 1170)]


def test_one_turns_pages_by_links(crowd, viewer):
    first, third, last = (look(viewer, page=number, q="team") for number in (1, 3, 4))

    assert "1–50 of 170" in first.text
    assert "Page 1 of 4" in first.text
    assert [word in first.text for word in ("First", "Previous", "Next")] == [False, False, True]
    assert 'href="/list/?q=team&amp;page=2"' in third.html
    assert [word in third.text for word in ("First", "Previous", "Next")] == [True, True, True]
    assert "151–170 of 170" in last.text
    assert [word in last.text for word in ("First", "Previous", "Next")] == [True, True, False]


@pytest.mark.parametrize(
    ("number", "shown"), [("99", "151"), ("0", "1"), ("x", "1"), ("9" * 9, "1")]
)
def test_a_page_there_is_not_is_the_nearest(crowd, viewer, number, shown):
    assert f"{shown}–" in look(viewer, page=number, q="team").text


def test_the_list_costs_the_same_at_any_size(crowd, viewer):
    Department.objects.exclude(pk=1).update(has_chat=True)  # of the top one that is not known
    query = {"only": ["chat", "namesake"], "sort": "-people"}
    look(viewer, htmx="main")  # warm: session and permissions
    costs = []
    for more in ({"page": "1"}, {"page": "4"}):
        with CaptureQueriesContext(connection) as queries:
            assert look(viewer, htmx="main", **query, **more).status == 200
        costs.append(len(queries))

    assert costs[0] == costs[1] <= 8, costs


# ── As a file ────────────────────────────────────────────────────────────────────────────────────────────


def exported(person, **query):
    response = person.client.get("/list/export/?" + urlencode(query, doseq=True))
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = response.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_file_has_what_the_list_shows_on_all_its_pages(acme, viewer, monkeypatch):
    monkeypatch.setattr(listing, "_BATCH", 2)

    heading, *rows = exported(viewer, sort="-id")

    assert heading[:4] == ["Name", "Path", "ID", "Code"]
    assert [int(row[2]) for row in rows] == [6, 5, 4, 3, 2, 1]
    assert rows[4][:-1] == ["Sales", "Acme", "2", "S-1", "2", "3", "Yes", "No", "No"]
    assert rows[0] == ["Legal", "Acme", "6", "", "", "", "", "", "", ""]
    assert rows[3][1] == "Acme › Sales"
    assert [row[0] for row in exported(viewer, only="chat", q="sa")[1:]] == ["Sales"]
    assert exported(viewer, q="nowhere") == [heading]


def test_no_cell_of_the_file_is_a_formula(line, viewer):
    remember((1, None, "=1+1", {"code": "@x"}))

    (row,) = exported(viewer)[1:]

    assert (row[0], row[3]) == ("'=1+1", "'@x")


def test_the_file_of_filters_that_cannot_be_understood_is_their_page(acme, viewer):
    page = viewer.get("/list/export/?below=nowhere")

    assert page.status == 422
    assert "There is a problem" in page.text


def test_the_list_leads_to_its_file(acme, viewer):
    page = look(viewer, only="chat", sort="-id")

    assert 'href="/list/export/?only=chat&amp;sort=-id" download' in page.html.replace(
        "sort=-id&amp;only=chat", "only=chat&amp;sort=-id"
    )


# ── Roles ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_service_asks_for_a_role(line, django_user_model, db):
    nobody = django_user_model.objects.create_user("nobody")

    for act in (listing.page, listing.export):
        with pytest.raises(NotPermitted):
            act(by=nobody, filters=Filters())


def test_a_name_stands_where_what_it_begins_with_stands(viewer):
    """A Latin word before the Chinese one is what people look for."""
    for dept_id, name in enumerate(("人事部", "Project 并购组", "Operations", "财务部"), start=801):
        Department.objects.create(
            dept_id=dept_id,
            parent_id=1,
            name=name,
            keys=names.keys_of(name),
            seen_at=timezone.now(),
        )

    found = listing.page(by=viewer.user).rows

    assert [row.name for row in found] == ["财务部", "Operations", "Project 并购组", "人事部"]
