"""Every fault by name: what a caller gets, and whether what it asked for is carried out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox import bends, fates
from sandbox.barriers import Phase
from sandbox.bends import Bend
from sandbox.fates import Fate

Applied = Literal["never", "always", "late", "twice"]
Group = Literal["line", "http", "page", "body", "success", "busy", "refusal", "fate"]

_EITHER: Mapping[Phase, Applied] = {"before": "never", "after": "always"}
_NEVER: Mapping[Phase, Applied] = {"before": "never"}
_LATE: Mapping[Phase, Applied] = {"before": "late"}
_ALWAYS: Mapping[Phase, Applied] = {"after": "always"}

_HANG = 30.0
_SIXTEEN_MEBIBYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that can go wrong. `applied` says for each possible phase what becomes of a write that
    the organisation would have accepted: a reading changes nothing, and a refused write never is applied.

    `cuts` is set where a socket is needed: without one, a `Cut` is raised. `seconds` and `size` are what
    a rule uses that names none.
    """

    name: str
    group: Group
    meaning: str
    applied: Mapping[Phase, Applied]
    bend: Bend
    fate: Fate = fates.by_phase
    cuts: bool = False
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A fault in one of its phases; as text `reset:after`, which a rule takes as its fault."""

    fault: str
    phase: Phase
    applied: Applied

    def __str__(self) -> str:
        return f"{self.fault}:{self.phase}"


def cases() -> Iterator[Case]:
    """Every fault in each of its phases, for a sweep."""
    for fault in FAULTS.values():
        for phase, applied in fault.applied.items():
            yield Case(fault.name, phase, applied)


def _line(name: str, bend: Bend, meaning: str, *, seconds: float = 0.0) -> Fault:
    return Fault(
        name=name,
        group="line",
        meaning=meaning,
        applied=_EITHER,
        bend=bend,
        cuts=True,
        seconds=seconds,
    )


def _http(name: str, bend: Bend, meaning: str) -> Fault:
    return Fault(name=name, group="http", meaning=meaning, applied=_EITHER, bend=bend, cuts=True)


def _page(name: str, bend: Bend, meaning: str) -> Fault:
    return Fault(name=name, group="page", meaning=meaning, applied=_EITHER, bend=bend)


def _body(name: str, bend: Bend, meaning: str, *, size: int = 0) -> Fault:
    return Fault(name=name, group="body", meaning=meaning, applied=_EITHER, bend=bend, size=size)


def _success(name: str, bend: Bend, meaning: str) -> Fault:
    return Fault(name=name, group="success", meaning=meaning, applied=_EITHER, bend=bend)


def _busy(name: str, bend: Bend, meaning: str) -> Fault:
    return Fault(name=name, group="busy", meaning=meaning, applied=_EITHER, bend=bend)


def _refusal(name: str, bend: Bend, meaning: str) -> Fault:
    return Fault(name=name, group="refusal", meaning=meaning, applied=_NEVER, bend=bend)


def _fate(
    name: str,
    fate: Fate,
    meaning: str,
    *,
    applied: Mapping[Phase, Applied],
    bend: Bend = bends.as_it_is,
    cuts: bool = False,
    seconds: float = 0.0,
) -> Fault:
    return Fault(
        name=name,
        group="fate",
        meaning=meaning,
        applied=applied,
        bend=bend,
        fate=fate,
        cuts=cuts,
        seconds=seconds,
    )


def _http_errors() -> Iterator[Fault]:
    for status in (500, 502, 503, 504):
        yield _page(f"http-{status}", bends.http_error(status), f"HTTP {status} with a JSON body")
        html = bends.http_error(status, page=True)
        yield _page(f"http-{status}-html", html, f"HTTP {status} with a page of HTML")


def _refused_tokens() -> Iterator[Fault]:
    for code in (40014, 42001, 40001):
        refusal = bends.bad_token(code)
        wrapped, bare = bends.stopped(refusal, bare=False), bends.stopped(refusal, bare=True)
        yield _refusal(f"token-{code}", wrapped, f"token refused: {code} inside 88")
        yield _refusal(f"token-{code}-bare", bare, f"token refused: {code} as the errcode")


_LIST = (
    # The line
    _line("drop", bends.drop, "connection closed (FIN) without a reply"),
    _line("reset", bends.reset, "connection reset (RST) without a reply"),
    _line("hang", bends.silence, "no byte for `seconds`, then closed", seconds=_HANG),
    _line("drip-headers", bends.drip_headers, "a byte each `seconds` from the first", seconds=0.3),
    _line("drip-body", bends.drip_body, "a byte each `seconds` after the headers", seconds=0.3),
    _line("endless", bends.endless, "a body in chunks without end, up to `seconds`", seconds=_HANG),
    # No HTTP
    _http("short-body", bends.short_body, "half of the body that Content-Length promises"),
    _http("two-lengths", bends.two_lengths, "two Content-Lengths that differ"),
    _http("bad-chunks", bends.bad_chunks, "a chunk whose size is no number"),
    _http("half-head", bends.half_head, "closed in the middle of the status line"),
    _http("garbage", bends.raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "another protocol's greeting"),
    _http("raw", bends.raw(b"\0\xff\r\n\r\n"), "the rule's `content`, byte for byte, then closed"),
    # No answer
    *_http_errors(),
    _page("html-page", bends.page, "HTTP 200 with the page that a banned address gets"),
    _page("ban", bends.ban, 'HTTP 200 with {"status":1111,...}, the other form of the ban'),
    _page("redirect", bends.elsewhere, "HTTP 302 to /elsewhere"),
    _page("reply", bends.anything, "the rule's `body` and `status`; {} and 200 if it has none"),
    # No body
    _body("cut-json", bends.bytes_of(lambda text: text[: len(text) // 2]), "half of the JSON"),
    _body("bad-json", bends.bytes_of(lambda text: text.replace(b'"', b"'")), "quotes of a kind"),
    _body("empty-body", bends.bytes_of(lambda _: b""), "HTTP 200 with no body at all"),
    _body("huge-body", bends.huge, "JSON and `size` spaces", size=_SIXTEEN_MEBIBYTES),
    _body("gzip-bomb", bends.gzip_bomb, "the same, gzipped unasked", size=4 * _SIXTEEN_MEBIBYTES),
    _body("bad-gzip", bends.bad_gzip, "said to be gzip, and is not"),
    # Success in a shape that is none
    _success("errcode-text", bends.errcode(str), 'errcode "0"'),
    _success("errcode-float", bends.errcode(float), "errcode 0.0"),
    _success("errcode-true", bends.errcode(lambda _: True), "errcode true"),
    _success("errcode-null", bends.errcode(lambda _: None), "errcode null"),
    _success("errcode-missing", bends.without("errcode"), "no errcode"),
    _success(
        "errcode-twice",
        bends.bytes_of(lambda text: b'{"errcode":60011,' + text[1:]),
        "errcode 60011 and then errcode 0 in one object",
    ),
    _success("result-missing", bends.without("result"), "errcode 0 without result"),
    _success("id-missing", bends.without_id(), "errcode 0, result without dept_id"),
    _success("id-negative", bends.result_id(lambda right: -right), "dept_id below 0"),
    _success("id-huge", bends.result_id(lambda _: 2**64), "dept_id 2**64"),
    _success("id-digits", bends.result_id(str), "dept_id as a string of digits"),
    _success("id-text", bends.result_id(lambda _: "none"), "dept_id a word"),
    _success("other-department", bends.other_department, "dept_id of another department"),
    # Busy, or something nobody lists
    _busy("busy", bends.busy(-1), "errcode -1"),
    _busy("busy-15", bends.busy(15), "errcode 15, the platform's own time-out"),
    _busy("busy-400001", bends.busy(400001), "errcode 400001"),
    _busy("busy-88", bends.busy(88), "errcode 88 with an empty sub_code"),
    _busy("unknown-12345", bends.unknown_code, "errcode 12345, which no table has"),
    # Refusals
    _refusal("rate-90018", bends.stopped(bends.too_many, bare=False), "rate: 90018 inside 88"),
    _refusal("rate-90018-bare", bends.stopped(bends.too_many, bare=True), "rate: errcode 90018"),
    _refusal(
        "rate-90002", bends.stopped(bends.too_many_of_all_apps, bare=False), "rate: 90002 inside 88"
    ),
    _refusal(
        "rate-90002-bare",
        bends.stopped(bends.too_many_of_all_apps, bare=True),
        "rate: errcode 90002",
    ),
    _refusal("quota-90020", bends.stopped(bends.quota_used_up), "month's quota: 90020 inside 88"),
    _refusal("http-429", bends.too_many_requests, "HTTP 429 with Retry-After"),
    *_refused_tokens(),
    _refusal("token-invalid", bends.no_access, "HTTP 400 InvalidAuthentication, of the new API"),
    _refusal(
        "permission-60011", bends.stopped(bends.missing_point("wrapped")), "permission: 60011 in 88"
    ),
    _refusal(
        "permission-60011-bare",
        bends.stopped(bends.missing_point("60011")),
        "permission: errcode 60011",
    ),
    _refusal(
        "permission-43007", bends.stopped(bends.missing_point("43007")), "permission: errcode 43007"
    ),
    _refusal("address-60020", bends.stopped(bends.unlisted_ip), "address not listed: 60020 in 88"),
    _refusal("gone-404", bends.gone, "errcode 404: the call exists no more"),
    # What becomes of the call
    _fate("unapplied", fates.by_phase, "success reported, nothing done", applied=_NEVER),
    _fate(
        "late",
        fates.later,
        "closed without a reply at once, carried out after `seconds`",
        applied=_LATE,
        bend=bends.drop,
        cuts=True,
        seconds=1.0,
    ),
    _fate(
        "late-504",
        fates.later,
        "HTTP 504 at once, carried out after `seconds`",
        applied=_LATE,
        bend=bends.http_error(504, page=True),
        seconds=1.0,
    ),
    _fate(
        "slow",
        fates.slowly,
        "the right reply after `seconds`, which pass before or after it is carried out",
        applied={"before": "late", "after": "always"},
        seconds=3.0,
    ),
    _fate(
        "twice", fates.twice, "carried out twice: a create makes two", applied={"after": "twice"}
    ),
    _fate(
        "replayed",
        fates.replayed,
        "sent twice by a proxy; the reply is the second one's, mostly a refusal",
        applied=_ALWAYS,
    ),
    _fate(
        "lag",
        fates.lagging(),
        "readings show the state before it for `seconds` of the sandbox's clock",
        applied=_ALWAYS,
        seconds=2.0,
    ),
    _fate(
        "lag-details",
        fates.lagging("/department/get"),
        "the same, but only readings of one department: lists are current",
        applied=_ALWAYS,
        seconds=2.0,
    ),
    _fate(
        "lag-lists",
        fates.lagging("/department/list"),
        "the same, but only lists of departments: details are current",
        applied=_ALWAYS,
        seconds=2.0,
    ),
    _fate(
        "stale",
        fates.by_phase,
        "the right reply, then the connection is closed without having said so",
        applied=_ALWAYS,
        bend=bends.hang_up,
    ),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _LIST}


def shown() -> list[dict[str, object]]:
    """The catalogue as a control call tells it."""
    return [
        {
            "fault": fault.name,
            "group": fault.group,
            "meaning": fault.meaning,
            "applied": dict(fault.applied),
            "cuts": fault.cuts,
        }
        for fault in FAULTS.values()
    ]
