"""One call: what leaves us, what is repeated, and how its end is named."""

import json
import logging
from typing import Any

import httpx
import pytest
from other_side import (
    API,
    CREATE,
    DELETE,
    GET,
    OAPI,
    SCOPES,
    SEARCH,
    TOKENS,
    UPDATE,
    Line,
    account,
    reply,
)

from departments.dingtalk import (
    DingTalkClient,
    DingTalkError,
    Lane,
    Limits,
    NoAnswer,
    NotUnderstood,
    OutcomeUnknown,
    Refused,
    Unreachable,
    Wire,
)
from departments.dingtalk.wire import Call
from sandbox import Organisation, Sandbox

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


# Texts that PostgreSQL would not keep


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (r"Le\u0000gal", "Le\ufffdgal"),
        (r"\u0000\u0000", "\ufffd\ufffd"),
        (r"\\\u0000", "\\\ufffd"),
        (r"\\\\\u0000\\", "\\\\\ufffd\\"),
        (r"\\u0000", r"\u0000"),
        (r"\\\\u0000", r"\\u0000"),
        (r"\\u0000\u0000", "\\u0000\ufffd"),
        (r"u0000 \u00000 \u00001", "u0000 \ufffd0 \ufffd1"),
        (r"\"\u0000\"", '"\ufffd"'),
        (r"\u0001", "\x01"),
    ],
)
def test_a_nul_is_read_as_a_sign_for_what_cannot_be_shown(client, line: Line, told, name):
    assert json.loads(f'"{told}"').replace("\0", "\ufffd") == name
    content = f'{{"errcode":0,"result":{{"dept_id":7,"name":"{told}","{told}":["{told}"]}}}}'
    line.answer(GET, reply(content))

    department = client.get_department(7)

    assert department.name == name


def test_neither_a_refusal_nor_an_answer_of_the_new_api_holds_a_nul(client, line: Line):
    line.answer(DELETE, reply({"errcode": 60007, "errmsg": "a\0b", "request_id": "\0"}))
    line.answer(SEARCH, reply({"code": "no\0", "message": "\0", "requestid": "c\0d"}, status=400))

    with pytest.raises(Refused) as legacy:
        client.delete_department(7)
    with pytest.raises(DingTalkError) as new:
        client.search_departments("Sales")

    assert (legacy.value.message, legacy.value.request_id) == ("a\ufffdb", "\ufffd")
    assert (new.value.code, new.value.request_id) == ("no\ufffd", "c\ufffdd")
    assert "\0" not in new.value.message


def test_a_bare_nul_is_no_json(client, line: Line):
    line.answer(GET, reply(b'{"errcode":0,"result":{"dept_id":7,"name":"a\0b"}}'))

    with pytest.raises(NotUnderstood):
        client.get_department(7)


def test_many_backslashes_are_looked_through_once(client, line: Line):
    name = "\\\\" * 1_000_000
    line.answer(GET, reply(f'{{"errcode":0,"result":{{"dept_id":7,"name":"{name}\\u0000"}}}}'))

    assert client.get_department(7).name == "\\" * 1_000_000 + "\ufffd"


# Made with its defaults


def test_a_wire_needs_no_limits_and_no_transport(sandbox: Sandbox, store, pace):
    wire = Wire(account=account(sandbox), store=store, pace=pace)
    wire.close()

    assert (Limits().read_seconds, Limits().write_seconds) == (6.0, 10.0)
    assert Limits().under_way + Limits().in_line <= 12, "16 threads serve pages"


def test_an_account_shows_no_secret(sandbox: Sandbox):
    assert sandbox.client_secret not in repr(account(sandbox))


def test_a_call_of_any_kind_can_be_carried(wire: Wire):
    reply: Any = wire.send(Call(endpoint=SCOPES), lane=Lane.PERSON)

    assert reply.read(SCOPES, dict, whole=True)["errcode"] == 0
