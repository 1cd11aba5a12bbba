"""No token, secret or address of a call in anything a log or a page may show, at the loudest log level."""

import logging
import traceback
from collections.abc import Callable

import httpx
import pytest
from other_side import CREATE, GET, SEARCH, SECRET, TOKENS, Line, account, reply

from departments.dingtalk import DingTalkClient, DingTalkError
from sandbox import Sandbox

NAME = "Canary Name"

Trouble = Callable[[Line, Sandbox], object]

TROUBLES: dict[str, Trouble] = {
    "none": lambda line, sandbox: None,
    "no connection": lambda line, sandbox: [line.refuse(path) for path in (GET, CREATE, SEARCH)],
    "lost": lambda line, sandbox: [line.lose_reply_to(path) for path in (GET, CREATE, SEARCH)],
    "undecodable": lambda line, sandbox: line.lose_reply_to(GET, by=httpx.DecodingError),
    "no token": lambda line, sandbox: [sandbox.revoke_tokens(), line.refuse(TOKENS)],
    "token lost": lambda line, sandbox: [sandbox.revoke_tokens(), line.lose_reply_to(TOKENS)],
    "odd token": lambda line, sandbox: [
        sandbox.revoke_tokens(),
        line.answer(TOKENS, reply({"accessToken": ["canary-token-in-a-list"]})),
    ],
    "wrong secret": lambda line, sandbox: [
        sandbox.revoke_tokens(),
        setattr(sandbox, "client_secret", "another"),
    ],
    "refused token": lambda line, sandbox: line.answer(
        GET, reply({"errcode": 88, "sub_code": "40014", "sub_msg": "不合法的access_token"})
    ),
    "no permission": lambda line, sandbox: sandbox.switches.granted_points.clear(),
    "address": lambda line, sandbox: setattr(sandbox.switches, "listed_ips", ["203.0.113.9"]),
    "ban": lambda line, sandbox: setattr(sandbox.switches, "ip_banned", True),
    "too fast": lambda line, sandbox: setattr(sandbox.switches, "calls_per_second", 0),
    "redirect": lambda line, sandbox: [
        line.answer(path, reply(b"", status=302, location="mailto:canary-token"))
        for path in (GET, CREATE, SEARCH)
    ],
    "wrong shape": lambda line, sandbox: line.answer(
        GET, reply({"errcode": 0, "result": {"dept_id": NAME, "name": 5}})
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_that_can_be_shown_holds_a_secret(
    trouble: str,
    client: DingTalkClient,
    line: Line,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    client.get_department(1)
    TROUBLES[trouble](line, sandbox)

    shown = []
    for call in (
        lambda: client.get_department(1),
        lambda: client.create_department({"name": NAME, "parent_id": 1}),
        lambda: client.search_departments(NAME),
        client.contact_scope,
        lambda: client.in_background().list_children(1),
    ):
        try:
            call()
        except DingTalkError as failure:
            shown += [str(failure), repr(failure), *traceback.format_exception(failure)]
            shown += [str(vars(failure))]
    shown += [caplog.text, str([vars(record) for record in caplog.records]), *capfd.readouterr()]

    text = "\n".join(shown)
    tokens = {request.url.params.get("access_token", SECRET) for request in line.requests}
    assert len(tokens) >= 2
    for secret in {SECRET, NAME, "canary-token", *tokens}:
        assert secret not in text
    for address in ("oapi.dingtalk.com", "//api.dingtalk.com", "access_token="):
        assert address not in text
    assert GET in text


def test_what_shows_itself_shows_no_secret(sandbox: Sandbox, client: DingTalkClient):
    client.get_department(1)

    for thing in (account(sandbox), client, client._wire, client._wire._token):
        assert SECRET not in repr(thing)
