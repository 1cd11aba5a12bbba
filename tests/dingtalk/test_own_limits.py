"""What holds a call back on our own side: the pace DingTalk allows, and how many may be under way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from other_side import CHILDREN, DELETE, GET, SEARCH, UPDATE, Clock, Line, reply

from departments.dingtalk import (
    Blocked,
    DingTalkClient,
    FilePace,
    Limits,
    NoAnswer,
    OutcomeUnknown,
    RateLimited,
    TooBusyHere,
)
from sandbox import Organisation, Sandbox

# Too fast


def test_being_told_to_slow_down_slows_down_that_kind(make_wire, line: Line, tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("departments.dingtalk.pace.time", clock)
    client = DingTalkClient(make_wire(pace=FilePace(tmp_path, calls_per_second=10)))
    line.answer(GET, reply({"errcode": 88, "sub_code": "90018"}), times=1)
    client.get_department(1)
    clock.naps.clear()

    for _ in range(2):
        client.get_department(1)
    for _ in range(2):
        client.list_children(1)

    assert clock.naps == pytest.approx([0.2, 0.2, 0.1], abs=0.01)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_write_that_came_too_fast_was_not_done(client, sandbox: Sandbox, east, wrapped):
    sandbox.switches.throttling_wrapped = wrapped
    client.get_department(1)
    sandbox.switches.calls_per_second = 0

    with pytest.raises(RateLimited):
        client.delete_department(east)
    assert sandbox.journal == []


def test_a_403_of_the_new_api_may_be_throttling(client, line: Line, sandbox: Sandbox):
    client.get_department(1)
    sandbox.switches.calls_per_second = 0

    with pytest.raises(RateLimited) as caught:
        client.search_departments("Sales")
    assert caught.value.code == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    assert len(line.asked(SEARCH)) == 3


def one_slot_in(seconds: float, folder: Path) -> FilePace:
    return FilePace(folder, calls_per_second=1 / seconds)


def test_a_person_is_told_at_once_that_no_slot_comes_in_time(make_wire, line: Line, tmp_path):
    client = DingTalkClient(make_wire(pace=one_slot_in(60, tmp_path)))
    client.get_department(1)

    with pytest.raises(TooBusyHere):
        client.get_department(1)
    assert len(line.asked(GET)) == 1


def test_background_work_waits_beyond_a_calls_time(make_wire, line: Line, tmp_path):
    limits = Limits(read_seconds=0.55)
    client = DingTalkClient(make_wire(pace=one_slot_in(0.6, tmp_path), limits=limits))
    client.get_department(1)

    assert client.in_background().get_department(1).name == "Acme"


def test_a_second_attempt_in_the_background_needs_a_slot_of_its_own(make_wire, line, tmp_path):
    background = DingTalkClient(make_wire(pace=one_slot_in(60, tmp_path))).in_background()
    line.lose_reply_to(GET)

    with pytest.raises(TooBusyHere):
        background.get_department(1)
    assert len(line.asked(GET)) == 1


def test_background_work_is_repeated_like_a_persons(make_wire, line: Line, pace):
    background = DingTalkClient(make_wire(pace=pace)).in_background()
    line.lose_reply_to(GET, times=2)

    assert background.get_department(1).name == "Acme"
    assert len(line.asked(GET)) == 3


# Under way


def test_a_hung_dingtalk_holds_no_more_threads_than_allowed(make_wire, line: Line):
    client = DingTalkClient(make_wire(limits=Limits(under_way=2, in_line=0)))
    client.get_department(1)
    held = [line.hold(GET), line.hold(GET)]
    with ThreadPoolExecutor(2) as others:
        hanging = [others.submit(client.get_department, 1) for _ in held]
        for one in held:
            one.wait()

        with pytest.raises(TooBusyHere) as caught:
            client.list_children(1)

        for one in held:
            one.let_go()
        assert [one.result(30).name for one in hanging] == ["Acme", "Acme"]
    assert "under way" in caught.value.message
    assert line.asked(CHILDREN) == []
    assert client.list_children(1)


def test_some_wait_in_line_and_have_the_place_when_it_is_free(make_wire, line: Line):
    client = DingTalkClient(make_wire(limits=Limits(under_way=1, in_line=1)))
    client.get_department(1)
    held = line.hold(GET)
    with ThreadPoolExecutor(2) as others:
        hanging = others.submit(client.get_department, 1)
        held.wait()
        waiting = others.submit(client.list_children, 1)
        held.let_go()

        assert hanging.result(30).name == "Acme"
        assert [child.name for child in waiting.result(30)] == ["Sales", "Legal"]


def test_nobody_waits_in_line_for_longer_than_a_moment(make_wire, line: Line, east):
    client = DingTalkClient(
        make_wire(limits=Limits(read_seconds=0.3, write_seconds=30, under_way=1, in_line=1))
    )
    client.get_department(1)
    held = line.hold(UPDATE)
    with ThreadPoolExecutor(1) as other:
        hanging = other.submit(client.update_department, east, {"name": "Orient"})
        held.wait()

        for _ in range(2):  # the second finds the line free again
            with pytest.raises(TooBusyHere):
                client.get_department(1)

        held.let_go()
        assert hanging.result(30).dept_id == east
    assert len(line.asked(GET)) == 1


def test_who_waits_for_a_slot_has_a_place_already(make_wire, line: Line, tmp_path):
    """A thread that waits for the pace serves no page either."""
    limits = Limits(read_seconds=1.5, under_way=1, in_line=0)
    client = DingTalkClient(make_wire(pace=one_slot_in(0.8, tmp_path), limits=limits))
    client.get_department(1)
    begun = threading.Event()

    def wait_for_a_slot() -> str:
        begun.set()
        return client.get_department(1).name

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(wait_for_a_slot)
        begun.wait(30)
        refused = 0
        while not waiting.done():
            try:
                client.list_children(1)
            except TooBusyHere as busy:
                refused += "under way" in busy.message
        assert waiting.result() == "Acme"
    assert refused


def test_background_work_takes_no_place_of_a_persons(make_wire, line: Line):
    person = DingTalkClient(make_wire(limits=Limits(under_way=1, in_line=0, background=2)))
    person.get_department(1)
    background = person.in_background()
    held = [line.hold(GET), line.hold(GET)]
    with ThreadPoolExecutor(3) as others:
        hanging = [others.submit(background.get_department, 1) for _ in range(3)]
        for one in held:
            one.wait()

        assert person.list_children(1)
        assert len(line.asked(GET)) == 3, "the third waits until one of the two has ended"

        for one in held:
            one.let_go()
        assert [one.result(30).name for one in hanging] == ["Acme"] * 3


def test_background_work_goes_on_beside_people_whose_calls_hang(make_wire, line: Line):
    person = DingTalkClient(make_wire(limits=Limits(under_way=1, in_line=0, background=1)))
    person.get_department(1)
    held = line.hold(GET)
    with ThreadPoolExecutor(1) as other:
        hanging = other.submit(person.get_department, 1)
        held.wait()

        assert person.in_background().list_children(1)

        held.let_go()
        assert hanging.result(30).name == "Acme"


def test_a_ban_that_comes_while_background_work_waits_for_its_slot_stops_it(
    make_wire, line: Line, tmp_path, monkeypatch
):
    clock = Clock()
    monkeypatch.setattr("departments.dingtalk.pace.time", clock)
    pace = FilePace(tmp_path, calls_per_second=1)
    background = DingTalkClient(make_wire(pace=pace)).in_background()
    background.get_department(1)
    clock.at(0.5, lambda: pace.block(300))

    with pytest.raises(Blocked):
        background.get_department(1)
    assert len(line.asked(GET)) == 1


def test_a_place_is_given_back_whatever_happens(make_wire, line: Line, east):
    client = DingTalkClient(make_wire(limits=Limits(read_seconds=0.6, under_way=1)))
    line.lose_reply_to(GET)
    line.answer(DELETE, reply("<html>no</html>"))

    for _ in range(3):
        with pytest.raises(NoAnswer):
            client.get_department(1)
        with pytest.raises(OutcomeUnknown):
            client.delete_department(east)

    assert client.list_children(1)


def test_threads_share_one_wire(client: DingTalkClient, org: Organisation):
    names = sorted(department.name for department in org)
    start = threading.Barrier(8)

    def ask(dept_id: int) -> str:
        start.wait(30)
        return client.get_department(dept_id).name

    ids = [department.dept_id for department in org]
    with ThreadPoolExecutor(8) as crowd:
        told = list(crowd.map(ask, [*ids, *ids][:8]))

    assert set(told) == set(names)
