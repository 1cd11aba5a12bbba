"""One slot: a sandbox and a database of its own, and a single-threaded process that forks case after case.

Started by `__main__` with its settings in the environment. Reads the number of a case from each line of its
input and answers each with one line of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from .cases import Case, all_cases
from .judge import Evidence, Verdict, judge
from .kinds import KINDS
from .line import PATIENCE, Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

#: A case whose fault or crash did not come about tried nothing, and is made again.
_TRIES = 3
_POLL = 0.004


class Idle(Exception):
    """The fault did not strike, or the process did not die: the case says nothing."""


def main() -> None:
    django.setup()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.sweep.company"], stdout=subprocess.PIPE, text=True
    ) as company:
        if company.stdout is None:
            raise RuntimeError("the company has no voice")
        try:
            serve(Slot(Line(company.stdout.readline().strip())))
        finally:
            company.terminate()


def serve(slot: Slot) -> None:
    slot.prepare()
    print(json.dumps("ready"), flush=True)  # noqa: T201 - the parent reads it
    for number in sys.stdin:
        print(json.dumps(slot.run(all_cases()[int(number)])), flush=True)  # noqa: T201


@dataclass
class Slot:
    """Runs cases on its sandbox. `client` is the browser of the person, signed in, copied into each child."""

    line: Line

    # Models and all that stands on them can only be imported once Django is set up.

    def prepare(self) -> None:
        """A database with one person in it, and everything a child needs loaded before it forks."""
        from django.conf import settings
        from django.test.utils import setup_test_environment

        setup_test_environment()  # a page's form can then be filled in as it was drawn
        # Settings take the address from the environment; the sandbox chose its port a moment ago.
        settings.DINGTALK_OAPI_URL = settings.DINGTALK_API_URL = self.line.url
        settings.WHITENOISE_AUTOREFRESH = True  # or it looks through all static files
        self.folder = Path(settings.VAR_DIR)
        self.database = Path(settings.DATABASES["default"]["NAME"])
        self.template = self.database.with_suffix(".template")
        departments = self.line.get("org")["departments"]
        self.places = {one["name"]: one["dept_id"] for one in departments}
        self.client = self._sign_in()
        self._warm_up()
        shutil.copy(self.database, self.template)

    def _sign_in(self) -> Client:
        from django.contrib.auth.models import Group, User
        from django.core.management import call_command
        from django.test import Client

        with (self.folder / "prepared").open("w") as words:
            call_command("prepare", stdout=words)
        person = User.objects.create_user("hr")
        person.groups.add(Group.objects.get(name="deleter"))
        client = Client(raise_request_exception=False)
        client.force_login(person)
        return client

    def _warm_up(self) -> None:
        """Open each page once, so that no child has to load it, and forget what that brought."""
        from django.core.cache import cache
        from django.db import connections

        from departments import gateway
        from departments.models import Department

        for name in ("edit", "new", "move", "delete"):
            self.client.get(f"/departments/{self.places['Legal']}/{name}/")
        self.client.get("/history/")
        cache.clear()
        Department.objects.all().delete()
        # No connection may cross a fork.
        gateway.dingtalk().close()
        gateway.reset()
        connections.close_all()

    def run(self, case: Case) -> dict[str, Any]:
        """The case by our product, and where it makes sense by the plain writer."""
        from . import control_writer

        started = time.monotonic()
        told = {"case": str(case), **self._until_it_counts(case, self._ours)}
        if control_writer.concerns(case):
            told["control"] = self._until_it_counts(case, self._control)
        return {**told, "seconds": round(time.monotonic() - started, 2)}

    def _until_it_counts(
        self, case: Case, run: Callable[[Case], tuple[Evidence, Verdict]]
    ) -> dict[str, Any]:
        why = ""
        for _try in range(_TRIES):
            try:
                evidence, verdict = run(case)
            except Exception as idle:  # noqa: BLE001 - whatever it is, the other cases still count
                why = f"{type(idle).__name__}: {idle}"
                traceback.print_exc()
                continue
            told = {"wrong": verdict.wrong, "conflicts": verdict.conflicts}
            return {**told, "evidence": vars(evidence)} if verdict.wrong else told
        return {"wrong": [("idle", why)], "conflicts": 0}

    # One case by our product

    def _ours(self, case: Case) -> tuple[Evidence, Verdict]:
        from . import person

        self._start_anew(case, case.seconds)
        arguments: dict[str, Any] = {
            "client": self.client,
            "places": self.places,
            "folder": self.folder,
        }
        died = self._watched(case, lambda: person.write(case, **arguments))
        self._must_have_counted(case, died=died)
        shutil.rmtree(self.folder / "pace", ignore_errors=True)  # a ban is over by the next start
        code = self._wait(self._fork(lambda: person.come_back(case, **arguments, line=self.line)))
        found = self._read("found")
        if found is None:
            raise Idle(f"the second process ended with {code}: {self._said()}")
        if case.dies == "":
            found["told"] = self._read("told")
        if case.then == "beyond" and case.fault_name == "lag":
            # Copies that lag beyond the window look as if nothing had happened: what is shown then nobody can
            # judge, only that it is put right by the next read.
            found["looked"] = []
        evidence = Evidence(
            kind=case.kind,
            fault=case.fault_name,
            sent=[*self._lines("sent"), *self._lines("sent again")],
            **found,
        )
        return evidence, judge(evidence)

    def _start_anew(self, case: Case, seconds: float | None) -> None:
        for name in ("form", "told", "found", "sent", "sent again", "error", "log"):
            (self.folder / name).unlink(missing_ok=True)
        for ending in ("-wal", "-shm"):
            Path(f"{self.database}{ending}").unlink(missing_ok=True)
        shutil.copy(self.template, self.database)
        shutil.rmtree(self.folder / "pace", ignore_errors=True)
        self.line.post("reset")
        if case.fault:
            rule: dict[str, Any] = {"fault": case.fault, "path": self._call(case)}
            self.line.post("faults", **rule, seconds=seconds)

    def _watched(self, case: Case, act: Callable[[], object]) -> bool:
        """Let a child act, and kill it or blind it where the case says so; whether it was killed."""
        if case.dies == "while sending":
            self.line.hold(self._call(case), phase="before")
            child = self._fork(act)
            held = self._held(child)
            os.kill(child, signal.SIGKILL)
            self._wait(child)
            self.line.release()
            return held
        if case.then == "blind":
            self.line.hold(self._call(case), phase="after")
            child = self._fork(act)
            if self._held(child):
                for reading in ("department/get", "department/list"):
                    self.line.post("faults", fault="drop:before", path=reading, times=None)
            self.line.release()
            self._wait(child)
            return False
        return self._wait(self._fork(act)) == -signal.SIGKILL

    def _must_have_counted(self, case: Case, *, died: bool) -> None:
        if died != bool(case.dies):
            raise Idle(f"the process {'died' if died else 'did not die'}: {self._said()}")
        if not died and self._read("told") is None:
            raise Idle(f"the person was told nothing: {self._said()}")
        if self._read("form") is None:
            raise Idle("the form was never there")
        if case.fault and not self.line.fired():
            raise Idle("the fault did not strike")
        if case.then == "blind":
            self.line.post("faults/clear")

    # One case by the plain writer

    def _control(self, case: Case) -> tuple[Evidence, Verdict]:
        from . import control_writer

        self._start_anew(case, control_writer.SECONDS.get(case.fault_name, case.seconds))
        writer = control_writer.PlainWriter(self.line.url, self.folder / "log")

        def act() -> None:
            outcome = writer.write(case, self.places)
            (self.folder / "told").write_text(json.dumps(outcome))

        died = self._watched(case, act)
        if died != bool(case.dies) or (
            case.fault and case.dies != "before send" and not self.line.fired()
        ):
            raise Idle(f"nothing was tried: {self._said()}")
        self.line.post("faults/hurry")
        time.sleep(0.05)
        told = self._read("told")
        moment = {
            "rows": control_writer.logged(self.folder / "log"),
            "journal": self.line.journal(),
        }
        page = {"status": 200, "url": "", "text": "", "outcomes": [told]} if told else None
        evidence = Evidence(
            kind=case.kind,
            fault=case.fault_name,
            settled=moment,
            read=moment,
            end=moment,
            told=page,
            noted_first=False,
        )
        return evidence, judge(evidence)

    # Children and what they leave behind

    def _call(self, case: Case) -> str:
        return KINDS[case.kind].call

    def _fork(self, act: Callable[[], object]) -> int:
        if threading.active_count() > 1:
            raise RuntimeError("a process with threads must not fork")
        child = os.fork()
        if child:
            return child
        try:
            act()
        except BaseException:  # noqa: BLE001 - the parent reads what it was
            (self.folder / "error").write_text(traceback.format_exc())
            os._exit(1)
        os._exit(0)

    def _held(self, child: int) -> bool:
        """Whether the child's call has come to the barrier; not if the child ended before."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.line.is_held():
                return True
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return False
            time.sleep(_POLL)
        return False

    def _wait(self, child: int) -> int:
        """The child's exit code, negative for a signal. One that never ends is killed, with another signal."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_POLL)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGABRT)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _read(self, name: str) -> Any:
        path = self.folder / name
        return json.loads(path.read_text()) if path.exists() else None

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _said(self) -> str:
        path = self.folder / "error"
        return path.read_text()[-600:] if path.exists() else "no error"


if __name__ == "__main__":
    main()
