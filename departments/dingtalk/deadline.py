"""A deadline that holds: httpx's time-outs bound one socket operation, ours bounds the whole call.

With every httpx time-out at 1 s, a reply dripped a byte at a time took 6 s and succeeded. Here each socket
operation gets only what is left of the call's time, so slow headers, slow bodies and slow handshakes all end
on time. Name resolution alone cannot be interrupted; it is bounded by the system's resolver.
"""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

_ends_at: ContextVar[float | None] = ContextVar("dingtalk_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Everything sent inside ends after `seconds`, whatever the other side does."""
    mark = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(mark)


def time_left() -> float:
    """Seconds until the deadline; infinite outside `within`."""
    ends_at = _ends_at.get()
    return float("inf") if ends_at is None else ends_at - time.monotonic()


def _bounded(timeout: float | None, on_time_up: type[Exception]) -> float | None:
    left = time_left()
    if left <= 0:
        raise on_time_up("the call's deadline has passed")
    if left == float("inf"):
        return timeout
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _bounded(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _bounded(timeout, httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _bounded(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _addresses(host, port)
        failure: Exception = httpcore.ConnectError("no address")
        # Left to the socket library, each address of a name would be given the whole time.
        for untried in range(len(addresses), 0, -1):
            left = _bounded(timeout, httpcore.ConnectTimeout)
            share = None if left is None else left / untried
            try:
                stream = self._inner.connect_tcp(
                    addresses[-untried], port, share, local_address, socket_options
                )
                return _Stream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as reason:
                failure = reason
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as reason:
        raise httpcore.ConnectError(str(reason)) from reason
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport over a pool whose every socket operation obeys `within`."""

    def __init__(self, *, connections: int) -> None:
        # trust_env=False: HTTP_PROXY or .netrc must not steer a request that carries a token.
        super().__init__(trust_env=False)
        # httpx offers no way to pass a network backend to its pool (0.28.1), so the pool is replaced whole.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections,
            # Shorter than any server's: a connection the server has just closed would lose a write's answer.
            keepalive_expiry=4.0,
            network_backend=_Backend(),
        )
