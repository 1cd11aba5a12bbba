"""The control: a writer as it is often written. Try three times, tell the person, then log.

It goes through the same faults and crashes and is judged by the same judge, leniently: its log need only be
complete, and nobody sends its form again. What it loses, doubles, leaves out and misreports shows that the
sweep can tell right from wrong.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from . import cases
from .crash import die
from .kinds import KINDS, plain_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPTS = 3
#: No such moment for a writer that notes nothing, and no looks to make blind or to come too early.
POINTS = {"", "before send", "while sending", "after reply", "before settle", "after settle"}

#: It knows time-outs and no deadlines: a reply that drips or does not end is let go on for less, in seconds.
SECONDS = {"drip-headers": 0.01, "drip-body": 0.01, "endless": 0.5}

#: Codes that plainly say no: trying again would be no use.
_CLEAR = {60003, 60008, 60021, 60011, 43007, 60020, 404}


def concerns(case: cases.Case) -> bool:
    return case.dies in POINTS and not case.then


@dataclass(frozen=True)
class PlainWriter:
    """Writes to DingTalk at an address, and logs to a table of its own."""

    url: str
    log: Path

    def write(self, case: cases.Case, places: Mapping[str, int]) -> str:
        """`done` or `failed`, as the person is told."""
        kind = KINDS[case.kind]
        body = kind.body(places, plain_fields(case.kind, places))
        with httpx.Client(trust_env=False, verify=False, timeout=cases.DEADLINE) as line:
            token = self._token(line)
            if case.dies == "before send":
                die()
            done = self._try(line, f"/topapi/v2/{kind.call}?access_token={token}", body)
        if case.dies in ("after reply", "before settle"):
            die()
        outcome = "done" if done else "refused"
        self._log(outcome, [places[name] for name in kind.about] or [None])
        if case.dies == "after settle":
            die()
        return outcome

    def _try(self, line: httpx.Client, call: str, body: Mapping[str, Any]) -> bool:
        for _attempt in range(ATTEMPTS):
            try:
                code = line.post(self.url + call, json=body).json()["errcode"]
            except (httpx.HTTPError, ValueError, LookupError, TypeError):
                continue
            if code == 0:
                return True
            if code in _CLEAR:
                return False
        return False

    def _token(self, line: httpx.Client) -> str:
        asked = {"appKey": "dingsandbox", "appSecret": "sandbox-secret"}
        reply = line.post(f"{self.url}/v1.0/oauth2/accessToken", json=asked)
        return str(reply.json()["accessToken"])

    def _log(self, outcome: str, dept_ids: list[int | None]) -> None:
        with sqlite3.connect(self.log) as log:
            log.execute("CREATE TABLE IF NOT EXISTS log (dept_id, outcome, noted_at)")
            log.executemany(
                "INSERT INTO log VALUES (?, ?, ?)",
                [(dept_id, outcome, time.time()) for dept_id in dept_ids],
            )
        log.close()


def logged(log: Path) -> list[dict[str, Any]]:
    """The log in the shape of our history, for the judge."""
    with sqlite3.connect(log) as opened:
        opened.execute("CREATE TABLE IF NOT EXISTS log (dept_id, outcome, noted_at)")
        found = opened.execute("SELECT rowid, dept_id, outcome, noted_at FROM log").fetchall()
    opened.close()
    return [
        {
            "entry": number,
            "corrects": None,
            "dept_id": dept_id,
            "outcome": outcome,
            "accepted": outcome == "done",
            "confirmed": outcome == "done",
            "noted_at": noted_at,
        }
        for number, dept_id, outcome, noted_at in found
    ]
