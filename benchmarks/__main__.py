"""``python -m benchmarks [PART…]``: one line for each measurement, with its goal and what it is held against.

Nothing gates on a clock: counts hold on any machine, ratios compare two things of one run. What the lines mean
stands in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

#: In the order of the run; each a module with `run() -> Iterator[Line]`.
PARTS = ("calls", "pages", "peers", "search", "writing", "pace", "reading", "slow", "memory")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    asked = parser.parse_args().parts or PARTS
    if unknown := set(asked) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="orgadmin-bench-") as folder:
        prepare(Path(folder))
        passed = [run(part) for part in asked]
    cores = os.cpu_count()
    print(f"\nPython {platform.python_version()}, {cores} cores, load {os.getloadavg()[0]:.1f}")
    return 0 if all(passed) else 1


def prepare(folder: Path) -> None:
    """A database of its own, and nothing of the caller's environment."""
    os.environ.update(environment(folder))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare", verbosity=0, stdout=io.StringIO())


def environment(folder: Path) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "SECRET_KEY": "only for this run",
        "LOG_LEVEL": "ERROR",
        "DINGTALK_CLIENT_ID": "dingsandbox",
        "DINGTALK_CLIENT_SECRET": "sandbox-secret",
        "DINGTALK_CALLS_PER_SECOND": "1000000",
    }


def run(part: str) -> bool:
    print(f"\n{part}: python -m benchmarks {part}", flush=True)
    begun, passed = time.monotonic(), True
    for line in importlib.import_module(f"benchmarks.{part}").run():
        print(f"  {line}", flush=True)
        passed = passed and line.passes
    print(f"  {time.monotonic() - begun:.0f} s")
    return passed


if __name__ == "__main__":
    sys.exit(main())
