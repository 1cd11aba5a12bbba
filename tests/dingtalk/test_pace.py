"""Our own speed limit. Time is a clock that sleeping moves, except where two processes share the files."""

import multiprocessing
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from other_side import Clock

from departments.dingtalk import FilePace, Lane, NoPace, pace

KIND = "/topapi/v2/department/get"
PERSON, BACKGROUND = Lane.PERSON, Lane.BACKGROUND


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "pace"


@pytest.fixture
def ten_a_second(clock: Clock, folder: Path) -> FilePace:
    return FilePace(folder, calls_per_second=10)


def moments(clock: Clock, calls: int, call: Callable[[], object]) -> list[float]:
    """When each of some calls was let go, counted from now."""
    start = clock.monotonic()
    passed = []
    for _ in range(calls):
        call()
        passed.append(round(clock.monotonic() - start, 6))
    return passed


@pytest.mark.parametrize("lane", Lane)
def test_calls_of_one_kind_are_spaced(clock: Clock, ten_a_second: FilePace, lane):
    passed = moments(clock, 4, lambda: ten_a_second.wait(KIND, lane, 5))

    assert passed == pytest.approx([0, 0.1, 0.2, 0.3])


def test_kinds_do_not_wait_for_each_other(clock: Clock, ten_a_second: FilePace):
    assert ten_a_second.wait(KIND, PERSON, 0.05)
    assert ten_a_second.wait("/topapi/v2/department/listsub", PERSON, 0.05)
    assert clock.naps == []


def test_after_a_rest_calls_do_not_come_in_a_burst(clock: Clock, ten_a_second: FilePace):
    ten_a_second.wait(KIND, PERSON, 5)
    clock.forward(30)

    passed = moments(clock, 4, lambda: ten_a_second.wait(KIND, PERSON, 5))

    # One slot that was missed is made good, the other 298 are not.
    assert passed == pytest.approx([0, 0, 0.1, 0.2])


@pytest.mark.parametrize("lane", Lane)
def test_without_a_slot_in_time_nobody_waits_for_nothing(clock: Clock, folder: Path, lane):
    one_in_ten_seconds = FilePace(folder, calls_per_second=0.1)
    one_in_ten_seconds.wait(KIND, PERSON, 5)
    clock.naps.clear()

    assert not one_in_ten_seconds.wait(KIND, lane, 5)
    assert clock.naps == []
    assert one_in_ten_seconds.wait(KIND, lane, 11)


def test_background_work_waits_as_long_as_it_takes(clock: Clock, folder: Path):
    one_in_ten_seconds = FilePace(folder, calls_per_second=0.1)
    one_in_ten_seconds.wait(KIND, PERSON, 5)

    passed = moments(clock, 1, lambda: one_in_ten_seconds.wait(KIND, BACKGROUND, float("inf")))

    assert passed == pytest.approx([10])


def test_a_person_goes_ahead_of_background_work(clock: Clock, ten_a_second: FilePace):
    order = []

    def a_person_calls() -> None:
        assert ten_a_second.wait(KIND, PERSON, 5)
        order.append("person")

    ten_a_second.wait(KIND, PERSON, 5)
    clock.at(0.05, a_person_calls)
    assert ten_a_second.wait(KIND, BACKGROUND, 5)
    order.append("background")

    assert order == ["person", "background"]


def test_persons_take_turns_among_themselves(clock: Clock, ten_a_second: FilePace):
    order = []

    def another_calls() -> None:
        assert ten_a_second.wait(KIND, PERSON, 5)
        order.append("second")

    ten_a_second.wait(KIND, PERSON, 5)
    clock.at(0.05, another_calls)
    ten_a_second.wait(KIND, PERSON, 5)
    order.insert(0, "first")

    assert order == ["first", "second"]
    assert clock.monotonic() == pytest.approx(1000.2)


