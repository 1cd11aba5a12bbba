"""Where a process dies, by SIGKILL. Nothing in the product knows of it.

The database tells when the note is written and when the outcome is: its statements are watched. The line tells
when the call leaves and when the answer is there. What happens while DingTalk has the call is not here: then
the parent kills (see `slots`).
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import httpx
from django.conf import settings
from django.db import connection, transaction

from departments import gateway
from departments.dingtalk.deadline import DeadlineTransport
from departments.dingtalk.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NOTED = 'INSERT INTO "departments_auditentry"'
_NOTING = 'INSERT INTO "departments_operation"'
_SETTLING = 'UPDATE "departments_auditentry"'
_WRITES = ("department/create", "department/update", "department/delete")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str) -> None:
    """Let this process die at that point; does nothing for the points that are not its own affair."""
    match point:
        case "before note":
            connection.execute_wrappers.append(_before(_NOTING))
        case "after note":
            connection.execute_wrappers.append(_once_committed(_NOTED))
        case "after reply":
            _die_after_replies()
        case "before settle":
            connection.execute_wrappers.append(_before(_SETTLING))
        case "after settle":
            connection.execute_wrappers.append(_once_committed(_SETTLING))


def watch_the_line(witness: Path, *, die_before_send: bool = False) -> None:
    """Write down for each write that leaves how many entries of history were committed by then."""
    gateway.transport = _Watched(witness, die_before_send=die_before_send)
    gateway.reset()


class _Watched(httpx.BaseTransport):
    def __init__(self, witness: Path, *, die_before_send: bool) -> None:
        self._inside = DeadlineTransport(connections=8)
        self._witness = witness
        self._die = die_before_send

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(_WRITES):
            if self._die:
                die()
            with self._witness.open("a") as file:
                file.write(json.dumps({"call": request.url.path, "noted": _committed()}) + "\n")
        return self._inside.handle_request(request)

    def close(self) -> None:
        self._inside.close()


def _committed() -> int:
    """As another process would see it: a connection of its own, so that nothing uncommitted counts."""
    path = settings.DATABASES["default"]["NAME"]
    other = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (count,) = other.execute("SELECT count(*) FROM departments_auditentry").fetchone()
        return int(count)
    finally:
        other.close()


def _before(statement: str) -> Callable[..., Any]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(statement):
            die()
        return execute(sql, params, many, context)

    return wrapper


def _once_committed(statement: str) -> Callable[..., Any]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if sql.startswith(statement):
            transaction.on_commit(die)
        return done

    return wrapper


def _die_after_replies() -> None:
    """After the answer to a write was read and judged, or the line broke."""
    send = Wire.send

    def sent(wire: Wire, call: Any, **more: Any) -> Any:
        try:
            return send(wire, call, **more)
        finally:
            if call.write:
                die()

    Wire.send = sent  # type: ignore[method-assign]
