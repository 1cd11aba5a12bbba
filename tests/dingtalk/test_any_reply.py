"""Whatever comes back, and in answer to whatever: an outcome with a name, and no other exception."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import stamina
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from other_side import TOKENS, wire_over

from departments.dingtalk import (
    Account,
    Department,
    DingTalkClient,
    DingTalkError,
    Lane,
    NoAnswer,
    NotSent,
    NotUnderstood,
    OutcomeUnknown,
    SaidNo,
    Unreachable,
)
from departments.dingtalk.errors import BUSY, KNOWN
from departments.dingtalk.wire import Call

GRANT = b'{"accessToken":"a-token-that-serves","expireIn":7200}'

# The same examples in each run: a build that fails for one reason today fails for it tomorrow.
SOME_HUNDRED = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


class Parrot(httpx.BaseTransport):
    """Answers everything with the same bytes; the token's endpoint apart, unless told otherwise."""

    def __init__(self, status: int, content: bytes, *, tokens_too: bool = False) -> None:
        self._said = (status, content)
        self._tokens_too = tokens_too

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asks_for_token = request.url.path == TOKENS
        status, content = (200, GRANT) if asks_for_token and not self._tokens_too else self._said
        return httpx.Response(status, stream=httpx.ByteStream(content))


@pytest.fixture(autouse=True)
def quiet():
    """Thousands of failing calls have nothing to tell."""
    logging.disable(logging.CRITICAL)
    hooks = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([])
    yield
    stamina.instrumentation.set_on_retry_hooks(hooks)
    logging.disable(logging.NOTSET)


