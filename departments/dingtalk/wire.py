"""One call to DingTalk: paced, bounded in time and size, sent, read, and its answer named.

A write is sent once. It is sent again only where nothing can have happened: the connection never came about,
or DingTalk refused the token. Everything else that goes wrong with a write is `OutcomeUnknown`.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import msgspec
import stamina

from . import token
from .deadline import DeadlineTransport, time_left, within
from .errors import (
    CURED_BY_A_NEW_TOKEN,
    Blocked,
    CredentialsRefused,
    DingTalkError,
    NoAnswer,
    NotUnderstood,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    SaidNo,
    TooBusyHere,
    Unreachable,
    error_for,
)
from .pace import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .pace import Pace

log = logging.getLogger("departments.dingtalk")
# httpx tells every URL at INFO, and a legacy URL carries the token.
logging.getLogger("httpx").setLevel(logging.WARNING)

T = TypeVar("T")

_LARGEST_REPLY = 8 * 1024 * 1024
_BAN_SECONDS = 300.0
_ATTEMPTS = 3
#: Seconds a repeat needs before the deadline: a pause of up to 0.7 and half a second for its slot. Begun later,
#: it would end as TooBusyHere and hide what went wrong.
_REPEAT_NEEDS = 1.2
_IN_LINE_SECONDS = 1.0

_REDIRECT = 300
_SERVER_FAULT = 500
_GATEWAY = 88  # wraps token, permission, address and rate codes: the real one is a string inside
_INNER_CODE = re.compile(r"-?[0-9]{1,9}")
#: NUL as JSON writes it (bare, it is refused): an escape whose own backslash is not escaped.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

#: The request failed before a single byte of it could have left.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class _Unreadable(Exception):
    """The reply is compressed or larger than any real one."""


#: Something left us, and no usable answer came back. InvalidURL and UnicodeError come from a malformed
#: Location header, which httpx reads even where it does not follow it.
_LOST = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, UnicodeError, _Unreadable)


@dataclass(frozen=True, kw_only=True)
class Account:
    """Which app we are, and where DingTalk is: two hosts for its two API families."""

    client_id: str
    client_secret: str = field(repr=False)
    oapi_url: str = "https://oapi.dingtalk.com"
    api_url: str = "https://api.dingtalk.com"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds a whole call may take, retries included, and how many may be under way in this process.

    Background work has places of its own and takes none of people's. However long DingTalk hangs, it holds
    no more than `under_way` + `in_line` of the threads that answer people.
    """

    read_seconds: float = 6.0
    write_seconds: float = 10.0
    under_way: int = 8
    in_line: int = 4
    background: int = 16

    @property
    def connections(self) -> int:
        return self.under_way + self.background


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked of DingTalk; `body` None means GET."""

    endpoint: str
    body: Mapping[str, object] | None = None
    write: bool = False
    new_api: bool = False


@dataclass(frozen=True)
class Reply:
    """DingTalk's yes: `content` is the whole body, `result` the part a legacy call wraps."""

    content: bytes
    result: bytes
    request_id: str

    def read(self, endpoint: str, shape: type[T], *, whole: bool = False) -> T:
        """The reply as a typed value. Raises NotUnderstood where DingTalk sent another shape."""
        try:
            # strict=False: some documented replies print true as "true" and 12 as "12".
            return msgspec.json.decode(
                self.content if whole else self.result, type=shape, strict=False
            )
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as reason:
            raise NotUnderstood(
                endpoint, message=str(reason)[:200], request_id=self.request_id
            ) from None


class _Legacy(msgspec.Struct, frozen=True):
    """The envelope of oapi. `errcode` must be an int: "0", 0.0, true and null are no success."""

    errcode: int
    errmsg: str = ""
    sub_code: str | int | None = None
    sub_msg: str | None = None
    request_id: str = ""
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Refusal(msgspec.Struct, frozen=True):
    """The new API's error body. `accessdenieddetail` names missing permission points."""

    code: str
    message: str = ""
    requestid: str = ""
    accessdenieddetail: dict[str, Any] | None = None


