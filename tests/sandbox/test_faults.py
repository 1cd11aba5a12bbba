"""Every fault over a real socket: what the caller sees, and what the journal says became of the call."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sandbox import FAULTS, Cut, Organisation, Rule, Sandbox, cases
from sandbox.faults import Dripped, Dropped, Garbled, Reset, Silent
from sandbox.server import serving

CREATE = "/topapi/v2/department/create"
UPDATE = "/topapi/v2/department/update"
DELETE = "/topapi/v2/department/delete"
GET = "/topapi/v2/department/get"
LISTSUB = "/topapi/v2/department/listsub"
SEARCH = "/v1.0/contact/departments/search"
CREDENTIALS = {"appKey": "dingsandbox", "appSecret": "sandbox-secret"}

LONG = 3600.0  # longer than any test: it ends by being told to
PACE = {"hang": 0.05, "drip-headers": 0.001, "drip-body": 0.001, "slow": 0.05}
MEBIBYTE = 1024 * 1024


class Wire:
    """A caller over a socket, with a token."""

    def __init__(self, address: str, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.address = address
        # No keep-alive: each fault meets a connection of its own.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=address, timeout=20, limits=limits)

    def start_again(self) -> None:
        self.sandbox.reset()
        self.token = self.sandbox.tokens.fetch()

    def post(self, path: str, **fields: object) -> httpx.Response:
        return self.http.post(path, params={"access_token": self.token}, json=fields)

    def seen(self, path: str, **fields: object) -> httpx.Response | type[Exception]:
        try:
            return self.post(path, **fields)
        except httpx.HTTPError as failure:
            return type(failure)

    def control(self, call: str, **body: object) -> dict[str, Any]:
        reply = self.http.post(f"/_control/{call}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def raw(self, path: str, **fields: object) -> Iterator[bytes]:
        """What arrives, piece by piece, until the other side closes."""
        body = json.dumps(fields).encode()
        host, port = self.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                f"POST {path}?access_token={self.token} HTTP/1.1\r\nHost: x\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            while piece := connection.recv(65536):
                yield piece


@pytest.fixture(scope="module")
def served() -> Iterator[Wire]:
    sandbox = Sandbox(Organisation.plant("Acme\n  Sales\n    East\n  Legal"))
    with serving(sandbox) as address:
        wire = Wire(address, sandbox)
        yield wire
        wire.http.close()


@pytest.fixture
def wire(served: Wire) -> Iterator[Wire]:
    served.start_again()
    yield served
    served.sandbox.reset()


def strike(sandbox: Sandbox, fault: str, **given: Any) -> Rule:
    name = fault.partition(":")[0]
    given = {"path": CREATE, "seconds": PACE.get(name, LONG), "size": 2 * MEBIBYTE} | given
    rule = Rule(fault, **given)
    sandbox.faults.add(rule)
    return rule


def test_there_are_enough():
    assert len(FAULTS) >= 40
    assert len({str(case) for case in cases()}) == len(list(cases())) > 100
    assert {case.applied for case in cases()} == {"never", "always", "late", "twice"}
    assert all(fault.meaning for fault in FAULTS.values())


# What becomes of the call


WRITTEN = {"never": 0, "always": 1, "late": 0, "twice": 2}


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_whether_it_is_applied(wire, case):
    sandbox = wire.sandbox
    strike(sandbox, str(case))

    if case.fault == "endless":
        next(wire.raw(CREATE, name="New", parent_id=1))
    else:
        wire.seen(CREATE, name="New", parent_id=1)

    [fired] = sandbox.faults.seen
    if str(case) == "slow:before":
        assert [change.kind for change in sandbox.journal] == ["department.create"]
        return
    assert len(sandbox.journal) == WRITTEN[case.applied]
    assert fired.applied is bool(sandbox.journal)
    if case.applied == "late":
        assert sandbox.faults.later.hurry() == 1
        assert len(sandbox.journal) == 1
        assert fired.applied
    for change in sandbox.journal:
        assert (change.request_id, change.body["name"]) == (fired.request_id, "New")
    [call] = [call for call in sandbox.calls if call.path == CREATE]
    assert (call.fault, call.request_id) == (case.fault, fired.request_id)

    assert wire.post(CREATE, name="Next", parent_id=1).json()["errcode"] == 0


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_whether_an_edit_and_a_delete_are_applied(wire, case):
    """Within this process, where a line that is cut is an exception."""
    sandbox = wire.sandbox
    legal, http = sandbox.org["Legal"].dept_id, httpx.WSGITransport(app=sandbox)
    happened = {"never": 0, "late": 0}.get(case.applied, 1)
    happened += str(case) == "slow:before"
    with httpx.Client(transport=http, base_url="http://x") as client:
        params = {"access_token": wire.token}
        for path, fields in ((UPDATE, {"name": "Law"}), (DELETE, {})):
            sandbox.journal.clear()
            strike(sandbox, str(case), path=path, dept_id=legal)
            try:
                client.post(path, params=params, json={"dept_id": legal, **fields})
                ended: object = None
            except (Cut, httpx.DecodingError) as failure:
                ended = failure

            assert isinstance(ended, Cut) is FAULTS[case.fault].cuts
            if isinstance(ended, Cut):
                assert (ended.kind, ended.applied) == (case.fault, bool(happened))
            assert len(sandbox.journal) == happened
            assert sandbox.faults.later.hurry() == (str(case) in {"late:before", "late-504:before"})


def test_a_second_delivery_of_a_create_makes_a_namesake(wire):
    strike(wire.sandbox, "twice")
    reply = wire.post(CREATE, name="New", parent_id=1, order=7).json()

    first, second = wire.sandbox.journal
    assert reply["result"]["dept_id"] == first.dept_ids[0] != second.dept_ids[0]
    assert {one.after[0].name for one in (first, second)} == {"New"}
    assert {one.after[0].order for one in (first, second)} == {7}
    assert len(wire.sandbox.org.children(1)) == 4


def test_a_replayed_call_hears_the_second_answer(wire):
    strike(wire.sandbox, "replayed")
    assert wire.post(CREATE, name="New", parent_id=1).json()["errcode"] == 60021
    strike(wire.sandbox, "replayed", path=DELETE)
    assert wire.post(DELETE, dept_id=wire.sandbox.org["New"].dept_id).json()["errcode"] == 60003


def test_an_unapplied_create_names_a_department_that_never_is(wire):
    strike(wire.sandbox, "unapplied", times=None)
    ids = {wire.post(CREATE, name="New", parent_id=1).json()["result"]["dept_id"] for _ in range(2)}
    assert len(ids) == 2
    for dept_id in ids:
        assert wire.post(GET, dept_id=dept_id).json()["errcode"] == 60003


def test_a_reading_is_answered_in_either_phase(wire):
    for phase in ("before", "after"):
        strike(wire.sandbox, f"id-digits:{phase}", path=GET)
        sales = wire.sandbox.org["Sales"].dept_id
        assert wire.post(GET, dept_id=sales).json()["result"]["dept_id"] == str(sales)


# Late


def test_a_late_commit_is_journalled_when_it_happens(wire):
    strike(wire.sandbox, "late", seconds=0.05)
    assert wire.seen(CREATE, name="New", parent_id=1) is httpx.RemoteProtocolError
    answered = wire.sandbox.clock()

    deadline = time.monotonic() + 10
    while not wire.sandbox.journal and time.monotonic() < deadline:
        time.sleep(0.01)

    [change] = wire.sandbox.journal
    assert change.time >= answered - 0.05
    assert change.request_id == wire.sandbox.faults.seen[0].request_id


def test_a_late_commit_is_off_after_a_reset(wire):
    strike(wire.sandbox, "late-504", seconds=LONG)
    assert wire.post(CREATE, name="New", parent_id=1).status_code == 504

    wire.sandbox.reset()

    assert len(wire.sandbox.faults.later) == 0
    assert "New" not in wire.sandbox.org
    assert not wire.sandbox.journal


def test_a_late_commit_outlives_the_clearing_of_the_rules(wire):
    strike(wire.sandbox, "late", seconds=LONG)
    wire.seen(CREATE, name="New", parent_id=1)
    wire.sandbox.faults.clear()
    assert len(wire.sandbox.faults.later) == 1
    assert wire.sandbox.faults.later.hurry() == 1
    assert "New" in wire.sandbox.org


def test_a_slow_call_that_a_reset_overtakes_does_nothing(wire):
    strike(wire.sandbox, "slow:before", seconds=LONG)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(wire.seen, CREATE, name="New", parent_id=1)
        until(lambda: wire.sandbox.faults.seen)
        wire.sandbox.reset()
        assert answer.result() is httpx.RemoteProtocolError
    assert not wire.sandbox.journal
    assert not wire.sandbox.calls


def test_clearing_ends_a_silence(wire):
    strike(wire.sandbox, "hang:after", seconds=LONG)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(wire.seen, CREATE, name="New", parent_id=1)
        until(lambda: wire.sandbox.journal)
        wire.sandbox.faults.clear()
        assert answer.result() is httpx.RemoteProtocolError


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# What the caller sees


LOST = {
    "drop": httpx.RemoteProtocolError,
    "reset": httpx.ReadError,
    "hang": httpx.RemoteProtocolError,
    "late": httpx.RemoteProtocolError,
    "short-body": httpx.RemoteProtocolError,
    "two-lengths": httpx.RemoteProtocolError,
    "bad-chunks": httpx.RemoteProtocolError,
    "half-head": httpx.RemoteProtocolError,
    "garbage": httpx.RemoteProtocolError,
    "raw": httpx.RemoteProtocolError,
    "bad-gzip": httpx.DecodingError,
}


@pytest.mark.parametrize(("fault", "failure"), LOST.items())
def test_an_answer_that_is_lost(wire, fault, failure):
    for phase in FAULTS[fault].applied:
        strike(wire.sandbox, fault, phase=phase)
        assert wire.seen(CREATE, name=f"New {phase}", parent_id=1) is failure


STATUSES = {
    **{f"http-{status}": status for status in (500, 502, 503, 504)},
    **{f"http-{status}-html": status for status in (500, 502, 503, 504)},
    "http-429": 429,
    "redirect": 302,
    "late-504": 504,
    "token-invalid": 400,
}


@pytest.mark.parametrize(("fault", "status"), STATUSES.items())
def test_a_status(wire, fault, status):
    strike(wire.sandbox, fault)
    reply = wire.post(CREATE, name="New", parent_id=1)
    assert reply.status_code == status
    if fault.endswith("html"):
        assert reply.text.startswith("<html>")
        assert reply.headers["Content-Type"].startswith("text/html")


ENVELOPES = {
    "ban": {"status": 1111},
    "errcode-text": {"errcode": "0"},
    "errcode-float": {"errcode": 0.0},
    "errcode-true": {"errcode": True},
    "errcode-null": {"errcode": None},
    "errcode-missing": {"errmsg": "ok"},
    "errcode-twice": {"errcode": 0},
    "result-missing": {"errcode": 0},
    "id-missing": {"errcode": 0, "result": {}},
    "id-huge": {"errcode": 0, "result": {"dept_id": 2**64}},
    "id-text": {"errcode": 0, "result": {"dept_id": "none"}},
    "busy": {"errcode": -1},
    "busy-15": {"errcode": 15},
    "busy-400001": {"errcode": 400001},
    "busy-88": {"errcode": 88, "sub_code": ""},
    "unknown-12345": {"errcode": 12345},
    "rate-90018": {"errcode": 88, "sub_code": "90018"},
    "rate-90018-bare": {"errcode": 90018},
    "rate-90002": {"errcode": 88, "sub_code": "90002"},
    "rate-90002-bare": {"errcode": 90002},
    "quota-90020": {"errcode": 88, "sub_code": "90020"},
    "token-40014": {"errcode": 88, "sub_code": "40014"},
    "token-40014-bare": {"errcode": 40014},
    "token-42001": {"errcode": 88, "sub_code": "42001"},
    "token-42001-bare": {"errcode": 42001},
    "token-40001": {"errcode": 88, "sub_code": "40001"},
    "token-40001-bare": {"errcode": 40001},
    "token-invalid": {"code": "InvalidAuthentication"},
    "permission-60011": {"errcode": 88, "sub_code": "60011"},
    "permission-60011-bare": {"errcode": 60011},
    "permission-43007": {"errcode": 43007},
    "address-60020": {"errcode": 88, "sub_code": "60020"},
    "gone-404": {"errcode": 404},
    "huge-body": {"errcode": 0},
    "gzip-bomb": {"errcode": 0},
    "unapplied": {"errcode": 0},
    "twice": {"errcode": 0},
    "lag": {"errcode": 0},
    "stale": {"errcode": 0},
    "slow": {"errcode": 0},
    "drip-headers": {"errcode": 0},
    "drip-body": {"errcode": 0},
    "reply": {},
}


@pytest.mark.parametrize("fault", ENVELOPES)
def test_an_envelope(wire, fault):
    for phase in FAULTS[fault].applied:
        strike(wire.sandbox, fault, phase=phase)
        said = wire.post(CREATE, name=f"New {phase}", parent_id=1).json()
        expected = ENVELOPES[fault]
        assert {name: said.get(name) for name in expected} == expected
        assert type(said.get("errcode")) is type(expected.get("errcode"))
        assert ("result" in said) is (fault != "result-missing" and "result" in said)


def test_success_without_its_parts(wire):
    strike(wire.sandbox, "result-missing:after")
    assert set(wire.post(CREATE, name="A", parent_id=1).json()) == {
        "errcode",
        "errmsg",
        "request_id",
    }
    strike(wire.sandbox, "errcode-missing:after")
    assert "errcode" not in wire.post(CREATE, name="B", parent_id=1).json()
    strike(wire.sandbox, "id-negative:after")
    said = wire.post(CREATE, name="C", parent_id=1).json()["result"]["dept_id"]
    assert said == -wire.sandbox.org["C"].dept_id
    strike(wire.sandbox, "other-department:after")
    said = wire.post(CREATE, name="D", parent_id=1).json()["result"]["dept_id"]
    assert said in wire.sandbox.org
    assert said != wire.sandbox.org["D"].dept_id


def test_bodies_that_are_no_json(wire):
    bodies = {}
    for fault in ("cut-json", "bad-json", "empty-body", "html-page", "errcode-twice"):
        strike(wire.sandbox, fault)
        reply = wire.post(CREATE, name="New", parent_id=1)
        assert reply.status_code == 200
        assert int(reply.headers["Content-Length"]) == len(reply.content)
        bodies[fault] = reply.text
    for fault in ("cut-json", "bad-json", "html-page"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(bodies[fault])
    assert bodies["empty-body"] == ""
    assert bodies["errcode-twice"].count('"errcode"') == 2


def test_bodies_that_are_big(wire):
    strike(wire.sandbox, "huge-body", size=3 * MEBIBYTE + 5)
    assert len(wire.post(CREATE, name="A", parent_id=1).content) > 3 * MEBIBYTE
    strike(wire.sandbox, "gzip-bomb", size=8 * MEBIBYTE)
    reply = wire.post(CREATE, name="B", parent_id=1)
    assert int(reply.headers["Content-Length"]) < 100_000
    assert len(reply.content) > 8 * MEBIBYTE
    strike(wire.sandbox, "endless")
    received = 0
    for piece in wire.raw(CREATE, name="C", parent_id=1):
        received += len(piece)
        if received > MEBIBYTE:
            break


def test_what_drips_comes_in_single_bytes(wire):
    for fault, headers_at_once in (("drip-headers", False), ("drip-body", True)):
        strike(wire.sandbox, fault, seconds=0.002)
        pieces = list(wire.raw(CREATE, name="New", parent_id=1))
        _, _, body = b"".join(pieces).partition(b"\r\n\r\n")
        assert json.loads(body)["errcode"] == 0
        assert len(pieces) > 20
        assert (len(pieces[0]) > 100) is headers_at_once


def test_the_words_of_the_new_api(wire):
    headers = {"x-acs-dingtalk-access-token": wire.token}
    expected = {
        "rate-90018": (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
        "quota-90020": (403, "Forbidden.AccessDenied.ApiCountLimitForOrg"),
        "token-40014": (400, "InvalidAuthentication"),
        "permission-60011": (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"),
        "busy": (500, "system.busy"),
        "busy-15": (504, "GatewayTimeout"),
        "gone-404": (404, "InvalidAction.NotFound"),
        "unknown-12345": (400, "unknown.12345"),
    }
    for fault, words in expected.items():
        strike(wire.sandbox, fault, path="/search")
        reply = wire.http.post(SEARCH, headers=headers, json={})
        assert (reply.status_code, reply.json()["code"]) == words


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_every_fault_can_strike_the_new_api_too(wire, case):
    strike(wire.sandbox, str(case), path="oauth2", seconds=0.001)
    with httpx.Client(transport=httpx.WSGITransport(app=wire.sandbox), base_url="http://x") as http:
        try:
            http.post("/v1.0/oauth2/accessToken", json=CREDENTIALS)
            ended: object = None
        except (Cut, httpx.DecodingError) as failure:
            ended = failure

    assert isinstance(ended, Cut) is FAULTS[case.fault].cuts
    if isinstance(ended, Cut):
        assert issubclass(getattr(httpx, ended.as_httpx), httpx.TransportError)


def test_a_reply_and_bytes_of_ones_own(wire):
    strike(wire.sandbox, "reply:after", body={"errcode": 0, "result": []}, status=201)
    reply = wire.post(CREATE, name="A", parent_id=1)
    assert (reply.status_code, reply.json()) == (201, {"errcode": 0, "result": []})
    strike(wire.sandbox, "raw", content=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe")
    assert wire.post(CREATE, name="B", parent_id=1).content == b"\xff\xfe"


def test_a_stale_connection(wire):
    strike(wire.sandbox, "stale")
    [*pieces] = wire.raw(CREATE, name="New", parent_id=1)
    assert b"connection: close" not in b"".join(pieces).lower()
    assert b'"errcode":0' in b"".join(pieces)


def test_a_redirect_that_is_followed_leaves_a_trace(wire):
    strike(wire.sandbox, "redirect")
    reply = wire.post(CREATE, name="New", parent_id=1)
    assert reply.headers["Location"] == "/elsewhere"


def test_readings_that_lag():
    clock = Hand()
    sandbox = Sandbox(Organisation.plant("Acme\n  Sales\n  Legal\n  Empty"), clock=clock)
    token = sandbox.tokens.fetch()

    def ask(path: str, **fields: object) -> Any:
        with httpx.Client(transport=httpx.WSGITransport(app=sandbox), base_url="http://x") as http:
            return http.post(path, params={"access_token": token}, json=fields).json()

    def listed() -> list[str]:
        return [child["name"] for child in ask(LISTSUB)["result"]]

    sales, empty = sandbox.org["Sales"].dept_id, sandbox.org["Empty"].dept_id
    sandbox.faults.add(Rule("lag", path="department/", seconds=2, times=2))
    new = ask(CREATE, name="New", parent_id=1)["result"]["dept_id"]
    ask(DELETE, dept_id=empty)
    assert listed() == ["Sales", "Legal", "Empty"]
    assert ask(GET, dept_id=new)["errcode"] == 60003
    clock.now += 2
    assert listed() == ["Sales", "Legal", "New"]

    for fault, of_list, of_details in (
        ("lag-details", "Renamed", "Sales"),
        ("lag-lists", "Renamed", "Again"),
    ):
        sandbox.faults.add(Rule(fault, path=UPDATE, seconds=2))
        ask(UPDATE, dept_id=sales, name="Renamed" if fault == "lag-details" else "Again")
        assert listed()[0] == of_list
        assert ask(GET, dept_id=sales)["result"]["name"] == of_details
        clock.now += 2


class Hand:
    """A clock whose hand a test moves."""

    now = 1_795_312_800.0

    def __call__(self) -> float:
        return self.now


# Which calls


def faults_of(sandbox: Sandbox) -> list[str]:
    return [call.fault for call in sandbox.calls if call.path != "/v1.0/oauth2/accessToken"]


def test_rules_stand_in_order(wire):
    for fault in ("busy", "http-500", "busy-15"):
        wire.sandbox.faults.add(Rule(fault, path="listsub"))
    for _ in range(4):
        wire.post(LISTSUB)
    assert faults_of(wire.sandbox) == ["busy", "http-500", "busy-15", ""]
    assert [one.rule.fault for one in wire.sandbox.faults.seen] == ["busy", "http-500", "busy-15"]


def test_the_nth_call_counts_every_match(wire):
    wire.sandbox.faults.add(Rule("busy", path="listsub", nth=2), Rule("ban", path="listsub", nth=3))
    wire.sandbox.faults.add(Rule("http-500", path="department", nth=5, times=None))
    for _ in range(6):
        wire.post(LISTSUB)
    assert faults_of(wire.sandbox) == ["", "busy", "ban", "", "http-500", "http-500"]


def test_a_department_in_the_body(wire):
    sales, legal = (wire.sandbox.org[name].dept_id for name in ("Sales", "Legal"))
    wire.sandbox.faults.add(Rule("busy", dept_id=sales, times=None))
    params = {"access_token": wire.token}
    wire.post(GET, dept_id=legal)
    wire.post(GET, dept_id=sales)
    wire.http.post(GET, params=params, data={"dept_id": str(sales)})
    wire.post(CREATE, name="New", parent_id=sales)
    assert faults_of(wire.sandbox) == ["", "busy", "busy", "busy"]


@pytest.mark.parametrize(
    "impossible",
    [
        {"fault": "nonsense"},
        {"fault": "rate-90018", "phase": "after"},
        {"fault": "twice:before"},
        {"fault": "drop", "nth": 0},
        {"fault": "drop", "times": 0},
        {"fault": "drop", "seconds": "soon"},
        {"fault": 5},
        {"fault": "drop", "path": None},
    ],
)
def test_an_impossible_rule(wire, impossible):
    with pytest.raises((ValueError, TypeError)):
        Rule(**impossible)
    assert wire.http.post("/_control/faults", json=impossible).status_code == 400


# By chance


def chances(wire: Wire, seed: int) -> list[tuple[str, str | None]]:
    wire.start_again()
    wire.sandbox.faults.random(seed, 0.4, among=["busy", "http-500:after", "unapplied"])
    for number in range(40):
        wire.post(CREATE, name=f"New {number}", parent_id=1)
    assert f"seed {seed}" in str(wire.sandbox.faults)
    assert len(str(wire.sandbox.faults).splitlines()) == len(wire.sandbox.faults.seen) + 1
    return [
        (
            call.fault,
            {one.request_id: one.rule.phase for one in wire.sandbox.faults.seen}.get(
                call.request_id
            ),
        )
        for call in wire.sandbox.calls
    ]


def test_the_same_seed_brings_the_same_faults(wire):
    first = chances(wire, 7)
    assert chances(wire, 7) == first
    assert chances(wire, 8) != first
    assert {fault for fault, _ in first} == {"", "busy", "http-500", "unapplied"}
    assert ("http-500", "before") not in first
    assert wire.sandbox.faults.seed == 8


def test_chance_wants_faults_that_exist(wire):
    for impossible in ({"among": ["nonsense"]}, {"among": []}, {"rate": 2}):
        with pytest.raises(ValueError, match=r"no fault|share"):
            wire.sandbox.faults.random(**({"seed": 1, "rate": 0.5} | impossible))


# Barriers


def test_two_calls_interleaved_exactly(wire):
    """The second arrives last and is carried out first."""
    sandbox, legal = wire.sandbox, wire.sandbox.org["Legal"].dept_id
    sandbox.barriers.hold("first", path=UPDATE, dept_id=legal)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(wire.post, UPDATE, dept_id=legal, name="First")
        request_id = sandbox.barriers.wait_until_held("first")
        second = wire.post(UPDATE, dept_id=legal, name="Second").json()
        sandbox.barriers.release("first")
        assert first.result().json()["request_id"] == request_id

    assert [change.request_id for change in sandbox.journal] == [second["request_id"], request_id]
    assert "First" in sandbox.org


def test_a_call_held_after_it_was_carried_out(wire):
    sandbox, legal = wire.sandbox, wire.sandbox.org["Legal"].dept_id
    sandbox.barriers.hold("told", path=UPDATE, phase="after")
    strike(sandbox, "reset:after", path=UPDATE)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(wire.seen, UPDATE, dept_id=legal, name="Law")
        sandbox.barriers.wait_until_held("told")
        assert sandbox.org[legal].name == "Law"
        assert not answer.done()
        sandbox.barriers.release("told")
        assert answer.result() is httpx.ReadError


def test_a_barrier_does_not_hold_for_ever(wire):
    wire.sandbox.barriers.hold("short", path=LISTSUB, nth=2, seconds=0.05)
    for _ in range(3):
        assert wire.post(LISTSUB).json()["errcode"] == 0
    assert wire.sandbox.barriers.states == {"short": "given up"}
    with pytest.raises(TimeoutError):
        wire.sandbox.barriers.release("short")
    wire.sandbox.barriers.hold("short")
    with pytest.raises(ValueError, match="already"):
        wire.sandbox.barriers.hold("short")
    with pytest.raises(TimeoutError):
        wire.sandbox.barriers.wait_until_held("short", seconds=0.01)
    with pytest.raises(KeyError):
        wire.sandbox.barriers.release("other")


def test_a_held_call_that_a_reset_overtakes_does_nothing(wire):
    wire.sandbox.barriers.hold("held", path=CREATE)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(wire.seen, CREATE, name="New", parent_id=1)
        wire.sandbox.barriers.wait_until_held("held")
        wire.sandbox.reset()
        assert answer.result() is httpx.RemoteProtocolError
    assert not wire.sandbox.journal
    assert not wire.sandbox.barriers.states


# From another process


def test_faults_over_http(wire):
    told = wire.control("faults", fault="reset", path=CREATE, phase="after", times=None)
    assert told["rules"][0]["fault"] == "reset"
    assert wire.seen(CREATE, name="A", parent_id=1) is httpx.ReadError
    state = wire.http.get("/_control/faults").json()
    [change] = wire.http.get("/_control/journal").json()["journal"]
    [fired] = state["seen"]
    assert (fired["applied"], fired["rule"]["phase"]) == (True, "after")
    assert change["request_id"] == fired["request_id"]
    assert change["body"] == {"name": "A", "parent_id": 1}

    assert wire.control("faults/clear") == {"rules": [], "seed": None, "seen": [], "later": 0}
    wire.control("faults", fault="late", path=CREATE, seconds=LONG)
    wire.seen(CREATE, name="B", parent_id=1)
    assert wire.http.get("/_control/faults").json()["later"] == 1
    assert wire.control("faults/hurry")["later"] == 0
    assert "B" in wire.sandbox.org
    wire.control("faults", fault="late", path=CREATE, seconds=LONG)
    wire.seen(CREATE, name="C", parent_id=1)
    assert wire.control("faults/call_off")["later"] == 0
    assert "C" not in wire.sandbox.org

    assert wire.control("faults/random", seed=7, rate=1, among=["busy"])["seed"] == 7
    assert wire.post(LISTSUB).json()["errcode"] == -1
    wire.control("faults", fault="raw", content="\xff", path=LISTSUB)
    assert wire.seen(LISTSUB) is httpx.RemoteProtocolError
    known = wire.http.get("/_control/faults/known").json()["faults"]
    assert {one["fault"] for one in known} == set(FAULTS)

    wire.control("faults", fault="late", path=CREATE, seconds=LONG)
    wire.control("reset")
    assert wire.sandbox.faults.rules == []


def test_barriers_over_http(wire):
    token = wire.token
    assert wire.control("barriers", hold="x", path=CREATE) == {"barriers": {"x": "set"}}
    assert (
        wire.http.post("/_control/barriers", json={"wait": "x", "seconds": 0.01}).status_code == 400
    )
    thread = threading.Thread(
        target=wire.post, args=(CREATE,), kwargs={"name": "A", "parent_id": 1}
    )
    thread.start()
    told = wire.control("barriers", wait="x", seconds=10)
    assert told["barriers"] == {"x": "held"}
    assert told["request_id"]
    assert wire.http.get("/_control/barriers").json() == {"barriers": {"x": "held"}}
    assert wire.control("barriers", release="x") == {"barriers": {}}
    thread.join()
    assert wire.sandbox.journal[0].request_id == told["request_id"]
    wire.control("barriers", hold="y")
    assert wire.control("barriers", clear=True) == {"barriers": {}}
    assert wire.http.post("/_control/barriers", json={"lift": "y"}).status_code == 400
    assert wire.http.post("/_control/faults/nonsense", json={}).status_code == 404
    assert token


# Within one process


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop", Dropped),
        ("reset", Reset),
        ("hang", Silent),
        ("two-lengths", Garbled),
        ("drip-body", Dripped),
    ],
)
def test_a_cut_says_what_happened(app, sandbox, fault, kind):
    for phase, applied in (("before", False), ("after", True)):
        sandbox.faults.add(Rule(fault, path=CREATE, phase=phase))
        with pytest.raises(kind) as caught:
            app.ask("v2/department/create", name="New", parent_id=1)
        assert (caught.value.kind, caught.value.applied) == (fault, applied)
        assert bool(sandbox.journal) is applied
