"""A whole reading: every call once, nothing lost, nothing removed on anybody's word but DingTalk's own."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import reading
from django.core.cache import cache
from django.utils import timezone
from looking import reads

from departments.dingtalk import (
    Blocked,
    NoAnswer,
    NotThere,
    OutOfContactScope,
    PermissionMissing,
    QuotaSpent,
)
from departments.errors import NotPermitted
from departments.models import Department, Job
from departments.services import crawl, jobs, sync
from departments.services.picture import Picture
from sandbox.faults import Rule

pytestmark = pytest.mark.django_db

GET = "department/get"
LEVEL = "department/listsub"


@pytest.fixture
def one_by_one(monkeypatch):
    """One call at a time, each answer written down before the next call."""
    monkeypatch.setattr(crawl, "_CALLERS", 1)
    monkeypatch.setattr(crawl, "_BATCH", 1)


def remembered(name):
    return Department.objects.get(name=name)


def present():
    return set(Department.objects.present().values_list("name", flat=True))


def gone():
    return set(Department.objects.exclude(gone_at=None).values_list("name", flat=True))


def listed(org, *names):
    """As `listsub` tells them."""
    return [{"dept_id": org[name].dept_id, "name": name} for name in names]


def answers(sandbox, path, department, result):
    """From now on DingTalk says this about one department."""
    body = {"errcode": 0, "result": result}
    sandbox.faults.add(Rule("reply", path=path, dept_id=department.dept_id, times=None, body=body))


def denies(sandbox, path, department):
    body = {"errcode": 60003, "errmsg": "no"}
    sandbox.faults.add(Rule("reply", path=path, dept_id=department.dept_id, times=None, body=body))


def asked(sandbox, call):
    """Which departments this call was made for, and how often."""
    return Counter(made.body["dept_id"] for made in sandbox.calls if made.path.endswith(call))


# ── Calls ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_reading_takes_each_call_once(org, sandbox, line, time):
    if time == "second":
        reading.read()
        sandbox.calls.clear()

    job = reading.read()

    assert job.state == "done"
    assert set(asked(sandbox, LEVEL).values()) == set(asked(sandbox, GET).values()) == {1}
    assert set(asked(sandbox, LEVEL)) == set(asked(sandbox, GET)) == set(org.branch(1))
    assert len(reads(sandbox)) == 2 * len(org)
    assert job.progress == {"tree": [len(org)] * 2, "details": [len(org)] * 2}
    assert job.result["departments"] == len(org) == Department.objects.count()
    assert Department.objects.exclude(details_seen_at=None).count() == len(org)
    assert Department.objects.exclude(children_seen_at=None).count() == len(org)


def test_in_many_slices_too(org, sandbox, line, monkeypatch, one_by_one):
    """Each slice ends with the first call it made."""
    job = crawl.start(below=1, by=None)
    slices = 0
    while job.state != "done":
        reading.go_on(job, seconds=0.0 if slices == 0 else 0.003)
        slices += 1

    assert slices > 3
    assert set(asked(sandbox, LEVEL).values()) == set(asked(sandbox, GET).values()) == {1}
    assert job.result["departments"] == len(org)


def test_a_process_that_dies_takes_one_batch_along(org, sandbox, line, monkeypatch, one_by_one):
    """What it had written down stands; the next one asks for the rest."""
    job = crawl.start(below=1, by=None)
    written = []

    def die(_job):
        written.append(1)
        if len(written) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crawl.work(jobs.claim(job.pk), seconds=60, tell=die)

    reading.go_on(job)

    assert job.state == "done"
    assert sum(asked(sandbox, LEVEL).values()) <= len(org) + 1
    assert present() == {org[dept_id].name for dept_id in org.branch(1)}


def test_it_may_read_one_branch_only(org, line):
    job = reading.read(below=org["Sales"].dept_id)

    assert job.result["departments"] == 4
    assert not Department.objects.filter(name="Legal").exists()


def test_what_a_person_has_just_read_is_not_read_again(org, sandbox, line):
    job = crawl.start(below=1, by=None)
    reading.go_on(job, seconds=0)
    sync.refresh_children(dept_id=1)
    sync.refresh_children(dept_id=org["Sales"].dept_id)
    sandbox.calls.clear()

    reading.go_on(job)

    assert org["Sales"].dept_id not in asked(sandbox, LEVEL)
    assert {"East", "Ningbo"} <= present()


def test_ids_that_cannot_be_asked_about_are_kept_and_not_asked_about(org, sandbox, line):
    families = {"dept_id": -7, "name": "Families"}
    answers(sandbox, LEVEL, org["Legal"], [families])

    job = reading.read()

    assert job.state == "done"
    assert remembered("Families").parent_id == org["Legal"].dept_id
    assert remembered("Families").gone_at is None
    assert -7 not in asked(sandbox, LEVEL) | asked(sandbox, GET)


# ── What has changed ─────────────────────────────────────────────────────────────────────────────────────


def test_it_notices_what_is_gone(org, line):
    reading.read()
    org.delete_department("Empty")

    job = reading.read()

    assert gone() == {"Empty", "Cellar", "Vault"}
    assert job.result["gone"] == 3


def test_it_follows_a_move(org, line):
    reading.read()
    org.move_department("Legal", to="Vault")

    job = reading.read()

    assert remembered("Legal").parent_id == org["Vault"].dept_id
    assert gone() == set()
    assert (job.result["changed"], job.result["departments"]) == (1, len(org))


def test_reading_one_branch_it_asks_where_a_department_has_gone(org, line):
    reading.read()
    org.move_department("Cellar", to="Legal")

    reading.read(below=org["Empty"].dept_id)

    assert remembered("Cellar").gone_at is None
    assert remembered("Cellar").parent_id == org["Legal"].dept_id


def test_one_deleted_while_the_tree_is_read_does_not_stop_it(org, line, one_by_one):
    # The root is read, then Sales; Empty goes before its turn.
    line.when(LEVEL, lambda: org.delete_department("Empty"), after=1)

    assert reading.read().state == "done"

    assert gone() == {"Empty"}  # nobody has ever told us of those below
    assert remembered("Ningbo").details_seen_at


def test_one_deleted_between_tree_and_details_is_forgotten(org, line):
    line.when(GET, lambda: org.delete_department("Legal"), after=1)

    assert reading.read().state == "done"

    assert gone() == {"Legal"}


def test_one_moved_away_before_its_old_place_was_deleted_is_found(org, line, one_by_one):
    """Sales, and with it East, is read before Legal moves there; Legal's old place is read already, too."""
    reading.read()
    line.when(GET, lambda: org.move_department("Legal", to="East"), after=3)

    assert reading.read().state == "done"

    assert remembered("Legal").parent_id == org["East"].dept_id
    assert gone() == set()


