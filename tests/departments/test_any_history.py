"""Whatever happens in whatever order: people write, the console interferes, the line fails, processes die.

A machine of hypothesis's plays it against the sandbox, whose journal is the oracle. After each step:

- no write is doubled: at most one change in the journal for what was asked once;
- no write is unaudited: nothing arrives at DingTalk that is not noted as pending by then;
- no write is misreported: what a page claims, and what history says in the end, is what the journal has.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from departments import gateway
from departments.models import OPEN, AuditEntry, Kind, Operation, Outcome
from departments.services import settle
from sandbox import Cut, Organisation, Rule, Sandbox, cases

pytestmark = pytest.mark.proof

EXAMPLES = 125
STEPS = 55
LEAST = 5_000

#: Doubling on the way is the proxy's deed and not ours; a slow answer only takes time; after a ban nothing is
#: sent for five minutes. The sweep has them all.
NOT_HERE = {"twice", "replayed", "slow", "ban", "html-page"}
FAULTS = [str(case) for case in cases() if case.fault not in NOT_HERE]
LATE = ["late:before", "late-504:before"]
WRITE = ("department/create", "department/update", "department/delete")
PATHS = [*WRITE, "department/get", "department/listsub", "user/listid", "oauth2/accessToken"]

#: Outcomes that say: nothing happened in DingTalk.
NOTHING = {Outcome.REFUSED, Outcome.NOT_SENT, Outcome.NOT_DONE}


_OUTLINE = """
Acme
  Sales [chat] (Li Wei)
    East [chat]
      Ningbo
  Empty [chat]
    Cellar
      Vault
  Legal
"""


class Killed(BaseException):
    """The process dies here. Nothing of ours may catch it, as nothing catches SIGKILL."""


class Wire(httpx.BaseTransport):
    """The line to the sandbox, with its faults as httpx would meet them, and a place to die."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inside = httpx.WSGITransport(app=sandbox)
        self._one_at_a_time = threading.Lock()
        self.dies: str | None = None
        self.unplugged = 0
        self.unaudited = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        write = request.url.path.endswith(WRITE)
        if write and not AuditEntry.objects.filter(outcome=Outcome.PENDING).exists():
            self.unaudited += 1
        if write and self.unplugged:
            self.unplugged -= 1
            raise httpx.ConnectError("refused", request=request)
        if write and self.dies == "before":
            self.dies = None
            raise Killed
        try:
            with self._one_at_a_time:
                answer = self._inside.handle_request(request)
        except Cut as cut:
            raise getattr(httpx, cut.as_httpx)(cut.kind) from None
        if write and self.dies == "after":
            self.dies = None
            raise Killed
        return answer


@dataclass(eq=False)
class Deed:
    """Something a person asked for, and what they were told."""

    kind: Kind
    dept_id: int
    since: int
    tag: str = ""
    target: int = 0
    operation: Operation | None = None
    #: Sends the same form once more.
    post: Any = None
    #: Somebody changed the same thing in DingTalk's console since: what is there proves nothing any more.
    overtaken: bool = False


