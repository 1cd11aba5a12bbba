"""Reading a whole branch: its tree, one `listsub` for each department, then its details, one `get` for each.

Memory itself is the cursor. What was read since the reading began has a date that says so; what has none is
still to be read. So it can stop anywhere, and a process that dies takes at most one batch of answers along.

Threads only make calls; one thread writes down what they bring. What is not listed where we had it is looked
for by a call of its own, and only DingTalk's word that it does not exist makes it gone; where that would be a
tenth of the branch, a person is asked first.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from .. import dingtalk as wire
from .. import policy
from ..dingtalk import ROOT_ID, DingTalkError, NotThere, OutOfContactScope
from ..gateway import dingtalk
from ..models import Department, Job
from . import jobs, sync
from .callers import Callers
from .picture import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

log = logging.getLogger(__name__)

_CALLERS = 16
#: Answers are written down when there are so many, or after so many seconds.
_BATCH = 500
_SECONDS = 2.0
#: Fewer departments than these go without a question.
_FEW = 20
_NAMED = 20
#: When the night's reading begins, off the full hour at which everybody else's does.
_NIGHT = (2, 47)
#: So many failures in a row end a slice, so many slices in a row that bring nothing end the reading.
_FAILURES = 5
_TRIES = 10
_PAUSE = timedelta(seconds=20)
_LONGEST_PAUSE = timedelta(minutes=5)

#: These pass by themselves; everything else that DingTalk says ends the reading.
_PASSING = (wire.NoAnswer, wire.NotSent, wire.NotUnderstood, wire.RateLimited)
#: A moved department may be missed where it was, found, and missed again: then the next reading is to tell.
_ROUNDS = 3


def _never() -> bool:
    return False


def _nobody(_job: Job) -> None:
    pass


# ── For people, and by itself ────────────────────────────────────────────────────────────────────────────


def start(*, below: int, by: User | None) -> Job:
    """A reading of this branch; where one is under way, of whatever branch, that one."""
    if by is not None:
        policy.require(by, policy.EDIT)
    name = (by.get_full_name() or by.get_username()) if by is not None else ""
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=Job.Kind.SYNC, plan={"below": below}, by=by, by_name=name
            )
    except IntegrityError:
        under_way = Job.objects.filter(kind=Job.Kind.SYNC, ended_at=None).first()
        return under_way or start(below=below, by=by)


def start_what_is_due() -> Job | None:
    """The first reading once credentials work, then one each night.

    Whatever became of it, the next night is the next try; a night in which nothing ran is made up for.
    """
    newest = _whole().first()
    if newest is None:
        return start(below=ROOT_ID, by=None) if _credentials_work() else None
    if newest.is_open or newest.asked_at >= _last_night():
        return None
    return start(below=ROOT_ID, by=None)


def decide(*, job_id: UUID, removing: bool, by: User) -> bool:
    """Answer the question of a reading that would remove much. False where it asks none (any more)."""
    policy.require(by, policy.ADMINISTER)
    asking = Job.objects.filter(pk=job_id, state=Job.State.ASKING)
    job = asking.first()
    if job is None:
        return False
    decision = "may_remove" if removing else "keeps"
    cursor = {**job.cursor, decision: True}
    return asking.update(state=Job.State.WAITING, cursor=cursor, result={}) == 1


def last_whole(*, by: User) -> Job | None:
    """The last reading of the whole company that came to its end."""
    policy.require(by, policy.VIEW)
    return _whole().filter(state=Job.State.DONE).first()


def expected_seconds(departments: int) -> float:
    """What reading so many takes where nothing comes between."""
    return 2 * departments / float(settings.DINGTALK_CALLS_PER_SECOND)


def time_left(job: Job) -> float | None:
    """Seconds; None while nobody can tell, because the tree is not known or the work has hardly begun."""
    done, total = job.progress.get("tree", (0, None))
    pace = job.cursor.get("pace")
    if not pace or total is None:
        return None
    read, of = job.progress.get("details", (0, None))
    calls = total - done + (total if of is None else of) - read
    return float(calls / min(pace, settings.DINGTALK_CALLS_PER_SECOND))


def failure_of(job: Job) -> DingTalkError | None:
    """What stood in its way, as DingTalk or the line said it."""
    told = job.result.get("failure") or job.cursor.get("failure")
    if not told:
        return None
    told = dict(told)
    family = getattr(wire, told.pop("family"))
    if "until" in told:
        return wire.Blocked(told["endpoint"], until=datetime.fromisoformat(told["until"]))
    failure: DingTalkError = family(told.pop("endpoint"), **told)
    return failure


def _whole() -> QuerySet[Job]:
    return Job.objects.filter(kind=Job.Kind.SYNC, plan__below=ROOT_ID)


def _last_night() -> datetime:
    now = timezone.localtime()
    hour, minute = _NIGHT
    tonight = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def _credentials_work() -> bool:
    try:
        dingtalk().in_background().contact_scope()
    except DingTalkError as failure:
        log.info("no first reading yet: %s", failure)
        return False
    return True


# ── For those who work ───────────────────────────────────────────────────────────────────────────────────


def work(
    job: Job,
    *,
    seconds: float,
    ending: Callable[[], bool] = _never,
    tell: Callable[[Job], None] = _nobody,
) -> None:
    """Go on with a claimed reading for so long, or until `ending` says so. The lease is then given back.

    `tell` is called whenever there is news of its progress.
    """
    piece = _Slice(job, seconds=seconds, ending=ending, tell=tell)
    try:
        piece.go_on()
    except DingTalkError as failure:
        if _passes(failure):
            _wait(job, failure, has_read=piece.has_read)
        else:
            jobs.end(job, Job.State.FAILED, {"failure": _told(failure)})
    except Exception:
        log.exception("reading %s met a fault of ours", job.pk)
        _wait(job, None, has_read=piece.has_read)
    except KeyboardInterrupt:
        jobs.release(job)
        raise


def _passes(failure: DingTalkError) -> bool:
    """Does it pass by itself, soon?"""
    return isinstance(failure, _PASSING) and not isinstance(failure, wire.QuotaSpent)


def _wait(job: Job, failure: DingTalkError | None, *, has_read: bool) -> None:
    """Try again in a while, later each time nothing came of it; in the end give up."""
    tries = job.cursor["tries"] = 0 if has_read else job.cursor.get("tries", 0) + 1
    told = job.cursor["failure"] = _told(failure) if failure else {}
    if tries >= _TRIES:
        jobs.end(job, Job.State.FAILED, {"failure": told})
    elif isinstance(failure, wire.Blocked):
        jobs.wait(job, until=failure.until)
    else:
        pause = min(_PAUSE * 2 ** max(tries - 1, 0), _LONGEST_PAUSE)
        jobs.wait(job, until=timezone.now() + pause)


def _told(failure: DingTalkError) -> dict[str, Any]:
    told = {
        "family": type(failure).__name__,
        "endpoint": failure.endpoint,
        "code": failure.code,
        "message": failure.message,
        "request_id": failure.request_id,
    }
    return told | (
        {"until": failure.until.isoformat()} if isinstance(failure, wire.Blocked) else {}
    )


class _Batch:
    """Answers that are not written down yet, by what they are."""

    def __init__(
        self, write: Callable[[list[Any]], object], denied: Callable[[list[int]], None]
    ) -> None:
        self._write = write
        self._denied = denied
        self._begin()

    def _begin(self) -> None:
        self.told: list[Any] = []
        self.denied: list[int] = []
        self.unread: list[int] = []
        self._since = time.monotonic()

    def __len__(self) -> int:
        return len(self.told) + len(self.denied) + len(self.unread)

    def is_due(self) -> bool:
        return len(self) >= _BATCH or time.monotonic() - self._since > _SECONDS

    def write_down(self) -> int:
        """How many there were."""
        done, told, denied, unread = len(self), self.told, self.denied, self.unread
        self._begin()
        for some, write in ((told, self._write), (denied, self._denied), (unread, sync.unreadable)):
            if some:
                write(some)
        return done


class _Slice:
    """A reading as far as one turn goes."""

    def __init__(
        self,
        job: Job,
        *,
        seconds: float,
        ending: Callable[[], bool],
        tell: Callable[[Job], None],
    ) -> None:
        self.has_read = False
        self._job = job
        self._below: int = job.plan["below"]
        self._client = dingtalk().in_background()
        self._began_at = time.monotonic()
        self._ends_at = self._began_at + seconds
        self._ending = ending
        self._tell = tell
        self._is_ours = True
        self._calls = 0
        self._failures = 0
        self._last_failure: DingTalkError | None = None

    def go_on(self) -> None:
        """From wherever memory says that we are: the tree, what is missing from it, details."""
        self._read_the_top()
        while self._goes_on():
            picture = Picture.taken(
                below=self._below, starts=self._job.cursor["starts"], since=self._since()
            )
            self._note_progress(picture)
            if levels := picture.levels_to_read():
                self._read_levels(picture, levels)
            elif lost := self._lost(picture):
                if self._has_to_ask(picture):
                    jobs.ask(self._job, _question(picture, lost))
                    return
                self._look_for(lost)
            elif details := picture.details_to_read():
                _mark_loose(picture)
                self._read_details(details)
            else:
                _mark_loose(picture)
                jobs.end(self._job, Job.State.DONE, _result(picture, self._since()))
                return
        if self.has_read:
            self._job.cursor |= {"tries": 0, "failure": {}}
        jobs.release(self._job)

    def _goes_on(self) -> bool:
        """A failure keeps nobody waiting while there is something else to read."""
        if self._last_failure and (self._is_stuck() or not self._is_over()):
            raise self._last_failure
        return not self._is_over()

    def _is_over(self) -> bool:
        return not self._is_ours or time.monotonic() >= self._ends_at or self._ending()

    def _is_stuck(self) -> bool:
        return self._failures >= _FAILURES or isinstance(self._last_failure, wire.Blocked)

    def _since(self) -> datetime:
        assert self._job.started_at is not None  # noqa: S101 — it has been claimed
        return self._job.started_at

    # ── What is read ─────────────────────────────────────────────────────────────────────────────────────

    def _read_the_top(self) -> None:
        """Where the reading starts: at the top of its branch, or where that root is not ours to see, below."""
        if "starts" in self._job.cursor:
            return
        try:
            sync.mirror(self._client.get_department(self._below))
            # Written at once, so that a first page has something to show.
            sync.levels_read([(self._below, self._client.list_children(self._below))])
            starts = [self._below]
        except OutOfContactScope as failure:
            sync.unreadable([self._below])
            starts = self._authorised() if self._below == ROOT_ID else []
            if not starts:
                raise failure from None
        self._job.cursor["starts"] = starts
        self._beat()

    def _authorised(self) -> list[int]:
        found = self._client.contact_scope().authed_dept
        for dept_id in found:
            sync.look_for(self._client, dept_id)
        return found

    def _lost(self, picture: Picture) -> list[int]:
        has_looked = self._job.cursor.get("rounds", 0) >= _ROUNDS
        return [] if has_looked or self._job.cursor.get("keeps") else picture.lost()

    def _has_to_ask(self, picture: Picture) -> bool:
        goes = len(picture.doubtful)
        return goes > max(_FEW, len(picture.branch) / 10) and not self._job.cursor.get("may_remove")

    def _read_levels(self, picture: Picture, levels: list[int]) -> None:
        asked = {*levels, *picture.listed}

        def deeper(listed: list[wire.ListedDepartment]) -> list[int]:
            found = [one.dept_id for one in listed if one.dept_id > 0 and one.dept_id not in asked]
            asked.update(found)
            return found

        batch = _Batch(sync.levels_read, sync.missing)
        self._carry_out("tree", levels, self._client.list_children, batch, deeper)

    def _look_for(self, lost: list[int]) -> None:
        self._carry_out("", lost, self._get, _Batch(_write_details, sync.forget))
        if not self._is_over():
            self._job.cursor["rounds"] = self._job.cursor.get("rounds", 0) + 1

    def _read_details(self, details: list[int]) -> None:
        self._carry_out("details", details, self._get, _Batch(_write_details, sync.missing))

    def _get(self, dept_id: int) -> wire.Department:
        told = self._client.get_department(dept_id)
        if told.dept_id != dept_id:
            raise wire.NotUnderstood("/topapi/v2/department/get", message="another department")
        return told

    # ── How it is read ───────────────────────────────────────────────────────────────────────────────────

    def _carry_out(
        self,
        step: str,
        dept_ids: Iterable[int],
        call: Callable[[int], Any],
        batch: _Batch,
        deeper: Callable[[Any], Iterable[int]] = lambda _told: (),
    ) -> None:
        """Make this call for each department, and for those that `deeper` finds in an answer.

        What fails is left for another time.
        """
        to_ask = deque(dept_ids)
        with Callers(_places()) as callers:
            try:
                while True:
                    while to_ask and callers.have_room and not self._is_over_or_stuck():
                        callers.ask(call, to_ask.popleft())
                    if not callers.under_way:
                        break
                    if (answer := callers.answer(seconds=0.2)) and self._take(batch, *answer):
                        to_ask.extend(deeper(answer[1]))
                    if batch.is_due():
                        self._note(step, batch.write_down(), len(to_ask) + callers.under_way)
            finally:
                self._note(step, batch.write_down(), len(to_ask))

    def _is_over_or_stuck(self) -> bool:
        return self._is_stuck() or self._is_over()

    def _take(self, batch: _Batch, dept_id: int, told: Any) -> bool:
        """Put an answer to its like; True where it told something."""
        if isinstance(told, DingTalkError) and _passes(told):
            self._failures += 1
            self._last_failure = told
            return False
        self._failures = 0
        self._calls += 1
        if isinstance(told, NotThere):
            batch.denied.append(dept_id)
        elif isinstance(told, OutOfContactScope):
            batch.unread.append(dept_id)
        elif isinstance(told, Exception):
            raise told
        else:
            batch.told.append((dept_id, told))
            return True
        return False

    # ── How far it is ────────────────────────────────────────────────────────────────────────────────────

    def _note(self, step: str, done: int, waiting: int) -> None:
        self.has_read = self.has_read or done > 0
        if step:
            before, total = self._job.progress[step]
            done += before
            self._job.progress[step] = [done, None if total is None else max(total, done + waiting)]
        took = time.monotonic() - self._began_at
        if took > _SECONDS:
            self._job.cursor["pace"] = self._calls / took
        self._beat()

    def _note_progress(self, picture: Picture) -> None:
        size = len(picture.readable)
        if "known" not in self._job.cursor:
            self._job.cursor["known"] = size if _has_been_read(self._below) else 0
        known = self._job.cursor["known"]
        total = max(known, size) if known else None
        if not picture.levels_to_read():
            total = size
        self._job.progress = {
            "tree": [picture.levels_read(), total],
            "details": [picture.details_read(), total],
        }

    def _beat(self) -> None:
        self._is_ours = self._is_ours and jobs.beat(self._job)
        self._tell(self._job)


def _places() -> int:
    """So many calls at once as the pace can use where an answer takes half a second."""
    return min(_CALLERS, max(4, math.ceil(settings.DINGTALK_CALLS_PER_SECOND / 2)))


def _write_details(told: list[tuple[int, wire.Department]]) -> None:
    sync.details_read([remote for _dept_id, remote in told])


def _mark_loose(picture: Picture) -> None:
    loose = picture.loose()
    rows = Department.objects.all()
    for ids, detached in ((loose - picture.detached, True), (picture.detached - loose, False)):
        for dept_id in ids:
            rows.filter(pk=dept_id).update(detached=detached)


def _has_been_read(below: int) -> bool:
    read = Job.objects.filter(kind=Job.Kind.SYNC, state=Job.State.DONE)
    return read.filter(plan__below__in=[below, ROOT_ID]).exists()


def _question(picture: Picture, lost: list[int]) -> dict[str, Any]:
    rows = Department.objects.filter(pk__in=lost[:_NAMED]).order_by("name", "dept_id")
    return {
        "missing": len(picture.doubtful),
        "of": len(picture.branch),
        "names": list(rows.values_list("name", flat=True)),
    }


def _result(picture: Picture, since: datetime) -> dict[str, Any]:
    changed = Department.objects.present().filter(changed_at__gte=since)
    unreadable = Department.objects.present().filter(readable=False)
    return {
        "departments": len(picture.branch),
        "changed": len(picture.branch.intersection(changed.values_list("pk", flat=True))),
        "unreadable": len(picture.branch.intersection(unreadable.values_list("pk", flat=True))),
        "gone": Department.objects.filter(gone_at__gte=since).count(),
        "missing": len(picture.doubtful),
    }
