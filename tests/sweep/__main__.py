"""`python -m tests.sweep [--only TEXT] [--slots N] [--list]`: run the cases, print the table.

Exit 1 if any case is bad, or fewer than a thousand ran.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from . import report
from .cases import DEADLINE, WINDOW, Case, all_cases

FOLDER = Path("var/sweep")
_LEAST = 1000


def main() -> None:
    asked = _parser().parse_args()
    chosen = [number for number, case in enumerate(all_cases()) if asked.only in str(case)]
    if asked.list:
        print("\n".join(str(all_cases()[number]) for number in chosen))  # noqa: T201
        return
    if not chosen:
        sys.exit(f"No case is called {asked.only!r}.")
    started = time.monotonic()
    told = _run(chosen, slots=min(asked.slots, len(chosen)))
    result = report.Result(
        told, round(time.monotonic() - started), least=0 if asked.only else _LEAST
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = "some" if asked.only else "results"
    (FOLDER / f"{name}.md").write_text(result.page())
    (FOLDER / f"{name}.json").write_text(json.dumps(told, ensure_ascii=False, indent=1))
    print(result.page())  # noqa: T201
    sys.exit(0 if result.is_good else 1)


def _run(chosen: list[int], *, slots: int) -> list[dict[str, Any]]:
    """Cases mostly wait, so several run at once; which one where makes no difference to it."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in chosen:
        waiting.put(number)
    results: dict[int, dict[str, Any]] = {}
    started = [_start(place) for place in range(slots)]
    keepers = [threading.Thread(target=_keep_busy, args=(one, waiting, results)) for one in started]
    for keeper in keepers:
        keeper.start()
    _tell_progress(keepers, results, len(chosen))
    for process in started:
        process.wait()
    return [results[number] for number in sorted(results)]


def _start(place: int) -> subprocess.Popen[str]:
    folder = (FOLDER / f"slot-{place}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("db.sqlite3*"):
        old.unlink()
    settings = {
        "DJANGO_SETTINGS_MODULE": "orgadmin.settings",
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "SECRET_KEY": "only for this sweep",
        "LOG_LEVEL": "ERROR",
        "DINGTALK_CLIENT_ID": "dingsandbox",
        "DINGTALK_CLIENT_SECRET": "sandbox-secret",
        "DINGTALK_OAPI_URL": "http://127.0.0.1:9",
        "DINGTALK_API_URL": "http://127.0.0.1:9",
        "DINGTALK_CALLS_PER_SECOND": "100000",
        "DINGTALK_READ_SECONDS": str(DEADLINE),
        "DINGTALK_WRITE_SECONDS": str(DEADLINE),
        "SETTLE_SECONDS": str(WINDOW),
    }
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "TMPDIR")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sweep.slots"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr").open("w"),
        env={**kept, **settings},
        text=True,
    )


def _keep_busy(
    slot: subprocess.Popen[str], waiting: queue.SimpleQueue[int], results: dict[int, dict[str, Any]]
) -> None:
    if slot.stdin is None or slot.stdout is None:
        raise RuntimeError("a slot without pipes")
    slot.stdout.readline()  # ready
    while True:
        try:
            number = waiting.get_nowait()
        except queue.Empty:
            slot.stdin.close()
            return
        case = all_cases()[number]
        try:
            slot.stdin.write(f"{number}\n")
            slot.stdin.flush()
            told = json.loads(slot.stdout.readline())
        except (OSError, ValueError):
            results[number] = _fallen(case)
            print(report.in_detail(results[number]), flush=True)  # noqa: T201
            return
        results[number] = {"kind": case.kind, "fault": case.fault, "dies": case.dies, **told}
        if told["wrong"]:
            print(report.in_detail(told), flush=True)  # noqa: T201


def _fallen(case: Case) -> dict[str, Any]:
    told = {"case": str(case), "kind": case.kind, "fault": case.fault, "dies": case.dies}
    return {**told, "wrong": [("idle", "the slot fell over")], "conflicts": 0, "seconds": 0}


def _tell_progress(
    keepers: list[threading.Thread], results: dict[int, dict[str, Any]], total: int
) -> None:
    next_word = time.monotonic() + 30
    while any(keeper.is_alive() for keeper in keepers):
        time.sleep(0.1)
        if time.monotonic() > next_word:
            next_word += 30
            print(f"{len(results)} of {total} cases", flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds this")
    parser.add_argument("--slots", type=int, default=8, help="how many at once")
    parser.add_argument("--list", action="store_true", help="only name them")
    return parser


if __name__ == "__main__":
    main()
