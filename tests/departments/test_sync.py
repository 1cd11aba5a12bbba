"""Memory follows DingTalk: single reads, levels, and what a batch of them writes down."""

import pytest
import reading
from django.utils import timezone

from departments.dingtalk import OutOfContactScope
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
    reading.read(below=1)
    empty = org["Empty"].dept_id
    org.delete_department(empty)

    with pytest.raises(DepartmentGone) as gone:
        sync.refresh(dept_id=empty)

    assert gone.value.path == "Acme › Empty"
    assert remembered("Vault").gone_at


def test_outside_the_contact_scope_it_is_marked_unreadable(org, sandbox, line):
    reading.read(below=1)
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
    reading.read(below=1)

    sync.refresh_children(dept_id=1)

    assert remembered("Legal").code == "L-1"


def test_the_level_of_what_nobody_knows(line):
    with pytest.raises(DepartmentUnknown):
        sync.refresh_children(dept_id=4711)


def test_one_no_longer_listed_because_deleted_is_gone(org, line):
    reading.read(below=1)
    org.delete_department("Empty")

    sync.refresh_children(dept_id=1)

    assert remembered("Empty").gone_at
    assert remembered("Vault").gone_at
    assert remembered("Legal").gone_at is None


def test_one_no_longer_listed_because_moved_is_not_gone(org, line):
    reading.read(below=1)
    org.move_department("Cellar", to="Legal")

    sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert remembered("Cellar").parent_id == org["Legal"].dept_id
    assert remembered("Cellar").gone_at is None
    assert remembered("Vault").gone_at is None


def test_one_no_longer_listed_because_out_of_scope_is_not_gone(org, sandbox, line):
    reading.read(below=1)
    line.answer(LEVEL, errcode=0, result=[])
    line.answer(GET, errcode=50004, errmsg="scope")

    sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert remembered("Cellar").gone_at is None
    assert not remembered("Cellar").readable


def test_one_that_comes_back_is_looked_into_anew(org, sandbox, line, viewer):
    reading.read(below=1)
    cellar = org["Cellar"].dept_id
    sync.forget([cellar])

    page = viewer.get(f"/departments/{cellar}/children/")

    assert "Vault" in page.text
    assert remembered("Vault").gone_at is None


# ── Gone ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_forgetting_twice_keeps_the_first_date(org, line):
    reading.read(below=1)
    sync.forget([org["Legal"].dept_id])
    when = remembered("Legal").gone_at

    sync.forget([org["Legal"].dept_id])

    assert remembered("Legal").gone_at == when <= timezone.now()


def test_forgetting_nothing_is_possible():
    sync.forget([])
