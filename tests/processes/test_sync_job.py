"""The first reading begins with the process, outlives it, and never keeps it from ending."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from installation import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from installation import Installation

WEB = ["-m", "gunicorn", "orgadmin.wsgi", "-c", "gunicorn.conf.py"]
WORKER = ["manage.py", "run_huey"]
SYNC = ["manage.py", "sync_departments"]
SIZE = 40


def job(installation: Installation) -> dict[str, Any]:
    columns = ("state", "leased_until", "started_at", "ended_at")
    with installation.database() as database:
        row = database.execute(f"SELECT {', '.join(columns)} FROM departments_job").fetchone()
    return dict(zip(columns, row or [""] * len(columns), strict=True))


def levels(installation: Installation) -> int:
    with installation.database() as database:
        (found,) = database.execute(
            "SELECT count(*) FROM departments_department WHERE children_seen_at IS NOT NULL"
        ).fetchone()
    return int(found)


def wait_until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, "it has not happened"
        time.sleep(0.1)


def is_read(installation: Installation) -> None:
    wait_until(lambda: job(installation)["state"] == "done")
    assert levels(installation) == SIZE
    with installation.database() as database:
        (found,) = database.execute(
            "SELECT count(*) FROM departments_department WHERE details_seen_at IS NOT NULL"
        ).fetchone()
    assert found == SIZE


def test_the_web_process_of_a_small_installation_reads_by_itself(
    install: Callable[..., Installation],
) -> None:
    installation = install(PORT=str(free_port()))
    installation.prepare()

    with installation.starting(*WEB):
        is_read(installation)

    assert len(installation.company.calls("department/listsub")) == SIZE


@pytest.mark.parametrize("server", ["redis_url", "postgresql_url"])
def test_a_worker_reads(
    install: Callable[..., Installation], server: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(server)
    installation = install(QUEUE_URL=url if server == "redis_url" else f"{url}/postgres")
    installation.prepare()

    with installation.starting(*WORKER):
        is_read(installation)


def test_told_to_end_it_gives_back_the_lease_and_the_next_process_goes_on(
    install: Callable[..., Installation],
) -> None:
    installation = install(PORT=str(free_port()), DINGTALK_CALLS_PER_SECOND="4")
    installation.prepare()
    with installation.starting(*WEB) as web:
        wait_until(lambda: levels(installation) > 4)
        web.terminate()
        began = time.monotonic()
        web.wait(PATIENCE)
        took = time.monotonic() - began

    assert took < 25
    assert (job(installation)["state"], job(installation)["leased_until"]) == ("running", None)
    installation.environment["DINGTALK_CALLS_PER_SECOND"] = "1000"
    with installation.starting(*WEB):
        is_read(installation)
    assert len(installation.company.calls("department/listsub")) == SIZE


def test_killed_it_loses_a_batch_and_the_next_process_goes_on(
    install: Callable[..., Installation],
) -> None:
    pace = 8
    installation = install(PORT=str(free_port()), DINGTALK_CALLS_PER_SECOND=str(pace))
    installation.prepare()
    with installation.starting(*SYNC) as reading:
        wait_until(lambda: levels(installation) > 4)
        reading.kill()
        reading.wait(PATIENCE)
    assert job(installation)["leased_until"]
    with installation.database() as database:  # a minute later
        database.execute("UPDATE departments_job SET leased_until = '2026-01-01 00:00:00'")

    installation.environment["DINGTALK_CALLS_PER_SECOND"] = "1000"
    with installation.starting(*WEB):
        is_read(installation)

    asked = len(installation.company.calls("department/listsub"))
    assert SIZE <= asked <= SIZE + 4 * pace  # two seconds' answers, and what was under way
