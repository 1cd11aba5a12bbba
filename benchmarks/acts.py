"""What processes of a benchmark do: ``python -m benchmarks.acts ACT '[ARGUMENT…]'``, answered in JSON."""

from __future__ import annotations

import io
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django


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
    from departments.services import sync

    sync.crawl(below=1)
    return list(Department.objects.values_list("dept_id", flat=True))


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
