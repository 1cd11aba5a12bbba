"""The product installed in a folder of its own, a company beside it, and processes that really are some."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import canary
import httpx

ROOT = Path(__file__).resolve().parents[2]
ACT = "import django; django.setup(); import acts; acts.main()"

#: What the slowest of these may take, in seconds, on a machine that has other things to do as well.
PATIENCE = 180


@dataclass(frozen=True)
class Company:
    """A sandbox in a process of its own."""

    url: str

    def ask(self, call: str, body: dict[str, Any] | None = None) -> Any:
        """One of its control calls: a GET, or a POST where there is a body. See sandbox/control.py."""
        method = "GET" if body is None else "POST"
        reply = httpx.request(method, f"{self.url}/_control/{call}", json=body, timeout=PATIENCE)
        return reply.raise_for_status().json()

    def calls(self, path: str) -> list[dict[str, Any]]:
        return [call for call in self.ask("calls")["calls"] if call["path"].endswith(path)]

    def changes(self, kind: str) -> list[dict[str, Any]]:
        return [change for change in self.ask("journal")["journal"] if change["kind"] == kind]

    def token(self) -> str:
        """The one that it repeats to whoever asks while it lives."""
        credentials = {"appKey": "dingsandbox", "appSecret": canary.SECRET}
        reply = httpx.post(f"{self.url}/v1.0/oauth2/accessToken", json=credentials)
        return str(reply.raise_for_status().json()["accessToken"])

    def department_ids(self) -> list[int]:
        """All but the root's."""
        return [one["dept_id"] for one in self.ask("org")["departments"] if one["parent_id"]]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def sandbox_process(*, departments: int) -> Iterator[Company]:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--departments", str(departments)]
    command += ["--client-secret", canary.SECRET]
    with ended(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout
        yield Company(process.stdout.readline().split(" on ")[1].split()[0])


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def new_database(server: str, *, like: str = "template1") -> str:
    """The address of a new database of a PostgreSQL server."""
    import psycopg

    name = f"test_{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    return f"{server}/{name}"


@dataclass(frozen=True)
class Installation:
    """Environment variables, and what they make: `manage`, and the functions of acts.py as processes."""

    folder: Path
    company: Company
    environment: dict[str, str]

    @classmethod
    def at(cls, folder: Path, company: Company, **variables: str) -> Installation:
        folder.mkdir()
        return cls(
            folder,
            company,
            {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}",
                "DJANGO_SETTINGS_MODULE": "orgadmin.settings",
                "VAR_DIR": str(folder),
                "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
                "SECRET_KEY": "of no use to anybody else",
                "LOG_LEVEL": "DEBUG",
                "DINGTALK_CLIENT_ID": "dingsandbox",
                "DINGTALK_CLIENT_SECRET": canary.SECRET,
                "DINGTALK_OAPI_URL": company.url,
                "DINGTALK_API_URL": company.url,
                "DINGTALK_CALLS_PER_SECOND": "100000",
                "DJANGO_SUPERUSER_USERNAME": "admin",
                "DJANGO_SUPERUSER_PASSWORD": "a long password",
                **variables,
            },
        )

    @property
    def log(self) -> Path:
        """What all its processes say, at the loudest."""
        return self.folder / "log"

    def copied_to(self, folder: Path) -> Installation:
        """The same with a database of its own, as it is now."""
        shutil.copytree(self.folder, folder)
        url = self.environment["DATABASE_URL"]
        if url.startswith("postgresql"):
            server, _, name = url.rpartition("/")
            url = new_database(server, like=name)
        else:
            url = f"sqlite:///{folder / 'db.sqlite3'}"
        variables = {"VAR_DIR": str(folder), "DATABASE_URL": url}
        return Installation(folder, self.company, self.environment | variables)

    def check_log(self) -> None:
        """Raise AssertionError where a secret is in what its processes said."""
        canary.watch.secrets.add(self.company.token())
        canary.watch.hear("the log of a process", self.log.read_text())
        assert canary.watch.finds() == []

    def prepare(self) -> None:
        with self.starting("manage.py", "prepare") as preparing:
            assert preparing.wait(PATIENCE) == 0, self.log.read_text()

    @contextmanager
    def starting(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """A Python process of this installation, which is ended with the block if not by itself."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        with ended(process):
            yield process

    def does(self, act: str, *given: object) -> Any:
        """Carry out one of the functions of acts.py and return what it does."""
        return self.do_at_once((act, *given))[0]

    def do_at_once(self, *acts: tuple[object, ...]) -> list[Any]:
        """Several of them, each in a process; they start when all are ready."""
        with self.together(*acts) as acting:
            acting.wait_until_ready()
            acting.sign()
            return acting.results()

    @contextmanager
    def together(self, *acts: tuple[object, ...]) -> Iterator[Together]:
        """Each act in a process of its own; none does anything before the sign."""
        with ExitStack() as stack:
            processes = [
                stack.enter_context(self.starting("-c", ACT, str(name), json.dumps(given)))
                for name, *given in acts
            ]
            yield Together(self, processes)

    @contextmanager
    def database(self) -> Iterator[Any]:
        """A connection that is none of Django's, each statement a transaction: `execute` is all it needs."""
        url = self.environment["DATABASE_URL"]
        if url.startswith("postgresql"):
            import psycopg

            connection: Any = psycopg.connect(url, autocommit=True)
        else:
            connection = sqlite3.connect(
                url.removeprefix("sqlite:///"), timeout=20, isolation_level=None
            )
        try:
            yield connection
        finally:
            connection.close()


@dataclass(frozen=True)
class Together:
    """Processes that wait for one sign before each of their parts."""

    installation: Installation
    processes: list[subprocess.Popen[str]]

    def wait_until_ready(self) -> None:
        """Until each has come to its next sign."""
        for process in self.processes:
            assert self._line(process) == "ready", self.installation.log.read_text()[-5000:]

    def sign(self) -> None:
        for process in self.processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()

    def results(self) -> list[Any]:
        """What each act returned, after its last part."""
        lines = [self._line(process) for process in self.processes]
        assert all(lines), self.installation.log.read_text()[-5000:]
        for process in self.processes:
            assert process.wait(PATIENCE) == 0
        return [json.loads(line) for line in lines]

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> str:
        assert process.stdout
        return process.stdout.readline().strip()
