"""Memory as it is after a reading: what many tests begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from departments.services import crawl, jobs

if TYPE_CHECKING:
    from departments.models import Job


def read(*, below: int = 1, seconds: float = 60) -> Job:
    """A reading from its start to wherever it comes in one go."""
    return go_on(crawl.start(below=below, by=None), seconds=seconds)


def go_on(job: Job, *, seconds: float = 60) -> Job:
    """What a worker does with it, once."""
    claimed = jobs.claim(job.pk)
    assert claimed, "nothing to do, or somebody else is at it"
    crawl.work(claimed, seconds=seconds)
    job.refresh_from_db()
    return job
