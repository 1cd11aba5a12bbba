"""What processes of a benchmark do: ``python -m benchmarks.acts ACT '[ARGUMENT…]'``, answered in JSON."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare() -> None:
    from django.core.management import call_command

    call_command("prepare", verbosity=0, stdout=io.StringIO())


def sessions(count: int) -> list[str]:
    """Signs in so many people."""
    from django.contrib.auth.models import Group, User

    from benchmarks.company import signed_in

    people = [User.objects.create_user(f"bench {n}") for n in range(count)]
    for one in people:
        one.groups.add(Group.objects.get(name="editor"))
    return [signed_in(one) for one in people]


def read_everything() -> list[int]:
    """Reads the company into memory and says which departments it has."""
    from departments.models import Department

    read()
    return list(Department.objects.values_list("dept_id", flat=True))


def read() -> float:
    """Reads the company as the threads for jobs do, and says how many seconds that took."""
    from departments.models import Job
    from departments.services import crawl, jobs

    begun = time.monotonic()
    reading = crawl.start(below=1, by=None)
    while claimed := jobs.claim(reading.pk):
        crawl.work(claimed, seconds=15)
    reading.refresh_from_db()
    if reading.state != Job.State.DONE:
        raise RuntimeError(f"the reading is {reading.state}: {reading.result}")
    return time.monotonic() - begun


def read_beside_a_person() -> list[float]:
    """Reads the company beside a person who makes calls of its kinds: how long the slower of each two took."""
    from departments import gateway

    client = gateway.dingtalk()
    client.get_department(1)
    took: list[float] = []
    over = threading.Event()

    def seconds_of(ask: Callable[[int], object]) -> float:
        begun = time.monotonic()
        ask(1)
        return time.monotonic() - begun

    def look_around() -> None:
        # A reading uses one kind at a time: it is in the way of one of the two.
        while not over.wait(0.25):
            took.append(max(seconds_of(client.list_children), seconds_of(client.get_department)))

    with ThreadPoolExecutor(1) as person:
        person.submit(look_around)
        read()
        over.set()
    return took


def weigh_a_reading() -> dict[str, float]:
    """How many megabytes this process grows by while it reads the company, at its heaviest."""
    from benchmarks.servers import share_of_memory
    from departments import gateway

    gateway.dingtalk().get_department(1)
    before = share_of_memory("self")
    heaviest, over = [before], threading.Event()

    def weigh() -> None:
        while not over.wait(0.2):
            heaviest.append(share_of_memory("self"))

    with ThreadPoolExecutor(1) as scales:
        scales.submit(weigh)
        seconds = read()
        over.set()
    return {"seconds": seconds, "grew": max(heaviest) - before}


def weigh_the_sounds_of_names() -> float:
    """How many megabytes pypinyin's tables take, which come with the first Chinese name that is indexed."""
    from benchmarks.servers import share_of_memory
    from departments.services import names

    before = share_of_memory("self")
    names.keys_of("研发中心")
    return share_of_memory("self") - before


def list_levels(threads: int, seconds: float) -> dict[str, Any]:
    """Calls `listsub` in the background lane from some threads at once, once all processes are ready."""
    from departments import gateway
    from departments.dingtalk import DingTalkError

    client = gateway.dingtalk().in_background()
    client.get_department(1)
    print("ready", flush=True)
    sys.stdin.readline()
    ends = time.monotonic() + seconds

    def call(_: int) -> int:
        failed = 0
        while time.monotonic() < ends:
            try:
                client.list_children(1)
            except DingTalkError:
                failed += 1
        return failed

    begun = time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        failed = sum(pool.map(call, range(threads)))
    return {"failed": failed, "cpu": time.process_time() - begun}


def main() -> None:
    django.setup()
    act, given = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps(globals()[act](*given)), flush=True)


if __name__ == "__main__":
    main()
