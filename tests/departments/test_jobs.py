"""Jobs: one worker at a time, and people have the last word."""

import threading
from datetime import timedelta

import pytest
import reading
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from departments import tasks
from departments.errors import NotPermitted
from departments.models import Department, Job
from departments.services import crawl, jobs
from departments.views.jobs import in_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return crawl.start(below=1, by=None)


def state(job):
    return Job.objects.get(pk=job.pk).state


# ── The lease ────────────────────────────────────────────────────────────────────────────────────────────


def test_who_claims_it_first_has_it(job):
    assert jobs.due() == [job.pk]

    claimed = jobs.claim(job.pk)

    assert claimed.state == "running"
    assert claimed.started_at
    assert jobs.claim(job.pk) is None
    assert jobs.due() == []


def test_a_lease_that_ran_out_was_held_by_a_dead_process(job, time_machine):
    dead = jobs.claim(job.pk)
    time_machine.move_to(timezone.now() + timedelta(seconds=61))

    alive = jobs.claim(job.pk)

    assert alive.started_at == dead.started_at
    assert jobs.beat(alive)
    assert not jobs.beat(dead)


def test_a_late_word_of_one_who_lost_the_lease_changes_nothing(job, time_machine):
    dead = jobs.claim(job.pk)
    time_machine.move_to(timezone.now() + timedelta(seconds=61))
    jobs.claim(job.pk)

    jobs.release(dead)
    jobs.end(dead, Job.State.FAILED, {})

    assert state(job) == "running"
    assert jobs.due() == []


def test_a_beat_keeps_the_lease_and_writes_down_how_far_it_is(job, time_machine):
    claimed = jobs.claim(job.pk)
    claimed.progress = {"tree": [3, 10]}
    time_machine.move_to(timezone.now())
    for _ in range(3):
        time_machine.shift(40)
        assert jobs.beat(claimed)

    assert Job.objects.get().progress == {"tree": [3, 10]}


def test_released_it_is_the_next_ones(job):
    jobs.release(jobs.claim(job.pk))

    assert jobs.due() == [job.pk]
    assert jobs.claim(job.pk)


def test_one_that_waits_is_not_due_before_its_time(job, time_machine):
    jobs.wait(jobs.claim(job.pk), until=timezone.now() + timedelta(seconds=20))
    assert jobs.due() == []
    assert jobs.claim(job.pk) is None

    time_machine.move_to(timezone.now() + timedelta(seconds=21))

    assert jobs.due() == [job.pk]
    assert jobs.claim(job.pk).resumes_at is None


def test_one_that_asks_or_has_ended_is_nobodys_work(job):
    jobs.ask(jobs.claim(job.pk), {"missing": 30})
    assert (state(job), jobs.due(), jobs.claim(job.pk)) == ("asking", [], None)

    jobs.stop(job_id=job.pk, by=None)
    assert (state(job), jobs.due(), jobs.claim(job.pk)) == ("stopped", [], None)


# ── People ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_pauses_and_the_worker_sees_it(job, editor):
    claimed = jobs.claim(job.pk)

    assert jobs.pause(job_id=job.pk, by=editor.user)

    assert not jobs.beat(claimed)
    jobs.release(claimed)
    assert (state(job), jobs.due()) == ("paused", [])


def test_what_a_person_has_paused_or_stopped_does_not_end_otherwise(job, editor):
    claimed = jobs.claim(job.pk)
    jobs.pause(job_id=job.pk, by=editor.user)

    jobs.end(claimed, Job.State.DONE, {})

    assert state(job) == "paused"
    assert Job.objects.get().leased_until is None


def test_resumed_it_goes_on_at_once(job, editor):
    jobs.wait(jobs.claim(job.pk), until=timezone.now() + timedelta(hours=1))
    jobs.pause(job_id=job.pk, by=editor.user)

    assert jobs.resume(job_id=job.pk, by=editor.user)

    assert jobs.due() == [job.pk]


