"""From what DingTalk says to what follows from it: every code, bare and wrapped, for reads and writes."""

import inspect
from datetime import UTC, datetime
from itertools import product

import pytest
from other_side import SEARCH, Line, reply

from departments.dingtalk import (
    AddressNotAllowed,
    AppDisabled,
    Blocked,
    CredentialsRefused,
    DingTalkError,
    Lane,
    NoAnswer,
    NotAuthorised,
    NotSent,
    NotThere,
    NotUnderstood,
    OutcomeUnknown,
    OutOfContactScope,
    PermissionMissing,
    QuotaSpent,
    RateLimited,
    Refused,
    SaidNo,
    TokenRefused,
    Unreachable,
    Wire,
    codes_of,
    errors,
)
from departments.dingtalk.wire import Call

LEGACY = "/topapi/v2/department/anything"
NUMBERS = [code for code in errors.KNOWN if isinstance(code, int)]
WORDS = [code for code in errors.KNOWN if isinstance(code, str)]
BUSY_NUMBERS = [code for code in errors.BUSY if isinstance(code, int)]
BUSY_WORDS = [code for code in errors.BUSY if isinstance(code, str)]
UNLISTED = [1, -2, 14, 16, 89, 12345, 60023, 90015, 90016, 10**15]


def failure(wire: Wire, *, write: bool, new_api: bool = False) -> DingTalkError:
    endpoint = SEARCH if new_api else LEGACY
    call = Call(endpoint=endpoint, body={}, write=write, new_api=new_api)
    with pytest.raises(DingTalkError) as caught:
        wire.send(call, lane=Lane.PERSON)
    assert caught.value.endpoint == endpoint
    return caught.value


def bare(code: int) -> dict[str, object]:
    return {"errcode": code, "errmsg": "words that change", "request_id": "5qx1m8k2v0ab"}


def wrapped(code: object) -> dict[str, object]:
    return bare(88) | {"sub_code": str(code), "sub_msg": "words that change"}


def modern(code: str) -> dict[str, object]:
    return {"code": code, "message": "words that change", "requestid": "0A1B-2C3D"}


@pytest.mark.parametrize("code", NUMBERS)
def test_a_known_number_means_not_done(wire: Wire, line: Line, code):
    for shape, write in product([bare, wrapped], [False, True]):
        line.mend(LEGACY)
        line.answer(LEGACY, reply(shape(code)))

        error = failure(wire, write=write)

        assert type(error) is errors.KNOWN[code]
        assert (error.code, error.message) == (code, "words that change")
        assert error.request_id == "5qx1m8k2v0ab"


@pytest.mark.parametrize("code", WORDS)
def test_a_known_word_means_not_done(wire: Wire, line: Line, code):
    line.answer(SEARCH, reply(modern(code), status=400))

    for write in (False, True):
        error = failure(wire, write=write, new_api=True)

        assert type(error) is errors.KNOWN[code]
        assert (error.code, error.request_id) == (code, "0A1B-2C3D")


@pytest.mark.parametrize(
    ("code", "family"),
    [
        *[(code, Refused) for code in (40009, 40031, 40093, 60001, 60004, 60005, 60006, 60007)],
        *[(code, Refused) for code in (60008, 60021, 60018, 60110, 60109, 600109, 400002, 40033)],
        *[(code, NotThere) for code in (60003, 33012, 60121)],
        *[(code, TokenRefused) for code in (40001, 40014, 42001, 33001, 41001)],
        *[(code, PermissionMissing) for code in (60011, 43007)],
        *[(code, RateLimited) for code in (90002, 90018, 90019, 45009)],
        *[(90020, QuotaSpent), (60020, AddressNotAllowed), (40096, CredentialsRefused)],
        *[(50002, OutOfContactScope), (50004, OutOfContactScope)],
        *[(50003, AppDisabled), (50005, AppDisabled), (70001, AppDisabled)],
    ],
)
def test_the_codes_of_dingtalks_pages_are_where_they_belong(code, family):
    assert errors.KNOWN[code] is family


def test_no_code_stands_in_two_families():
    families = set(errors.KNOWN.values())

    codes = [code for family in families for code in codes_of(family)]

    assert len(codes) == len(set(codes)) == len(errors.KNOWN)
    assert errors.BUSY.isdisjoint(codes)


@pytest.mark.parametrize("shape", [bare, wrapped])
@pytest.mark.parametrize("code", BUSY_NUMBERS)
def test_a_busy_dingtalk_may_have_carried_out_a_write(wire: Wire, line: Line, code, shape):
    line.answer(LEGACY, reply(shape(code)))

    assert type(failure(wire, write=True)) is OutcomeUnknown
    assert len(line.asked(LEGACY)) == 1


@pytest.mark.parametrize("shape", [bare, wrapped])
@pytest.mark.parametrize("code", BUSY_NUMBERS)
def test_a_busy_dingtalk_is_asked_three_times_for_a_read(wire: Wire, line: Line, code, shape):
    line.answer(LEGACY, reply(shape(code)))

    assert type(failure(wire, write=False)) is NoAnswer
    assert len(line.asked(LEGACY)) == 3


@pytest.mark.parametrize("status", [400, 500, 503])
@pytest.mark.parametrize("word", BUSY_WORDS)
def test_the_new_apis_words_for_busy_say_no_more(wire: Wire, line: Line, word, status):
    line.answer(SEARCH, reply(modern(word), status=status))

    assert type(failure(wire, write=True, new_api=True)) is OutcomeUnknown
    assert type(failure(wire, write=False, new_api=True)) is NoAnswer


