"""The shared pace where the server answers, and where it does not. What its scripts do: tests/processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_side import Clock
from redis.exceptions import ConnectionError as NoConnection

from departments.dingtalk import FilePace, Lane, pace, redis_pace
from departments.dingtalk.redis_pace import RedisPace

KIND = "/topapi/v2/department/get"


class Server:
    """A Redis that answers every question alike, or not at all."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.lost = False
        self.asked = 0

    def register_script(self, _text: str) -> Callable[..., Any]:
        return lambda keys, args: self.get(keys)

    def get(self, _key: object) -> Any:
        self.asked += 1
        if self.lost:
            raise NoConnection("no server")
        return self.answer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (pace, redis_pace):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def alone(tmp_path: Path, clock: Clock) -> FilePace:
    return FilePace(tmp_path, calls_per_second=1)


@pytest.fixture
def shared(server: Server, alone: FilePace) -> RedisPace:
    return RedisPace(server, app="dingapp", calls_per_second=10, alone=alone)  # type: ignore[arg-type]


def test_the_server_says_how_long_a_person_waits(shared, server, clock: Clock):
    server.answer = [50_000, 1]

    assert shared.wait(KIND, Lane.PERSON, 5)
    assert clock.naps == [0.05]


def test_without_a_slot_in_time_nobody_waits_for_nothing(shared, server, clock: Clock):
    server.answer = [9_000_000, 0]

    assert not shared.wait(KIND, Lane.PERSON, 5)
    assert clock.naps == []


def test_without_the_server_this_machine_goes_on_alone(shared, server, clock: Clock):
    server.lost = True

    for _ in range(4):
        assert shared.wait(KIND, Lane.PERSON, 5)

    assert clock.naps == pytest.approx([1, 1, 1])


def test_a_silent_server_is_not_asked_by_every_call(shared, server, clock: Clock):
    server.lost = True
    for _ in range(4):
        shared.wait(KIND, Lane.PERSON, 5)

    assert server.asked == 1
    clock.forward(5)
    shared.wait(KIND, Lane.PERSON, 5)
    assert server.asked == 2


def test_when_the_server_is_back_it_is_asked_again(shared, server, clock: Clock):
    server.lost = True
    shared.wait(KIND, Lane.PERSON, 5)
    clock.forward(6)
    server.lost, server.answer = False, [20_000, 1]
    clock.naps.clear()

    assert shared.wait(KIND, Lane.PERSON, 5)
    assert clock.naps == [0.02]


def test_without_the_server_slowing_down_is_noted_here(shared, server, clock: Clock):
    server.lost = True
    shared.wait(KIND, Lane.PERSON, 5)
    shared.slow_down(KIND)
    clock.naps.clear()

    for _ in range(2):
        shared.wait(KIND, Lane.PERSON, 5)
    assert clock.naps == pytest.approx([1, 2], abs=0.1)


def test_with_the_server_slowing_down_is_noted_there(shared, server, alone: FilePace, clock: Clock):
    server.answer = 1
    shared.slow_down(KIND)

    for _ in range(2):
        alone.wait(KIND, Lane.PERSON, 5)
    assert clock.naps == pytest.approx([1])


@pytest.mark.parametrize("lost", [False, True])
def test_a_ban_seen_here_is_obeyed_here_with_and_without_the_server(shared, server, clock, lost):
    assert shared.blocked_until() is None
    server.lost = lost

    until = shared.block(300)

    assert shared.blocked_until() == until
    clock.forward(301)
    assert shared.blocked_until() is None


def test_a_ban_another_machine_saw_is_obeyed(shared, server, clock: Clock):
    server.answer = b"%d" % (1000 * (clock.time() + 200))

    assert shared.blocked_until().timestamp() == pytest.approx(clock.time() + 200, abs=0.01)


def test_nowhere_near_a_server_it_is_made_all_the_same(alone: FilePace, clock: Clock):
    shared = RedisPace.at("redis://127.0.0.1:1/0", app="a", calls_per_second=10, alone=alone)

    assert shared.wait(KIND, Lane.PERSON, 5)
