"""What an installation does in a process of its own. Imported where Django is set up.

Such a process says `ready` and waits for a line before each of its parts; at the end it says what came out,
as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import get_user_model

from departments import guards
from departments.dingtalk import Account, DingTalkClient, Limits, NoPace, Wire
from departments.gateway import SealedCache
from departments.models import AuditEntry, Kind, Operation
from departments.services import audit, edit


def wait_for_sign() -> None:
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()


def read_twice(threads: int) -> list[str]:
    """Read the root in so many threads at once, then again; which errors there were.

    The wire is the product's, its token in the product's cache; only, it lets all threads call at once, where
    the product lets eight.
    """
    wire = Wire(
        account=Account(
            client_id=settings.DINGTALK_CLIENT_ID,
            client_secret=settings.DINGTALK_CLIENT_SECRET,
            oapi_url=settings.DINGTALK_OAPI_URL,
            api_url=settings.DINGTALK_API_URL,
        ),
        store=SealedCache(),
        pace=NoPace(),
        limits=Limits(under_way=threads, read_seconds=settings.DINGTALK_READ_SECONDS),
    )
    client = DingTalkClient(wire)
    failures = []
    start = threading.Barrier(threads)

    def read(_: int) -> None:
        start.wait()
        try:
            client.get_department(1)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test wants to know
            failures.append(repr(failure))

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(2):
            wait_for_sign()
            list(pool.map(read, range(threads)))
    return failures


def write(parent_id: int, times: int) -> list[str]:
    """Create a department and rename it, so many times; the outcome of each write."""
    wait_for_sign()
    outcomes = []
    for n in range(times):
        name = f"Writer {parent_id} {n}"
        created = edit.create(parent_id=parent_id, fields={"name": name}, ask=_ask())
        outcomes.append(created.entry.outcome)
        saved = edit.save(
            dept_id=created.entry.dept_id or 0,
            changes={"name": f"{name} again"},
            seen={"name": name},
            ask=_ask(),
        )
        outcomes.append(saved.entry.outcome)
    return outcomes


def die_after_the_note(dept_id: int) -> int:
    """Leave an entry open, as a process does that dies while its call is under way; its id."""
    wait_for_sign()
    planned = audit.Planned(dept_id=dept_id, name="Law", path="Law", wanted={"name": "Law"})
    with audit.writing(
        _ask(), kind=Kind.EDIT, dept_id=dept_id, content={"name": "Law"}, entries=[planned]
    ) as (entry,):
        return entry.pk


def delete_the_author() -> list[Any]:
    """Who the authors of the operations are once the account is deleted, and what they were called."""
    wait_for_sign()
    get_user_model().objects.get(username="admin").delete()
    return list(Operation.objects.values_list("by", "by_name"))


def prune() -> list[int]:
    """Delete all history, as at the end of its time; how much is left of it."""
    wait_for_sign()
    with guards.lifted():
        _delete_history()
    return _how_much()


def fail_to_prune() -> list[int]:
    """The same, with a failure at its end."""
    wait_for_sign()
    with suppress(InterruptedError), guards.lifted():
        _delete_history()
        raise InterruptedError
    return _how_much()


def _delete_history() -> None:
    AuditEntry.objects.all().delete()
    Operation.objects.all().delete()


def _how_much() -> list[int]:
    return [AuditEntry.objects.count(), Operation.objects.count()]


def _ask() -> audit.Ask:
    return audit.Ask(op_id=uuid4(), by=get_user_model().objects.get(username="admin"))


_ALL = (read_twice, write, die_after_the_note, delete_the_author, prune, fail_to_prune)
ACTS: dict[str, Callable[..., object]] = {act.__name__: act for act in _ALL}


def main() -> None:
    print(json.dumps(ACTS[sys.argv[1]](*json.loads(sys.argv[2]))), flush=True)  # noqa: T201
