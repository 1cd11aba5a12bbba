"""Answers that are neither a yes nor a no we know: a write stays open, a read has no answer, a ban is one."""

from collections.abc import Iterator

import httpx
import pytest
from other_side import (
    CHILDREN,
    CREATE,
    GET,
    SEARCH,
    UPDATE,
    Line,
    reply,
)

from departments.dingtalk import (
    Blocked,
    DingTalkClient,
    NoAnswer,
    NotUnderstood,
    OutcomeUnknown,
)
from sandbox import Organisation, Sandbox

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
    pytest.param(b'{"errcode":60003,"errcode":0,"result":{"dept_id":5}}', id="doubled"),
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
