"""What happens by itself. Each task says only when; the services say what."""

from __future__ import annotations

import logging
from uuid import UUID

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import HUEY, db_periodic_task, db_task

from . import gateway
from .models import Job
from .services import crawl, jobs, settle

log = logging.getLogger(__name__)

#: Short enough that other work gets its turn, and that the process can end in time.
_SLICE = 15.0


@db_periodic_task(crontab(minute="*"))
def settle_what_is_due() -> None:
    """Once a minute, and when the process starts."""
    if gateway.is_configured():
        settle.settle_due()


@db_periodic_task(crontab(minute="*"))
def read_what_is_due() -> None:
    """Begin the readings that nobody has to ask for, and go on with what a dead process left."""
    if gateway.is_configured():
        crawl.start_what_is_due()
        for job_id in jobs.due():
            work_on(str(job_id))


@db_task()
def work_on(job_id: str) -> None:
    """One slice; the rest is queued behind whatever else there is to do."""
    job = jobs.claim(UUID(job_id))
    if job is None:
        return
    crawl.work(job, seconds=_SLICE, ending=HUEY.ending.is_set)
    job.refresh_from_db()
    if job.state not in (Job.State.RUNNING, Job.State.WAITING) or HUEY.ending.is_set():
        return
    if job.resumes_at:
        pause = (job.resumes_at - timezone.now()).total_seconds()
        work_on.schedule((job_id,), delay=max(pause, 0.0) + 1)
    else:
        work_on(job_id)


def soon(job: Job) -> None:
    """Let it begin now. Where the queue cannot be reached, the next minute finds it."""
    try:
        work_on(str(job.pk))
    except Exception:
        log.exception("job %s could not be queued", job.pk)
