"""The management commands, and the demo as a person starts it: a process of its own, on real sockets."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest
from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from departments import gateway
from departments.management.commands import demo, sync_departments
from departments.models import Department, Job
from departments.services import crawl
from departments.services import jobs as long_work
from orgadmin.queue import queue_at

pytestmark = pytest.mark.django_db


def run(name, *arguments):
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


# ── prepare ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def fresh(settings, tmp_path):
    """A folder of its own, and nobody named as first administrator."""
    settings.VAR_DIR = tmp_path / "var"
    settings.HUEY = queue_at("", var_dir=settings.VAR_DIR, secret="a test's")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.FIRST_ADMIN_USERNAME = settings.FIRST_ADMIN_PASSWORD = settings.FIRST_ADMIN_EMAIL = ""
    return settings


def test_prepare_says_how_to_make_the_first_administrator(fresh):
    said = run("prepare")

    assert "python manage.py createsuperuser" in said
    assert "Ready." in said
    assert (fresh.VAR_DIR / "prepare.lock").exists()


def test_prepare_makes_the_administrator_it_is_told_of(fresh):
    fresh.FIRST_ADMIN_USERNAME, fresh.FIRST_ADMIN_PASSWORD = "boss", "correct horse battery"

    said = run("prepare")

    boss = get_user_model().objects.get()
    assert "Made the administrator boss." in said
    assert boss.is_superuser
    assert boss.check_password("correct horse battery")
    assert [group.name for group in boss.groups.all()] == ["administrator"]


def test_prepare_again_changes_nothing(fresh):
    fresh.FIRST_ADMIN_USERNAME, fresh.FIRST_ADMIN_PASSWORD = "boss", "correct horse battery"
    run("prepare")
    fresh.FIRST_ADMIN_USERNAME = "another"

    assert run("prepare") == "Ready.\n"
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("password", ["canary", "1234567890123"])
def test_a_weak_password_is_refused_by_its_variable_and_not_shown(fresh, password):
    fresh.FIRST_ADMIN_USERNAME, fresh.FIRST_ADMIN_PASSWORD = "boss", password

    with pytest.raises(CommandError) as refusal:
        run("prepare")

    assert "DJANGO_SUPERUSER_PASSWORD: " in str(refusal.value)
    assert password not in str(refusal.value)
    assert not get_user_model().objects.exists()


# ── sync_departments ─────────────────────────────────────────────────────────────────────────────────────


def test_sync_reads_the_whole_company(org, line):
    assert run("sync_departments") == f"Read {len(org)} departments.\n"
    assert Department.objects.count() == len(org)


def test_sync_may_read_one_branch(org, line):
    assert run("sync_departments", "--below", str(org["Empty"].dept_id)) == "Read 3 departments.\n"


def test_sync_that_stops_says_why_without_a_traceback(org, line):
    with pytest.raises(CommandError, match="Stopped: NotThere 60003"):
        run("sync_departments", "--below", "4711")


def test_sync_without_credentials_names_what_is_missing(line, settings):
    settings.DINGTALK_CLIENT_SECRET = ""

    with pytest.raises(CommandError, match="Set DINGTALK_CLIENT_SECRET first"):
        run("sync_departments")


def test_sync_waits_where_dingtalk_does_not_answer(org, line, no_sleep):
    """Somebody mends the line while it waits."""
    line.refuse()
    no_sleep.append(line.mend)
    no_sleep.append(lambda: Job.objects.update(resumes_at=None))

    assert run("sync_departments") == f"Read {len(org)} departments.\n"


def test_sync_watches_a_reading_that_another_process_is_at(org, line, no_sleep):
    """Which dies, and its lease runs out."""
    job = crawl.start(below=1, by=None)
    long_work.claim(job.pk)
    no_sleep.append(lambda: Job.objects.update(leased_until=None))

    assert run("sync_departments") == f"Read {len(org)} departments.\n"
    assert Job.objects.get() == job


def test_sync_of_another_branch_waits_for_the_one_under_way(org, line):
    crawl.start(below=org["Sales"].dept_id, by=None)

    with pytest.raises(CommandError, match="is being read; wait until it ended"):
        run("sync_departments")


def test_sync_interrupted_is_paused_and_started_again_goes_on(org, sandbox, line, monkeypatch):
    def interrupt(_command, _job):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sync_departments.Command, "_tell", interrupt)
        with pytest.raises(CommandError, match=r"Paused\. Start the command again"):
            run("sync_departments")
    assert Job.objects.get().state == "paused"

    assert run("sync_departments") == f"Read {len(org)} departments.\n"
    assert [call.path for call in sandbox.calls].count("/topapi/v2/department/get") == len(org)


def test_sync_that_would_remove_much_says_where_to_decide(org, line):
    for n in range(30):
        org.create_department(f"Team {n}", parent="Empty")
    run("sync_departments")
    org.delete_department("Empty")

    with pytest.raises(CommandError, match="33 of 41 departments are no longer listed"):
        run("sync_departments")


def test_sync_tells_a_terminal_how_far_it_is(org, line, monkeypatch, no_sleep):
    """One line, written over."""
    monkeypatch.setattr(crawl, "_SECONDS", 0.0)  # the pace is known at once
    line.refuse()
    no_sleep.append(line.mend)
    no_sleep.append(lambda: Job.objects.update(resumes_at=None))
    out = StringIO()
    out.isatty = lambda: True

    call_command("sync_departments", stdout=out)

    said = out.getvalue()
    assert "\rDingTalk makes us wait until " in said
    assert "\rtree 11 of 11, details 11 of 11 " in said
    assert ", about 0 s left" in said
    assert said.endswith(f"\nRead {len(org)} departments.\n")


@pytest.fixture
def no_sleep(monkeypatch):
    """What happens while the command sleeps, one thing at a time."""
    happens = []
    monkeypatch.setattr(sync_departments, "sleep", lambda _seconds: happens.pop(0)())
    return happens


# ── check_dingtalk ───────────────────────────────────────────────────────────────────────────────────────


def test_the_doctor_has_one_line_a_check(line):
    said = run("check_dingtalk").splitlines()

    assert [text.split()[:2] for text in said] == [
        ["S01", "ok"],
        ["S02", "ok"],
        ["S03", "ok"],
        ["S05", "ok"],
        ["S05n", "ok"],
    ]


def diagnosis():
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("check_dingtalk", stdout=out)
    assert end.value.code == 1
    return out.getvalue()


def test_the_doctor_names_missing_variables(line, settings):
    settings.DINGTALK_CLIENT_ID = ""

    assert diagnosis().strip().endswith(": set DINGTALK_CLIENT_ID")


def test_the_doctor_names_a_missing_point_with_code_request_and_link(line, sandbox):
    sandbox.switches.granted_points.remove("qyapi_get_member")

    said = diagnosis()

    assert "S05  NOT OK" in said
    assert "qyapi_get_member" in said
    assert "code 60011, request " in said
    assert "https://open-dev.dingtalk.com/" in said


def test_the_doctor_tells_a_failure_without_a_code(line):
    line.refuse()

    said = diagnosis()

    assert "S02  NOT OK" in said
    assert "There is no connection to DingTalk at the moment." in said
    assert "code" not in said


def test_the_doctor_shows_no_secret(line, settings):
    settings.DINGTALK_CLIENT_SECRET = "canary-secret"
    gateway.reset()

    assert "canary-secret" not in diagnosis()


# ── demo, in pieces ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_refused_by_number(settings, taken_port, tmp_path):
    settings.PORT, settings.VAR_DIR = taken_port, tmp_path

    with pytest.raises(CommandError, match=f"Port {taken_port} is in use"):
        run("demo")

    assert list(tmp_path.iterdir()) == []


def test_the_callers_environment_does_not_leak_into_the_demo(monkeypatch, tmp_path):
    for name in (
        "DATABASE_URL",
        "CACHE_URL",
        "SECRET_KEY_FILE",
        "DINGTALK_CORP_ID",
        "PUBLIC_URL",
        "DJANGO_SUPERUSER_PASSWORD",
        "TRUSTED_PROXY_COUNT",
    ):
        monkeypatch.setenv(name, "canary")

    env = demo._environment(tmp_path, "http://127.0.0.1:1", 8010)

    assert "canary" not in env.values()
    assert (env["PORT"], env["VAR_DIR"]) == ("8010", str(tmp_path))
    assert env["DINGTALK_OAPI_URL"] == env["DINGTALK_API_URL"] == "http://127.0.0.1:1"
    assert env["PATH"] == os.environ["PATH"]


def test_the_demos_accounts_have_their_roles(settings):
    settings.DINGTALK_IS_REAL = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

    run("demo", "--furnish")

    people = {user.username: user for user in get_user_model().objects.all()}
    assert set(people) == set(demo.ACCOUNTS)
    for name, (role, person, password) in demo.ACCOUNTS.items():
        assert people[name].groups.get() == Group.objects.get(name=role)
        assert people[name].get_full_name() == person
        assert people[name].check_password(password)
        assert people[name].is_superuser == (role == "administrator")


def test_published_passwords_are_never_made_beside_a_real_dingtalk(settings):
    settings.DINGTALK_IS_REAL = True

    with pytest.raises(CommandError, match="for the sandbox only"):
        run("demo", "--furnish")

    assert not get_user_model().objects.exists()


def python(code):
    return demo._start([sys.executable, "-c", code], dict(os.environ))


def test_a_web_server_that_does_not_start_is_told():
    web = python("raise SystemExit(3)")
    web.wait()

    with pytest.raises(CommandError, match="did not start"):
        demo._wait_until_open(1, web)


def test_a_port_that_opens_is_noticed(taken_port):
    web = python("input()")
    try:
        demo._wait_until_open(taken_port, web)
    finally:
        demo._end([web])


def test_a_company_that_does_not_start_is_told(monkeypatch):
    monkeypatch.setattr(demo.sys, "executable", "/bin/true")

    with pytest.raises(CommandError, match="sandbox company did not start"):
        demo._start_company(None)


def test_children_are_ended_the_last_first_and_the_ended_left_alone():
    done, running = python("pass"), python("import time; time.sleep(60)")
    done.wait()

    demo._end([done, running])

    assert (done.returncode, running.returncode) == (0, -signal.SIGTERM)


# ── demo, as it is started ───────────────────────────────────────────────────────────────────────────────


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def processes_of(folder):
    """The demo itself and all its children, told by the folder they were given."""
    mark = f"VAR_DIR={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@contextmanager
def running_demo(folder, port):
    env = {**os.environ, "VAR_DIR": str(folder), "PORT": str(port), "DATABASE_URL": "sqlite:///no"}
    with subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=project.BASE_DIR,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield process
        finally:
            for pid in processes_of(folder):  # only where the demo did not end them itself
                os.kill(pid, signal.SIGKILL)


def said_until(process, words):
    said = ""
    for text in process.stdout:
        said += text
        if words in text:
            return said
    raise AssertionError(said)


def sign_in(web, name):
    page = web.get("/accounts/login/").text
    return web.post(
        "/accounts/login/",
        data=form_of(page) | {"username": name, "password": demo.ACCOUNTS[name][2]},
    )


def form_of(page):
    """What a browser sends back for the page's hidden fields."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return dict(found)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_the_demo_from_its_start_to_its_end(tmp_path):
    port = free_port()
    with running_demo(tmp_path, port) as process:
        said = said_until(process, "Ctrl-C ends it")
        assert f"The demo is running on http://127.0.0.1:{port}" in said
        assert all(password in said for _role, _person, password in demo.ACCOUNTS.values())

        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=60
        ) as web:
            company = sign_in(web, "editor").text
            assert "华星精密 Huaxing Precision" in company
            assert "人力资源部 Human Resources" in company
            (sandbox,) = re.findall(
                r"this installation talks to (http://127\.0\.0\.1:\d+)", company
            )

            assert_two_clicks_at_once_are_one_write(web, sandbox)

        assert len(processes_of(tmp_path)) >= 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert processes_of(tmp_path) == []
    assert (tmp_path / "demo" / "db.sqlite3").exists()


def assert_two_clicks_at_once_are_one_write(web, sandbox):
    """Two threads of the web server, one file of SQLite, one form."""
    form = form_of(web.get("/departments/1/new/").text)
    form |= {"parent_id": "1", "name": "Twice"}
    answers = []

    def click():
        answers.append(web.post("/departments/1/new/", data=form))

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()

    calls = httpx.get(f"{sandbox}/_control/calls", timeout=60).json()["calls"]
    assert [call["path"] for call in calls].count("/topapi/v2/department/create") == 1
    assert all(answer.status_code in (200, 423) for answer in answers)
