"""The two processes of a case: a person makes a write; later, on what that left behind, somebody looks.

Each runs in a child of its own and says what it saw in a file.
"""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.core.management import call_command

from departments.models import OPEN, AuditEntry, Operation
from departments.services import settle

from . import cases, crash
from .kinds import KINDS, Form, Page
from .line import Line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from django.test import Client


@dataclass(frozen=True)
class Seen:
    """What history and DingTalk's journal say at one moment."""

    rows: list[dict[str, Any]]
    journal: list[dict[str, Any]]


def write(case: cases.Case, *, client: Client, places: Mapping[str, int], folder: Path) -> None:
    """Fill in the form and send it."""
    crash.watch_the_line(folder / "sent", die_before_send=case.dies == "before send")
    form = KINDS[case.kind].open(client, places)
    (folder / "form").write_text(json.dumps(asdict(form)))
    crash.die_at(case.dies)
    (folder / "told").write_text(json.dumps(asdict(form.send(client))))


def come_back(
    case: cases.Case, *, client: Client, places: Mapping[str, int], folder: Path, line: Line
) -> None:
    """After a restart: settle what is due, look, read once more, and send the same form again."""
    crash.watch_the_line(folder / "sent again")
    _wait_for_the_window()
    settle.settle_due()
    looked = [Page.of(client.get(f"/history/{pk}/")) for pk in _first_entries()]
    settled = _now(line)
    if case.then == "beyond":
        _let_it_land(case, line)
    _read_once_more(case, client, places)
    read = _now(line)
    form = Form(**json.loads((folder / "form").read_text()))
    again = form.send(client)
    told = {
        "looked": [asdict(page) for page in looked],
        "settled": asdict(settled),
        "read": asdict(read),
        "again": asdict(again),
        "end": asdict(_now(line)),
    }
    (folder / "found").write_text(json.dumps(told))


def _wait_for_the_window() -> None:
    """Where something is open, or accepted and not yet seen: until a look may be taken."""
    waiting = [
        entry.noted_at.timestamp()
        for entry in AuditEntry.objects.all()
        if entry.outcome in OPEN or (entry.accepted and not entry.confirmed)
    ]
    if waiting:
        time.sleep(max(max(waiting) + cases.WINDOW + 0.02 - time.time(), 0))


def _let_it_land(case: cases.Case, line: Line) -> None:
    if case.fault_name == "lag":
        noted = Operation.objects.get().noted_at.timestamp()
        time.sleep(max(noted + cases.SECONDS_BEYOND["lag"] + cases.DEADLINE - time.time(), 0))
    else:
        line.post("faults/hurry")


def _read_once_more(case: cases.Case, client: Client, places: Mapping[str, int]) -> None:
    kind = KINDS[case.kind]
    if kind.below:
        call_command("sync_departments", below=places[kind.below], stdout=io.StringIO())
    for name in kind.about:
        client.get(f"/departments/{places[name]}/?live=1")


def _first_entries() -> list[int]:
    return list(AuditEntry.objects.filter(corrects=None).values_list("pk", flat=True))


def _now(line: Line) -> Seen:
    rows = [
        {
            "entry": entry.pk,
            "operation": str(entry.operation_id),
            "corrects": entry.corrects_id,
            "dept_id": entry.dept_id,
            "outcome": str(entry.outcome),
            "accepted": entry.accepted,
            "confirmed": entry.confirmed,
            "code": entry.code,
            "noted_at": entry.noted_at.timestamp(),
        }
        for entry in AuditEntry.objects.order_by("pk")
    ]
    return Seen(rows, line.journal())