def test_background_work_gives_up_when_persons_take_every_slot(
    clock: Clock, ten_a_second: FilePace
):
    ten_a_second.wait(KIND, PERSON, 5)
    for moment in (0.05, 0.06, 0.07, 0.08):
        clock.at(moment, lambda: ten_a_second.wait(KIND, PERSON, 5))

    assert not ten_a_second.wait(KIND, BACKGROUND, 0.12)


def test_background_work_waits_in_turn_no_longer_than_it_may(folder: Path):
    one_in_a_second = FilePace(folder, calls_per_second=1)
    one_in_a_second.wait(KIND, PERSON, 5)
    with ThreadPoolExecutor(1) as other:
        patient = other.submit(one_in_a_second.wait, KIND, BACKGROUND, float("inf"))
        time.sleep(0.2)

        assert not one_in_a_second.wait(KIND, BACKGROUND, 0.01)
        assert patient.result(30)


def test_too_fast_halves_the_speed_which_comes_back_in_a_minute(
    clock: Clock, ten_a_second: FilePace
):
    ten_a_second.wait(KIND, PERSON, 5)
    ten_a_second.slow_down(KIND)

    slow = moments(clock, 3, lambda: ten_a_second.wait(KIND, PERSON, 5))
    clock.forward(30)
    halfway = moments(clock, 4, lambda: ten_a_second.wait(KIND, PERSON, 5))
    clock.forward(60)
    recovered = moments(clock, 4, lambda: ten_a_second.wait(KIND, PERSON, 5))

    assert slow == pytest.approx([0.1, 0.3, 0.5], abs=0.01)
    assert halfway[3] - halfway[2] == pytest.approx(0.15, abs=0.01)
    assert recovered[3] - recovered[2] == pytest.approx(0.1)


def test_slowing_down_has_an_end_and_concerns_one_kind(clock: Clock, ten_a_second: FilePace):
    for _ in range(20):
        ten_a_second.slow_down(KIND)

    slow = moments(clock, 3, lambda: ten_a_second.wait(KIND, PERSON, 5))
    others = moments(clock, 3, lambda: ten_a_second.wait("/auth/scopes", PERSON, 5))

    assert slow[2] - slow[1] == pytest.approx(0.8, abs=0.05)
    assert others[2] - others[1] == pytest.approx(0.1)


def test_a_ban_holds_for_its_time_and_for_everybody(clock: Clock, ten_a_second: FilePace, folder):
    neighbour = FilePace(folder, calls_per_second=10)
    assert neighbour.blocked_until() is None

    until = ten_a_second.block(300)

    assert neighbour.blocked_until() == ten_a_second.blocked_until() == until
    assert until.timestamp() == pytest.approx(clock.time() + 300)
    clock.forward(299)
    assert neighbour.blocked_until() == until
    clock.forward(2)
    assert neighbour.blocked_until() is None


def test_a_torn_note_of_a_ban_bans_nobody(clock: Clock, ten_a_second: FilePace, folder: Path):
    (folder / "blocked").write_bytes(b"\x00\x01")

    assert ten_a_second.blocked_until() is None


def test_two_objects_over_one_folder_keep_one_pace(clock: Clock, folder: Path):
    one, other = (FilePace(folder, calls_per_second=10) for _ in range(2))

    passed = moments(clock, 2, lambda: [one.wait(KIND, PERSON, 5), other.wait(KIND, PERSON, 5)])

    assert passed == pytest.approx([0.1, 0.3])


def test_where_the_files_are_removed_all_go_on_with_new_ones(clock: Clock, folder: Path):
    one, other = (FilePace(folder, calls_per_second=10) for _ in range(2))
    moments(clock, 2, lambda: [one.wait(KIND, PERSON, 5), other.wait(KIND, PERSON, 5)])
    for file in folder.iterdir():
        file.unlink()

    passed = moments(clock, 2, lambda: [one.wait(KIND, PERSON, 5), other.wait(KIND, PERSON, 5)])

    assert passed == pytest.approx([0.1, 0.3])


