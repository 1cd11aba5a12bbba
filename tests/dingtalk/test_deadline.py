"""The deadline itself. That it ends what dawdles is shown on real sockets, in `test_over_sockets`."""

import threading
import time

import pytest

from departments.dingtalk.deadline import time_left, within

FOREVER = float("inf")


def test_outside_there_is_no_deadline():
    assert time_left() == FOREVER


def test_inside_the_time_runs_down():
    with within(60):
        first = time_left()
        time.sleep(0.01)
        second = time_left()

    assert 0 < second <= first - 0.01 < 60
    assert time_left() == FOREVER


def test_a_deadline_inside_another_ends_with_its_block():
    with within(60):
        with within(1):
            assert time_left() <= 1
        assert time_left() > 10


def test_a_deadline_does_not_outlive_a_failure():
    with pytest.raises(LookupError), within(60):
        raise LookupError

    assert time_left() == FOREVER


def test_one_threads_deadline_is_not_anothers():
    seen = []
    with within(60):
        other = threading.Thread(target=lambda: seen.append(time_left()))
        other.start()
        other.join()

    assert seen == [FOREVER]


def test_past_the_deadline_less_than_nothing_is_left():
    with within(-1):
        assert time_left() < 0
