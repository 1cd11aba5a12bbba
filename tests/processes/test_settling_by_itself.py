"""What a dead process left open settles with nobody looking: in threads of the web process, or in a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from installation import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from installation import Installation

WEB = ["-m", "gunicorn", "orgadmin.wsgi", "-c", "gunicorn.conf.py"]
WORKER = ["manage.py", "run_huey"]


def outcomes(installation: Installation) -> list[str]:
    with installation.database() as database:
        rows = database.execute("SELECT outcome FROM departments_auditentry").fetchall()
    return [outcome for (outcome,) in rows]


def settles(installation: Installation, *command: str, seconds: float) -> None:
    """Leave a write open, start this process, and wait for what it does by itself."""
    installation.prepare()
    (dept_id, *_others) = installation.company.department_ids()
    installation.does("die_after_the_note", dept_id)
    assert outcomes(installation) == ["pending"]
    time.sleep(float(installation.environment["SETTLE_SECONDS"]))

    with installation.starting(*command):
        until = time.monotonic() + seconds
        while outcomes(installation) == ["pending"] and time.monotonic() < until:
            time.sleep(0.2)

    assert outcomes(installation) == ["conflict"]  # it wanted a name that nothing ever had
    assert installation.company.changes("department.update") == []


def test_the_web_process_of_a_small_installation_settles(
    install: Callable[..., Installation],
) -> None:
    settles(install(SETTLE_SECONDS="1", PORT=str(free_port())), *WEB, seconds=60)


@pytest.mark.parametrize("server", ["redis_url", "postgresql_url"])
def test_a_worker_settles(
    install: Callable[..., Installation], server: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(server)
    queue = url if server == "redis_url" else f"{url}/postgres"
    settles(install(SETTLE_SECONDS="1", QUEUE_URL=queue), *WORKER, seconds=60)