def test_one_that_listsub_denies_and_get_does_not_ends_no_reading_in_a_loop(org, sandbox, line):
    reading.read()
    denies(sandbox, LEVEL, org["Legal"])

    job = reading.read()

    assert job.state == "done"
    assert remembered("Legal").missing_at
    assert gone() == set()
    assert job.result["missing"] == 1


def test_a_get_that_tells_another_department_is_not_believed(org, sandbox, line):
    answers(sandbox, GET, org["Legal"], {"dept_id": 99, "name": "X"})

    job = reading.read()

    assert (job.state, job.cursor["failure"]["family"]) == ("waiting", "NotUnderstood")
    assert "X" not in present()
    assert remembered("East").details_seen_at


def test_departments_in_a_circle_are_read_and_shown_beside_the_root(org, sandbox, line):
    """Broken, and DingTalk says so each time: Empty lies in Cellar, and Cellar in Empty."""
    reading.read()
    empty, cellar = org["Empty"], org["Cellar"]
    answers(sandbox, LEVEL, org["Acme"], listed(org, "Sales", "Research", "Legal"))
    answers(sandbox, LEVEL, cellar, listed(org, "Empty", "Vault"))
    answers(
        sandbox,
        GET,
        empty,
        {"dept_id": empty.dept_id, "name": "Empty", "parent_id": cellar.dept_id},
    )
    sandbox.calls.clear()

    job = reading.read()

    assert (job.state, gone()) == ("done", set())
    assert [row.name for row in Department.objects.tops()] == ["Acme", "Empty"]
    assert job.result["departments"] == len(org)
    assert asked(sandbox, LEVEL)[empty.dept_id] == 1

    sandbox.faults.clear()
    reading.read()
    assert [row.name for row in Department.objects.tops()] == ["Acme"]


