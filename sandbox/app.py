"""The stand-in as one WSGI application: both API families, the control calls, and the log of it all."""

import random
import threading
import time
from collections.abc import Iterable
from copy import deepcopy
from http import HTTPStatus
from itertools import chain
from types import ModuleType
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox import control, faults, legacy, modern
from sandbox.barriers import Barriers
from sandbox.cuts import Dropped
from sandbox.exchange import MODERN, Call, Reply, Request
from sandbox.fates import Struck
from sandbox.journal import Change
from sandbox.org import Clock, Organisation
from sandbox.replica import Replica
from sandbox.switches import Switches
from sandbox.throttle import Throttle
from sandbox.tokens import Tokens

_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Sandbox:
    """A DingTalk with one organisation and one app. Call it as WSGI; look at it through its attributes.

    `faults` and `barriers` hold what goes wrong on purpose: nothing, until a test says so.
    """

    def __init__(
        self,
        org: Organisation | None = None,
        *,
        client_id: str = "dingsandbox",
        client_secret: str = "sandbox-secret",  # noqa: S107 - protects nothing
        switches: Switches | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.org = Organisation() if org is None else org
        self.org.clock = clock
        self.client_id = client_id
        self.client_secret = client_secret
        self.switches = Switches() if switches is None else switches
        self.clock = clock
        self.tokens = Tokens(clock)
        self.throttle = Throttle(clock)
        self.faults = faults.Plan()
        self.barriers = Barriers()
        self.replica = Replica(self.org, clock)
        self.epoch = 0  # how often everything was reset
        self.calls: list[Call] = []
        self._served = 0
        self._chance = random.Random()
        self._founding = self.org.snapshot()
        self._first_switches = deepcopy(self.switches)

    @property
    def journal(self) -> list[Change]:
        return self.org.journal

    @property
    def lock(self) -> threading.RLock:
        return self.org.lock

    @property
    def token_fetches(self) -> int:
        return self.tokens.fetches

    def expire_tokens(self) -> None:
        """As if the token's time were up."""
        with self.lock:
            self.tokens.expire()

    def revoke_tokens(self) -> None:
        """Refuse the token from now on, although its time is not up."""
        with self.lock:
            self.tokens.revoke()

    def reset(self) -> None:
        """Everything as it was when the sandbox was made: company, switches, tokens, rates, logs.

        Calls under way that wait for something are dropped. Not with the lock held.
        """
        with self.lock:
            self.epoch += 1
        self.faults.clear()
        self.faults.later.call_off()
        self.barriers.clear()
        with self.lock:
            self.replica.catch_up()
            self.org.restore(self._founding)
            self.switches.become(self._first_switches)
            self.tokens = Tokens(self.clock)
            self.throttle = Throttle(self.clock)
            self.calls.clear()
            self._served = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raises Cut, for the server to play, where a fault wants something that is no reply."""
        request = Request.read(environ, self._request_id(environ.get("PATH_INFO", "")))
        if request.path.startswith(control.PREFIX):
            reply = control.answer(self, request)
        else:
            reply = self.answer(request)
        if reply.hang_up and "sandbox.hang_up" in environ:
            environ["sandbox.hang_up"]()
        content = reply.content
        length = str(len(content) + reply.padding)
        headers = [("Content-Type", reply.content_type), ("Content-Length", length)]
        headers.extend(reply.headers)
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return chain([content], reply.spaces()) if reply.padding else [content]

    def answer(self, request: Request) -> Reply:
        """One call from arrival to log. The calls of an organisation happen one after another."""
        late = self._travel()
        struck = self.faults.strike(self, request)
        epoch = self.epoch
        self.barriers.meet(request, "before")
        if struck is not None:
            return self._go_wrong(struck)
        with self.lock:
            reply = self.carry_out(request, epoch=epoch)
            if late:
                # A create that timed out may have happened (reference §6.1): here it always has.
                reply = self._family(request).gave_up(self, request)
            self._log(request, reply)
        self.barriers.meet(request, "after")
        return reply

    def carry_out(self, request: Request, *, epoch: int) -> Reply:
        """Do what a call asks. Raises Dropped when everything was reset since it arrived."""
        with self.lock:
            if epoch != self.epoch:
                raise Dropped("gone")
            wall = self.throttle.wall(request.remote, self.switches)
            return wall or self._family(request).answer(self, request)

    def _go_wrong(self, struck: Struck) -> Reply:
        fault = struck.rule.fault
        reply = Reply(b"", status=0, code=fault)
        try:
            reply = faults.answer(struck)
        finally:
            with self.lock:
                if struck.epoch == self.epoch:
                    self._log(struck.request, reply, fault=fault)
        return reply

    def _family(self, request: Request) -> ModuleType:
        return modern if request.is_modern else legacy

    def _travel(self) -> bool:
        """Take the time a call takes; whether the platform lost patience with it."""
        latency, patience = self.switches.latency_ms, self.switches.patience_ms
        if latency:
            time.sleep(min(latency, patience) / 1000)
        return latency > patience

    def _log(self, request: Request, reply: Reply, *, fault: str = "") -> None:
        self._served += 1
        now = self.clock()
        self.calls.append(Call.of(request, reply, sequence=self._served, time=now, fault=fault))
        if len(self.calls) > self.switches.calls_kept:
            del self.calls[: len(self.calls) // 2]

    def _request_id(self, path: str) -> str:
        if path.startswith(MODERN):
            return str(uuid4()).upper()
        return "".join(self._chance.choices(_BASE_36, k=12))
