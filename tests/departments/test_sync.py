"""Memory follows DingTalk: single reads, levels, and the crawl that reads everything."""

import pytest
from django.utils import timezone
from looking import reads

from departments.dingtalk import DingTalkError, NoAnswer, OutOfContactScope
from departments.errors import DepartmentGone, DepartmentUnknown
from departments.models import Department
from departments.services import sync

pytestmark = pytest.mark.django_db

GET = "department/get"
LEVEL = "department/listsub"


def remembered(name):
    return Department.objects.get(name=name)


# ── One department ───────────────────────────────────────────────────────────────────────────────────────


def test_everything_one_read_tells_is_written_down(org, line):
    org.edit_department(
        "Legal", code="L-1", source_identifier="hr:1", order=5, hide_dept=True, outer_dept=True
    )

    row = sync.refresh(dept_id=org["Legal"].dept_id)

    assert (row.name, row.parent_id, row.order) == ("Legal", 1, 5)
    assert (row.code, row.source_identifier) == ("L-1", "hr:1")
    assert (row.hidden, row.restricted, row.has_chat) == (True, True, False)
    assert row.details["auto_approve_apply"] is False
    assert row.seen_at
    assert row.details_seen_at == row.seen_at


def test_of_very_long_values_the_beginning_is_searched_for_and_all_is_kept(org, line):
    """An index row of PostgreSQL's holds 2,704 bytes."""
    long = "𠮷" * 5000
    org.edit_department("Legal", code=long, source_identifier=long)

    row = sync.refresh(dept_id=org["Legal"].dept_id)

    assert row.code == row.source_identifier == long[:200]
    assert row.details["code"] == row.details["source_identifier"] == long


@pytest.mark.parametrize("told", ["absent", "zero", "null"])
def test_the_root_has_no_parent_however_dingtalk_says_so(sandbox, line, told):
    sandbox.switches.root_parent = told

    assert sync.refresh(dept_id=1).parent_id is None


def test_a_second_read_replaces_the_first(org, line):
    sync.refresh(dept_id=org["Legal"].dept_id)
    org.rename_department("Legal", "Law")

    sync.refresh(dept_id=org["Law"].dept_id)

    assert [row.name for row in Department.objects.all()] == ["Law"]


def test_what_nobody_knows_is_unknown(line):
    with pytest.raises(DepartmentUnknown):
        sync.refresh(dept_id=4711)


def test_what_was_known_is_gone_with_everything_below(org, line):
    sync.crawl(below=1)
    empty = org["Empty"].dept_id
    org.delete_department(empty)

    with pytest.raises(DepartmentGone) as gone:
        sync.refresh(dept_id=empty)

    assert gone.value.path == "Acme › Empty"
    assert remembered("Vault").gone_at


def test_outside_the_contact_scope_it_is_marked_unreadable(org, sandbox, line):
    sync.crawl(below=1)
    sandbox.switches.contact_scope = [org["Sales"].dept_id]

    with pytest.raises(OutOfContactScope):
        sync.refresh(dept_id=org["Legal"].dept_id)

    assert not remembered("Legal").readable


def test_back_in_scope_it_is_readable_again(org, sandbox, line):
    test_outside_the_contact_scope_it_is_marked_unreadable(org, sandbox, line)
    sandbox.switches.contact_scope = [1]

    assert sync.refresh(dept_id=org["Legal"].dept_id).readable


# ── One level ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_level_is_written_down_with_its_date(org, line):
    sync.refresh(dept_id=1)

    sync.refresh_children(dept_id=1)

    assert {row.name for row in Department.objects.children_of([1])} == {
        "Sales",
        "Research",
        "Empty",
        "Legal",
    }
    assert Department.objects.get(pk=1).children_seen_at
    assert remembered("Sales").details_seen_at is None


def test_a_level_does_not_forget_the_details_it_does_not_tell(org, line):
    org.edit_department("Legal", code="L-1")
    sync.crawl(below=1)

    sync.refresh_children(dept_id=1)

    assert remembered("Legal").code == "L-1"


def test_the_level_of_what_nobody_knows(line):
    with pytest.raises(DepartmentUnknown):
        sync.refresh_children(dept_id=4711)


def test_one_no_longer_listed_because_deleted_is_gone(org, line):
    sync.crawl(below=1)
    org.delete_department("Empty")

    sync.refresh_children(dept_id=1)

    assert remembered("Empty").gone_at
    assert remembered("Vault").gone_at
    assert remembered("Legal").gone_at is None


