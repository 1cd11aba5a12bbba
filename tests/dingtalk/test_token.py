"""One access token for everybody who shares the store: fetched once, renewed early, replaced when refused."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import time_machine
from other_side import API, GET, OAPI, SEARCH, TOKENS, Line, Shelf, account, reply

from departments.dingtalk import (
    Account,
    Blocked,
    CredentialsRefused,
    DingTalkClient,
    DingTalkError,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    TokenRefused,
    TooBusyHere,
    Unreachable,
    Wire,
)
from departments.dingtalk.deadline import within
from departments.dingtalk.token import AccessToken, Grant
from sandbox import Organisation, Sandbox

CROWD = 32


def later(seconds: float) -> Any:
    """The wall clock moves; deadlines, which count on the other clock, do not."""
    return time_machine.travel(time.time() + seconds, tick=True)


def all_at_once(call: Callable[[], Any]) -> list[Any]:
    """What each of a crowd got, an error included."""
    start = threading.Barrier(CROWD)

    def one(_: int) -> Any:
        start.wait(30)
        try:
            return call()
        except DingTalkError as failure:
            return failure

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(one, range(CROWD)))


def token_of(request: httpx.Request) -> str:
    return request.url.params["access_token"]


# Kept and shared


def test_a_token_is_fetched_once_for_many_calls(client: DingTalkClient, sandbox: Sandbox):
    for _ in range(5):
        client.get_department(1)

    assert sandbox.token_fetches == 1


def test_wires_that_share_a_store_share_the_token(make_wire, sandbox: Sandbox):
    for _ in range(3):
        DingTalkClient(make_wire()).get_department(1)

    assert sandbox.token_fetches == 1


def test_apps_and_hosts_do_not_share_a_token(sandbox: Sandbox, store: Shelf):
    for host, client_id in [(API, "one"), (API, "other"), ("https://api.dingtalk.io", "one")]:
        token = AccessToken(store=store, fetch=lambda: Grant("x"), name=f"{host} {client_id}")
        token.current()

    assert len(store.names()) == 3


def test_the_store_names_neither_app_nor_host(client: DingTalkClient, store, sandbox: Sandbox):
    client.get_department(1)

    (key,) = store.names()
    assert sandbox.client_id not in key
    assert "dingtalk.com" not in key


def test_a_crowd_before_an_empty_store_fetches_one_token(
    client: DingTalkClient, sandbox: Sandbox, store: Shelf
):
    sandbox.switches.latency_ms = 30

    names = all_at_once(lambda: client.get_department(1).name)

    assert names == ["Acme"] * CROWD
    assert sandbox.token_fetches == 1
    assert not any(key.endswith("lock") for key in store.names())


def test_a_crowd_whose_token_is_refused_fetches_one_more(client: DingTalkClient, sandbox: Sandbox):
    client.get_department(1)
    sandbox.revoke_tokens()

    names = all_at_once(lambda: client.get_department(1).name)

    assert names == ["Acme"] * CROWD
    assert sandbox.token_fetches == 2


def test_rubbish_in_the_store_is_no_token(client: DingTalkClient, store: Shelf, sandbox: Sandbox):
    client.get_department(1)
    (key,) = store.names()
    store.set(key, "rubbish", timeout=60)

    assert client.get_department(1).name == "Acme"
    assert sandbox.token_fetches == 2


# Age


@pytest.mark.parametrize(
    ("said", "serves_for"),
    [
        ({"expireIn": 7200}, 6900),
        ({}, 6900),
        ({"expireIn": "7200"}, 6900),
        ({"expireIn": 10**9}, 6900),
        ({"expireIn": 10**200}, 6900),
        ({"expireIn": 3600}, 3300),
        ({"expireIn": 0}, 60),
        ({"expireIn": -5}, 60),
    ],
)
def test_a_token_is_used_until_five_minutes_before_its_end(
    client: DingTalkClient, line: Line, store: Shelf, said, serves_for
):
    line.answer(TOKENS, reply({"accessToken": "token-of-some-life"} | said))
    line.answer(GET, reply({"errcode": 0, "result": {"dept_id": 1, "name": "Acme"}}))
    client.get_department(1)

    with later(serves_for - 5):
        assert store.names()
    with later(serves_for + 5):
        assert not store.names()
        client.get_department(1)
    assert len(line.asked(TOKENS)) == 2


def test_before_its_end_a_token_is_renewed_while_it_serves(client, sandbox: Sandbox):
    client.get_department(1)
    with later(6500):
        client.get_department(1)
        assert sandbox.token_fetches == 1
    with later(6700):
        client.get_department(1)
        client.get_department(1)
        assert sandbox.token_fetches == 2


def test_one_renews_and_the_others_go_on_with_the_old_token(client, line: Line):
    client.get_department(1)
    with later(6700):
        renewal = line.hold(TOKENS)
        with ThreadPoolExecutor(1) as first:
            renewing = first.submit(client.get_department, 1)
            renewal.wait()

            assert client.get_department(1).name == "Acme"

            renewal.let_go()
            assert renewing.result(30).name == "Acme"
    assert len(line.asked(TOKENS)) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        lambda line: line.refuse(TOKENS),
        lambda line: line.lose_reply_to(TOKENS),
        lambda line: line.answer(TOKENS, reply({"code": "unknownError"}, status=500)),
        lambda line: line.answer(TOKENS, reply({"code": "invalidClientIdOrSecret"}, status=400)),
        lambda line: line.answer(TOKENS, reply("<html>no</html>")),
    ],
    ids=["unreachable", "lost", "fault", "credentials", "page"],
)
def test_a_renewal_that_fails_costs_nobody_a_call(
    client: DingTalkClient, line: Line, org: Organisation, trouble
):
    client.get_department(1)
    old = token_of(line.asked(GET)[0])
    trouble(line)

    with later(6700):
        for _ in range(4):
            client.get_department(1)
        client.create_department({"name": "Research", "parent_id": 1})
    assert {token_of(request) for request in line.asked(GET)} == {old}
    assert org["Research"]
    # The first fetch, and one attempt at renewal for all five calls.
    assert len(line.asked(TOKENS)) == 2

    line.mend(TOKENS)
    with later(6740):
        client.get_department(1)
    assert len(line.asked(TOKENS)) == 3


@pytest.mark.parametrize("jump", [-7200, 7200, 10**8])
def test_a_clock_that_jumps_costs_one_fetch_at_most(client, sandbox: Sandbox, jump):
    client.get_department(1)
    with later(jump):
        for _ in range(3):
            client.get_department(1)
    client.get_department(1)

    assert sandbox.token_fetches <= 2


# Refused tokens


@pytest.mark.parametrize("code", [40014, 42001, 40001, 33001])
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda client: client.get_department(1), id="inside 88"),
        pytest.param(lambda client: client.contact_scope(), id="bare"),
        pytest.param(lambda client: client.search_departments("Sales"), id="new api"),
        pytest.param(
            lambda client: client.create_department({"name": "Research", "parent_id": 1}),
            id="write",
        ),
    ],
)
@pytest.mark.parametrize("end", ["expire_tokens", "revoke_tokens"])
def test_a_refused_token_is_replaced_once(client, line: Line, sandbox: Sandbox, call, code, end):
    sandbox.switches.refused_token_code = code
    client.get_department(1)
    getattr(sandbox, end)()
    line.requests.clear()

    call(client)

    assert sandbox.token_fetches == 2
    assert len(line.requests) == 3
    assert line.requests[1].url.path == TOKENS


def test_a_write_refused_for_its_token_is_done_once(client, sandbox: Sandbox, org: Organisation):
    client.get_department(1)
    sandbox.revoke_tokens()

    receipt = client.create_department({"name": "Research", "parent_id": 1})

    assert org["Research"].dept_id == receipt.dept_id
    assert [change.kind for change in sandbox.journal] == ["department.create"]


def test_a_lost_answer_to_the_repeat_of_a_write_is_unknown(client, line: Line, sandbox: Sandbox):
    client.get_department(1)
    sandbox.revoke_tokens()
    create = "/topapi/v2/department/create"
    line.answer(create, reply({"errcode": 88, "sub_code": "40014"}), times=1)
    line.lose_reply_to(create)

    with pytest.raises(OutcomeUnknown):
        client.create_department({"name": "Research", "parent_id": 1})
    assert len(line.asked(create)) == 2
    assert len(sandbox.journal) == 1


REFUSALS = {
    GET: reply({"errcode": 88, "sub_code": "40014", "sub_msg": "不合法的access_token"}),
    SEARCH: reply({"code": "InvalidAuthentication", "message": "不合法的access_token"}, status=400),
}


@pytest.mark.parametrize(
    ("endpoint", "call"),
    [
        (GET, lambda client: client.get_department(1)),
        (SEARCH, lambda client: client.search_departments("Sales")),
    ],
)
def test_a_token_refused_twice_is_never_a_loop(client, line: Line, endpoint, call):
    line.answer(endpoint, REFUSALS[endpoint])

    with pytest.raises(TokenRefused):
        call(client)

    assert len(line.asked(endpoint)) == 2
    assert len(line.asked(TOKENS)) == 2


def test_a_missing_token_is_our_own_mistake_and_cured_by_none(client, line: Line):
    line.answer(GET, reply({"errcode": 41001, "errmsg": "缺少access_token参数"}))

    with pytest.raises(TokenRefused):
        client.get_department(1)
    assert len(line.asked(GET)) == len(line.asked(TOKENS)) == 1


def test_a_dead_token_that_dingtalk_repeats_is_not_asked_for_again_and_again(client, line: Line):
    line.answer(TOKENS, reply({"accessToken": "the-same-dead-token", "expireIn": 7200}))
    line.answer(GET, REFUSALS[GET])

    ends = all_at_once(lambda: client.get_department(1))

    assert {type(end) for end in ends} == {TokenRefused}
    assert len(line.asked(TOKENS)) == 2
    with later(40), pytest.raises(TokenRefused):
        client.get_department(1)
    assert len(line.asked(TOKENS)) == 3


def test_a_new_permission_may_need_a_newer_token(client, sandbox: Sandbox):
    sandbox.switches.granted_points.discard("qyapi_get_department_list")
    with pytest.raises(PermissionMissing):
        client.get_department(1)
    with pytest.raises(PermissionMissing):
        client.get_department(1)
    assert sandbox.token_fetches == 1

    with later(90):
        with pytest.raises(PermissionMissing):
            client.get_department(1)
        sandbox.switches.granted_points.add("qyapi_get_department_list")
        client.get_department(1)
    assert sandbox.token_fetches == 2


def test_without_a_token_there_is_nothing_to_forget(store: Shelf):
    AccessToken(store=store, fetch=lambda: Grant("x"), name="app").forget(older_than=0)

    assert store.names() == []


# No token to be had


@pytest.fixture
def mistyped(make_wire: Callable[..., Wire], sandbox: Sandbox) -> DingTalkClient:
    right = account(sandbox)
    wrong = Account(client_id=right.client_id, client_secret="mistyped", oapi_url=OAPI, api_url=API)
    return DingTalkClient(make_wire(who=wrong))


def test_a_wrong_secret_is_not_tried_again_for_a_while(mistyped: DingTalkClient, line: Line):
    for _ in range(5):
        with pytest.raises(CredentialsRefused) as caught:
            mistyped.get_department(1)
        assert caught.value.code == "invalidClientIdOrSecret"
        assert caught.value.message == "无效的clientId或者clientSecret"
        assert caught.value.request_id
    assert len(line.requests) == 1

    with later(31), pytest.raises(CredentialsRefused):
        mistyped.get_department(1)
    assert len(line.requests) == 2


def test_a_crowd_with_a_wrong_secret_is_refused_once(mistyped, line: Line, sandbox: Sandbox):
    sandbox.switches.latency_ms = 30

    ends = all_at_once(lambda: mistyped.get_department(1))

    assert {type(end) for end in ends} == {CredentialsRefused}
    assert len(line.requests) == 1


def test_nothing_is_written_without_a_token(mistyped: DingTalkClient, sandbox: Sandbox):
    with pytest.raises(CredentialsRefused):
        mistyped.delete_department(sandbox.org["East"].dept_id)

    assert sandbox.journal == []


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda client: client.get_department(1), id="read"),
        pytest.param(lambda client: client.delete_department(5), id="write"),
    ],
)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply({}), id="nothing"),
        pytest.param(reply({"accessToken": ""}), id="empty"),
        pytest.param(reply({"accessToken": None}), id="null"),
        pytest.param(reply({"accessToken": 5}), id="number"),
        pytest.param(reply({"accessToken": "tokén"}), id="beyond ascii"),
        pytest.param(reply({"accessToken": "to\r\nken: x"}), id="two lines"),
        pytest.param(reply({"accessToken": "token\n"}), id="line end"),
        pytest.param(reply({"accessToken": "token", "expireIn": None}), id="no life"),
        pytest.param(reply({"access_token": "token", "expires_in": 7200}), id="other family"),
        pytest.param(reply(b"[]"), id="list"),
        pytest.param(reply(b"{"), id="torn"),
        pytest.param(reply(b""), id="empty body"),
        pytest.param(reply({"code": "unknownError", "message": "未知错误"}, status=500), id="500"),
        pytest.param(reply(b"", status=504), id="504"),
        pytest.param(reply({"code": "newWord"}, status=400), id="unlisted"),
        pytest.param(reply(b"", status=302, location="https://elsewhere.example/"), id="302"),
    ],
)
def test_without_a_readable_token_the_call_was_not_sent(client, line: Line, answer, call):
    line.answer(TOKENS, answer)

    with pytest.raises(Unreachable) as caught:
        call(client)

    assert caught.value.endpoint == TOKENS
    assert caught.value.message.startswith("no access token")
    assert len(line.requests) == len(line.asked(TOKENS)) == 3


def test_a_ban_can_meet_the_fetch_of_a_token(client, line: Line, org: Organisation):
    line.answer(TOKENS, reply("<!doctype html><html></html>"))

    with pytest.raises(Blocked):
        client.delete_department(org["East"].dept_id)
    assert len(line.requests) == 1


def test_asking_for_tokens_can_be_too_fast(client, line: Line, org: Organisation):
    code = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
    line.answer(TOKENS, reply({"code": code, "message": "slower"}, status=403))

    with pytest.raises(RateLimited):
        client.delete_department(org["East"].dept_id)
    assert len(line.requests) == 1


# The lock


def locks(store: Shelf) -> list[str]:
    return [key for key in store.names() if key.endswith("lock")]


def test_a_lock_left_by_a_dead_process_frees_itself(store: Shelf, monkeypatch):
    token = AccessToken(store=store, fetch=lambda: Grant("fresh-token"), name="app")
    with monkeypatch.context() as dying:
        dying.setattr(store, "delete", lambda key: None)
        token.current()
    token.forget(older_than=-1)
    (lock,) = store.names()
    assert locks(store) == [lock]

    with pytest.raises(TooBusyHere), within(0.2):
        token.current()
    with later(16), within(0.2):
        assert token.current() == "fresh-token"


def test_who_waits_for_the_lock_waits_for_the_token(store: Shelf):
    fetching, done = threading.Event(), threading.Event()

    def fetch() -> Grant:
        fetching.set()
        assert done.wait(30)
        return Grant("fetched-by-the-first")

    first = AccessToken(store=store, fetch=fetch, name="app")
    second = AccessToken(store=store, fetch=lambda: Grant("never fetched"), name="app")
    with ThreadPoolExecutor(2) as both:
        one = both.submit(first.current)
        assert fetching.wait(30)
        other = both.submit(second.current)
        time.sleep(0.12)
        assert not other.done()
        done.set()
        assert one.result(30) == other.result(30) == "fetched-by-the-first"


def test_nobody_opens_anothers_lock(store: Shelf):
    def fetch_so_slowly_that_the_lock_passes_on() -> Grant:
        (lock,) = locks(store)
        store.set(lock, "somebody else", timeout=15)
        return Grant("fresh-token")

    token = AccessToken(store=store, fetch=fetch_so_slowly_that_the_lock_passes_on, name="app")

    assert token.current() == "fresh-token"
    assert [store.get(lock) for lock in locks(store)] == ["somebody else"]


def test_a_grant_keeps_its_token_to_itself():
    assert "canary" not in repr(Grant("canary-token"))
    assert "canary" not in f"{Grant('canary-token')}"
