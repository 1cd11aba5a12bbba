"""What comes back from a call that a fault has hit, made from the reply that should have come."""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any

from sandbox import gate, legacy, modern, throttle
from sandbox.cuts import Dripped, Dropped, Endless, Garbled, Reset, Silent
from sandbox.exchange import Reply
from sandbox.fates import Struck
from sandbox.records import ROOT
from sandbox.refusals import Stopped

Bend = Callable[[Struck, Reply], Reply]

_MEBIBYTE = 1024 * 1024
_A_MEBIBYTE = b" " * _MEBIBYTE
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_LAST_BLOCK = b"\x03\x00"


def as_it_is(_: Struck, reply: Reply) -> Reply:
    return reply


# The line


def drop(struck: Struck, _: Reply) -> Reply:
    raise struck.cut(Dropped)


def reset(struck: Struck, _: Reply) -> Reply:
    raise struck.cut(Reset)


def silence(struck: Struck, _: Reply) -> Reply:
    raise struck.cut(Silent, seconds=struck.seconds)


def drip_headers(struck: Struck, reply: Reply) -> Reply:
    raise struck.cut(Dripped, _head(reply) + reply.content, seconds=struck.seconds)


def drip_body(struck: Struck, reply: Reply) -> Reply:
    head = _head(reply)
    cut = struck.cut(Dripped, head + reply.content, seconds=struck.seconds)
    cut.flows = len(head)
    raise cut


def hang_up(_: Struck, reply: Reply) -> Reply:
    return replace(reply, hang_up=True)


# What is no HTTP


