"""Memory's walks, and history that is never rewritten."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone
from looking import ask

from departments.models import (
    AuditEntry,
    DeletionPlan,
    Department,
    Operation,
    Outcome,
    SettledRow,
)
from departments.services import audit

pytestmark = pytest.mark.django_db


def remember(*pairs, **fields):
    """Rows of (id, parent)."""
    return Department.objects.bulk_create(
        Department(dept_id=n, name=f"D{n}", parent_id=above, seen_at=timezone.now(), **fields)
        for n, above in pairs
    )


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_trail_goes_from_the_top_down():
    remember((1, None), (2, 1), (3, 2), (4, 1))

    assert [row.dept_id for row in Department.objects.trail(3)] == [1, 2, 3]


def test_the_trail_of_an_orphan_begins_where_memory_does():
    remember((3, 2), (4, 3))

    assert [row.dept_id for row in Department.objects.trail(4)] == [3, 4]


def test_the_trail_of_nothing_is_empty():
    assert Department.objects.trail(4711) == []


@pytest.mark.parametrize("pairs", [[(5, 5)], [(5, 6), (6, 5)], [(5, 6), (6, 7), (7, 6)]])
def test_a_cycle_ends(pairs):
    remember(*pairs)

    assert Department.objects.trail(5)[-1].dept_id == 5
    assert 5 in Department.objects.branch_ids(5)


def test_many_trails_are_one_query(django_assert_num_queries):
    remember((1, None), (2, 1), (3, 2), (4, 1), (9, 8), (5, 6), (6, 5))

    with django_assert_num_queries(1):
        trails = Department.objects.trails([3, 4, 9, 5, 4711])

    ids = {start: [dept_id for dept_id, _name in above] for start, above in trails.items()}
    assert ids == {3: [1, 2, 3], 4: [1, 4], 9: [9], 5: [6, 5]}
    assert trails[4] == [(1, "D1"), (4, "D4")]
    assert Department.objects.trails([]) == {}


def test_a_branch_is_everything_below():
    remember((1, None), (2, 1), (3, 2), (4, 1), (9, 8))

    assert Department.objects.branch_ids(2) == {2, 3}
    assert Department.objects.branch_ids(1) == {1, 2, 3, 4}
    assert Department.objects.branch_ids(4711) == set()


def test_a_trail_and_a_branch_cost_the_same_at_any_size(django_assert_num_queries):
    remember((1, None), *((n, n - 1) for n in range(2, 42)))

    with django_assert_num_queries(2):
        assert len(Department.objects.trail(41)) == 41
    with django_assert_num_queries(1):
        assert len(Department.objects.branch_ids(1)) == 41


def test_smaller_positions_come_first_and_unread_ones_last():
    remember((1, None), (5, 1), (6, 1))
    remember((7, 1), order=2)
    remember((8, 1), order=1)

    assert [row.dept_id for row in Department.objects.children_of([1])] == [8, 7, 5, 6]


def test_what_is_gone_is_not_present():
    remember((1, None))
    remember((2, 1), gone_at=timezone.now())

    assert [row.dept_id for row in Department.objects.present()] == [1]
    assert list(Department.objects.children_of([1])) == []


def test_details_have_an_age():
    (row,) = remember((1, None))
    assert row.details_older_than(timezone.now())

    row.details_seen_at = timezone.now()

    assert not row.details_older_than(timezone.now() - timedelta(minutes=1))
    assert row.details_older_than(timezone.now() + timedelta(minutes=1))


def test_rows_have_names_for_people(deleter):
    (row,) = remember((7, None))
    plan = DeletionPlan(name="Sales")

    assert str(row) == "D7 (7)"
    assert str(plan) == "plan to delete Sales"


# ── History ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def entry(editor):
    """One that is open."""
    planned = audit.Planned(dept_id=7, name="Sales", path="Acme › Sales", wanted={"code": "S"})
    with audit.writing(
        ask(editor.user), kind="edit", dept_id=7, content={"code": "S"}, entries=[planned]
    ) as (row,):
        pass
    return row


def test_an_open_entry_may_be_decided_once(entry):
    stale = AuditEntry.objects.get(pk=entry.pk)
    audit.settle(entry, Outcome.DONE)

    late = AuditEntry.objects.get(pk=stale.pk)
    audit.settle(stale, Outcome.NOT_DONE)

    assert stale.outcome == Outcome.DONE
    assert late.outcome == Outcome.DONE


def test_whoever_decides_second_learns_what_was_decided(entry):
    stale = AuditEntry.objects.get(pk=entry.pk)
    audit.settle(entry, Outcome.DONE)

    audit.settle(stale, Outcome.CONFLICT)

    assert (stale.outcome, stale.settled_at) == (Outcome.DONE, entry.settled_at)


def test_a_settled_entry_refuses_change(entry):
    audit.settle(entry, Outcome.DONE)
    row = AuditEntry.objects.get()
    row.outcome = Outcome.REFUSED

    with pytest.raises(SettledRow):
        row.save()

    assert AuditEntry.objects.get().outcome == Outcome.DONE


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.DONE])
def test_no_entry_is_ever_deleted(entry, outcome):
    if outcome == Outcome.DONE:
        audit.settle(entry, outcome)

    with pytest.raises(SettledRow):
        AuditEntry.objects.get().delete()


def test_an_open_entry_has_no_date_of_settling_and_a_settled_one_has(entry):
    with pytest.raises(IntegrityError):
        AuditEntry.objects.filter(pk=entry.pk).update(settled_at=timezone.now())


def test_a_settled_outcome_without_a_date_is_impossible(entry):
    with pytest.raises(IntegrityError):
        AuditEntry.objects.filter(pk=entry.pk).update(outcome=Outcome.DONE)


def test_history_outlives_the_person(entry, editor):
    editor.user.delete()

    operation = Operation.objects.get()

    assert operation.by is None
    assert operation.by_name == "editor"


def test_entries_and_operations_have_names_for_people(entry):
    assert str(entry) == "edit Sales: pending"
    assert str(entry.operation) == "edit 7 by editor"


def test_not_even_the_one_that_settled_it_may_change_it_again(entry):
    audit.settle(entry, Outcome.DONE)
    entry.name = "Trade"

    with pytest.raises(SettledRow):
        entry.save()


def test_a_row_read_in_part_can_be_read_but_not_saved(entry):
    audit.settle(entry, Outcome.DONE)
    row = AuditEntry.objects.only("name").get()
    assert row.name == "Sales"

    with pytest.raises(SettledRow):
        row.save()