def test_stopped_it_has_ended(job, editor):
    assert jobs.stop(job_id=job.pk, by=editor.user)

    assert Job.objects.get().ended_at
    assert jobs.open_job(by=editor.user) is None
    assert not jobs.stop(job_id=job.pk, by=editor.user)
    assert not jobs.pause(job_id=job.pk, by=editor.user)
    assert not jobs.resume(job_id=job.pk, by=editor.user)


def test_the_open_one_is_found(job, viewer):
    assert jobs.open_job(by=viewer.user) == job
    assert list(jobs.listed(by=viewer.user)) == [job]
    assert jobs.job(job_id=job.pk, by=viewer.user) == job


def test_the_services_ask_for_a_role(job, viewer, django_user_model):
    nobody = django_user_model.objects.create_user("nobody")
    for look in (jobs.listed, jobs.open_job):
        with pytest.raises(NotPermitted):
            look(by=nobody)
    with pytest.raises(NotPermitted):
        jobs.job(job_id=job.pk, by=nobody)
    for act in (jobs.pause, jobs.resume, jobs.stop):
        with pytest.raises(NotPermitted):
            act(job_id=job.pk, by=viewer.user)
    assert state(job) == "waiting"


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────


def page_of(person, job, **more):
    return person.get(f"/jobs/{job.pk}/", **more)


def test_an_editor_begins_a_reading_and_lands_on_its_page(org, line, editor):
    page = editor.post("/jobs/", {})

    job = Job.objects.get()
    assert page.url == f"/jobs/{job.pk}/"
    assert "Reading all departments" in page.text
    assert "waiting" in page.text
    assert "Asked for editor" in page.text
    assert HUEY.pending()[0].args == (str(job.pk),)


def test_pressed_twice_it_is_one(editor):
    assert editor.post("/jobs/", {}).url == editor.post("/jobs/", {}).url


def test_a_queue_out_of_reach_is_no_fault_of_the_page(editor, monkeypatch):
    def broken(*_task):
        raise OSError("no queue")

    monkeypatch.setattr(HUEY, "enqueue", broken)

    assert editor.post("/jobs/", {}).status == 200
    assert Job.objects.get().state == "waiting"


def test_the_list_says_what_who_how_and_how_far(org, line, editor, viewer):
    reading.read()
    crawl.start(below=org["Sales"].dept_id, by=editor.user)

    page = viewer.get("/jobs/")

    assert page.text.index("Reading “Sales” and everything below it editor") < page.text.index(
        "Reading all departments by itself"
    )
    assert "done Tree 11 of 11 · Details 11 of 11" in page.text
    assert "waiting Tree 0 so far · Details 0 so far" in page.text


def test_the_list_comes_in_pages(viewer, db):
    now = timezone.now()
    Job.objects.bulk_create(
        Job(kind="sync", state="done", plan={"below": 1}, ended_at=now) for _ in range(51)
    )

    assert "Page 1 of 2" in viewer.get("/jobs/").text
    assert "Newer" in viewer.get("/jobs/?page=2").text


def test_an_empty_list_says_that_the_first_reading_begins_by_itself(viewer):
    assert "The first reading begins by itself." in viewer.get("/jobs/").text


def test_under_way_it_is_polled_and_can_be_left(job, viewer):
    jobs.claim(job.pk)
    Job.objects.update(progress={"tree": [310, 310], "details": [120, 310]}, cursor={"pace": 1.0})

    page = page_of(viewer, job)

    assert "Details 120 of 310" in page.text
    assert "About 3 minutes left You can leave this page." in page.text
    assert 'hx-trigger="every 2s"' in page.html
    assert '<meta http-equiv="refresh" content="5">' in page.html
    assert 'max="310"' in page.html