def short_body(struck: Struck, reply: Reply) -> Reply:
    raise struck.cut(Garbled, _head(reply) + reply.content[: len(reply.content) // 2])


def two_lengths(struck: Struck, reply: Reply) -> Reply:
    more = ("Content-Length", str(len(reply.content) + 1))
    raise struck.cut(Garbled, _head(reply, more) + reply.content)


def bad_chunks(struck: Struck, reply: Reply) -> Reply:
    raise struck.cut(Garbled, _chunked_head(reply) + b"seven\r\n" + reply.content)


def half_head(struck: Struck, _: Reply) -> Reply:
    raise struck.cut(Garbled, b"HTTP/1.1 200 O")


def raw(default: bytes) -> Bend:
    def bend(struck: Struck, _: Reply) -> Reply:
        raise struck.cut(Garbled, struck.rule.content or default)

    return bend


def endless(struck: Struck, reply: Reply) -> Reply:
    raise struck.cut(Endless, _chunked_head(reply), seconds=struck.seconds)


# What is no answer


def http_error(status: int, *, page: bool = False) -> Bend:
    title = f"{status} {HTTPStatus(status).phrase}"

    def bend(struck: Struck, _: Reply) -> Reply:
        if page:
            html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
            return Reply(html, status=status, code=status)
        code = HTTPStatus(status).phrase.replace(" ", "")
        return modern.error(struck.request, status, code, title)

    return bend


def too_many_requests(struck: Struck, _: Reply) -> Reply:
    reply = modern.error(struck.request, 429, "Throttling", "Too many requests.")
    return replace(reply, headers=(("Retry-After", "1"),))


def elsewhere(_: Struck, __: Reply) -> Reply:
    return Reply(b"", status=302, code=302, headers=(("Location", "/elsewhere"),))


def page(_: Struck, __: Reply) -> Reply:
    return throttle.ban_page("html")


def ban(_: Struck, __: Reply) -> Reply:
    return throttle.ban_page("json")


def anything(struck: Struck, _: Reply) -> Reply:
    body = {} if struck.rule.body is None else struck.rule.body
    return Reply(body, status=struck.rule.status, code="reply")


# What is no body


def bytes_of(turn: Callable[[bytes], bytes]) -> Bend:
    def bend(_: Struck, reply: Reply) -> Reply:
        return replace(reply, body=turn(reply.content))

    return bend


def huge(struck: Struck, reply: Reply) -> Reply:
    return replace(reply, padding=struck.size)


def gzip_bomb(struck: Struck, reply: Reply) -> Reply:
    return _compressed(replace(reply, body=_gzipped(reply.content, spaces=struck.size)))


def bad_gzip(_: Struck, reply: Reply) -> Reply:
    return _compressed(replace(reply, body=_GZIP_HEAD + reply.content))


# Success in a shape that is none


def errcode(turn: Callable[[Any], object]) -> Bend:
    return _body(lambda body: body | {"errcode": turn(body.get("errcode", 0))})


def result_id(turn: Callable[[int], object]) -> Bend:
    """Only where the reply names a department: a create's, and a reading's."""

    def change(body: dict[str, Any]) -> dict[str, Any]:
        result = body.get("result")
        if not isinstance(result, Mapping) or "dept_id" not in result:
            return body
        return body | {"result": {**result, "dept_id": turn(result["dept_id"])}}

    return _body(change)


def without(name: str) -> Bend:
    return _body(lambda body: {key: value for key, value in body.items() if key != name})


def without_id() -> Bend:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        result = body.get("result")
        if not isinstance(result, Mapping):
            return body
        kept = {name: value for name, value in result.items() if name != "dept_id"}
        return body | {"result": kept}

    return _body(change)


def other_department(struck: Struck, reply: Reply) -> Reply:
    """Some other department that exists."""

    def another(right: int) -> int:
        with struck.sandbox.lock:
            others = (one.dept_id for one in struck.sandbox.org if one.dept_id not in (right, ROOT))
            return next(others, ROOT)

    return result_id(another)(struck, reply)


# Refusals


def busy(code: int) -> Bend:
    def bend(struck: Struck, _: Reply) -> Reply:
        request = struck.request
        if not request.is_modern:
            return legacy.busy(request, code)
        if code in (15, 88):
            return modern.gave_up(struck.sandbox, request)
        return modern.error(request, 500, "system.busy", "系统繁忙")

    return bend


def unknown_code(struck: Struck, _: Reply) -> Reply:
    request = struck.request
    if request.is_modern:
        return modern.error(request, 400, "unknown.12345", "未知")
    body = {"errcode": 12345, "errmsg": "未知", "request_id": request.request_id}
    return Reply(body, code=12345)


def gone(struck: Struck, _: Reply) -> Reply:
    if struck.request.is_modern:
        return modern.error(struck.request, *modern.NOT_FOUND)
    return legacy.gone()


def no_access(struck: Struck, _: Reply) -> Reply:
    """The new family's refusal of a token, wherever it is met."""
    return modern.stopped(struck.request, gate.bad_token(40014))


def stopped(refusal: Callable[[Struck], Stopped], *, bare: bool | None = None) -> Bend:
    """Stopped at the gate, in the words of the call's family; by default wrapped as the gate does it."""

    def bend(struck: Struck, _: Reply) -> Reply:
        said = refusal(struck)
        said.bare = said.bare if bare is None else bare
        tell = modern.stopped if struck.request.is_modern else legacy.stopped
        return tell(struck.request, said)

    return bend


def bad_token(code: int) -> Callable[[Struck], Stopped]:
    return lambda _: gate.bad_token(code)


def missing_point(shape: str) -> Callable[[Struck], Stopped]:
    def refusal(struck: Struck) -> Stopped:
        endpoint = legacy.ENDPOINTS.get(struck.request.path)
        point = endpoint.point if endpoint else "qyapi_base"
        return gate.missing_point(struck.sandbox, point, shape=shape)

    return refusal


def unlisted_ip(struck: Struck) -> Stopped:
    return gate.unlisted_ip(struck.sandbox, struck.request)


def too_many(_: Struck) -> Stopped:
    return throttle.too_many()


def too_many_of_all_apps(struck: Struck) -> Stopped:
    second = int(struck.sandbox.clock())
    return throttle.too_many_of_all_apps(struck.request.path, second=second, limit=1200)


def quota_used_up(_: Struck) -> Stopped:
    return throttle.quota_used_up()


def _body(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Bend:
    def bend(_: Struck, reply: Reply) -> Reply:
        if not isinstance(reply.body, Mapping):
            return reply
        return replace(reply, body=change(dict(reply.body)))

    return bend


def _head(reply: Reply, *more: tuple[str, str]) -> bytes:
    length = ("Content-Length", str(len(reply.content)))
    return _lines(reply, length, *more)


def _chunked_head(reply: Reply) -> bytes:
    return _lines(reply, ("Transfer-Encoding", "chunked"))


def _lines(reply: Reply, *headers: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", "Server: sandbox"]
    said = (("Content-Type", reply.content_type), *headers)
    lines += [f"{name}: {value}" for name, value in said]
    return "\r\n".join([*lines, "", ""]).encode()


def _compressed(reply: Reply) -> Reply:
    return replace(reply, headers=(("Content-Encoding", "gzip"),))


def _gzipped(content: bytes, *, spaces: int) -> bytes:
    """One gzip member of the content and many spaces, without ever holding the spaces."""
    whole = spaces // _MEBIBYTE
    press = zlib.compressobj(wbits=-15)
    packed = press.compress(content) + press.flush(zlib.Z_FULL_FLUSH)
    crc = zlib.crc32(content)
    for _ in range(whole):
        crc = zlib.crc32(_A_MEBIBYTE, crc)
    size = len(content) + whole * _MEBIBYTE
    end = _LAST_BLOCK + struct.pack("<II", crc, size % 2**32)
    return _GZIP_HEAD + packed + _packed_mebibyte() * whole + end


@cache
def _packed_mebibyte() -> bytes:
    """Deflated so that it can stand anywhere and any number of times."""
    press = zlib.compressobj(wbits=-15)
    return press.compress(_A_MEBIBYTE) + press.flush(zlib.Z_FULL_FLUSH)