def test_files_are_closed_with_the_pace(folder: Path):
    def open_files() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    before = open_files()
    pace = FilePace(folder, calls_per_second=1e6)
    for n in range(20):
        pace.wait(f"/kind/{n}", PERSON, 5)
    assert open_files() == before + 20

    del pace
    assert open_files() == before


def test_no_slot_is_given_twice_however_many_ask_at_once(folder: Path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(clock, "sleep", clock.naps.append)
    monkeypatch.setattr(pace, "time", clock)
    start = threading.Barrier(16)

    def ask(_: int) -> None:
        own = FilePace(folder, calls_per_second=100)
        start.wait(30)
        for _ in range(10):
            assert own.wait(KIND, PERSON, 60)

    with ThreadPoolExecutor(16) as crowd:
        list(crowd.map(ask, range(16)))

    assert sorted(clock.naps) == pytest.approx([slot / 100 for slot in range(1, 160)])


@pytest.mark.parametrize(
    "left_behind",
    [
        pytest.param(struct.pack("<ddd", 900_000.0, 1.0, 0.0), id="a slot of another boot"),
        pytest.param(struct.pack("<ddd", 1000.0, 8.0, 900_000.0), id="slowed in another boot"),
        pytest.param(struct.pack("<ddd", float("nan"), 1.0, 0.0), id="no number"),
        pytest.param(struct.pack("<ddd", 1000.0, float("nan"), 0.0), id="slowed by no number"),
        pytest.param(struct.pack("<ddd", 0.0, 0.0, 0.0), id="zeros"),
        pytest.param(struct.pack("<ddd", -1e300, 1e300, -1e300), id="out of all bounds"),
        pytest.param(b"\x00\x01\x02", id="torn"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_another_boot_or_a_crash_left_behind_delays_nobody(
    clock: Clock, ten_a_second: FilePace, folder: Path, left_behind
):
    (folder / "topapi.v2.department.get").write_bytes(left_behind)

    passed = moments(clock, 3, lambda: ten_a_second.wait(KIND, PERSON, 5))

    assert passed == pytest.approx([0, 0.1, 0.2])


def test_slowing_down_starts_from_full_speed_after_another_boot(clock, ten_a_second, folder):
    stale = struct.pack("<ddd", 1000.0, 8.0, 900_000.0)
    (folder / "topapi.v2.department.get").write_bytes(stale)

    ten_a_second.slow_down(KIND)

    slow = moments(clock, 3, lambda: ten_a_second.wait(KIND, PERSON, 5))
    assert slow[2] - slow[1] == pytest.approx(0.2, abs=0.01)


def test_no_pace_holds_nobody_back():
    free = NoPace()

    free.slow_down(KIND)
    until = free.block(300)

    assert free.wait(KIND, PERSON, 0)
    assert until.timestamp() == pytest.approx(time.time() + 300, abs=60)
    assert free.blocked_until() is None


def call_from_another_process(folder: Path, begin: Any, moments: Any) -> None:
    shared = FilePace(folder, calls_per_second=20)
    begin.wait(60)
    for _ in range(8):
        shared.wait(KIND, PERSON, 60)
        moments.put(time.monotonic())


def test_two_processes_keep_one_pace(folder: Path):
    spawn = multiprocessing.get_context("spawn")
    begin, passed = spawn.Barrier(2), spawn.Queue()
    crowd = [
        spawn.Process(target=call_from_another_process, args=(folder, begin, passed))
        for _ in range(2)
    ]
    for process in crowd:
        process.start()
    seen = sorted(passed.get(timeout=60) for _ in range(16))
    for process in crowd:
        process.join(60)
        process.close()
    passed.close()
    passed.join_thread()

    # Sixteen calls are fifteen steps of 50 ms; without sharing it would be seven.
    assert seen[-1] - seen[0] >= 0.5
