"""The judge must call a wrong thing wrong: each test shows it one case that went wrong in one way."""

from typing import Any

import pytest

from .cases import KINDS, all_cases
from .judge import Evidence, judge

NOTED, SENT = 100.0, 101.0


def row(**more: Any) -> dict[str, Any]:
    """An entry of history as a good update leaves it."""
    row = {"entry": 1, "corrects": None, "dept_id": 7, "outcome": "done", "confirmed": True}
    return {**row, "accepted": True, "noted_at": NOTED, **more}


def change(kind: str = "department.update", *dept_ids: int, time: float = SENT) -> dict[str, Any]:
    return {"kind": kind, "dept_ids": list(dept_ids) or [7], "time": time}


def page(
    text: str = "", status: int = 200, outcomes: tuple[str, ...] = (), url: str = ""
) -> dict[str, Any]:
    return {"text": text, "status": status, "outcomes": list(outcomes), "url": url}


def wrong(
    *,
    kind: str = "update",
    fault: str = "",
    rows: list[dict[str, Any]] | None = None,
    journal: list[dict[str, Any]] | None = None,
    in_the_end: list[dict[str, Any]] | None = None,
    **more: Any,
) -> set[str]:
    """The categories in which a case is bad that is good in everything it is not given."""
    rows = [row()] if rows is None else rows
    journal = [change()] if journal is None else journal
    moment = {"rows": rows, "journal": journal}
    end = {"rows": rows, "journal": journal if in_the_end is None else in_the_end}
    more = {"sent": [{"call": "update", "noted": 1}], **more}
    evidence = Evidence(kind=kind, fault=fault, settled=moment, read=moment, end=end, **more)
    return {category for category, _why in judge(evidence).wrong}


def test_what_went_well_is_not_called_wrong():
    assert wrong() == set()
    assert wrong(told=page("Saved."), looked=[page(outcomes=("done",))]) == set()
    assert wrong(rows=[row(outcome="refused")], journal=[], told=page(status=409)) == set()
    assert wrong(fault="drop", told=page("We do not know", 502)) == set()


def test_done_that_never_happened_is_lost():
    assert wrong(journal=[]) == {"lost"}


def test_open_after_the_window_is_lost():
    assert wrong(rows=[row(outcome="unknown")]) == {"lost"}
    assert wrong(rows=[row(outcome="pending")], journal=[]) == {"lost"}


def test_done_that_nobody_ever_confirmed_is_lost():
    assert wrong(rows=[row(confirmed=False)]) == {"lost"}
    assert wrong(rows=[row(confirmed=False), row(entry=2, corrects=1)]) == set()


def test_a_form_without_a_note_that_does_nothing_when_sent_again_is_lost():
    assert wrong(rows=[], journal=[], sent=[], again=page()) == {"lost"}


def test_two_mutations_are_doubled():
    assert "doubled" in wrong(journal=[change(), change()])
    assert "doubled" in wrong(fault="drop", journal=[change(), change()])


def test_what_a_proxy_doubled_is_not_our_doing():
    assert wrong(fault="twice", journal=[change(), change()]) == set()


def test_the_same_form_again_must_not_write_again():
    assert wrong(in_the_end=[change(), change()]) == {"doubled"}


def test_a_call_that_leaves_twice_is_doubled_even_if_it_changed_nothing():
    twice = [{"call": "update", "noted": 1}] * 2
    assert wrong(sent=twice) == {"doubled"}
    assert wrong(sent=twice, fault="token-40014") == set()
    assert wrong(sent=twice * 2, fault="token-40014") == {"doubled"}


def test_a_mutation_without_an_entry_is_unaudited():
    assert wrong(rows=[]) == {"unaudited"}


def test_an_entry_written_after_the_fact_is_unaudited():
    assert wrong(rows=[row(noted_at=SENT + 1)]) == {"unaudited"}
    assert wrong(rows=[row(noted_at=SENT + 1)], noted_first=False) == set()


def test_a_call_that_left_before_its_note_was_committed_is_unaudited():
    assert wrong(sent=[{"call": "update", "noted": 0}]) == {"unaudited"}