class AnyHistory(RuleBasedStateMachine):
    steps = 0
    #: How everything asked for ended, so that a machine that has stopped doing anything is found out.
    ends: Counter[tuple[str, str]] = Counter()
    #: Makes somebody with a role: the fixture of the test that runs the machine.
    people: Any

    @initialize()
    def begin(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.clock = time_machine.travel(timezone.now(), tick=True)
        self.now = self.clock.start()
        self.org = Organisation.plant(_OUTLINE)
        self.sandbox = Sandbox(org=self.org, client_secret=django_settings.DINGTALK_CLIENT_SECRET)
        cache.clear()
        self.wire = Wire(self.sandbox)
        gateway.transport = self.wire
        gateway.reset()
        self.numbers = itertools.count(1)
        self.deeds: list[Deed] = []
        self.checked: Any = None
        self.words: dict[Any, AuditEntry] = {}
        self.person = type(self).people("deleter")

    def teardown(self) -> None:
        if not hasattr(self, "atomic"):
            return
        for deed in self.deeds:
            if deed.operation:
                outcome = deed.operation.entry().last_word.outcome
                type(self).ends[deed.kind, outcome] += 1
        self.sandbox.faults.later.call_off()
        self.clock.stop()
        gateway.reset()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # ── What people do ───────────────────────────────────────────────────────────────────────────────────

    @rule(at=st.integers(0, 30), chat=st.booleans())
    def create(self, at: int, chat: bool) -> None:
        name = f"Made {next(self.numbers)}"
        deed = self._deed(Kind.CREATE, at, tag=name)
        fields = {"name": name} | ({"create_dept_group": "on"} if chat else {})
        self._post(deed, f"/departments/{deed.dept_id}/new/", fields)

    @rule(at=st.integers(0, 30), rename=st.booleans())
    def edit(self, at: int, rename: bool) -> None:
        tag = f"hr {next(self.numbers)}"
        deed = self._deed(Kind.EDIT, at, tag=tag)
        fields = {"source_identifier": tag} | ({"name": f"Now {tag}"} if rename else {})
        self._post(deed, f"/departments/{deed.dept_id}/edit/", fields)

    @rule(at=st.integers(0, 30), to=st.integers(0, 30))
    def move(self, at: int, to: int) -> None:
        deed = self._deed(Kind.MOVE, at)
        deed.target = self._pick(to)
        self._post(deed, f"/departments/{deed.dept_id}/move/", {"parent_id": str(deed.target)})

    @rule(at=st.integers(0, 30))
    def delete(self, at: int) -> None:
        deed = self._deed(Kind.DELETE, at)
        page = self._page(lambda: self.person.check(deed.dept_id))
        if page is not None and page.url.startswith("/deletions/"):
            typed = {"typed": str(deed.dept_id), "chats_seen": "on"}
            self._note(deed, lambda: self.person.post(page.url, typed))

    @precondition(lambda self: self.deeds)
    @rule()
    def send_the_same_form_again(self) -> None:
        """Back, reload, a double click: whatever became of it, it is not written again."""
        deed = self.deeds[-1]
        before = set(Operation.objects.values_list("pk", flat=True))
        self._page(deed.post)
        # What never got as far as a note acts now for the first time.
        deed.operation = deed.operation or Operation.objects.exclude(pk__in=before).first()

    # ── What happens behind our back ─────────────────────────────────────────────────────────────────────

    @rule(at=st.integers(0, 30), what=st.sampled_from(["rename", "move", "delete", "create"]))
    def console(self, at: int, what: str) -> None:
        dept_id, number = self._pick(at), next(self.numbers)
        if dept_id == 1:
            return
        try:
            if what == "rename":
                self.org.rename_department(dept_id, f"Console {number}")
            elif what == "move":
                self.org.move_department(dept_id, to=1)
            elif what == "delete":
                self.org.delete_department(dept_id)
            else:
                self.org.create_department(f"Console {number}", parent=dept_id)
                return
        except Exception:  # noqa: BLE001 - the console has its own refusals, and they are not ours to test
            return
        for deed in self.deeds:
            deed.overtaken = deed.overtaken or self._concerns(deed, dept_id)

    @precondition(lambda self: self._open())
    @rule()
    def the_console_meets_an_open_write(self) -> None:
        """Neither the old nor the wanted state: only a person can say what that means."""
        for deed in self._open():
            if deed.dept_id in self.org and deed.dept_id != 1:
                name = f"Met {next(self.numbers)}"
                self.org.edit_department(deed.dept_id, source_identifier=name)
                deed.overtaken = True

    @rule(at=st.integers(0, 30), joins=st.booleans())
    def people(self, at: int, joins: bool) -> None:
        dept_id = self._pick(at)
        members = self.org.member_ids(dept_id)
        if joins:
            self.org.add_member(dept_id, f"Person {next(self.numbers)}")
        elif members:
            self.org.remove_member(dept_id, members[0])

    # ── What goes wrong ──────────────────────────────────────────────────────────────────────────────────

    @rule(fault=st.sampled_from(FAULTS), path=st.sampled_from(PATHS))
    def a_call_will_fail(self, fault: str, path: str) -> None:
        self.sandbox.faults.add(Rule(fault, path=path, seconds=3600.0 if fault in LATE else 30.0))

    @rule(fault=st.sampled_from(["drop:before", "drop:after", "rate-90018", "permission-60011"]))
    def the_next_write_is_lost_or_refused(self, fault: str) -> None:
        for path in WRITE:
            self.sandbox.faults.add(Rule(fault, path=path))

    @rule()
    def no_connection_comes_about(self) -> None:
        self.wire.unplugged = 3  # one for each attempt

    @rule(when=st.sampled_from(["before", "after"]))
    def the_process_will_die_at_the_next_write(self, when: str) -> None:
        self.wire.dies = when

    @rule()
    def restart(self) -> None:
        gateway.reset()
        self.wire.dies, self.wire.unplugged = None, 0
        self.person.client.force_login(self.person.user)

    @rule()
    def the_token_expires(self) -> None:
        self.sandbox.expire_tokens()

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def the_window_ends_and_all_is_settled(self) -> None:
        """What is late lands within the window; the line is whole; the minute's task looks."""
        self._mend()
        self.sandbox.faults.later.hurry()
        self._pass_the_window()
        settle.settle_due()
        left = list(AuditEntry.objects.filter(outcome__in=OPEN).values_list("name", "outcome"))
        assert not left, f"still open: {left}"

    @rule()
    def the_window_ends_while_some_are_later_still(self) -> None:
        """Beyond the window: history is wrong until the next read, and then right."""
        self._mend()
        self._pass_the_window()
        settle.settle_due()
        self.sandbox.faults.later.hurry()
        for deed in self.deeds:
            self._page(lambda deed=deed: self.person.get(f"/departments/{deed.dept_id}/?live=1"))
            if deed.kind == Kind.CREATE:
                made = [one for one in self.org if one.name == deed.tag]
                for one in made:
                    self._page(lambda one=one: self.person.get(f"/departments/{one.dept_id}/"))

    # ── What must hold ───────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_is_doubled_unaudited_or_misreported(self) -> None:
        if not hasattr(self, "deeds"):
            return
        type(self).steps += 1
        assert self.wire.unaudited == 0
        entries = list(AuditEntry.objects.order_by("pk").defer("before", "after"))
        state = (len(self.org.journal), len(self.deeds), [(e.pk, e.outcome) for e in entries])
        if state == self.checked:
            return
        self.checked = state
        assert len({entry.operation_id for entry in entries}) == sum(
            deed.operation is not None for deed in self.deeds
        )
        self.words = _last_words(entries)
        for deed in self.deeds:
            happened = self._happened(deed)
            assert happened <= (1 if deed.operation else 0), f"doubled or unaudited: {deed}"
            if deed.operation:
                self._history_is_right(deed, happened=bool(happened))

    def _history_is_right(self, deed: Deed, *, happened: bool) -> None:
        word = self._word(deed)
        if deed.overtaken or word.outcome in OPEN or word.outcome == Outcome.CONFLICT:
            return
        if word.outcome == Outcome.DONE and not happened:
            assert word.accepted, f"called done, and did not happen: {deed}"
            assert not word.confirmed, f"called done, and did not happen: {deed}"
        if word.outcome in NOTHING:
            assert not happened, f"called {word.outcome}, and happened: {deed}"

    # ── How ──────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> list[Deed]:
        return [deed for deed in self.deeds if deed.operation and self._word(deed).outcome in OPEN]

    def _pick(self, at: int) -> int:
        ids = sorted(one.dept_id for one in self.org)
        return ids[at % len(ids)]

    def _deed(self, kind: Kind, at: int, *, tag: str = "") -> Deed:
        return Deed(kind, self._pick(at), since=len(self.org.journal), tag=tag)

    def _post(self, deed: Deed, url: str, fields: dict[str, str]) -> None:
        opened = self._page(lambda: self.person.get(url))
        if opened is None or opened.status != 200:
            return
        form = opened.response.context["form"]
        data = {
            bound.name: "on" if bound.value() is True else bound.field.prepare_value(bound.value())
            for bound in form
            if bound.value() not in (None, False) and not bound.field.disabled
        }
        self._note(deed, lambda: self.person.post(url, data | fields))

    def _note(self, deed: Deed, post: Any) -> None:
        before = set(Operation.objects.values_list("pk", flat=True))
        deed.post = post
        page = self._page(post)
        self.deeds.append(deed)
        deed.operation = Operation.objects.exclude(pk__in=before).first()
        self.words = _last_words(list(AuditEntry.objects.order_by("pk").defer("before", "after")))
        if page is not None:
            self._what_was_said_is_so(deed, page)

    def _what_was_said_is_so(self, deed: Deed, page: Any) -> None:
        if "We do not know yet" in page.text:
            return
        done = any(
            said in page.text for said in ("was created.", "Saved.", "was moved.", "was deleted")
        )
        if done and "not confirmed yet" not in page.text and not page.status >= 400:
            assert self._happened(deed), f"said to be done: {deed}"
        if "Nothing was changed." in page.text or "did not accept this" in page.text:
            assert not self._happened(deed), f"said not to have happened: {deed}"

    def _page(self, ask: Any) -> Any:
        try:
            page = ask()
        except Killed:
            gateway.reset()
            return None
        assert page.status != 500, page.text
        return page

    def _happened(self, deed: Deed) -> int:
        """How often the journal has it."""
        ours = [change for change in self.org.journal if change.who == "api"]
        if deed.kind == Kind.CREATE:
            return sum(
                change.kind == "department.create" and change.body.get("name") == deed.tag
                for change in ours
            )
        if deed.kind == Kind.EDIT:
            return sum(change.body.get("source_identifier") == deed.tag for change in ours)
        return self._alike(deed)

    def _alike(self, deed: Deed) -> int:
        """Deletes of one department, and moves of one to the same place, are told apart by nothing."""
        if deed.operation is None:
            return 0
        alike = [one for one in self.deeds if one.operation and self._is_like(deed, one)]
        changes = sum(
            change.kind == f"department.{'delete' if deed.kind == Kind.DELETE else 'update'}"
            and change.body.get("dept_id") == deed.dept_id
            and change.body.get("parent_id", 0) == deed.target
            for change in self.org.journal
            if change.who == "api"
        )
        assert changes <= len(alike), f"doubled: {deed}"
        if len(alike) < 2:
            return changes
        # Which of them it was, only history can tell; that it has not more of them than there were is checked.
        done = [one for one in alike if self._is_done(one)]
        assert len(done) <= changes or any(one.overtaken for one in alike), f"too many: {alike}"
        return int(deed in done)

    @staticmethod
    def _is_like(deed: Deed, other: Deed) -> bool:
        return (deed.kind, deed.dept_id, deed.target) == (other.kind, other.dept_id, other.target)

    def _word(self, deed: Deed) -> AuditEntry:
        return self.words[deed.operation.pk]

    def _is_done(self, deed: Deed) -> bool:
        word = self._word(deed)
        return bool(word.outcome == Outcome.DONE and word.confirmed)

    def _concerns(self, deed: Deed, dept_id: int) -> bool:
        made = {
            one_id
            for change in self.org.journal
            if change.who == "api" and deed.tag and change.body.get("name") == deed.tag
            for one_id in change.dept_ids
        }
        return dept_id in {deed.dept_id, deed.target, *made} or dept_id not in self.org

    def _mend(self) -> None:
        later = self.sandbox.faults.later
        waiting = list(later._waiting)
        self.sandbox.faults.clear()
        assert len(waiting) == len(later._waiting)
        self.wire.dies, self.wire.unplugged = None, 0

    def _pass_the_window(self) -> None:
        self.now.shift(django_settings.SETTLE_SECONDS + 3600)
        self.person.client.force_login(self.person.user)


def _last_words(entries: list[AuditEntry]) -> dict[Any, AuditEntry]:
    """For each operation what is known today of the department it was about."""
    words: dict[Any, AuditEntry] = {}
    firsts: dict[Any, int] = {}
    for entry in entries:
        first = firsts.setdefault(entry.operation_id, entry.pk)
        if entry.pk == first or entry.corrects_id == first:
            words[entry.operation_id] = entry
    return words


@pytest.mark.django_db
def test_any_history(line, people, settings) -> None:
    settings.SETTLE_SECONDS = 60.0
    AnyHistory.people = staticmethod(people)
    try:
        run_state_machine_as_test(
            AnyHistory,
            settings=_settings(),
        )
    finally:
        gateway.transport = line
    assert AnyHistory.steps >= LEAST, f"only {AnyHistory.steps} steps"
    for kind in Kind:
        assert AnyHistory.ends[kind, Outcome.DONE], f"no {kind} was ever done"
    ended = {outcome for _kind, outcome in AnyHistory.ends}
    assert ended >= set(Outcome) - {*OPEN}, f"never seen: {set(Outcome) - ended}"


def _settings() -> settings:
    return settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