def test_what_hangs_from_nothing_is_read_with_its_level(org, sandbox, line):
    """Opened by its address, in a scope that does not show what lies above it."""
    reading.read()
    cellar = org["Cellar"]
    for name in ("Empty", "Cellar", "Vault"):
        Department.objects.filter(name=name).delete()
    answers(sandbox, LEVEL, org["Acme"], listed(org, "Sales", "Research", "Legal"))
    sync.refresh(dept_id=cellar.dept_id)

    job = reading.read()

    assert job.state == "done"
    assert remembered("Cellar").detached
    assert remembered("Vault").details_seen_at
    assert not remembered("Vault").detached


@pytest.mark.parametrize(
    ("rows", "loose"),
    [
        ([(1, None), (2, 1)], set()),
        ([(1, None), (5, 4)], {5}),
        ([(1, None), (5, 4), (6, 5)], {5}),
        ([(1, None), (5, 5)], {5}),
        ([(1, None), (6, 5), (5, 6)], {5}),
        ([(1, None), (9, 7), (7, 8), (8, 9), (3, 8), (2, 3)], {7}),
        ([(1, None), (6, 5), (5, 6), (8, 7), (7, 8)], {5, 7}),
        ([(1, 2), (2, 1)], {1}),
        ([(1, None), (-7, -9), (3, -7)], {-7}),
        ([], set()),
    ],
)
def test_of_each_circle_one_is_loose_and_of_what_hangs_from_nothing_the_top(rows, loose):
    picture = Picture(below=1, starts=[1], parents=dict(rows))

    assert picture.loose() == loose


def test_a_very_long_way_up_ends():
    picture = Picture(below=1, starts=[1], parents={n: n % 20_000 + 1 for n in range(1, 20_001)})

    assert picture.loose() == {1}


# ── The contact scope ────────────────────────────────────────────────────────────────────────────────────


def test_what_is_out_of_scope_is_marked_and_passed_over(org, sandbox, line):
    narrow = [org["Sales"].dept_id]
    line.when(GET, lambda: setattr(sandbox.switches, "contact_scope", narrow), after=1)

    job = reading.read()

    assert job.state == "done"
    assert not remembered("Legal").readable
    assert remembered("East").details_seen_at
    assert job.result["unreadable"] == 6


def test_a_level_out_of_scope_is_asked_for_once(org, sandbox, line):
    body = {"errcode": 50004, "errmsg": "no"}
    legal = org["Legal"].dept_id
    sandbox.faults.add(Rule("reply", path=LEVEL, dept_id=legal, times=None, body=body))

    job = reading.read()

    assert (job.state, job.result["unreadable"]) == ("done", 1)
    assert asked(sandbox, LEVEL)[legal] == 1


def test_where_the_root_is_out_of_scope_it_starts_with_what_is_in(org, sandbox, line):
    sandbox.switches.contact_scope = [org["Sales"].dept_id, org["Legal"].dept_id]

    job = reading.read()

    assert job.state == "done"
    assert present() == {"Sales", "East", "Ningbo", "North", "Legal"}
    assert {row.name for row in Department.objects.tops()} == {"Sales", "Legal"}


def test_a_scope_that_becomes_narrower_makes_nothing_gone(org, sandbox, line):
    reading.read()
    sandbox.switches.contact_scope = [org["Sales"].dept_id]

    job = reading.read()

    assert (job.state, gone()) == ("done", set())
    assert not remembered("Legal").readable
    assert remembered("East").readable


def test_a_scope_of_nothing_is_what_dingtalk_says(org, sandbox, line):
    sandbox.switches.contact_scope = []

    job = reading.read()

    assert job.state == "failed"
    assert isinstance(crawl.failure_of(job), OutOfContactScope)


def test_a_branch_out_of_scope_can_not_be_read(org, sandbox, line):
    sandbox.switches.contact_scope = [org["Sales"].dept_id]

    job = reading.read(below=org["Legal"].dept_id)

    assert isinstance(crawl.failure_of(job), OutOfContactScope)


# ── What would remove much ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shrunken(org, line):
    """Everything was read, then a branch of thirty went, and one of those moved away before."""
    for n in range(30):
        org.create_department(f"Team {n:02}", parent="Empty")
    reading.read()
    org.move_department("Team 07", to="Legal")
    org.delete_department("Empty")


