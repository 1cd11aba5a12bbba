"""``python -m benchmarks``: one line for each measurement, with its reference and its goal."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15


@dataclass(frozen=True)
class Line:
    """What was measured, against what, and whether it is where it should be."""

    name: str
    figure: str
    goal: str
    well: bool = True


def prepare() -> None:
    """A database of its own, a company of 10,000 in memory, and nothing of the caller's environment."""
    folder = tempfile.mkdtemp(prefix="orgadmin-bench-")
    os.environ.update(
        DJANGO_SETTINGS_MODULE="orgadmin.settings",
        VAR_DIR=folder,
        DATABASE_URL=f"sqlite:///{Path(folder) / 'bench.sqlite3'}",
        SECRET_KEY="only for this run",
        LOG_LEVEL="ERROR",
        DINGTALK_CLIENT_ID="dingsandbox",
        DINGTALK_CLIENT_SECRET="sandbox-secret",
        DINGTALK_CALLS_PER_SECOND="1000000",
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare", verbosity=0, stdout=io.StringIO())


def cheapest(*works: Callable[[], object]) -> list[float]:
    """The least process time each work needed, over interleaved rounds: noise only ever adds."""
    best = [float("inf")] * len(works)
    for _round in range(ROUNDS):
        for place, work in enumerate(works):
            started = time.process_time()
            work()
            best[place] = min(best[place], time.process_time() - started)
    return best


def main() -> int:
    prepare()
    from benchmarks import calls, pages

    lines = [line for module in (calls, pages) for line in module.run()]
    width = max(len(line.name) for line in lines)
    for line in lines:
        print(
            f"{'ok ' if line.well else 'NOT'}  {line.name:{width}}  {line.figure}   goal: {line.goal}"
        )
    print(f"\ncommand: make bench · Python {sys.version.split()[0]} · {ROUNDS} interleaved rounds")
    return 0 if all(line.well for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
