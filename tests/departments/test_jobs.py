"""Jobs: one worker at a time, and people have the last word."""

from datetime import timedelta

import pytest
from django.utils import timezone

from departments.errors import NotPermitted
from departments.models import Job
from departments.services import crawl, jobs

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