def test_before_much_would_go_it_asks(org, sandbox, line, shrunken):
    job = reading.read()

    assert (job.state, gone()) == ("asking", set())
    assert job.result == {"missing": 32, "of": len(org) + 32, "names": ["Empty"]}
    assert remembered("Empty").missing_at
    assert jobs.due() == []


def test_told_to_remove_it_removes_what_dingtalk_says_is_gone(org, line, shrunken, administrator):
    job = reading.read()

    assert crawl.decide(job_id=job.pk, removing=True, by=administrator.user)
    reading.go_on(job)

    assert job.state == "done"
    assert present() == {org[dept_id].name for dept_id in org.branch(1)}
    assert "Team 07" in present()
    assert job.result["gone"] == 32


def test_told_to_keep_it_keeps_and_reads_on(org, sandbox, line, shrunken, administrator):
    job = reading.read()

    assert crawl.decide(job_id=job.pk, removing=False, by=administrator.user)
    reading.go_on(job)

    assert (job.state, gone()) == ("done", set())
    assert remembered("Team 03").missing_at is None
    assert remembered("Empty").missing_at
    assert job.result["missing"] == 32
    assert remembered("East").details_seen_at > job.started_at


def test_what_was_kept_is_asked_about_again_by_the_next_reading(org, line, shrunken, administrator):
    job = reading.read()
    crawl.decide(job_id=job.pk, removing=False, by=administrator.user)
    reading.go_on(job)

    assert reading.read().state == "asking"


def test_few_go_without_a_question_however_few_there_are(org, line):
    for n in range(17):
        org.create_department(f"Team {n}", parent="Empty")
    reading.read()
    org.delete_department("Empty")

    assert reading.read().state == "done"
    assert len(gone()) == 20


def test_it_is_decided_once_and_by_an_administrator(org, line, shrunken, administrator, deleter):
    job = reading.read()

    with pytest.raises(NotPermitted):
        crawl.decide(job_id=job.pk, removing=True, by=deleter.user)
    assert crawl.decide(job_id=job.pk, removing=True, by=administrator.user)
    assert not crawl.decide(job_id=job.pk, removing=False, by=administrator.user)


def test_dingtalk_denying_everything_removes_nothing(org, sandbox, line):
    """What a broken app, or the wrong company's credentials, would look like."""
    for n in range(30):
        org.create_department(f"Team {n}", parent="Empty")
    reading.read()
    line.when(GET, lambda: line.answer("department/", errcode=60003, errmsg="no"), after=1)

    job = reading.read()

    assert (job.state, gone()) == ("asking", set())


# ── Trouble ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silent_dingtalk_is_waited_for_longer_each_time(org, line):
    reading.read()
    job = crawl.start(below=1, by=None)
    line.swallow(LEVEL)
    waits = []
    for _ in range(9):
        reading.go_on(job)
        assert job.state == "waiting"
        waits.append(round((job.resumes_at - timezone.now()).total_seconds()))
        Job.objects.update(resumes_at=None)

    assert waits == [20, 40, 80, 160, 300, 300, 300, 300, 300]
    reading.go_on(job)
    assert job.state == "failed"
    assert isinstance(crawl.failure_of(job), NoAnswer)
    assert gone() == set()
    assert present() == {org[dept_id].name for dept_id in org.branch(1)}


def test_afterwards_it_goes_on_where_it_was(org, sandbox, line, one_by_one):
    line.when(LEVEL, line.refuse, after=3)
    job = reading.read()
    assert (job.state, job.progress["tree"]) == ("waiting", [3, None])
    line.mend()
    Job.objects.update(resumes_at=None)

    reading.go_on(job)

    assert job.state == "done"
    assert set(asked(sandbox, LEVEL).values()) == {1}


def test_one_call_that_fails_keeps_nothing_else_waiting(org, sandbox, line):
    sandbox.faults.add(Rule("http-502:before", path=LEVEL, dept_id=org["Legal"].dept_id, times=3))

    job = reading.read()

    assert job.state == "waiting"
    assert remembered("Ningbo").children_seen_at
    assert remembered("Legal").children_seen_at is None
    Job.objects.update(resumes_at=None)
    assert reading.go_on(job).state == "done"