@pytest.mark.parametrize("shape", [bare, wrapped])
@pytest.mark.parametrize("code", UNLISTED)
def test_a_code_nobody_lists_is_never_taken_for_a_no(wire: Wire, line: Line, code, shape):
    line.answer(LEGACY, reply(shape(code)))

    written, read = failure(wire, write=True), failure(wire, write=False)

    assert type(written) is OutcomeUnknown
    assert type(read) in {NotUnderstood, NoAnswer}
    assert len(line.asked(LEGACY)) == (2 if type(read) is NotUnderstood else 4)


def test_a_word_nobody_lists_is_never_taken_for_a_no(wire: Wire, line: Line):
    line.answer(SEARCH, reply(modern("deptMoodIllegal"), status=400))

    assert type(failure(wire, write=True, new_api=True)) is OutcomeUnknown
    assert type(failure(wire, write=False, new_api=True)) is NotUnderstood


def test_a_server_fault_leaves_open_what_its_words_deny(wire: Wire, line: Line):
    line.answer(SEARCH, reply(modern("parameter.error"), status=500))

    written = failure(wire, write=True, new_api=True)

    assert type(written) is OutcomeUnknown
    assert (written.code, written.message) == (None, "words that change")


@pytest.mark.parametrize(
    "sub_code", ["", "isv.busy", "--5", "4 0", "１２", "²", "0x58", "1_0", "-", "9" * 5000, None, 0]
)
def test_a_wrapped_code_that_is_no_number_stays_open(wire: Wire, line: Line, sub_code):
    line.answer(LEGACY, reply(bare(88) | {"sub_code": sub_code}))

    assert type(failure(wire, write=True)) is OutcomeUnknown
    error = failure(wire, write=False)
    assert type(error) is NoAnswer
    assert error.code is None


def test_a_wrapped_code_may_be_a_number(wire: Wire, line: Line):
    line.answer(LEGACY, reply(bare(88) | {"sub_code": 60003}))

    assert type(failure(wire, write=True)) is NotThere


def test_only_what_was_never_sent_may_be_sent_again():
    families = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    repeatable = [one for one in families if getattr(one, "repeat_write", False)]

    assert repeatable == [Unreachable]


def test_not_sent_and_unknown_can_never_be_caught_as_one():
    branches = [NotSent, NoAnswer, NotUnderstood, OutcomeUnknown, SaidNo]

    for branch in branches:
        others = [other for other in branches if other is not branch]
        assert issubclass(branch, DingTalkError)
        assert not any(issubclass(branch, other) for other in others)


def test_too_fast_is_tried_again_for_a_read_and_never_for_a_write(wire: Wire, line: Line):
    line.answer(LEGACY, reply(wrapped(90018)))

    failure(wire, write=True)
    assert len(line.asked(LEGACY)) == 1

    failure(wire, write=False)
    assert len(line.asked(LEGACY)) == 4


def test_a_spent_quota_is_not_tried_again(wire: Wire, line: Line):
    line.answer(LEGACY, reply(wrapped(90020)))

    assert type(failure(wire, write=False)) is QuotaSpent
    assert len(line.asked(LEGACY)) == 1


def test_an_error_says_what_where_and_why():
    refused = Refused("/topapi/x", code=60005, message="不允许删除有成员的部门")
    silent = NoAnswer("/topapi/x")

    assert str(refused) == "Refused 60005 at /topapi/x: 不允许删除有成员的部门"
    assert str(silent) == "NoAnswer at /topapi/x: no text"


def test_a_ban_says_until_when():
    until = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)

    error = Blocked("/topapi/x", until=until)

    assert error.until == until
    assert "10:05:00" in str(error)


APPLY = "https://open-dev.dingtalk.com/appscope/apply?content=dingexample%23qyapi_get_member"


@pytest.mark.parametrize(
    ("message", "scopes", "link"),
    [
        (
            f"应用尚未开通所需的权限：[qyapi_get_member]，点击链接申请并开通即可：{APPLY}, "
            "{requiredScopes=[qyapi_get_member]}",
            ["qyapi_get_member"],
            APPLY,
        ),
        ("{requiredScopes=[qyapi_a, qyapi_b]}", ["qyapi_a", "qyapi_b"], ""),
        ("应用尚未开通所需的权限：[qyapi_get_member]", ["qyapi_get_member"], ""),
        (f"申请：{APPLY.replace('.com', '.io')}，", [], APPLY.replace(".com", ".io")),
        ("需要授权", [], ""),
        ("see https://open-dev.dingtalk.com.evil.example/appscope/apply?content=x", [], ""),
        ("see https://evil.example/open-dev.dingtalk.com/appscope", [], ""),
        ("see http://open-dev.dingtalk.com/appscope/apply?content=x", [], ""),
        ('see https://open-dev.dingtalk.com/a"><script>', [], "https://open-dev.dingtalk.com/a"),
    ],
)
def test_a_missing_permission_names_the_point_and_dingtalks_page(message, scopes, link):
    missing = PermissionMissing(LEGACY, message=message)

    assert isinstance(missing, NotAuthorised)
    assert missing.scopes == scopes
    assert missing.apply_url == link


@pytest.mark.parametrize(
    ("message", "address"),
    [
        ("访问ip不在白名单之中,request ip=203.0.113.9 appKey(dingexample)", "203.0.113.9"),
        ("访问ip不在白名单之中,request ip=2001:db8::9 appKey(dingexample)", "2001:db8::9"),
        ("访问ip不在白名单之中", ""),
    ],
)
def test_a_refused_address_is_named_if_dingtalk_names_it(message, address):
    assert AddressNotAllowed(LEGACY, message=message).address == address