numbers = st.one_of(
    st.sampled_from([0, -0.0, 0.0, 1, -1, 88, 2**31, 2**63, 2**64, 10**30, 1e300, *list(BUSY)[:3]]),
    st.sampled_from(sorted(code for code in KNOWN if isinstance(code, int))),
    st.integers(),
)
texts = st.one_of(
    st.sampled_from(
        ["", "0", "--5", "1_0", "²", "１", "40014", "60003", "9" * 5000, "true", "NaN"]
    ),
    st.sampled_from(sorted(code for code in KNOWN if isinstance(code, str))),
    st.text(max_size=20),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def envelope(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Any selection of fields, each mostly with anything at all."""
    return st.fixed_dictionaries({}, optional=fields)


departments = envelope(
    {name: st.one_of(scalars, anything) for name in Department.__struct_fields__}
    | {"dept_id": numbers, "name": texts}
)
lists = envelope(
    {
        "dept_id_list": anything,
        "parent_id_list": anything,
        "parent_list": st.one_of(anything, st.lists(envelope({"parent_dept_id_list": anything}))),
        "userid_list": anything,
        "userid": texts,
        "has_more": scalars,
        "next_cursor": scalars,
        "list": st.one_of(anything, st.lists(departments, max_size=2)),
    }
)
legacy = envelope(
    {
        "errcode": st.one_of(st.just(0), numbers, scalars),
        "errmsg": st.one_of(texts, anything),
        "sub_code": st.one_of(texts, anything),
        "sub_msg": anything,
        "request_id": st.one_of(texts, anything),
        "result": st.one_of(departments, lists, st.lists(departments, max_size=2), anything),
        "auth_org_scopes": st.one_of(anything, envelope({"authed_dept": anything})),
        "status": st.sampled_from([1111, "1111", 0]),
    }
)
modern = envelope(
    {
        "code": st.one_of(texts, scalars),
        "message": st.one_of(texts, anything),
        "requestid": st.one_of(texts, anything),
        "accessdenieddetail": st.one_of(anything, envelope({"requiredScopes": anything})),
        "hasMore": scalars,
        "totalCount": scalars,
        "list": anything,
        "accessToken": st.one_of(texts, anything),
        "expireIn": scalars,
    }
)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


whole = st.one_of(legacy, modern, anything).map(as_json)


@st.composite
def damaged(draw: Any) -> bytes:
    """A reply that something happened to on its way."""
    content = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(content)))
        reach = draw(st.integers(0, 6))
        content[place : place + reach] = draw(st.binary(max_size=4))
    return bytes(content)


contents = st.one_of(whole, damaged(), st.binary(max_size=60))
statuses = st.sampled_from([200] * 6 + [100, 101, 204, 206, 302, 304, 400, 401, 403, 404, 429, 503])

READS: dict[str, Callable[[DingTalkClient], object]] = {
    "get": lambda client: client.get_department(5),
    "children": lambda client: client.list_children(5),
    "child ids": lambda client: client.list_child_ids(5),
    "ancestors": lambda client: client.list_ancestor_ids(5),
    "ancestors of a person": lambda client: client.list_ancestor_ids_of_person("liwei"),
    "search": lambda client: client.search_departments("Sales"),
    "member ids": lambda client: client.list_member_ids(5),
    "members": lambda client: client.list_members(5),
    "person": lambda client: client.get_person("liwei"),
    "every member": lambda client: list(client.every_member_name(5)),
    "scope": lambda client: client.contact_scope(),
}
WRITES: dict[str, Callable[[DingTalkClient], object]] = {
    "create": lambda client: client.create_department({"name": "Research", "parent_id": 1}),
    "update": lambda client: client.update_department(5, {"name": "Research"}),
    "delete": lambda client: client.delete_department(5),
    "new api": lambda client: client._wire.send(
        Call(endpoint="/v1.0/x", body={}, write=True, new_api=True), lane=Lane.PERSON
    ),
}


def hearing(status: int, content: bytes, *, tokens_too: bool = False) -> DingTalkClient:
    parrot = Parrot(status, content, tokens_too=tokens_too)
    return DingTalkClient(wire_over(parrot, Account(client_id="c", client_secret="s")))


def outcome(call: Callable[[DingTalkClient], object], client: DingTalkClient) -> object:
    try:
        return call(client)
    except DingTalkError as failure:
        return failure


@SOME_HUNDRED
@given(statuses, contents, st.sampled_from(sorted(READS)))
@example(200, b'{"errcode":88,"sub_code":"--5"}', "get")
@example(403, b'{"code":"x","accessdenieddetail":{"requiredScopes":5}}', "search")
@example(200, b'{"errcode":0,"result":{"has_more":true,"next_cursor":0}}', "every member")
def test_a_read_ends_in_an_answer_or_in_its_own_errors(status: int, content: bytes, read: str):
    end = outcome(READS[read], hearing(status, content))

    if isinstance(end, DingTalkError):
        assert isinstance(end, (NotSent, SaidNo, NoAnswer, NotUnderstood))
        assert str(end)
    else:
        assert status < 300


@SOME_HUNDRED
@given(statuses, contents, st.sampled_from(sorted(WRITES)))
@example(200, b'{"errcode":88,"sub_code":"--5"}', "delete")
@example(403, b'{"code":"x","accessdenieddetail":{"requiredScopes":5}}', "new api")
def test_a_write_ends_in_a_yes_a_known_no_or_unknown(status: int, content: bytes, write: str):
    end = outcome(WRITES[write], hearing(status, content))

    if isinstance(end, DingTalkError):
        assert isinstance(end, (SaidNo, OutcomeUnknown))
        assert isinstance(end, OutcomeUnknown) or end.code in KNOWN
    else:
        assert status < 300


@SOME_HUNDRED
@given(statuses, contents)
@example(200, b'{"accessToken":"tok\xc3\xa9n"}')
@example(200, b'{"accessToken":"token","expireIn":1e300}')
def test_without_a_token_nothing_was_sent(status: int, content: bytes):
    client = hearing(status, content, tokens_too=True)

    end = outcome(lambda client: client.delete_department(5), client)

    assert isinstance(end, (NotSent, SaidNo, OutcomeUnknown))
    if isinstance(end, Unreachable):
        assert end.endpoint == TOKENS
    if isinstance(end, OutcomeUnknown):
        assert b"accessToken" in content, "only a call with a token leaves us"


@settings(SOME_HUNDRED, max_examples=100)
@given(st.text(max_size=64).filter(lambda name: name.isprintable()), anything)
def test_whatever_we_send_reads_the_same_on_the_other_side(name: str, extra: Any):
    heard: list[bytes] = []

    class Ear(Parrot):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            heard.append(request.read())
            return super().handle_request(request)

    body = {"name": name, "extra": extra}
    wire = wire_over(Ear(200, b'{"errcode":0}'), Account(client_id="c", client_secret="s"))
    wire.send(Call(endpoint="/topapi/x", body=body, write=True), lane=Lane.PERSON)

    assert json.loads(heard[-1]) == body