def test_one_no_longer_listed_because_moved_is_not_gone(org, line):
    sync.crawl(below=1)
    org.move_department("Cellar", to="Legal")

    sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert remembered("Cellar").parent_id == org["Legal"].dept_id
    assert remembered("Cellar").gone_at is None
    assert remembered("Vault").gone_at is None


def test_one_no_longer_listed_because_out_of_scope_is_not_gone(org, sandbox, line):
    sync.crawl(below=1)
    line.answer(LEVEL, errcode=0, result=[])
    line.answer(GET, errcode=50004, errmsg="scope")

    sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert remembered("Cellar").gone_at is None
    assert not remembered("Cellar").readable


def test_one_that_comes_back_is_looked_into_anew(org, sandbox, line, viewer):
    sync.crawl(below=1)
    cellar = org["Cellar"].dept_id
    sync.forget([cellar])

    page = viewer.get(f"/departments/{cellar}/children/")

    assert "Vault" in page.text
    assert remembered("Vault").gone_at is None


# ── The crawl ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_crawl_reads_the_tree_and_then_the_details(org, sandbox, line):
    told = []

    found = sync.crawl(below=1, tell=lambda which, done: told.append((which, done)))

    assert found == len(org) == Department.objects.count()
    assert all(row.details_seen_at and row.children_seen_at for row in Department.objects.all())
    assert told[-1] == ("details", len(org))
    assert ("tree", len(org)) in told
    assert sorted(reads(sandbox)) == ["get"] * (len(org) + 1) + ["listsub"] * len(org)


def test_a_crawl_may_read_one_branch_only(org, line):
    assert sync.crawl(below=org["Sales"].dept_id) == 4
    assert not Department.objects.filter(name="Legal").exists()


def test_a_crawl_notices_what_is_gone(org, line):
    sync.crawl(below=1)
    org.delete_department("Empty")

    sync.crawl(below=1)

    assert {row.name for row in Department.objects.exclude(gone_at=None)} == {
        "Empty",
        "Cellar",
        "Vault",
    }


def test_a_crawl_follows_a_move(org, line):
    sync.crawl(below=1)
    org.move_department("Legal", to="Vault")

    sync.crawl(below=1)

    assert remembered("Legal").parent_id == org["Vault"].dept_id
    assert Department.objects.present().count() == len(org)


def test_a_crawl_of_one_branch_asks_where_a_department_has_gone(org, line):
    sync.crawl(below=1)
    org.move_department("Cellar", to="Legal")

    sync.crawl(below=org["Empty"].dept_id)

    assert remembered("Cellar").gone_at is None
    assert remembered("Cellar").parent_id == org["Legal"].dept_id


def test_a_department_deleted_during_the_tree_pass_does_not_stop_it(org, line):
    # The root is read, then Sales, Research, and so on; Empty goes just before its turn.
    line.when(LEVEL, lambda: org.delete_department("Empty"), after=1)

    sync.crawl(below=1)

    assert remembered("Empty").gone_at
    assert remembered("Ningbo").details_seen_at


def test_a_department_deleted_between_the_passes_is_forgotten(org, line):
    line.when(GET, lambda: org.delete_department("Legal"), after=1)

    sync.crawl(below=1)

    assert remembered("Legal").gone_at


def test_a_department_out_of_scope_is_marked_and_passed_over(org, sandbox, line):
    line.when(
        GET,
        lambda: setattr(sandbox.switches, "contact_scope", [org["Sales"].dept_id]),
        after=1,
    )

    sync.crawl(below=1)

    assert not remembered("Legal").readable
    assert remembered("East").details_seen_at


def test_details_are_written_in_batches(org, line, monkeypatch):
    monkeypatch.setattr(sync, "_BATCH", 3)

    sync.crawl(below=1)

    assert Department.objects.exclude(details_seen_at=None).count() == len(org)


def test_dingtalk_silent_stops_the_crawl_and_keeps_what_was_read(org, line):
    line.when(GET, lambda: line.swallow(GET), after=1)

    with pytest.raises(NoAnswer):
        sync.crawl(below=1)

    assert Department.objects.count() == len(org)


def test_what_cannot_be_found_can_not_be_crawled(line):
    with pytest.raises(DingTalkError):
        sync.crawl(below=4711)


def test_forgetting_twice_keeps_the_first_date(org, line):
    sync.crawl(below=1)
    sync.forget([org["Legal"].dept_id])
    when = remembered("Legal").gone_at

    sync.forget([org["Legal"].dept_id])

    assert remembered("Legal").gone_at == when <= timezone.now()


def test_forgetting_nothing_is_possible():
    sync.forget([])
