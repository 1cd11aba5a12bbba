"""Long work as people see it: how far it is, and what they may do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from .. import policy, problems, tasks
from ..dingtalk import ROOT_ID, Blocked, RateLimited
from ..http import PersonRequest, respond, wants_part
from ..models import Job
from ..services import browse, crawl
from ..services import jobs as service

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

_PAGE = 50
#: Longer than this in one unit, and the next larger one says it better.
_TELLABLE = 90
#: Above this nobody means single seconds.
_ROUND = 20
#: How a job's state is drawn, as outcomes are.
_LOOKS = {
    Job.State.DONE: "done",
    Job.State.FAILED: "refused",
    Job.State.ASKING: "conflict",
    Job.State.PAUSED: "unknown",
    Job.State.STOPPED: "",
}
_MAY = {"pause": service.pause, "resume": service.resume, "stop": service.stop}


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.VIEW, raise_exception=True)
def everything(request: PersonRequest) -> HttpResponse:
    """GET lists what was and is done; POST begins to read everything again."""
    if request.method == "POST":
        job = crawl.start(below=ROOT_ID, by=request.user)
        tasks.soon(job)
        return redirect("departments:job", job.pk)
    page = Paginator(service.listed(by=request.user), _PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Jobs"),
        "page": page,
        "rows": [(job, shown(job)) for job in page],
        "under_way": service.open_job(by=request.user),
        **offer(browse.overview(by=request.user)["departments"]),
    }
    return respond(request, "departments/jobs.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(policy.VIEW, raise_exception=True)
def one(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """POST pauses, resumes or stops it, or answers its question."""
    job = service.job(job_id=job_id, by=request.user)
    if job is None:
        raise Http404
    if request.method == "POST":
        return _act(request, job)
    if wants_part(request, "progress"):
        return render(request, "departments/job.html#progress", _page(job))
    return respond(request, "departments/job.html", _page(job))


def shown(job: Job) -> dict[str, Any]:
    """A job in words: what it is, who asked, how far it is, how long it will take."""
    left = crawl.time_left(job)
    return {
        "what": _what(job),
        "who": job.by_name or _("by itself"),
        "look": _LOOKS.get(Job.State(job.state), "pending"),
        "steps": _steps(job),
        "left": _("About %(time)s left") % {"time": in_words(left)}
        if left is not None and job.state == Job.State.RUNNING
        else "",
        "wait": _wait(job),
        "moves": job.state in (Job.State.WAITING, Job.State.RUNNING),
    }


def offer(departments: int) -> dict[str, str]:
    """What reading everything again would take."""
    time = in_words(crawl.expected_seconds(departments))
    words = {"n": f"{departments:,}", "time": time}
    return {
        "again": _("Read everything again (about %(time)s)") % words,
        "costs": _("Reads %(n)s departments, about %(time)s.") % words,
    }


def in_words(seconds: float) -> str:
    if seconds < _TELLABLE:
        n = max(int(round(seconds, -1 if seconds > _ROUND else 0)), 1)
        return ngettext("%(n)s second", "%(n)s seconds", n) % {"n": n}
    if seconds < 60 * _TELLABLE:
        n = round(seconds / 60)
        return ngettext("%(n)s minute", "%(n)s minutes", n) % {"n": n}
    n = round(seconds / 3600)
    return ngettext("%(n)s hour", "%(n)s hours", n) % {"n": n}


def _act(request: PersonRequest, job: Job) -> HttpResponse:
    """An action that comes too late changes nothing: the page says what is."""
    action = request.POST.get("action", "")
    if action in _MAY:
        _MAY[action](job_id=job.pk, by=request.user)
    elif action in ("remove", "keep"):
        crawl.decide(job_id=job.pk, removing=action == "remove", by=request.user)
    else:
        policy.require(request.user, policy.EDIT)
        return respond(request, "departments/job.html", _page(job), status=422)
    job.refresh_from_db()
    if job.state == Job.State.WAITING:
        tasks.soon(job)
    return redirect("departments:job", job.pk)


def _page(job: Job) -> dict[str, Any]:
    failure = crawl.failure_of(job) if job.state == Job.State.FAILED else None
    told = shown(job)
    return {
        "title": told["what"],
        "job": job,
        "told": told,
        "problem": problems.of(failure) if failure else None,
        "n": {name: f"{n:,}" for name, n in job.result.items() if isinstance(n, int)},
        "more": job.result.get("missing", 0) - len(job.result.get("names", [])),
    }


def _what(job: Job) -> str:
    below = job.plan["below"]
    if below == ROOT_ID:
        return _("Reading all departments")
    name = browse.names_of([below]).get(below, str(below))
    return _("Reading “%(name)s” and everything below it") % {"name": name}


def _steps(job: Job) -> list[dict[str, Any]]:
    labels = {"tree": _("Tree"), "details": _("Details")}
    return [
        {
            "name": name,
            "label": label,
            "done": done,
            "total": total,
            "text": _so_far(done, total),
            "is_done": total is not None and done >= total,
        }
        for name, label in labels.items()
        for done, total in [job.progress.get(name, (0, None))]
    ]


def _so_far(done: int, total: int | None) -> str:
    if total is None:
        return _("%(n)s so far") % {"n": f"{done:,}"}
    return _("%(n)s of %(total)s") % {"n": f"{done:,}", "total": f"{total:,}"}


def _wait(job: Job) -> str:
    """Why nothing moves, and when it does again."""
    if job.state != Job.State.WAITING or job.resumes_at is None:
        return ""
    seconds = max((job.resumes_at - timezone.now()).total_seconds(), 0)
    words = {"time": in_words(seconds)}
    if isinstance(crawl.failure_of(job), RateLimited | Blocked):
        return _("DingTalk is limiting us. Continues in %(time)s.") % words
    return _("DingTalk is not answering. Tries again in %(time)s.") % words
