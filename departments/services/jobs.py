"""Long work: who is at it, how far it is, and what people may do about it.

A job is worked on in slices by whoever holds its lease. A lease is renewed while the work goes on; one that ran
out was held by a process that died, and the next one goes on. People change only the state: whoever works
looks at it every other second.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from .. import policy
from ..models import Job

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

_LEASE = timedelta(seconds=60)
_TO_DO = (Job.State.WAITING, Job.State.RUNNING)


# ── For people ───────────────────────────────────────────────────────────────────────────────────────────


def listed(*, by: User) -> QuerySet[Job]:
    """All of them, newest first."""
    policy.require(by, policy.VIEW)
    return Job.objects.all()


def job(*, job_id: UUID, by: User) -> Job | None:
    policy.require(by, policy.VIEW)
    return Job.objects.filter(pk=job_id).first()


def open_job(*, by: User) -> Job | None:
    """The newest that has not ended."""
    policy.require(by, policy.VIEW)
    return Job.objects.filter(ended_at=None).first()


def pause(*, job_id: UUID, by: User | None) -> bool:
    """Let it rest until somebody resumes it. False where it has ended, or rests already."""
    return _change(job_id, by, among=_TO_DO, state=Job.State.PAUSED)


def resume(*, job_id: UUID, by: User | None) -> bool:
    return _change(job_id, by, among=(Job.State.PAUSED,), state=Job.State.WAITING, resumes_at=None)


def stop(*, job_id: UUID, by: User | None) -> bool:
    """End it where it is. What was read stays."""
    among = (*_TO_DO, Job.State.PAUSED, Job.State.ASKING)
    return _change(job_id, by, among=among, state=Job.State.STOPPED, ended_at=timezone.now())


def _change(job_id: UUID, by: User | None, *, among: tuple[Job.State, ...], **now: Any) -> bool:
    """`by` is None on the command line, where whoever may start a command may this too."""
    if by is not None:
        policy.require(by, policy.EDIT)
    return Job.objects.filter(pk=job_id, state__in=among).update(**now) == 1


# ── For those who work ───────────────────────────────────────────────────────────────────────────────────


def due() -> list[UUID]:
    """What somebody should be working on, and nobody is."""
    return list(_free().values_list("pk", flat=True))


def claim(job_id: UUID) -> Job | None:
    """Take the lease; None where somebody else has it, or there is nothing to do now."""
    now = timezone.now()
    taken = (
        _free()
        .filter(pk=job_id)
        .update(
            state=Job.State.RUNNING,
            leased_until=now + _LEASE,
            started_at=Coalesce(F("started_at"), now),
            resumes_at=None,
        )
    )
    return Job.objects.get(pk=job_id) if taken else None


def beat(job: Job) -> bool:
    """Renew the lease and write down how far it is. False once it is no longer ours to work on.

    That is where a person paused or stopped it, or where our lease ran out and another has taken it.
    """
    until = timezone.now() + _LEASE
    if not _ours(job, leased_until=until):
        return False
    job.leased_until = until
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).exists()


def release(job: Job) -> None:
    """The slice is over, the work is not."""
    _ours(job, leased_until=None)


def wait(job: Job, *, until: datetime) -> None:
    """Nothing can be done before this moment."""
    _leave(job, Job.State.WAITING, resumes_at=until)


def ask(job: Job, question: dict[str, Any]) -> None:
    """A person has to decide how it goes on."""
    _leave(job, Job.State.ASKING, result=question)


def end(job: Job, state: Job.State, result: dict[str, Any]) -> None:
    _leave(job, state, result=result, ended_at=timezone.now())


def _free() -> QuerySet[Job]:
    now = timezone.now()
    return Job.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=now),
        Q(resumes_at=None) | Q(resumes_at__lte=now),
        state__in=_TO_DO,
    )


def _leave(job: Job, state: Job.State, **more: Any) -> None:
    """A person who paused or stopped it meanwhile has the last word."""
    still = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, leased_until=job.leased_until)
    still.update(state=state, **more)
    release(job)


def _ours(job: Job, **now: Any) -> bool:
    """The lease's own moment tells whether it is still ours."""
    held = Job.objects.filter(pk=job.pk, leased_until=job.leased_until)
    return held.update(progress=job.progress, cursor=job.cursor, **now) == 1