def test_a_failure_in_the_last_moment_of_a_slice_is_no_reason_to_wait(
    org, sandbox, line, one_by_one
):
    sandbox.faults.add(Rule("http-502:before", path=LEVEL, dept_id=org["Sales"].dept_id, times=3))
    job = crawl.start(below=1, by=None)
    ended = []
    line.when(LEVEL, lambda: ended.append(True), after=3)

    claimed = jobs.claim(job.pk)
    crawl.work(claimed, seconds=60, ending=lambda: bool(ended))

    job.refresh_from_db()
    assert (job.state, job.resumes_at) == ("running", None)
    assert reading.go_on(job).state == "done"


def test_where_dingtalk_has_shut_us_out_it_waits_until_then(org, sandbox, line, one_by_one):
    sandbox.faults.add(Rule("reply", path=LEVEL, nth=3, body={"status": 1111}))

    job = reading.read()

    assert job.state == "waiting"
    assert isinstance(crawl.failure_of(job), Blocked)
    assert 250 < (job.resumes_at - timezone.now()).total_seconds() <= 301


@pytest.mark.parametrize(
    ("code", "family"), [(60011, PermissionMissing), (90020, QuotaSpent), (60003, NotThere)]
)
def test_what_does_not_pass_by_itself_ends_it_at_once(org, line, code, family):
    reading.read()
    line.answer(GET, errcode=code, errmsg="no", request_id="r-1")

    job = reading.read()

    assert job.state == "failed"
    failure = crawl.failure_of(job)
    assert (type(failure), failure.code, failure.request_id) == (family, code, "r-1")
    assert failure.message == "no"
    assert gone() == set()


def test_what_dingtalk_refuses_in_the_midst_ends_it_and_what_was_read_stays(org, line, one_by_one):
    line.when(LEVEL, lambda: line.answer(LEVEL, errcode=60011, errmsg="no"), after=2)

    job = reading.read()

    assert job.state == "failed"
    assert {"East", "Legal"} <= present()


def test_a_fault_of_ours_is_tried_again_and_ends_it_in_the_end(org, line, monkeypatch):
    job = crawl.start(below=1, by=None)

    def broken(_told):
        raise OSError("disk full")

    monkeypatch.setattr(sync, "levels_read", broken)
    for _ in range(20):
        Job.objects.update(resumes_at=None)
        if reading.go_on(job).state != "waiting":
            break

    assert job.state == "failed"
    assert crawl.failure_of(job) is None


# ── People, and the end of the process ───────────────────────────────────────────────────────────────────


def test_paused_by_a_person_it_stops_and_goes_on_when_resumed(
    org, sandbox, line, editor, one_by_one
):
    job = crawl.start(below=1, by=editor.user)

    def pause(job):
        if job.progress.get("tree", [0])[0] == 3:
            jobs.pause(job_id=job.pk, by=editor.user)

    crawl.work(jobs.claim(job.pk), seconds=60, tell=pause)

    job.refresh_from_db()
    assert job.state == "paused"
    assert sum(asked(sandbox, LEVEL).values()) == 4
    assert job.progress["tree"] == [4, None]
    jobs.resume(job_id=job.pk, by=editor.user)
    assert reading.go_on(job).state == "done"
    assert set(asked(sandbox, LEVEL).values()) == {1}


def test_it_ends_soon_where_the_process_has_to(org, sandbox, line):
    job = crawl.start(below=1, by=None)

    crawl.work(jobs.claim(job.pk), seconds=60, ending=lambda: True)

    assert reads(sandbox) == ["get", "listsub"]
    assert jobs.due() == [job.pk]


def test_it_may_end_while_it_looks_for_what_is_missing(org, line):
    reading.read()
    org.delete_department("Empty")
    job = crawl.start(below=1, by=None)
    ended = []
    line.when(GET, lambda: ended.append(True), after=1)

    crawl.work(jobs.claim(job.pk), seconds=60, ending=lambda: bool(ended))
    assert gone() == {"Empty", "Cellar", "Vault"}

    assert reading.go_on(job).state == "done"


def test_the_pace_so_far_is_kept(org, line, monkeypatch, one_by_one):
    monkeypatch.setattr(crawl, "_SECONDS", 0.0)

    assert reading.read().cursor["pace"] > 0


def test_it_tells_how_far_it_is(org, line, one_by_one):
    told = []
    job = crawl.start(below=1, by=None)

    crawl.work(jobs.claim(job.pk), seconds=60, tell=lambda job: told.append(dict(job.progress)))

    assert {"tree": [3, None], "details": [1, None]} in told
    assert {"tree": [11, 11], "details": [5, 11]} in told


