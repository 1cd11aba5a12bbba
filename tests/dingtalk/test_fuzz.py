"""A hundred thousand replies that something happened to on their way; the same ones in each run.

`test_any_reply.py` invents replies and shrinks what it finds. Here they are real: what the sandbox answers to
every call, yes, refusals and faults, with bytes damaged and values exchanged.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
import stamina
from other_side import TOKENS, Shelf, account, wire_over
from test_any_reply import GRANT, quiet  # noqa: F401 - a fixture, at work here too

from departments.dingtalk import (
    Account,
    ContactScope,
    Department,
    DingTalkClient,
    DingTalkError,
    Lane,
    ListedDepartment,
    NoAnswer,
    NotSent,
    NotUnderstood,
    OutcomeUnknown,
    Person,
    Receipt,
    SaidNo,
)
from departments.dingtalk.errors import BUSY, KNOWN
from departments.dingtalk.payloads import PeoplePage, SearchPage
from departments.dingtalk.wire import Call, Reply
from sandbox import FAULTS, Cut, Organisation, Rule, Sandbox

pytestmark = pytest.mark.proof

REPLIES = 100_000
SEED = 20261124

#: What is another in each run; only its name's letters stay.
BY_CHANCE = re.compile(rb'("(accessToken|request_?id)":")[^"]*')
LARGEST = 8_000  # bytes; a fault's megabytes are other tests' business


@dataclass(frozen=True)
class Asked:
    """A call, and the type that its yes has."""

    call: Callable[[DingTalkClient, int], object]
    promised: Any
    write: bool = False


ASKED = {
    "get": Asked(lambda client, at: client.get_department(at), Department),
    "children": Asked(lambda client, at: client.list_children(at), list[ListedDepartment]),
    "child ids": Asked(lambda client, at: client.list_child_ids(at), list[int]),
    "ancestors": Asked(lambda client, at: client.list_ancestor_ids(at), list[int]),
    "person's ancestors": Asked(
        lambda client, _: client.list_ancestor_ids_of_person("liwei"), list[list[int]]
    ),
    "search": Asked(lambda client, _: client.search_departments("a"), SearchPage),
    "member ids": Asked(lambda client, at: client.list_member_ids(at), list[str]),
    "member names": Asked(lambda client, at: client.list_member_names(at), PeoplePage),
    "members": Asked(lambda client, at: client.list_members(at), PeoplePage),
    "every name": Asked(lambda client, at: list(client.every_member_name(at)), list[Person]),
    "person": Asked(lambda client, _: client.get_person("liwei"), Person),
    "scope": Asked(lambda client, _: client.contact_scope(), ContactScope),
    "create": Asked(
        lambda client, at: client.create_department({"name": "Design", "parent_id": at}),
        Receipt,
        write=True,
    ),
    "update": Asked(
        lambda client, at: client.update_department(at, {"name": "Field Sales"}),
        Receipt,
        write=True,
    ),
    "delete": Asked(lambda client, at: client.delete_department(at), Receipt, write=True),
    "a write of the new API": Asked(
        lambda client, _: client._wire.send(
            Call(endpoint="/v1.0/x", body={}, write=True, new_api=True), lane=Lane.PERSON
        ),
        Reply,
        write=True,
    ),
    "token": Asked(lambda client, at: client.get_department(at), Department),
}


# ── Real replies ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Ear(httpx.BaseTransport):
    """The line to a sandbox; keeps what came back, and forgets what was asked."""

    sandbox: Sandbox
    tokens: bool  # are they what is listened for, or all the rest?
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = httpx.WSGITransport(app=self.sandbox).handle_request(request)
        except Cut:
            raise httpx.ReadError("cut", request=request) from None
        length = int(answer.headers["Content-Length"])
        content = answer.read() if length <= LARGEST else b"{}"
        if (request.url.path == TOKENS) == self.tokens:
            self.heard.append((answer.status_code, BY_CHANCE.sub(rb"\1\2", content)))
        return httpx.Response(answer.status_code, stream=httpx.ByteStream(content))


def real_replies() -> dict[str, list[tuple[int, bytes]]]:
    """To each call: its yes, its refusals for want of a thing or a right, and every fault of its family."""
    heard = {}
    for name, asked in ASKED.items():
        heard[name] = [
            *answers_to(asked),
            *answers_to(asked, at=404),
            *answers_to(asked, granted=False),
        ]
    for name in ("get", "create", "search"):
        for fault in FAULTS:
            heard[name] += answers_to(ASKED[name], fault=fault)
    return heard


def answers_to(
    asked: Asked, *, at: int | None = None, granted: bool = True, fault: str = ""
) -> list[tuple[int, bytes]]:
    org = Organisation.plant("""
        Acme 有限公司
          Sales [chat] [code S1] (Li Wei, Chen Yu*)
            East [hidden] [order 10]
            West [restricted]
    """)
    org.add_member("Sales", "Ada", userid="liwei")
    sandbox = Sandbox(org, clock=lambda: 1_795_312_800.0)
    if not granted:
        sandbox.switches.granted_points.clear()
    if fault:
        sandbox.faults.add(Rule(fault, path="department", times=None, seconds=0))
    ear = Ear(sandbox, tokens=asked is ASKED["token"])
    client = DingTalkClient(wire_over(ear, account(sandbox)))
    with suppress(DingTalkError):
        asked.call(client, org["Sales"].dept_id if at is None else at)
    sandbox.faults.later.call_off()
    return ear.heard


# ── What happens to them ─────────────────────────────────────────────────────────────────────────────────

TEXTS = ["", "0", "1", "--5", "²", "９", "true", "null", "\ud800", "\0", "\u202e", "a" * 300]
TEXTS += [str(code) for code in KNOWN] + [str(code) for code in BUSY]
NUMBERS: list[Any] = [0, -0.0, 0.5, 1, -1, -7, 88, 2**31, 2**63 - 1, 2**63, 2**64, 10**40, 1e300]
NUMBERS += [float("nan"), float("inf")]
NUMBERS += [code for code in (*KNOWN, *BUSY) if isinstance(code, int)]
NAMES = ["errcode", "sub_code", "result", "code", "list", "dept_id", "name", "request_id", "status"]
NAMES += ["requiredScopes", "accessdenieddetail", "accessToken", "expireIn", "next_cursor"]
JUNK = [b'"', b"{", b"}", b"[" * 5000, b'{"a":' * 5000, b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b","]
JUNK += [b"\\ud800", b"1e999", b"-", b"null", b"<html>", b'"errcode":0,', b'"result":{', b"//"]
STATUSES = [100, 101, 200, 204, 206, 302, 304, 400, 401, 403, 404, 429, 500, 502, 503, 504]


class Mishaps:
    """Damages replies, always in the same way."""

    def __init__(self, corpus: dict[str, list[tuple[int, bytes]]], seed: int) -> None:
        self._of_call = corpus
        self._all = list(dict.fromkeys(reply for replies in corpus.values() for reply in replies))
        self._chance = random.Random(seed)

    def __call__(self, replies: int) -> Iterator[tuple[str, int, bytes]]:
        """For each of so many replies: in answer to what, with which status, and its bytes."""
        names = list(ASKED)
        for _ in range(replies):
            name = self._chance.choice(names)
            its_own = self._chance.random() < 0.7
            status, content = self._chance.choice(self._of_call[name] if its_own else self._all)
            for _ in range(self._chance.randint(1, 3)):
                happens = self._damage if self._chance.random() < 0.3 else self._exchange
                content = happens(content)
            if self._chance.random() < 0.1:
                status = self._chance.choice(STATUSES)
            yield name, status, content

    def _damage(self, content: bytes) -> bytes:
        """Bytes lost, doubled, changed, put in, or another reply's."""
        start = self._chance.randint(0, len(content))
        end = min(start + self._chance.choice((0, 1, 1, 4, 16, 400)), len(content))
        other = self._chance.choice(self._all)[1]
        instead = self._chance.choice(
            (
                b"",
                content[start:end] * 2,
                self._chance.randbytes(end - start),
                self._chance.choice(JUNK),
                other[self._chance.randint(0, len(other)) :],
            )
        )
        return content[:start] + instead + content[end:]

    def _exchange(self, content: bytes) -> bytes:
        """A value for another, a field lost, renamed or moved: JSON all the same."""
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return self._damage(content)
        places = list(_places([body]))
        holder, key = self._chance.choice(places)
        match self._chance.randrange(4):
            case 0 if isinstance(holder, dict):
                holder[self._chance.choice(NAMES)] = holder.pop(key)
            case 1 if isinstance(holder, dict):
                del holder[key]
            case 2:
                from_holder, from_key = self._chance.choice(places)
                holder[key] = json.loads(json.dumps(from_holder[from_key]))
            case _:
                holder[key] = self._anything(holder[key])
        return json.dumps(body, ensure_ascii=self._chance.random() < 0.2).encode(
            errors="surrogatepass"
        )

    def _anything(self, value: Any) -> Any:
        pick = self._chance.choice
        return pick(
            (
                pick(NUMBERS),
                pick(TEXTS),
                pick((None, True, False)),
                [value],
                {pick(NAMES): value},
                str(value),
                pick(([], {}, [[]])),
            )
        )