def test_each_department_of_a_deleted_branch_needs_its_entry():
    gone = [change("department.delete", 7, 8)]
    assert wrong(kind="delete a branch", journal=gone) == {"unaudited"}
    both = [row(), row(entry=2, dept_id=8)]
    assert wrong(kind="delete a branch", rows=both, journal=gone) == set()
    assert wrong(kind="delete a branch", rows=both, journal=[change("department.delete", 7)]) == {
        "lost"
    }


@pytest.mark.parametrize("outcome", ["refused", "not_sent", "not_done"])
def test_a_no_for_what_happened_is_misreported(outcome):
    assert wrong(rows=[row(outcome=outcome)]) == {"misreported"}


def test_a_correction_is_the_last_word():
    late = [row(outcome="not_done"), row(entry=2, corrects=1)]
    assert wrong(rows=late) == set()
    assert wrong(rows=[row(), row(entry=2, corrects=1, outcome="not_done")]) == {"misreported"}


def test_conflict_is_right_only_where_nobody_can_tell():
    assert wrong(rows=[row(outcome="conflict")]) == {"misreported"}
    made_twice = [change("department.create", 7), change("department.create", 8)]
    conflict = {"rows": [row(outcome="conflict")], "journal": made_twice}
    assert wrong(kind="create", fault="twice", **conflict) == set()
    assert wrong(kind="create", fault="twice", journal=made_twice) == {"misreported"}


@pytest.mark.parametrize(
    "told",
    [
        page("Saved."),
        page("“Design” was created."),
        page("Done", outcomes=("done",)),
    ],
)
def test_a_page_that_says_yes_to_what_never_happened_is_misreported(told):
    assert wrong(rows=[row(outcome="not_done")], journal=[], told=told) == {"misreported"}


@pytest.mark.parametrize("told", [page(status=409), page(outcomes=("not_done",)), page(status=503)])
def test_a_page_that_says_no_to_what_happened_is_misreported(told):
    assert wrong(told=told) == {"misreported"}
    assert wrong(again=told) == {"misreported"}


def test_a_result_is_read_line_by_line():
    rows = [row(), row(entry=2, dept_id=8, outcome="not_done")]
    half = {"kind": "delete a branch", "rows": rows, "journal": [change("department.delete", 7)]}
    assert wrong(told=page(outcomes=("done", "not_done")), **half) == set()
    assert wrong(told=page(outcomes=("done", "done")), **half) == {"misreported"}


def test_what_a_later_look_found_is_what_a_page_says():
    late = [row(outcome="not_done"), row(entry=2, corrects=1)]
    stale = page("did not happen", outcomes=("not_done",))
    told = page(
        "Later, at noon: It did happen after all: DingTalk shows it.", outcomes=("not_done",)
    )
    assert wrong(rows=late, again=stale) == {"misreported"}
    assert wrong(rows=late, again=told) == set()
    denied = page("Later, at noon: DingTalk said yes, but it did not happen.", outcomes=("done",))
    assert wrong(rows=late, again=denied) == {"misreported"}


def test_the_page_of_an_entry_speaks_of_itself_first():
    rows = [row(), row(entry=2, dept_id=8, outcome="not_done")]
    half = {"kind": "delete a branch", "rows": rows, "journal": [change("department.delete", 7)]}
    pages = [
        page(outcomes=("done", "not_done"), url="/history/1/"),
        page(outcomes=("not_done", "done"), url="/history/2/"),
    ]
    assert wrong(looked=pages, **half) == set()
    assert wrong(looked=pages[::-1], **half) == {"misreported"}


def test_a_page_that_never_says_anything_is_no_way_out():
    assert wrong(told=page("Perhaps.")) == {"misreported"}
    assert wrong(fault="drop", told=page("Perhaps.")) == set()


def test_a_page_that_breaks_tells_nobody_anything():
    assert wrong(told=page(status=500)) == {"misreported"}


def test_the_list_of_cases_is_long_and_each_is_another():
    names = [str(case) for case in all_cases()]
    assert len(set(names)) == len(names) >= 1000
    assert {case.kind for case in all_cases()} == set(KINDS)
    assert "create · reset:after · kill while sending" in names