# ── Who begins, and when ─────────────────────────────────────────────────────────────────────────────────


def test_there_is_one_reading_at_a_time(line, editor):
    first = crawl.start(below=1, by=editor.user)

    assert crawl.start(below=4711, by=None) == first
    assert (first.by, first.by_name) == (editor.user, "editor")


def test_to_begin_one_needs_the_role(line, viewer):
    with pytest.raises(NotPermitted):
        crawl.start(below=1, by=viewer.user)
    assert not Job.objects.exists()


def test_the_first_begins_by_itself_once_credentials_work(sandbox, line):
    secret, sandbox.client_secret = sandbox.client_secret, "another"
    assert crawl.start_what_is_due() is None
    sandbox.client_secret = secret
    cache.clear()

    job = crawl.start_what_is_due()

    assert (job.plan, job.by) == ({"below": 1}, None)
    assert crawl.start_what_is_due() is None


def at(day, hour, minute):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_then_one_each_night(org, line, time_machine):
    time_machine.move_to(at(20, 15, 0), tick=False)
    crawl.start_what_is_due()
    reading.go_on(Job.objects.get())

    begun = []
    for moment in (at(21, 2, 46), at(21, 2, 47), at(21, 9, 0), at(22, 2, 47)):
        time_machine.move_to(moment, tick=False)
        if job := crawl.start_what_is_due():
            begun.append(moment)
            reading.go_on(job)

    assert begun == [at(21, 2, 47), at(22, 2, 47)]


def test_a_night_in_which_nothing_ran_is_made_up_for(org, line, time_machine):
    time_machine.move_to(at(20, 15, 0), tick=False)
    reading.read()
    time_machine.move_to(at(25, 9, 0), tick=False)

    assert crawl.start_what_is_due()


@pytest.mark.parametrize("how", ["failed", "stopped"])
def test_after_one_that_came_to_nothing_it_waits_for_the_night(org, line, time_machine, how):
    time_machine.move_to(at(20, 15, 0), tick=False)
    job = crawl.start(below=1, by=None)
    if how == "stopped":
        jobs.stop(job_id=job.pk, by=None)
    else:
        line.answer(GET, errcode=60011, errmsg="no")
        reading.go_on(job)
        line.mend()

    assert crawl.start_what_is_due() is None
    time_machine.move_to(at(21, 3, 0), tick=False)
    assert crawl.start_what_is_due()


def test_a_reading_of_one_branch_is_not_the_nights(org, line):
    reading.read(below=org["Sales"].dept_id)

    assert crawl.start_what_is_due()


def test_the_last_whole_one_is_known(org, line, viewer):
    assert crawl.last_whole(by=viewer.user) is None
    whole = reading.read()
    reading.read(below=org["Sales"].dept_id)
    crawl.start(below=1, by=None)

    assert crawl.last_whole(by=viewer.user) == whole


# ── How long ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_it_will_take_is_two_calls_a_department(settings):
    settings.DINGTALK_CALLS_PER_SECOND = 12.0

    assert crawl.expected_seconds(10_004) == pytest.approx(1667, abs=1)


@pytest.mark.parametrize(
    ("tree", "details", "pace", "left"),
    [
        ([100, 400], [10, 400], 20.0, 57.5),
        ([400, 400], [100, 400], 6.0, 50.0),
        ([100, None], [1, None], 12.0, None),
        ([100, 400], [10, 400], None, None),
    ],
)
def test_what_is_left_is_told_by_the_pace_so_far(settings, tree, details, pace, left):
    settings.DINGTALK_CALLS_PER_SECOND = 12.0
    job = Job(progress={"tree": tree, "details": details}, cursor={"pace": pace})

    assert crawl.time_left(job) == left


def test_before_it_begins_nobody_can_tell(line):
    assert crawl.time_left(crawl.start(below=1, by=None)) is None


def test_no_more_calls_are_under_way_than_the_pace_can_use(settings):
    places = []
    for pace in (0.5, 12.0, 20.0, 200.0):
        settings.DINGTALK_CALLS_PER_SECOND = pace
        places.append(crawl._places())

    assert places == [4, 6, 10, 16]
