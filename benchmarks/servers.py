"""Processes of a run: sandboxes that take their time and count, and the product as gunicorn serves it.

Each listens on a free port of loopback and ends with the block that started it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 300
#: On the path of what is weighed and timed, so that it is what a plain installation runs.
INSTALLED = f"{ROOT}:{ROOT / 'benchmarks' / 'installed'}"


@dataclass(frozen=True)
class Upstream:
    """A sandbox in a process of its own."""

    url: str

    def switch(self, **switches: object) -> None:
        self._ask("switches", switches)

    def break_down(self, **rule: object) -> None:
        self._ask("faults", rule)

    def mend(self) -> None:
        self._ask("faults/clear", {})

    def calls(self, path: str) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self._ask("calls")["calls"]
        return [call for call in calls if call["path"].endswith(path)]

    def _ask(self, call: str, body: dict[str, object] | None = None) -> Any:
        method = "GET" if body is None else "POST"
        url = f"{self.url}/_control/{call}"
        return httpx.request(method, url, json=body, timeout=PATIENCE).raise_for_status().json()


@contextmanager
def upstream(departments: int, **options: int | None) -> Iterator[Upstream]:
    """A sandbox with so many departments; `latency_ms` and `calls_per_second` as its command line has them."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--departments", str(departments)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)] if value is not None else []
    with ended(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout
        yield Upstream(process.stdout.readline().split(" on ")[1].split()[0])


@dataclass(frozen=True)
class Installation:
    """The product in a folder of its own, its environment towards one upstream."""

    environment: dict[str, str]

    @classmethod
    def at(cls, folder: Path, towards: Upstream, **variables: str) -> Installation:
        from benchmarks.__main__ import environment

        folder.mkdir(parents=True, exist_ok=True)
        own = environment(folder) | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": INSTALLED,
            "DINGTALK_OAPI_URL": towards.url,
            "DINGTALK_API_URL": towards.url,
            "PORT": str(free_port()),
        }
        made = cls(own | variables)
        made.do("prepare")
        return made

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT']}"

    def do(self, act: str, *given: object) -> Any:
        """Carry out a function of acts.py in a process of this installation and return what it does."""
        with self.doing(act, *given) as process:
            return result_of(process)

    @contextmanager
    def doing(self, act: str, *given: object) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "benchmarks.acts", act, json.dumps(given)]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with ended(process):
            yield process

    @contextmanager
    def served(self) -> Iterator[int]:
        """As `make run` does; gives the id of the process that answers."""
        command = [sys.executable, "-m", "gunicorn", "orgadmin.wsgi", "-c", "gunicorn.conf.py"]
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "orgadmin.settings"}
        with gunicorn(command, environment, self.url) as worker:
            yield worker


@contextmanager
def served_bare() -> Iterator[tuple[str, int]]:
    """A Django without anything, by the same kind of worker; gives its address as well."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "benchmarks.bare:application", "--bind", address]
    command += ["--worker-class", "gthread", "--threads", "16", "--log-level", "warning"]
    url, environment = f"http://{address}", {"PATH": os.environ["PATH"], "PYTHONPATH": INSTALLED}
    # Elsewhere: where the product's gunicorn.conf.py lies, gunicorn takes it.
    with gunicorn(command, environment, url, folder=ROOT / "benchmarks") as worker:
        yield url, worker


@contextmanager
def gunicorn(
    command: list[str], environment: dict[str, str], url: str, folder: Path = ROOT
) -> Iterator[int]:
    process = subprocess.Popen(command, cwd=folder, env=environment, text=True)
    with ended(process):
        wait_for(f"{url}/healthz", process)
        yield worker_of(process.pid)


def result_of(process: subprocess.Popen[str]) -> Any:
    out, _ = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise RuntimeError(f"a process of the benchmarks ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])


def worker_of(master: int) -> int:
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(children[0])


def processor_time(process: int) -> float:
    """Seconds it has computed so far, on its own behalf and in the kernel."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_memory(process: int | str) -> float:
    """Its PSS in megabytes."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not tell")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        try:
            httpx.get(url, timeout=5, headers={"Host": "localhost"})
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing answers at {url}")


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
