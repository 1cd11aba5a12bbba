"""Servers of their own for these tests: each on a free port of loopback, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from installation import PATIENCE, Company, Installation, ended, free_port, sandbox_process

_POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture
def company() -> Iterator[Company]:
    with sandbox_process(departments=40) as company:
        yield company


@pytest.fixture
def install(tmp_path: Path, company: Company) -> Iterator[Callable[..., Installation]]:
    """Makes installations; what their processes say is searched for secrets afterwards."""
    made: list[Installation] = []

    def make(**variables: str) -> Installation:
        made.append(Installation.at(tmp_path / f"installation-{len(made)}", company, **variables))
        return made[-1]

    yield make
    for installation in made:
        installation.check_log()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server found: tests with Redis skipped")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        command += ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
        with ended(subprocess.Popen(command, text=True, stdout=subprocess.DEVNULL)) as process:
            wait_until(lambda: listens(port), process)
            yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A server; what it answers at is the address of a new database with a name put behind it."""
    if _POSTGRES is None:
        pytest.skip("no PostgreSQL server found: tests with PostgreSQL skipped")
    pytest.importorskip("psycopg")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data = f"{folder}/data"
        making = ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run(
            [*_as_postgres("initdb"), *making], check=True, stdout=subprocess.DEVNULL, cwd=folder
        )
        serving = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
        with ended(
            subprocess.Popen(
                [*_as_postgres("postgres"), *serving],
                text=True,
                stderr=subprocess.DEVNULL,
                cwd=folder,
            )
        ) as process:
            wait_until(lambda: answers(f"postgresql://postgres@127.0.0.1:{port}/postgres"), process)
            yield f"postgresql://postgres@127.0.0.1:{port}"


def _as_postgres(program: str) -> list[str]:
    """PostgreSQL refuses to run as root; Debian makes a user for it."""
    command = [str(_POSTGRES / program)] if _POSTGRES else []
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    ends = time.monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < ends, "the server does not answer"
        time.sleep(0.05)
