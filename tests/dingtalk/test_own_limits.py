"""What holds a call back on our own side: the pace DingTalk allows, and how many may be under way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from other_side import CHILDREN, DELETE, GET, SEARCH, Clock, Line, reply

from departments.dingtalk import (
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

    assert clock.naps == pytest.approx([0.2, 0.2, 0, 0.1], abs=0.01)


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


def test_a_hung_dingtalk_holds_no_more_threads_than_allowed(make_wire, line: Line, org):
    client = DingTalkClient(make_wire(limits=Limits(read_seconds=0.6, under_way=1)))
    client.get_department(1)
    held = line.hold(GET)
    with ThreadPoolExecutor(1) as other:
        hanging = other.submit(client.get_department, 1)
        held.wait()

        with pytest.raises(TooBusyHere) as caught:
            client.list_children(1)

        held.let_go()
        assert hanging.result(30).name == "Acme"
    assert "under way" in caught.value.message
    assert line.asked(CHILDREN) == []
    assert client.list_children(1)


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