def _places(root: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Every place in a body that holds a value; the first holds the body itself."""
    holders: list[Any] = [root]
    while holders:
        holder = holders.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list):
                holders.append(holder[key])


# ── How each ends ────────────────────────────────────────────────────────────────────────────────────────


class Parrot(httpx.BaseTransport):
    """Answers everything with what it was last told; the token's endpoint only where that is asked for."""

    said: tuple[int, bytes]
    tokens_too: bool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        keeps_token = request.url.path == TOKENS and not self.tokens_too
        status, content = (200, GRANT) if keeps_token else self.said
        return httpx.Response(status, stream=httpx.ByteStream(content))


def ending(asked: Asked, client: DingTalkClient) -> str:
    """The name of the family in which a call has ended. Raises whatever is neither a value nor ours."""
    try:
        value = asked.call(client, 5)
    except DingTalkError as failure:
        return _family(asked, failure)
    if asked.promised is Reply:
        assert isinstance(value, Reply)
    else:
        msgspec.convert(msgspec.to_builtins(value), type=asked.promised)
    return "value"


def _family(asked: Asked, failure: DingTalkError) -> str:
    assert str(failure)
    families = (OutcomeUnknown,) if asked.write else (NoAnswer, NotUnderstood)
    family = next(one for one in (NotSent, SaidNo, *families) if isinstance(failure, one))
    assert family is not SaidNo or failure.code in KNOWN
    return family.__name__


def test_every_damaged_reply_ends_in_a_typed_value_or_in_an_error_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = real_replies()
    parrot, shelf = Parrot(), Shelf()
    client = DingTalkClient(
        wire_over(parrot, Account(client_id="c", client_secret="s"), store=shelf)
    )
    ends: Counter[str] = Counter()

    with stamina.set_testing(True, attempts=1):
        for name, status, content in Mishaps(corpus, SEED)(REPLIES):
            parrot.said, parrot.tokens_too = (status, content), name == "token"
            for kept in shelf.names() if parrot.tokens_too else []:
                shelf.delete(kept)
            try:
                ends[ending(ASKED[name], client)] += 1
            except Exception as surprise:
                raise AssertionError(f"{name}, HTTP {status}, {content[:2000]!r}") from surprise

    with capsys.disabled():
        print(f"\n{ends.total()} damaged replies: {dict(ends.most_common())}")  # noqa: T201
    assert ends.total() == REPLIES
    assert min(ends.values()) > REPLIES // 100, "each kind of end was met often"
    assert set(ends) == {
        "value",
        "SaidNo",
        "OutcomeUnknown",
        "NoAnswer",
        "NotUnderstood",
        "NotSent",
    }
