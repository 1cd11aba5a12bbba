"""The stand-in as one WSGI application: both API families, the control calls, and the log of it all."""

import random
import threading
import time
from collections.abc import Iterable
from copy import deepcopy
from http import HTTPStatus
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox import control, legacy, modern
from sandbox.exchange import Call, Reply, Request
from sandbox.journal import Change
from sandbox.org import Clock, Organisation
from sandbox.switches import Switches
from sandbox.throttle import Throttle
from sandbox.tokens import Tokens

_MODERN = "/v1.0/"
_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Sandbox:
    """A DingTalk with one organisation and one app. Call it as WSGI; look at it through its attributes."""

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
        """Everything as it was when the sandbox was made: company, switches, tokens, rates, logs."""
        with self.lock:
            self.org.restore(self._founding)
            self.switches.become(self._first_switches)
            self.tokens = Tokens(self.clock)
            self.throttle = Throttle(self.clock)
            self.calls.clear()
            self._served = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request.read(environ, self._request_id(environ.get("PATH_INFO", "")))
        if request.path.startswith(control.PREFIX):
            with self.lock:
                reply = control.answer(self, request)
        else:
            reply = self.answer(request)
        content = reply.content
        headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(content)))]
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [content]

    def answer(self, request: Request) -> Reply:
        """One call from arrival to log. The calls of an organisation happen one after another."""
        late = self._travel()
        family = modern if request.path.startswith(_MODERN) else legacy
        with self.lock:
            reply = self.throttle.wall(request.remote, self.switches)
            if reply is None:
                reply = family.answer(self, request)
            if late:
                # A create that timed out may have happened (reference §6.1): here it always has.
                reply = family.gave_up(self, request)
            self._log(request, reply)
        return reply

    def _travel(self) -> bool:
        """Take the time a call takes; whether the platform lost patience with it."""
        latency, patience = self.switches.latency_ms, self.switches.patience_ms
        if latency:
            time.sleep(min(latency, patience) / 1000)
        return latency > patience

    def _log(self, request: Request, reply: Reply) -> None:
        self._served += 1
        self.calls.append(Call.of(request, reply, sequence=self._served, time=self.clock()))
        if len(self.calls) > self.switches.calls_kept:
            del self.calls[: len(self.calls) // 2]

    def _request_id(self, path: str) -> str:
        if path.startswith(_MODERN):
            return str(uuid4()).upper()
        return "".join(self._chance.choices(_BASE_36, k=12))
