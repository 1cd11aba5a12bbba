"""Threads that make calls: never more at once than they may, and everything comes back."""

import threading
import time

from departments.services.callers import Callers


def test_everything_asked_is_answered_by_its_id():
    with Callers(3) as callers:
        told = {}
        to_ask = list(range(20))
        while to_ask or callers.under_way:
            while to_ask and callers.have_room:
                callers.ask(lambda n: n * n, to_ask.pop())
            dept_id, answer = callers.answer(seconds=5)
            told[dept_id] = answer

    assert told == {n: n * n for n in range(20)}


def test_no_more_at_once_than_may_be():
    at_once, most = [], threading.Lock()

    def call(_n):
        with most:
            at_once.append(1)
            seen.append(len(at_once))
        time.sleep(0.005)
        with most:
            at_once.pop()

    seen = []
    with Callers(4) as callers:
        for n in range(4):
            callers.ask(call, n)
        assert not callers.have_room
        for _ in range(4):
            callers.answer(seconds=5)
        assert callers.have_room

    assert max(seen) <= 4


def test_what_is_raised_comes_back():
    failure = OSError("no")

    def call(_n):
        raise failure

    with Callers(1) as callers:
        callers.ask(call, 7)
        assert callers.answer(seconds=5) == (7, failure)


def test_nothing_yet_is_none():
    with Callers(1) as callers:
        assert callers.answer(seconds=0.001) is None


def test_leaving_waits_for_those_under_way():
    done = []

    def call(n):
        time.sleep(0.02)
        done.append(n)

    with Callers(2) as callers:
        callers.ask(call, 1)
        callers.ask(call, 2)

    assert sorted(done) == [1, 2]
