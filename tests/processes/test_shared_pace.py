"""One pace for processes that share nothing but Redis.

Its clock is the server's, so these take the time they take. A busy machine makes calls later, never earlier:
what is held to is the least time, less one slot that may be made good.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from installation import free_port

from departments.dingtalk import FilePace, Lane, Pace
from departments.dingtalk.redis_pace import RedisPace

KIND = "/topapi/v2/department/listsub"
PERSON, BACKGROUND = Lane.PERSON, Lane.BACKGROUND


@pytest.fixture
def make_pace(redis_url: str, tmp_path: Path) -> Callable[..., RedisPace]:
    """Makes paces of one app as if on different machines."""
    own, made = uuid4().hex, []

    def make(per_second: float = 10, *, app: str = own, url: str = redis_url) -> RedisPace:
        made.append(app)
        alone = FilePace(tmp_path / f"machine {len(made)}", calls_per_second=per_second / 4)
        return RedisPace.at(url, app=app, calls_per_second=per_second, alone=alone)

    return make


@pytest.fixture
def redis(redis_url: str):
    from redis import Redis

    with Redis.from_url(redis_url) as redis:
        yield redis


def steps(pace: Pace, calls: int, lane: Lane = PERSON, kind: str = KIND) -> list[float]:
    """The times between some calls, one after the other."""
    passed = []
    for _ in range(calls):
        assert pace.wait(kind, lane, 30)
        passed.append(time.monotonic())
    return [after - before for before, after in pairwise(passed)]


@pytest.mark.parametrize("lane", Lane)
def test_calls_are_spaced(make_pace, lane):
    assert sum(steps(make_pace(20), 9, lane)) > 7 / 20 - 0.01


def test_after_a_rest_calls_do_not_come_in_a_burst(make_pace):
    pace = make_pace(10)
    pace.wait(KIND, PERSON, 5)
    time.sleep(0.6)

    # One slot that was missed is made good, the others are not.
    assert sum(steps(pace, 5)) >= 0.29


def test_no_slot_is_given_twice_however_many_machines_ask_at_once(make_pace):
    machines = [make_pace(100) for _ in range(8)]

    def ask(pace: RedisPace) -> list[float]:
        booked = []
        for _ in range(10):
            delay, mine = pace.ask(KIND, PERSON, 60)
            assert mine
            booked.append(time.monotonic() + delay)
        return booked

    with ThreadPoolExecutor(8) as crowd:
        slots = sorted(slot for booked in crowd.map(ask, machines) for slot in booked)

    assert slots[-1] - slots[0] > 0.75


def test_a_person_goes_ahead_of_background_work_on_another_machine(make_pace):
    here, there = make_pace(2), make_pace(2)
    order = []

    def take(pace: RedisPace, lane: Lane) -> None:
        assert pace.wait(KIND, lane, 30)
        order.append(lane)

    here.wait(KIND, PERSON, 5)
    with ThreadPoolExecutor(2) as both:
        both.submit(take, here, BACKGROUND)
        time.sleep(0.1)
        both.submit(take, there, PERSON)

    assert order == [PERSON, BACKGROUND]


def test_without_a_slot_in_time_nobody_waits_for_nothing(make_pace):
    pace = make_pace(0.1)
    pace.wait(KIND, PERSON, 5)

    for lane in Lane:
        begun = time.monotonic()
        assert not pace.wait(KIND, lane, 2)
        assert time.monotonic() - begun < 1


def test_too_fast_slows_all_machines_down_for_that_kind(make_pace):
    here, there = make_pace(20), make_pace(20)
    here.wait(KIND, PERSON, 5)

    here.slow_down(KIND)
    there.slow_down(KIND)

    assert sum(steps(there, 4)[1:]) > 4 / 20 + 0.1
    assert there.wait("/auth/scopes", PERSON, 0.05)


def test_slowing_down_has_an_end(make_pace):
    pace = make_pace(100)
    for _ in range(20):
        pace.slow_down(KIND)

    assert 0.2 < sum(steps(pace, 6)[1:]) < 2


def test_a_ban_holds_for_every_machine_and_ends(make_pace):
    here, there = make_pace(), make_pace()
    assert there.blocked_until() is None

    until = here.block(1.0)

    assert there.blocked_until().timestamp() == pytest.approx(until.timestamp(), abs=0.5)
    time.sleep(1.1)
    assert there.blocked_until() is here.blocked_until() is None


def test_apps_do_not_wait_for_each_other(make_pace):
    pace, other = make_pace(0.1), make_pace(0.1, app=uuid4().hex)
    pace.wait(KIND, PERSON, 5)
    pace.block(60)

    assert other.wait(KIND, PERSON, 1)
    assert other.blocked_until() is None


def test_nothing_stays_in_redis_for_ever(make_pace, redis):
    app = uuid4().hex
    pace = make_pace(10, app=app)
    pace.wait(KIND, PERSON, 5)
    pace.slow_down("/auth/scopes")
    pace.block(60)

    kept = redis.keys(f"orgadmin:pace:{{{app}}}:*")
    assert len(kept) == 3
    assert all(0 < redis.ttl(key) <= 61 for key in kept)


def test_what_a_server_with_another_clock_left_behind_delays_nobody(make_pace, redis):
    app = uuid4().hex
    pace = make_pace(10, app=app)
    redis.hset(f"orgadmin:pace:{{{app}}}:{KIND}", mapping={"due": 9e12, "slowed": 8, "since": 9e12})

    assert pace.wait(KIND, PERSON, 0.2)


def test_while_redis_is_away_each_machine_keeps_a_quarter_of_the_pace(
    tmp_path, caplog: pytest.LogCaptureFixture
):
    # A port where nobody listens, and one where nobody answers.
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        for port in (free_port(), silent.getsockname()[1]):
            alone = FilePace(tmp_path / str(port), calls_per_second=20 / 4)
            url = f"redis://127.0.0.1:{port}/0"
            pace = RedisPace.at(url, app="any", calls_per_second=20, alone=alone)
            begun = time.monotonic()

            with caplog.at_level(logging.WARNING):
                assert sum(steps(pace, 4)) > 2 / 5 - 0.01

            assert time.monotonic() - begun < 5
    assert "does not answer" in caplog.text


def test_processes_keep_one_pace(install, redis_url, company):
    """Four containers with a folder each: only Redis tells them of one another."""
    installations = [install(CACHE_URL=redis_url, DINGTALK_CALLS_PER_SECOND="20") for _ in range(4)]
    installations[0].prepare()
    command = (
        "import django, json, time; django.setup()\n"
        "from departments import gateway\n"
        "from departments.dingtalk import DingTalkError\n"
        "client = gateway.dingtalk().in_background()\n"
        "client.list_children(1)\n"
        "print('ready', flush=True); input()\n"
        "for _ in range(10): client.list_children(1)\n"
    )
    with ExitStack() as stack:
        crowd = [stack.enter_context(one.starting("-c", command)) for one in installations]
        for process in crowd:
            assert process.stdout.readline() == "ready\n"
        before = len(company.calls(KIND))
        for process in crowd:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in crowd:
            assert process.wait(60) == 0

    moments = [call["time"] for call in company.calls(KIND)[before:]]
    assert len(moments) == 40
    # 40 calls are 39 steps of 50 ms; four paces of their own would need 0.5 s.
    assert moments[-1] - moments[0] > 1.7
