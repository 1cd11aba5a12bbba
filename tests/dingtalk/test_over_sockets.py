"""The same wire over real sockets: what only a network can do to a call, and that the deadline ends it."""

import datetime as dt
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from other_side import GET, TOKENS, account
from raw_servers import Caller, deaf, serving_raw

from departments.dingtalk import (
    DingTalkClient,
    FilePace,
    Limits,
    NoAnswer,
    NotThere,
    OutcomeUnknown,
    Unreachable,
    Wire,
)
from departments.dingtalk.deadline import DeadlineTransport, within
from sandbox import Organisation, Sandbox
from sandbox.server import serving

SHORT = Limits(read_seconds=0.4, write_seconds=0.4)
#: What a call of 0.4 s may take on a busy machine. Undisturbed by us, the servers below would take a minute.
SOON = 10.0


def self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, path.stem)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, lock = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, form, lock) + made.public_bytes(pem))
    return path


linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address"
)


@pytest.fixture(autouse=True)
def _no_waiting_between_attempts() -> Iterator[None]:
    """Here attempts and their deadlines are the real ones."""
    with stamina.set_testing(False):
        yield


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of 127.0.0.0/8, so that a name may have several addresses."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert address[0].startswith("127."), address
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of localhost, signed by itself."""
    return self_signed(tmp_path_factory.mktemp("tls") / "localhost.pem")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another of that kind."""
    return self_signed(tmp_path_factory.mktemp("tls") / "stranger.pem")


