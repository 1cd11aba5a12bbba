"""Read a branch, or the whole company, from DingTalk into memory."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import gateway
from ...models import Job
from ...services import crawl, jobs

if TYPE_CHECKING:
    from uuid import UUID

_FOREVER = float("inf")
_LOOK_EVERY = 1.0


class Command(BaseCommand):
    help = (
        "Read departments from DingTalk: first the tree, then the details, one call for each department."
        " Goes on with a reading of the same branch that has not ended. Ctrl-C pauses it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--below",
            type=int,
            default=settings.DINGTALK_ROOT_ID,
            metavar="ID",
            help="the department to start from (default: DINGTALK_ROOT_ID)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if missing := gateway.missing_settings():
            raise CommandError(f"Set {', '.join(missing)} first.")
        job = crawl.start(below=options["below"], by=None)
        if job.plan["below"] != options["below"]:
            raise CommandError(
                f"Department {job.plan['below']} is being read; wait until it ended."
            )
        jobs.resume(job_id=job.pk, by=None)
        try:
            self._see_through(job.pk)
        except KeyboardInterrupt:
            jobs.pause(job_id=job.pk, by=None)
            raise CommandError(
                "Paused. Start the command again, or resume it on the page Jobs, to go on."
            ) from None

    def _see_through(self, job_id: UUID) -> None:
        """Work on it, or watch the process that does, until it ends or somebody has to decide."""
        while (job := Job.objects.get(pk=job_id)).state in (Job.State.WAITING, Job.State.RUNNING):
            claimed = jobs.claim(job_id)
            if claimed:
                crawl.work(claimed, seconds=_FOREVER, tell=self._tell)
            else:
                self._tell(job)
                sleep(_LOOK_EVERY)
        self._tell(job)
        if self.stdout.isatty():
            self.stdout.write("")
        if job.state == Job.State.DONE:
            self.stdout.write(f"Read {job.result['departments']} departments.")
        elif job.state == Job.State.ASKING:
            raise CommandError(
                f"{job.result['missing']} of {job.result['of']} departments are no longer listed. "
                "Nothing was removed: decide on the page Jobs."
            )
        else:
            failure = crawl.failure_of(job)
            raise CommandError(f"Stopped: {failure or job.get_state_display()}")

    def _tell(self, job: Job) -> None:
        """One line, written over: how far it is, and how long it will take."""
        words = [
            f"{name} {done} of {total}" if total is not None else f"{name} {done}"
            for name, (done, total) in job.progress.items()
        ]
        if job.resumes_at and job.state == Job.State.WAITING:
            words.append(f"DingTalk makes us wait until {job.resumes_at:%H:%M:%S} UTC")
        elif left := crawl.time_left(job):
            words.append(f"about {left:.0f} s left")
        if words and self.stdout.isatty():
            self.stdout.write("\r" + ", ".join(words).ljust(78), ending="")
            self.stdout.flush()