class Wire:
    """Carries calls for one app. Holds one connection pool: make it after fork, share it between threads."""

    def __init__(
        self,
        *,
        account: Account,
        store: token.Store,
        pace: Pace,
        limits: Limits | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._account = account
        self._pace = pace
        self._limits = limits or Limits()
        self._places = threading.BoundedSemaphore(self._limits.under_way)
        self._line = threading.BoundedSemaphore(self._limits.in_line)
        self._background = threading.BoundedSemaphore(self._limits.background)
        self._http = httpx.Client(
            transport=transport or DeadlineTransport(connections=self._limits.connections),
            timeout=None,  # noqa: S113 — the deadline bounds every socket operation: see deadline.py
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
        self._token = token.AccessToken(
            store=store, fetch=self._fetch_token, name=f"{account.api_url} {account.client_id}"
        )

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call, *, lane: Lane) -> Reply:
        """Carry out one call and return DingTalk's yes.

        Raises, for a write: NotSent, SaidNo or OutcomeUnknown. For a read: NotSent, SaidNo, NoAnswer or
        NotUnderstood. Nothing else.
        """
        started = time.monotonic()
        carry_out = self._for_a_person if lane is Lane.PERSON else self._in_background
        try:
            reply = carry_out(call)
        except DingTalkError as failure:
            _tell(call, started, failure)
            raise
        _tell(call, started, None)
        return reply

    def _for_a_person(self, call: Call) -> Reply:
        with within(self._seconds(call)), self._one_of_few(call):
            return self._repeat_what_may_be(call, Lane.PERSON)

    def _in_background(self, call: Call) -> Reply:
        """Nobody waits for it: the deadline begins with its first slot."""
        with self._background:
            self._wait_for_slot(call, Lane.BACKGROUND, patience=float("inf"))
            with within(self._seconds(call)):
                return self._repeat_what_may_be(call, Lane.BACKGROUND)

    @contextmanager
    def _one_of_few(self, call: Call) -> Iterator[None]:
        """A place, held while the call waits for anything: its slot, the token, DingTalk, its next attempt.

        Where all are taken, some may wait a moment in line; who comes after them is told at once.
        """
        if not self._places.acquire(blocking=False):
            self._wait_in_line(call)
        try:
            yield
        finally:
            self._places.release()

    def _wait_in_line(self, call: Call) -> None:
        if self._line.acquire(blocking=False):
            try:
                if self._places.acquire(timeout=min(time_left(), _IN_LINE_SECONDS)):
                    return
            finally:
                self._line.release()
        raise TooBusyHere(call.endpoint, message="too many calls under way")

    def _seconds(self, call: Call) -> float:
        return self._limits.write_seconds if call.write else self._limits.read_seconds

    def _repeat_what_may_be(self, call: Call, lane: Lane) -> Reply:
        repeating = stamina.RetryingCaller(
            attempts=_ATTEMPTS,
            timeout=max(time_left() - _REPEAT_NEEDS, 0.01),
            wait_initial=0.2,
            wait_max=1.5,
            wait_jitter=0.3,
        )
        # Background work already waited for its first slot, outside the deadline.
        has_slot = lane is Lane.BACKGROUND

        def attempt() -> Reply:
            nonlocal has_slot
            if not has_slot:
                self._wait_for_slot(call, lane, patience=time_left() - 0.5)
            has_slot = False
            return self._with_a_token_that_serves(call)

        return repeating(lambda failure: _may_repeat(call, failure), attempt)

    def _wait_for_slot(self, call: Call, lane: Lane, *, patience: float) -> None:
        self._stop_while_blocked(call)
        if not self._pace.wait(call.endpoint, lane, patience):
            raise TooBusyHere(call.endpoint, message="no slot before the deadline")
        self._stop_while_blocked(call)  # it may have come meanwhile, for all who waited

    def _stop_while_blocked(self, call: Call) -> None:
        until = self._pace.blocked_until()
        if until:
            raise Blocked(call.endpoint, until=until)

    def _with_a_token_that_serves(self, call: Call) -> Reply:
        current = self._token.current()
        try:
            return self._exchange(call, current)
        except PermissionMissing:
            self._token.forget(older_than=60)
            raise
        except SaidNo as refusal:
            if refusal.code not in CURED_BY_A_NEW_TOKEN:
                raise
        # DingTalk refused the token before looking at the call: the one repeat a write allows.
        return self._exchange(call, self._token.after_refusal_of(current))

    def _exchange(self, call: Call, access_token: str) -> Reply:
        request = self._request(call, access_token)
        try:
            status, content = self._read_whole(request)
        except _NEVER_SENT as failure:
            raise Unreachable(call.endpoint, message=type(failure).__name__) from None
        except _LOST as failure:
            raise _lost(call, type(failure).__name__) from None
        return self._judge(call, status, content)

    def _request(self, call: Call, access_token: str) -> httpx.Request:
        host = self._account.api_url if call.new_api else self._account.oapi_url
        headers = {"x-acs-dingtalk-access-token": access_token} if call.new_api else {}
        params = {} if call.new_api else {"access_token": access_token}
        if call.body is None:
            return self._http.build_request("GET", host + call.endpoint, params=params)
        headers["Content-Type"] = "application/json;charset=UTF-8"
        # Raw UTF-8: DingTalk refuses \uXXXX escapes with 40033.
        content = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()
        return self._http.build_request(
            "POST", host + call.endpoint, params=params, headers=headers, content=content
        )

    def _read_whole(self, request: httpx.Request) -> tuple[int, bytes]:
        reply = self._http.send(request, stream=True)
        try:
            # Compression was not asked for; 194 KB of it can become 200 MB.
            if reply.headers.get("Content-Encoding", "identity") != "identity":
                raise _Unreadable
            content = bytearray()
            for chunk in reply.iter_raw():
                content += chunk
                if len(content) > _LARGEST_REPLY:
                    raise _Unreadable
            return reply.status_code, _without_nul(bytes(content))
        finally:
            reply.close()

    def _judge(self, call: Call, status: int, content: bytes) -> Reply:
        self._stop_if_banned(call, status, content)
        if status >= _REDIRECT and not call.new_api:  # oapi tells its errors with 200
            raise _lost(call, f"HTTP {status}")
        try:
            if call.new_api:
                return self._judge_new(call, status, content)
            return self._judge_legacy(call, content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            if status >= _SERVER_FAULT:
                raise _lost(call, f"HTTP {status}") from None
            raise _unclear(call, f"unreadable reply, HTTP {status}") from None
        except RateLimited:
            self._pace.slow_down(call.endpoint)
            raise

    @staticmethod
    def _judge_legacy(call: Call, content: bytes) -> Reply:
        said = msgspec.json.decode(content, type=_Legacy)
        # A doubled key would let the last one win; inside a text its quotes would be escaped.
        if content.count(b'"errcode"') > 1:
            raise _unclear(call, "two verdicts in one reply")
        if said.errcode == 0:
            return Reply(content, bytes(said.result), said.request_id)
        code: int | None = said.errcode
        message = said.errmsg
        if code == _GATEWAY:
            inner = str(said.sub_code or "")
            code = int(inner) if _INNER_CODE.fullmatch(inner) else None
        raise error_for(
            call.endpoint,
            code=code,
            message=message,
            request_id=said.request_id,
            write=call.write,
        )

    @staticmethod
    def _judge_new(call: Call, status: int, content: bytes) -> Reply:
        if status < _REDIRECT:
            msgspec.json.decode(content, type=dict[str, Any])
            return Reply(content, content, "")
        said = msgspec.json.decode(content, type=_Refusal)
        message = said.message
        scopes = (said.accessdenieddetail or {}).get("requiredScopes")
        if isinstance(scopes, list) and "requiredScopes" not in message:
            message += f" {{requiredScopes=[{', '.join(map(str, scopes))}]}}"
        code: str | None = said.code
        if status >= _SERVER_FAULT:  # whatever it says, whether the call was carried out stays open
            code = None
        raise error_for(
            call.endpoint, code=code, message=message, request_id=said.requestid, write=call.write
        )

    def _stop_if_banned(self, call: Call, status: int, content: bytes) -> None:
        """A banned address gets a page, or ``{"status":1111,…}``, where an answer should be."""
        page = content.lstrip()[:1] == b"<" and status < _SERVER_FAULT
        if not (page or b'"status":1111' in content[:200].replace(b" ", b"")):
            return
        until = self._pace.block(_BAN_SECONDS)
        if call.write:
            # Surely the ban; but a page can also come from something between us, after the fact.
            raise OutcomeUnknown(call.endpoint, message="a page or a ban where an answer should be")
        raise Blocked(call.endpoint, until=until)

    def _fetch_token(self) -> token.Grant:
        call = Call(
            endpoint=token.ENDPOINT,
            body={"appKey": self._account.client_id, "appSecret": self._account.client_secret},
            new_api=True,
        )
        try:
            reply = self._exchange(call, "")
            return reply.read(call.endpoint, token.Grant)
        except (NoAnswer, NotUnderstood) as failure:
            # Without a token the call itself was not sent, whatever became of the token's own request.
            raise Unreachable(
                call.endpoint,
                code=failure.code,
                message=f"no access token: {failure.message}",
                request_id=failure.request_id,
            ) from None
        except CredentialsRefused:
            log.warning("DingTalk refused the client id or secret")
            raise


def _without_nul(content: bytes) -> bytes:
    """U+FFFD for every NUL in a text, for PostgreSQL keeps none, and any text may end up in memory or history.

    Found there, after a write, it would be a fault after the fact.
    """
    return _NUL.sub(rb"\1\\ufffd", content) if b"\\u0000" in content else content


def _may_repeat(call: Call, failure: Exception) -> bool:
    if not isinstance(failure, DingTalkError):
        return False
    return failure.repeat_write if call.write else failure.repeat_read


def _lost(call: Call, what: str) -> DingTalkError:
    family = OutcomeUnknown if call.write else NoAnswer
    return family(call.endpoint, message=what)


def _unclear(call: Call, what: str) -> DingTalkError:
    family = OutcomeUnknown if call.write else NotUnderstood
    return family(call.endpoint, message=what)


def _tell(call: Call, started: float, failure: DingTalkError | None) -> None:
    """One line a call: endpoint, how it ended, how long. Never a body, a token or a URL."""
    took = round(1000 * (time.monotonic() - started))
    if failure is None:
        log.info("%s ok %d ms", call.endpoint, took)
    else:
        log.warning(
            "%s %s %s %d ms, request %s",
            call.endpoint,
            type(failure).__name__,
            failure.code,
            took,
            failure.request_id or "-",
        )