@pytest.fixture(autouse=True)
def authorities(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom this machine trusts: not our servers. The real list takes long to read."""
    monkeypatch.setattr("certifi.where", lambda: str(stranger))


@pytest.fixture
def trusted(authorities: None, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(certificate))


@pytest.fixture
def company(sandbox: Sandbox) -> Iterator[str]:
    """The sandbox on a port of this machine."""
    with serving(sandbox) as url:
        yield url


@pytest.fixture
def call(make_wire: Callable[..., Wire], sandbox: Sandbox) -> Callable[..., DingTalkClient]:
    """A client that has its token already, and whose calls go to the server given."""
    DingTalkClient(make_wire()).get_department(1)

    def connected(oapi: str, *, limits: Limits = SHORT, **given: Any) -> DingTalkClient:
        who = account(sandbox, oapi=oapi)
        return DingTalkClient(make_wire(transport=None, who=who, limits=limits, **given))

    return connected


def named_addresses(monkeypatch: pytest.MonkeyPatch, addresses: Iterable[str]) -> str:
    """A host name that has these addresses."""
    known = socket.getaddrinfo
    addresses = list(addresses)

    def lookup(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        names = addresses if host == "oapi.dingtalk.example" else [host]
        return [found for name in names for found in known(name, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return "oapi.dingtalk.example"


@contextmanager
def soon() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SOON


def at_once() -> AbstractContextManager[None]:
    """Attempts without the pauses between them, where these are not the point."""
    return stamina.set_testing(True, attempts=100, cap=True)


def http(content: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(header.startswith(("Content-Length", "Transfer")) for header in headers):
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


YES = b'{"errcode":0,"errmsg":"ok","request_id":"r","result":{"dept_id":5,"name":"Sales"}}'


# A whole life


def test_a_department_is_created_read_changed_and_deleted(
    make_wire, company: str, sandbox: Sandbox, org: Organisation
):
    who = account(sandbox, oapi=company, api=company)
    client = DingTalkClient(make_wire(transport=None, who=who))

    dept_id = client.create_department({"name": "研发部", "parent_id": 1}).dept_id
    assert client.get_department(dept_id).name == "研发部"
    client.update_department(dept_id, {"name": "Research", "order": 7})
    assert client.get_department(dept_id).order == 7
    assert client.search_departments("Research").dept_ids == [dept_id]
    client.delete_department(dept_id)
    with pytest.raises(NotThere):
        client.get_department(dept_id)

    assert dept_id not in org
    assert sandbox.token_fetches == 1


def test_one_connection_serves_many_calls(call):
    callers = []

    def answer_all(caller: Caller) -> None:
        callers.append(caller)
        while True:
            caller.hear()
            caller.say(http(YES))

    with serving_raw(answer_all) as url:
        client = call(url, limits=Limits())
        for _ in range(5):
            client.get_department(5)

    assert len(callers) == 1


def test_a_connection_that_the_server_closed_meanwhile_costs_no_answer(call):
    closed = threading.Event()

    def answer_and_close(caller: Caller) -> None:
        caller.hear()
        caller.say(http(YES))
        caller.close()
        closed.set()

    with serving_raw(answer_and_close) as url:
        client = call(url, limits=Limits())
        client.get_department(5)
        assert closed.wait(30)
        client.update_department(5, {"name": "Sales"})


def test_the_environment_steers_no_call(call, company, monkeypatch: pytest.MonkeyPatch):
    with deaf("127.0.0.1") as port:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")

        assert call(company, limits=Limits()).get_department(1).name == "Acme"


# Servers that dawdle


def hang(caller: Caller) -> None:
    caller.hear()
    caller.dawdle()


def hang_without_hearing(caller: Caller) -> None:
    caller.dawdle()


def drip_the_headers(caller: Caller) -> None:
    caller.hear()
    caller.drip(http(YES, *[f"X-{number}: y" for number in range(999)]), every=0.05)


def drip_the_body(caller: Caller) -> None:
    caller.hear()
    caller.say(http(b"", f"Content-Length: {len(YES) * 10}"))
    caller.drip(YES + b" " * 9 * len(YES), every=0.05)


def drip_chunks(caller: Caller) -> None:
    caller.hear()
    caller.say(http(b"", "Transfer-Encoding: chunked"))
    for _ in range(999):
        caller.say(b"1\r\n \r\n")
        caller.dawdle(0.05)


def say_wait_and_wait(caller: Caller) -> None:
    caller.hear()
    for _ in range(999):
        caller.say(b"HTTP/1.1 102 Processing\r\n\r\n")
        caller.dawdle(0.05)


@pytest.mark.parametrize(
    "dawdle", [hang, drip_the_headers, drip_the_body, drip_chunks, say_wait_and_wait]
)
def test_a_write_ends_on_time_whatever_the_other_side_does(call, dawdle):
    with serving_raw(dawdle) as url, soon(), pytest.raises(OutcomeUnknown) as caught:
        call(url).update_department(5, {"name": "Orient"})

    assert caught.value.message == "ReadTimeout"


def test_a_read_ends_on_time_too(call):
    with serving_raw(drip_the_body) as url, soon(), pytest.raises(NoAnswer) as caught:
        call(url).get_department(5)

    assert caught.value.message == "ReadTimeout"


def test_a_read_that_failed_early_is_tried_again_within_its_time(call):
    heard = []

    def fail_twice(caller: Caller) -> None:
        heard.append(caller.hear())
        if len(heard) == 3:
            caller.say(http(YES))

    with serving_raw(fail_twice) as url:
        client = call(url, limits=Limits())
        assert client.get_department(5).name == "Sales"
    assert len(heard) == 3


def test_a_failure_near_the_end_is_told_and_not_hidden_by_a_vain_repeat(call, tmp_path):
    heard = []

    def fail_late(caller: Caller) -> None:
        heard.append(caller.hear())
        caller.dawdle(0.85)

    pace = FilePace(tmp_path, calls_per_second=1000)
    with serving_raw(fail_late) as url:
        client = call(url, limits=Limits(read_seconds=1.5), pace=pace)
        with pytest.raises(NoAnswer):
            client.get_department(5)
    assert len(heard) == 1


def test_a_hung_renewal_of_the_token_leaves_the_call_its_time(make_wire, sandbox, company, store):
    hung = threading.Event()
    released = threading.Event()

    def moody(environ: Any, start_response: Any) -> Any:
        if hung.is_set() and environ["PATH_INFO"] == TOKENS:
            released.wait(30)
        return sandbox(environ, start_response)

    with serving(moody) as url:
        who = account(sandbox, oapi=company, api=url)
        limits = Limits(read_seconds=1.6, write_seconds=1.6)
        client = DingTalkClient(make_wire(transport=None, who=who, limits=limits))
        client.get_department(1)
        (key,) = store.names()
        kept = store.get(key)
        store.set(key, kept | {"renew_at": time.time()}, timeout=60)
        hung.set()
        try:
            assert client.get_department(1).name == "Acme"
            with soon():
                for _ in range(20):
                    client.update_department(sandbox.org["East"].dept_id, {"name": "East"})
        finally:
            released.set()


# Servers that break off, or make no sense


def reset_while_hearing(caller: Caller) -> None:
    caller.hear_the_beginning()
    caller.reset()


def reset_after_hearing(caller: Caller) -> None:
    caller.hear()
    caller.reset()


def close_after_hearing(caller: Caller) -> None:
    caller.hear()


def saying(*content: bytes) -> Callable[[Caller], None]:
    def say(caller: Caller) -> None:
        caller.hear()
        for part in content:
            caller.say(part)

    return say


BROKEN = {
    "reset while hearing": reset_while_hearing,
    "reset after hearing": reset_after_hearing,
    "closed without a word": close_after_hearing,
    "torn status line": saying(b"HTTP/1.1 20"),
    "torn headers": saying(http(YES)[:30]),
    "torn body": saying(http(YES)[:-5]),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    "garbage": saying(bytes(range(256)) * 10),
    "two lengths": saying(http(YES, "Content-Length: 5", f"Content-Length: {len(YES)}")),
    "negative length": saying(http(YES, "Content-Length: -5")),
    "wordy length": saying(http(YES, "Content-Length: many")),
    "bad chunk": saying(http(b"zz\r\n", "Transfer-Encoding: chunked")),
    "huge chunk size": saying(http(b"f" * 500 + b"\r\n", "Transfer-Encoding: chunked")),
    "unknown coding": saying(http(YES, "Transfer-Encoding: snail")),
    "endless headers": saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000),
    "other protocol agreed": saying(http(b"", "Upgrade: x", status="101 Switching Protocols")),
    "gzip": saying(http(b"\x1f\x8b\x08\x00" + b"\x00" * 99, "Content-Encoding: gzip")),
    "twice zipped": saying(http(b"\x1f\x8b\x08\x00", "Content-Encoding: gzip, gzip")),
    "declared too large": saying(http(b" " * 9 * 1024 * 1024)),
    "endless chunks": saying(
        http(b"", "Transfer-Encoding: chunked"), (b"10000\r\n" + b" " * 65536 + b"\r\n") * 160
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_an_answer_that_breaks_off_or_makes_no_sense_is_none(call, broken):
    with serving_raw(BROKEN[broken]) as url:
        client = call(url, limits=Limits(read_seconds=20, write_seconds=20))
        with pytest.raises(OutcomeUnknown):
            client.update_department(5, {"name": "Orient"})


@pytest.mark.parametrize("broken", ["reset after hearing", "torn body", "gzip", "garbage"])
def test_a_read_without_a_sensible_answer_has_none(call, broken):
    with serving_raw(BROKEN[broken]) as url, at_once(), pytest.raises(NoAnswer):
        call(url, limits=Limits()).get_department(5)


def test_an_answer_that_is_not_read_gives_its_connection_back(call):
    answers = [http(b"\x1f\x8b", "Content-Encoding: gzip"), http(b" " * 9 * 1024 * 1024), http(YES)]

    def answer_the_next(caller: Caller) -> None:
        caller.hear()
        caller.say(answers.pop(0))

    with serving_raw(answer_the_next) as url, at_once():
        assert call(url, limits=Limits(under_way=1, background=0)).get_department(5).name == "Sales"


def test_more_than_the_length_says_is_not_read(call):
    with serving_raw(saying(http(YES, f"Content-Length: {len(YES)}") + b"HTTP/1.1 500")) as url:
        assert call(url, limits=Limits()).get_department(5).name == "Sales"


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_leads_nowhere(call, status):
    asked = []

    def elsewhere(caller: Caller) -> None:
        asked.append(caller.hear())
        caller.say(http(YES))

    with serving_raw(elsewhere) as trap:
        away = http(b"", f"Location: {trap}{GET}", status=status)
        with serving_raw(saying(away)) as url:
            client = call(url, limits=Limits())
            with pytest.raises(OutcomeUnknown):
                client.update_department(5, {"name": "Orient"})

    assert asked == []


# No connection


def test_a_port_where_nobody_listens_is_unreachable(call):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with at_once(), pytest.raises(Unreachable) as caught:
        call(f"http://127.0.0.1:{port}", limits=Limits()).update_department(5, {"name": "Orient"})
    assert caught.value.message == "ConnectError"


@pytest.mark.parametrize("failure", [socket.gaierror("unknown"), UnicodeError("label too long")])
def test_a_name_that_nobody_knows_is_unreachable(call, monkeypatch, failure):
    lookup = socket.getaddrinfo

    def unknown(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "oapi.dingtalk.example":
            raise failure
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with at_once(), pytest.raises(Unreachable):
        call("http://oapi.dingtalk.example", limits=Limits()).update_department(
            5, {"name": "Orient"}
        )


def test_a_connection_that_never_comes_about_is_given_up(call):
    with deaf("127.0.0.1") as port, soon(), pytest.raises(Unreachable) as caught:
        call(f"http://127.0.0.1:{port}").update_department(5, {"name": "Orient"})
    assert caught.value.message == "ConnectTimeout"


@linux_only
def test_many_dead_addresses_of_one_name_do_not_add_up(call, monkeypatch):
    dead = [f"127.0.0.{number}" for number in range(2, 32)]
    host = named_addresses(monkeypatch, dead)
    with ExitStack() as all_deaf:
        port = 0
        for address in dead:
            port = all_deaf.enter_context(deaf(address, port))
        client = call(f"http://{host}:{port}")
        with soon(), pytest.raises(Unreachable):
            client.update_department(5, {"name": "Orient"})


@linux_only
def test_a_dead_address_leaves_time_for_a_living_one(call, company, monkeypatch):
    host = named_addresses(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    port = httpx.URL(company).port
    with deaf("127.0.0.2", port):
        client = call(f"http://{host}:{port}", limits=Limits(read_seconds=1))
        assert client.get_department(1).name == "Acme"


def test_a_slow_look_up_leaves_no_time_to_connect(call, company, monkeypatch):
    lookup = socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.5)
        return lookup(*args, **kwargs)

    client = call(company)
    monkeypatch.setattr(socket, "getaddrinfo", slow)

    with soon(), pytest.raises(Unreachable):
        client.update_department(5, {"name": "Orient"})


# TLS


def secured(certificate: Path, then: Callable[[Caller], None]) -> Callable[[Caller], None]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def behave(caller: Caller) -> None:
        caller.secure(context)
        then(caller)

    return behave


def over_tls(url: str) -> str:
    return url.replace("http://127.0.0.1", "https://localhost")


def test_a_trusted_server_is_talked_to(call, certificate, trusted):
    with serving_raw(secured(certificate, saying(http(YES)))) as url:
        assert call(over_tls(url), limits=Limits()).get_department(5).name == "Sales"


def test_a_server_that_dawdles_over_tls_is_cut_off(call, certificate, trusted):
    with serving_raw(secured(certificate, drip_the_body)) as url:
        client = call(over_tls(url), limits=Limits(write_seconds=0.6))
        with soon(), pytest.raises(OutcomeUnknown):
            client.update_department(5, {"name": "Orient"})


def test_a_server_nobody_vouches_for_hears_nothing(call, certificate):
    heard = []
    hearing = secured(certificate, lambda caller: heard.append(caller.hear()))
    with serving_raw(hearing) as url, at_once(), pytest.raises(Unreachable) as caught:
        call(over_tls(url), limits=Limits()).update_department(5, {"name": "Orient"})
    assert caught.value.message == "ConnectError"
    assert heard == []


def test_a_certificate_of_another_name_is_not_enough(call, certificate, trusted):
    answering = secured(certificate, saying(http(YES)))
    with serving_raw(answering) as url, at_once(), pytest.raises(Unreachable):
        call(url.replace("http:", "https:"), limits=Limits()).update_department(
            5, {"name": "Orient"}
        )


def test_a_handshake_that_never_ends_is_given_up(call):
    with serving_raw(hang_without_hearing) as url, soon(), pytest.raises(Unreachable) as caught:
        call(over_tls(url)).update_department(5, {"name": "Orient"})
    assert caught.value.message == "ConnectTimeout"


# The transport by itself


def test_without_a_deadline_the_transports_own_time_outs_hold(company: str):
    with httpx.Client(transport=DeadlineTransport(connections=1), timeout=30) as client:
        assert client.get(company).status_code == 200


def test_the_shorter_of_time_out_and_deadline_holds():
    with (
        serving_raw(hang) as url,
        httpx.Client(transport=DeadlineTransport(connections=1), timeout=0.2) as client,
        soon(),
        within(60),
        pytest.raises(httpx.ReadTimeout),
    ):
        client.get(url)


def test_past_the_deadline_nothing_is_sent(company: str, sandbox: Sandbox):
    with httpx.Client(transport=DeadlineTransport(connections=1), timeout=None) as client:
        client.get(company)
        sent = len(sandbox.calls)
        with within(0), pytest.raises(httpx.WriteTimeout):
            client.get(company)
        with within(0), pytest.raises(httpx.ConnectTimeout):
            client.get(company)
    assert len(sandbox.calls) == sent
