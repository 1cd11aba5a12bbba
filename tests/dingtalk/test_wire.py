"""One call: what leaves us, what is repeated, and how its end is named."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from other_side import (
    API,
    CHILDREN,
    CREATE,
    DELETE,
    GET,
    OAPI,
    SCOPES,
    SEARCH,
    TOKENS,
    UPDATE,
    Clock,
    Line,
    account,
    reply,
)

from departments.dingtalk import (
    Blocked,
    DingTalkClient,
    FilePace,
    Lane,
    Limits,
    NoAnswer,
    NotUnderstood,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TooBusyHere,
    Unreachable,
    Wire,
)
from departments.dingtalk.wire import Call
from sandbox import Organisation, Sandbox

FAST = 100_000


@pytest.fixture
def pace(tmp_path: Path) -> FilePace:
    return FilePace(tmp_path / "pace", calls_per_second=FAST)


@pytest.fixture
def east(org: Organisation) -> int:
    return org["East"].dept_id


# What leaves us


def test_a_legacy_call_carries_its_token_in_the_query(client: DingTalkClient, line: Line):
    client.get_department(1)

    (request,) = line.asked(GET)
    assert f"{request.url.scheme}://{request.url.host}" == OAPI
    assert request.method == "POST"
    assert list(request.url.params) == ["access_token"]
    assert request.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert json.loads(request.content) == {"dept_id": 1}


def test_a_new_call_carries_its_token_in_a_header(client: DingTalkClient, line: Line):
    client.search_departments("Sales")

    (request,) = line.asked(SEARCH)
    assert f"{request.url.scheme}://{request.url.host}" == API
    assert request.headers["x-acs-dingtalk-access-token"]
    assert not request.url.query


def test_a_call_without_a_body_is_a_get(client: DingTalkClient, line: Line):
    client.contact_scope()

    (request,) = line.asked(SCOPES)
    assert request.method == "GET"
    assert request.content == b""
    assert request.url.params["access_token"]


def test_the_secret_travels_in_a_body_only(client: DingTalkClient, line: Line, sandbox: Sandbox):
    client.get_department(1)

    (request,) = line.asked(TOKENS)
    assert json.loads(request.content)["appSecret"] == sandbox.client_secret
    assert sandbox.client_secret not in str(request.url)
    assert sandbox.client_secret not in str(request.headers)


@pytest.mark.parametrize(
    "name", ["研发部", "Größe & Co.", "👩‍💻", 'a "quoted" name', "back\\u4e2dslash", "𠮷"]
)
def test_names_travel_as_raw_utf8(client: DingTalkClient, line: Line, org: Organisation, name):
    receipt = client.create_department({"name": name, "parent_id": 1})

    (request,) = line.asked(CREATE)
    assert org[receipt.dept_id].name == name
    assert json.dumps(name, ensure_ascii=False).encode() in request.content
    # As DingTalk looks for them: a backslash that is itself escaped begins no escape.
    assert b"\\u" not in request.content.replace(b"\\\\", b"")


def test_compression_is_not_asked_for(client: DingTalkClient, line: Line):
    client.get_department(1)

    assert {request.headers["Accept-Encoding"] for request in line.requests} == {"identity"}


def test_a_name_that_no_encoding_can_carry_is_the_callers_mistake(client, line: Line):
    with pytest.raises(UnicodeEncodeError):
        client.create_department({"name": "\ud800", "parent_id": 1})

    assert line.asked(CREATE) == []


# The connection fails

NEVER_SENT = [
    *(httpx.ConnectError, httpx.ConnectTimeout),
    *(httpx.PoolTimeout, httpx.UnsupportedProtocol),
]
LOST = [
    *(httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.WriteTimeout, httpx.CloseError),
    *(httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.DecodingError, httpx.ProxyError),
    *(httpx.TooManyRedirects, httpx.InvalidURL),
]


@pytest.mark.parametrize("failure", NEVER_SENT)
def test_a_write_that_found_no_connection_is_tried_three_times(client, line, org, east, failure):
    line.refuse(UPDATE, by=failure)

    with pytest.raises(Unreachable) as caught:
        client.update_department(east, {"name": "Orient"})

    assert caught.value.message == failure.__name__
    assert len(line.asked(UPDATE)) == 3
    assert org[east].name == "East"


def test_a_write_goes_out_once_the_connection_is_back(client, line: Line, sandbox: Sandbox):
    line.refuse(CREATE, times=2)

    client.create_department({"name": "Research", "parent_id": 1})

    assert len(line.asked(CREATE)) == 3
    assert [change.kind for change in sandbox.journal] == ["department.create"]


@pytest.mark.parametrize("failure", LOST)
def test_a_lost_answer_to_a_write_is_unknown(client, line, sandbox: Sandbox, org, failure):
    line.lose_reply_to(CREATE, by=failure)

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_department({"name": "Research", "parent_id": 1})

    assert caught.value.message == failure.__name__
    assert len(line.asked(CREATE)) == 1
    assert org["Research"], "it happened; we did not hear"
    assert len(sandbox.journal) == 1


@pytest.mark.parametrize(
    ("endpoint", "write"),
    [
        (UPDATE, lambda client, dept_id: client.update_department(dept_id, {"name": "Orient"})),
        (DELETE, lambda client, dept_id: client.delete_department(dept_id)),
    ],
)
def test_every_write_is_sent_once(client, line: Line, sandbox: Sandbox, east, endpoint, write):
    line.lose_reply_to(endpoint)

    with pytest.raises(OutcomeUnknown):
        write(client, east)

    assert len(line.asked(endpoint)) == len(sandbox.journal) == 1


@pytest.mark.parametrize("failure", LOST)
def test_a_read_is_tried_three_times(client: DingTalkClient, line: Line, failure):
    line.lose_reply_to(GET, by=failure)

    with pytest.raises(NoAnswer) as caught:
        client.get_department(1)

    assert caught.value.message == failure.__name__
    assert len(line.asked(GET)) == 3


@pytest.mark.parametrize("failures", [1, 2])
def test_a_read_that_finds_its_answer_says_nothing_of_the_way(client, line: Line, failures):
    line.lose_reply_to(GET, times=failures)

    assert client.get_department(1).name == "Acme"
    assert len(line.asked(GET)) == failures + 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("content", [b"", b"<html>Bad Gateway</html>", b'{"errcode":0}'])
def test_a_server_fault_leaves_open_whether_a_write_happened(
    client, line: Line, org, status, content
):
    line.reword(CREATE, reply(content, status=status))
    line.answer(GET, reply(content, status=status))

    with pytest.raises(OutcomeUnknown):
        client.create_department({"name": "Research", "parent_id": 1})
    with pytest.raises(NoAnswer):
        client.get_department(1)

    assert org["Research"]
    assert (len(line.asked(CREATE)), len(line.asked(GET))) == (1, 3)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("content", [b"", b"<html>Bad Gateway</html>", b"{}", b'{"code":5}'])
def test_a_server_fault_of_the_new_api_is_no_answer(client, line: Line, status, content):
    line.answer(SEARCH, reply(content, status=status))

    with pytest.raises(NoAnswer):
        client.search_departments("Sales")
    assert len(line.asked(SEARCH)) == 3


@pytest.mark.parametrize("status", [201, 204, 299])
def test_any_success_of_the_new_api_is_one(client: DingTalkClient, line: Line, status):
    line.answer(SEARCH, reply({"hasMore": False, "list": [5]}, status=status))

    assert client.search_departments("Sales").dept_ids == [5]


@pytest.mark.parametrize(
    "location",
    [
        *("https://elsewhere.example/", "/other", "//elsewhere.example", ""),
        # httpx reads the address it does not follow, and stumbles over these.
        *("mailto:x", "javascript:alert(1)", "data:,x", "http://[", "http://xn--/", "http://a b/"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client, line: Line, org, status, location):
    for endpoint in (CREATE, GET, SEARCH):
        line.reword(endpoint, reply(b"", status=status, location=location))

    with pytest.raises(OutcomeUnknown):
        client.create_department({"name": "Research", "parent_id": 1})
    with pytest.raises(NoAnswer):
        client.get_department(1)
    with pytest.raises((NoAnswer, NotUnderstood)):
        client.search_departments("Sales")

    assert {request.url.host for request in line.requests} == {"oapi.dingtalk.com", API[8:]}
    assert org["Research"]


# The answer is unclear

NO_YES = [
    pytest.param(b'{"errcode":"0","errmsg":"ok","result":{"dept_id":5}}', id="word"),
    pytest.param(b'{"errcode":0.0,"errmsg":"ok","result":{"dept_id":5}}', id="fraction"),
    pytest.param(b'{"errcode":0e0,"errmsg":"ok","result":{"dept_id":5}}', id="exponent"),
    pytest.param(b'{"errcode":true,"errmsg":"ok","result":{"dept_id":5}}', id="true"),
    pytest.param(b'{"errcode":false,"errmsg":"ok","result":{"dept_id":5}}', id="false"),
    pytest.param(b'{"errcode":null,"errmsg":"ok","result":{"dept_id":5}}', id="null"),
    pytest.param(b'{"errcode":[0],"errmsg":"ok","result":{"dept_id":5}}', id="list"),
    pytest.param(b'{"errmsg":"ok","result":{"dept_id":5}}', id="missing"),
    pytest.param(b'{"ERRCODE":0,"errmsg":"ok","result":{"dept_id":5}}', id="capitals"),
    pytest.param(b'{"errcode":NaN}', id="nan"),
    pytest.param(b'{"errcode":0,"result":NaN}', id="nan inside"),
    pytest.param(b'{"errcode":1e999}', id="huge"),
    pytest.param(b'{"errcode":' + b"9" * 5000 + b"}", id="digits"),
    pytest.param(b'\xef\xbb\xbf{"errcode":0,"result":{"dept_id":5}}', id="bom"),
    pytest.param('{"errcode":0,"errmsg":"成功"}'.encode("gbk"), id="gbk"),
    pytest.param('{"errcode":0}'.encode("utf-16"), id="utf-16"),
    pytest.param(b'{"errcode":0,"errmsg":"\\ud800"}', id="surrogate"),
    pytest.param(b'{"errcode":0,"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="depth"),
    pytest.param(b"[" * 100_000, id="open depth"),
    pytest.param(b'{"errcode":0,"result":{"dept_id":5}', id="torn"),
    pytest.param(b'{"errcode":0}{"errcode":0}', id="two"),
    pytest.param(b"[]", id="array"),
    pytest.param(b"null", id="nothing"),
    pytest.param(b"0", id="zero"),
    pytest.param(b'"ok"', id="text"),
    pytest.param(b"", id="empty"),
    pytest.param(b"   \n", id="blank"),
    pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="ssh"),
    pytest.param(b"\x00" * 64, id="zeros"),
]


@pytest.mark.parametrize("content", NO_YES)
def test_what_is_not_plainly_a_yes_is_none(client, line: Line, org: Organisation, content):
    line.reword(CREATE, reply(content))
    line.answer(GET, reply(content))

    with pytest.raises(OutcomeUnknown):
        client.create_department({"name": "Research", "parent_id": 1})
    with pytest.raises(NotUnderstood):
        client.get_department(1)

    assert org["Research"]
    assert (len(line.asked(CREATE)), len(line.asked(GET))) == (1, 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b'{"list":NaN}', b'\xef\xbb\xbf{"list":[]}', b'{"list":' + b"[" * 99_999],
)
def test_an_unreadable_yes_of_the_new_api_is_not_understood(client, line: Line, content):
    line.answer(SEARCH, reply(content))

    with pytest.raises(NotUnderstood):
        client.search_departments("Sales")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"code":5}', b'{"code":null}', b'{"code":"x","accessdenieddetail":[]}'],
)
def test_an_unreadable_no_of_the_new_api_is_not_understood(client, line: Line, content):
    line.answer(SEARCH, reply(content, status=403))

    with pytest.raises(NotUnderstood):
        client.search_departments("Sales")


@pytest.mark.parametrize(
    "result",
    [
        *(None, {}, [], {"dept_id": None}, {"dept_id": "x"}, {"dept_id": 1.5}, {"dept_id": True}),
        *({"dept_id": 0}, {"dept_id": -7}, {"dept_id": 2**63}, {"dept_id": 10**30}),
    ],
)
def test_a_yes_to_a_create_that_does_not_say_which_is_unknown(client, line: Line, org, result):
    line.reword(CREATE, reply({"errcode": 0, "request_id": "5qx1m8k2v0ab", "result": result}))

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_department({"name": "Research", "parent_id": 1})

    assert caught.value.request_id == "5qx1m8k2v0ab"
    assert org["Research"]


def test_a_yes_to_a_write_without_result_is_enough(client, line: Line, east):
    line.reword(UPDATE, reply({"errcode": 0}))

    assert client.update_department(east, {"name": "Orient"}).request_id == ""


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-unheard-of"])
def test_an_answer_that_is_compressed_unasked_is_not_opened(client, line: Line, encoding):
    bomb = reply(b"\x1f\x8b" + b"\x00" * 100, content_encoding=encoding)
    line.reword(CREATE, bomb)
    line.answer(GET, bomb)

    with pytest.raises(OutcomeUnknown):
        client.create_department({"name": "Research", "parent_id": 1})
    with pytest.raises(NoAnswer):
        client.get_department(1)


def test_an_answer_larger_than_any_real_one_is_not_read_to_its_end(client, line: Line):
    taken = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                taken.append(1)
                yield b" " * 1024 * 1024

    line.answer(GET, lambda _: httpx.Response(200, stream=Endless()))

    with pytest.raises(NoAnswer):
        client.get_department(1)
    assert len(taken) == 3 * 9, "three attempts, eight MiB and a bit each"


# Banned

PAGE = b"<!doctype html><html><body>unusual traffic</body></html>"
BANS = [
    pytest.param(PAGE, id="page"),
    pytest.param(b"\r\n  " + PAGE, id="page after blanks"),
    pytest.param(b'{"status":1111,"wait":5,"source":"x5","punish":"deny"}', id="body"),
    pytest.param(b'{ "wait": 5, "status" : 1111 }', id="body with spaces"),
]


@pytest.mark.parametrize("ban", BANS)
def test_a_ban_stops_every_call_for_five_minutes(make_wire, line: Line, pace, east, ban):
    client = DingTalkClient(make_wire(pace=pace))
    line.answer(CHILDREN, reply(ban))

    with pytest.raises(Blocked) as caught:
        client.list_children(1)
    line.mend(CHILDREN)
    line.requests.clear()

    for call in (
        lambda: client.list_children(1),
        lambda: client.get_department(1),
        lambda: client.delete_department(east),
        lambda: client.search_departments("Sales"),
        lambda: client.in_background().get_department(1),
    ):
        with pytest.raises(Blocked) as again:
            call()
        assert again.value.until == caught.value.until == pace.blocked_until()
    assert line.requests == []


@pytest.mark.parametrize("ban", BANS)
def test_a_ban_in_answer_to_a_write_leaves_it_open(make_wire, line: Line, pace, org, ban):
    client = DingTalkClient(make_wire(pace=pace))
    line.reword(CREATE, reply(ban))

    with pytest.raises(OutcomeUnknown):
        client.create_department({"name": "Research", "parent_id": 1})

    assert org["Research"]
    assert pace.blocked_until()


@pytest.mark.parametrize("shape", ["html", "json"])
def test_the_sandboxs_own_ban_is_known_for_one(make_wire, sandbox: Sandbox, pace, shape):
    client = DingTalkClient(make_wire(pace=pace))
    client.get_department(1)
    sandbox.switches.ip_banned, sandbox.switches.ip_ban_shape = True, shape

    with pytest.raises(Blocked):
        client.search_departments("Sales")


def test_a_name_that_reads_like_a_ban_is_none(client: DingTalkClient, org: Organisation):
    org.rename_department("East", '"status":1111 <html>')

    assert client.get_department(org.find("Sales").dept_id).name == "Sales"
    assert [child.name for child in client.list_children(org["Sales"].dept_id)] == [
        '"status":1111 <html>',
        "West",
    ]


# Too fast


def test_being_told_to_slow_down_slows_down_that_kind(make_wire, line: Line, tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("departments.dingtalk.pace.time", clock)
    client = DingTalkClient(make_wire(pace=FilePace(tmp_path, calls_per_second=10)))
    line.answer(GET, reply({"errcode": 88, "sub_code": "90018"}), times=1)
    client.get_department(1)
    clock.naps.clear()

    for _ in range(2):
        client.get_department(1)
    for _ in range(2):
        client.list_children(1)

    assert clock.naps == pytest.approx([0.2, 0.2, 0, 0.1], abs=0.01)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_write_that_came_too_fast_was_not_done(client, sandbox: Sandbox, east, wrapped):
    sandbox.switches.throttling_wrapped = wrapped
    client.get_department(1)
    sandbox.switches.calls_per_second = 0

    with pytest.raises(RateLimited):
        client.delete_department(east)
    assert sandbox.journal == []


def test_a_403_of_the_new_api_may_be_throttling(client, line: Line, sandbox: Sandbox):
    client.get_department(1)
    sandbox.switches.calls_per_second = 0

    with pytest.raises(RateLimited) as caught:
        client.search_departments("Sales")
    assert caught.value.code == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    assert len(line.asked(SEARCH)) == 3


def one_slot_in(seconds: float, folder: Path) -> FilePace:
    return FilePace(folder, calls_per_second=1 / seconds)


def test_a_person_is_told_at_once_that_no_slot_comes_in_time(make_wire, line: Line, tmp_path):
    client = DingTalkClient(make_wire(pace=one_slot_in(60, tmp_path)))
    client.get_department(1)

    with pytest.raises(TooBusyHere):
        client.get_department(1)
    assert len(line.asked(GET)) == 1


def test_background_work_waits_beyond_a_calls_time(make_wire, line: Line, tmp_path):
    limits = Limits(read_seconds=0.55)
    client = DingTalkClient(make_wire(pace=one_slot_in(0.6, tmp_path), limits=limits))
    client.get_department(1)

    assert client.in_background().get_department(1).name == "Acme"


def test_a_second_attempt_in_the_background_needs_a_slot_of_its_own(make_wire, line, tmp_path):
    background = DingTalkClient(make_wire(pace=one_slot_in(60, tmp_path))).in_background()
    line.lose_reply_to(GET)

    with pytest.raises(TooBusyHere):
        background.get_department(1)
    assert len(line.asked(GET)) == 1


def test_background_work_is_repeated_like_a_persons(make_wire, line: Line, pace):
    background = DingTalkClient(make_wire(pace=pace)).in_background()
    line.lose_reply_to(GET, times=2)

    assert background.get_department(1).name == "Acme"
    assert len(line.asked(GET)) == 3


# Under way


def test_a_hung_dingtalk_holds_no_more_threads_than_allowed(make_wire, line: Line, org):
    client = DingTalkClient(make_wire(limits=Limits(read_seconds=0.6, under_way=1)))
    client.get_department(1)
    held = line.hold(GET)
    with ThreadPoolExecutor(1) as other:
        hanging = other.submit(client.get_department, 1)
        held.wait()

        with pytest.raises(TooBusyHere) as caught:
            client.list_children(1)

        held.let_go()
        assert hanging.result(30).name == "Acme"
    assert "under way" in caught.value.message
    assert line.asked(CHILDREN) == []
    assert client.list_children(1)


def test_a_place_is_given_back_whatever_happens(make_wire, line: Line, east):
    client = DingTalkClient(make_wire(limits=Limits(read_seconds=0.6, under_way=1)))
    line.lose_reply_to(GET)
    line.answer(DELETE, reply(PAGE))

    for _ in range(3):
        with pytest.raises(NoAnswer):
            client.get_department(1)
        with pytest.raises(OutcomeUnknown):
            client.delete_department(east)

    assert client.list_children(1)


def test_threads_share_one_wire(client: DingTalkClient, org: Organisation):
    names = sorted(department.name for department in org)
    start = threading.Barrier(8)

    def ask(dept_id: int) -> str:
        start.wait(30)
        return client.get_department(dept_id).name

    ids = [department.dept_id for department in org]
    with ThreadPoolExecutor(8) as crowd:
        told = list(crowd.map(ask, [*ids, *ids][:8]))

    assert set(told) == set(names)


# What is told in the log


def test_each_call_leaves_one_line(client, line: Line, caplog: pytest.LogCaptureFixture, east):
    caplog.set_level(logging.DEBUG, "departments.dingtalk")
    client.get_department(1)
    client.delete_department(east)
    with pytest.raises(Refused):
        client.delete_department(1)
    line.lose_reply_to(GET)
    with pytest.raises(NoAnswer):
        client.get_department(1)

    lines = [
        record.getMessage().split() for record in caplog.records if record.name.startswith("d")
    ]
    assert [words[:3] for words in lines] == [
        [GET, "ok", lines[0][2]],
        [DELETE, "ok", lines[1][2]],
        [DELETE, "Refused", "60007"],
        [GET, "NoAnswer", "None"],
    ]
    assert all(words[-1] for words in lines)
    assert lines[3][-2:] == ["request", "-"]


def test_wrong_credentials_are_a_warning(make_wire, line: Line, caplog):
    code = {"code": "invalidClientIdOrSecret", "message": "无效的clientId或者clientSecret"}
    line.answer(TOKENS, reply(code, status=400))

    with pytest.raises(Exception, match="invalidClientIdOrSecret"):
        DingTalkClient(make_wire()).get_department(1)

    assert "DingTalk refused the client id or secret" in caplog.text


# Made with its defaults


def test_a_wire_needs_no_limits_and_no_transport(sandbox: Sandbox, store, pace):
    wire = Wire(account=account(sandbox), store=store, pace=pace)
    wire.close()

    assert Limits() == Limits(read_seconds=6.0, write_seconds=10.0, under_way=8)


def test_the_environment_steers_no_request(make_wire, line: Line, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://elsewhere.example:3128")

    DingTalkClient(make_wire()).get_department(1)

    assert len(line.asked(GET)) == 1


def test_an_account_shows_no_secret(sandbox: Sandbox):
    assert sandbox.client_secret not in repr(account(sandbox))


def test_a_call_of_any_kind_can_be_carried(wire: Wire):
    reply: Any = wire.send(Call(endpoint=SCOPES), lane=Lane.PERSON)

    assert reply.read(SCOPES, dict, whole=True)["errcode"] == 0