def test_the_part_that_is_polled_stops_when_it_has_ended(job, viewer):
    part = viewer.get(f"/jobs/{job.pk}/?part=progress", htmx="progress")
    assert 'hx-trigger="every 2s"' in part.html
    assert "<html" not in part.html

    jobs.stop(job_id=job.pk, by=None)

    part = viewer.get(f"/jobs/{job.pk}/?part=progress", htmx="progress")
    assert "hx-trigger" not in part.html
    assert "stopped" in part.text
    assert 'http-equiv="refresh"' not in page_of(viewer, job).html


def test_pause_resume_and_stop_are_buttons_of_its_page(job, editor):
    url = f"/jobs/{job.pk}/"

    assert "paused" in editor.post(url, {"action": "pause"}).text
    assert HUEY.pending() == []
    assert "waiting" in editor.post(url, {"action": "resume"}).text
    assert len(HUEY.pending()) == 1
    page = editor.post(url, {"action": "stop"})
    assert "stopped" in page.text
    assert "<button" not in page.html[page.html.index("<h1") :]


def test_an_action_that_comes_too_late_changes_nothing(job, editor):
    jobs.stop(job_id=job.pk, by=None)

    page = editor.post(f"/jobs/{job.pk}/", {"action": "pause"})

    assert page.status == 200
    assert "stopped" in page.text


def test_viewers_see_it_without_buttons(job, viewer):
    page = page_of(viewer, job)

    assert "Pause" not in page.text
    assert viewer.post(f"/jobs/{job.pk}/", {"action": "stop"}).status == 403
    assert state(job) == "waiting"


def test_there_is_no_page_of_a_job_that_is_none(viewer):
    assert viewer.get("/jobs/00000000-0000-4000-8000-000000000000/").status == 404


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (12, "12 seconds"),
        (61, "60 seconds"),
        (840, "14 minutes"),
        (9000, "2 hours"),
    ],
)
def test_times_are_told_as_people_tell_them(seconds, words):
    assert in_words(seconds) == words


def test_slowed_down_it_says_so_and_until_when(job, viewer, line):
    line.answer("department/get", errcode=90018, errmsg="too fast")
    reading.go_on(job)

    page = page_of(viewer, job)

    assert "DingTalk is limiting us. Continues in 20 seconds." in page.text


def test_without_an_answer_it_says_that_it_tries_again(job, viewer, line):
    line.refuse()
    reading.go_on(job)

    assert "DingTalk is not answering. Tries again in 20 seconds." in page_of(viewer, job).text


def test_one_that_failed_says_what_dingtalk_said(job, viewer, line):
    line.answer("department/get", errcode=60011, errmsg="no right", request_id="r-7")
    reading.go_on(job)

    page = page_of(viewer, job)

    assert "ended early" in page.text
    assert "A permission is missing in DingTalk" in page.text
    assert "Code 60011 Request ID r-7" in page.text


def test_one_that_failed_for_a_fault_of_ours_says_that(job, viewer):
    jobs.end(jobs.claim(job.pk), Job.State.FAILED, {"failure": {}})

    assert "Something went wrong here, not in DingTalk." in page_of(viewer, job).text


def test_one_that_is_done_says_what_it_found(org, line, viewer):
    reading.read()
    org.rename_department("Legal", "Law")

    page = page_of(viewer, reading.read())

    assert "Departments 11 New or changed 1 No longer in DingTalk 0" in page.text


@pytest.fixture
def asking(org, line):
    for n in range(30):
        org.create_department(f"Team {n}", parent="Empty")
    reading.read()
    org.delete_department("Empty")
    return reading.read()


def test_a_question_says_what_each_answer_means(asking, administrator):
    page = page_of(administrator, asking)

    assert "33 of 41 departments are no longer where we had them." in page.text
    assert "needs a decision" in page.text
    assert "Empty" in page.text
    assert "those that DingTalk says do not exist disappear here" in page.text


@pytest.mark.parametrize(("answer", "left"), [("remove", 8), ("keep", 41)])
def test_an_administrator_decides(asking, administrator, answer, left):
    administrator.post(f"/jobs/{asking.pk}/", {"action": answer})
    assert len(HUEY.pending()) == 1

    reading.go_on(asking)

    assert asking.state == "done"
    assert Department.objects.present().count() == left


def test_others_see_that_an_administrator_has_to(asking, editor):
    page = page_of(editor, asking)

    assert "An administrator has to decide." in page.text
    assert "Remove what DingTalk no longer has" not in page.text
    assert editor.post(f"/jobs/{asking.pk}/", {"action": "remove"}).status == 403


# ── On the first page ────────────────────────────────────────────────────────────────────────────────────


def test_the_first_reading_is_told_while_the_tree_is_there_to_be_used(org, line, viewer):
    job = crawl.start(below=1, by=None)
    reading.go_on(job, seconds=0)
    jobs.claim(job.pk)

    page = viewer.get("/departments/")

    assert "Reading your company’s departments for the first time: 5 so far" in page.text
    assert "Last read as a whole Not yet" in page.text
    assert "part=memory" in page.html
    assert page_of(viewer, job).url in page.html


def test_later_readings_are_told_with_how_far_they_are(org, line, viewer, editor):
    reading.read()
    job = crawl.start(below=1, by=editor.user)
    jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(progress={"tree": [3, 11], "details": [0, 11]})

    part = viewer.get("/departments/?part=memory", htmx="memory")

    assert "Reading all departments: under way" in part.text
    assert "Tree 3 of 11" in part.text
    assert "<html" not in part.html


def test_an_editor_may_read_everything_again_and_is_told_how_long_it_takes(
    org, line, editor, viewer, settings
):
    reading.read()
    settings.DINGTALK_CALLS_PER_SECOND = 0.1

    assert "Read everything again (about 4 minutes)" in editor.get("/departments/").text
    assert "Read everything again" not in viewer.get("/departments/").text


# ── By itself ────────────────────────────────────────────────────────────────────────────────────────────


def worked_off(*, later=()):
    """Everything that is queued, and what that queues; what is queued for `later` is only put there."""
    done = 0
    while task := HUEY.dequeue():
        if task.eta:
            later.append(task)
        else:
            tasks.work_on.call_local(*task.args)
            done += 1
    return done


def test_the_first_minute_reads_everything(org, line):
    tasks.read_what_is_due.call_local()

    assert worked_off() == 1
    assert Job.objects.get().state == "done"
    assert Department.objects.count() == len(org)


def test_a_long_one_is_done_in_slices(org, line, monkeypatch):
    monkeypatch.setattr(tasks, "_SLICE", 0.005)

    tasks.soon(crawl.start(below=1, by=None))

    assert worked_off() > 2
    assert Job.objects.get().state == "done"


def test_what_a_dead_process_left_is_found_by_the_next_minute(org, line, job, time_machine):
    jobs.claim(job.pk)
    tasks.read_what_is_due.call_local()
    assert worked_off() == 0
    time_machine.move_to(timezone.now() + timedelta(seconds=61))

    tasks.read_what_is_due.call_local()

    assert worked_off() == 1
    assert state(job) == "done"


def test_what_somebody_else_is_at_is_left_to_them(sandbox, line, job):
    jobs.claim(job.pk)
    tasks.work_on(str(job.pk))

    assert worked_off() == 1
    assert sandbox.calls == []


def test_what_has_to_wait_is_scheduled(org, line, job):
    line.refuse()
    tasks.work_on(str(job.pk))

    later = []

    assert worked_off(later=later) == 1

    assert [task.args for task in later] == [(str(job.pk),)]
    assert state(job) == "waiting"


def test_while_the_process_ends_nothing_is_queued(org, line, job, monkeypatch):
    monkeypatch.setattr(HUEY, "ending", threading.Event())
    HUEY.ending.set()
    tasks.work_on(str(job.pk))

    assert worked_off() == 1
    assert jobs.due() == [job.pk]


def test_without_credentials_nothing_is_tried(line, settings):
    settings.DINGTALK_CLIENT_ID = ""

    tasks.read_what_is_due.call_local()

    assert not Job.objects.exists()
