"""Where settings, cache and wire meet: the one seam between the product and DingTalk."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache

from .dingtalk import Account, DingTalkClient, FilePace, Limits, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from django.core.cache.backends.base import BaseCache

    from .dingtalk import Pace

log = logging.getLogger(__name__)

#: Tests put the sandbox here, as an in-process transport.
transport: httpx.BaseTransport | None = None

#: The part of the pace a machine keeps to while Redis is silent: at 12 calls a second, six of them stay below
#: the 20 that DingTalk allows.
_ALONE = 0.25
_ALONE_SECONDS = 5.0  # for which a Redis that did not answer is not asked again for the token

_lock = threading.Lock()
_client: DingTalkClient | None = None
_made_in: int | None = None


def is_configured() -> bool:
    return not missing_settings()


def missing_settings() -> list[str]:
    """The variables without which there is no DingTalk to talk to."""
    names = ("DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET")
    return [name for name in names if not getattr(settings, name)]


def dingtalk() -> DingTalkClient:
    """This process's client, made on first use and never across a fork.

    A pool that crosses a fork hands one worker another's replies.
    """
    global _client, _made_in
    with _lock:
        if _client is None or _made_in != os.getpid():
            _client, _made_in = _connect(), os.getpid()
        return _client


def reset() -> None:
    """Forget the client: settings or transport have changed."""
    global _client  # noqa: PLW0603
    with _lock:
        _client = None


def _connect() -> DingTalkClient:
    account = Account(
        client_id=settings.DINGTALK_CLIENT_ID,
        client_secret=settings.DINGTALK_CLIENT_SECRET,
        oapi_url=settings.DINGTALK_OAPI_URL,
        api_url=settings.DINGTALK_API_URL,
    )
    limits = Limits(
        read_seconds=settings.DINGTALK_READ_SECONDS, write_seconds=settings.DINGTALK_WRITE_SECONDS
    )
    wire = Wire(
        account=account, store=SealedCache(), pace=_pace(), limits=limits, transport=transport
    )
    return DingTalkClient(wire)


def _pace() -> Pace:
    """One pace for all processes: in a folder where they share a machine, in Redis where they may not."""
    folder, per_second = settings.VAR_DIR / "pace", settings.DINGTALK_CALLS_PER_SECOND
    if not settings.CACHE_URL:
        return FilePace(folder, calls_per_second=per_second)
    from .dingtalk.redis_pace import RedisPace  # noqa: PLC0415 — an extra, which CACHE_URL needs

    alone = FilePace(folder, calls_per_second=per_second * _ALONE)
    return RedisPace.at(
        settings.CACHE_URL,
        app=settings.DINGTALK_CLIENT_ID,
        calls_per_second=per_second,
        alone=alone,
    )


class SealedCache:
    """Django's cache with sealed values: the token must not be readable in a database dump or in Redis.

    While Redis does not answer, each process keeps its own token: DingTalk tells all of them the same one.
    """

    def __init__(self) -> None:
        key = hashlib.sha256(b"dingtalk-token " + settings.SECRET_KEY.encode()).digest()
        self._seal = Fernet(base64.urlsafe_b64encode(key))
        self._alone = LocMemCache(f"dingtalk token {id(self)}", {})
        self._alone_until = 0.0

    def get(self, key: str, /) -> Any:
        sealed = self._kept(lambda cache: cache.get(key))
        try:
            return json.loads(self._seal.decrypt(sealed)) if sealed else None
        except (InvalidToken, TypeError):
            return None  # sealed with another SECRET_KEY, or not by us: as good as absent

    def set(self, key: str, value: Any, /, timeout: float | None) -> None:
        sealed = self._sealed(value)
        self._kept(lambda cache: cache.set(key, sealed, timeout))

    def add(self, key: str, value: Any, /, timeout: float | None) -> bool:
        sealed = self._sealed(value)
        return bool(self._kept(lambda cache: cache.add(key, sealed, timeout)))

    def delete(self, key: str, /) -> None:
        self._kept(lambda cache: cache.delete(key))

    def _kept(self, act: Callable[[BaseCache], Any]) -> Any:
        if time.monotonic() < self._alone_until:
            return act(self._alone)
        try:
            return act(cache)
        except _outage() as failure:
            log.warning("the shared cache does not answer: %s", type(failure).__name__)
            self._alone_until = time.monotonic() + _ALONE_SECONDS
            return act(self._alone)

    def _sealed(self, value: Any) -> bytes:
        return self._seal.encrypt(json.dumps(value).encode())


def _outage() -> tuple[type[Exception], ...]:
    """What Redis' absence raises. Without the database nothing works anyway."""
    if not settings.CACHE_URL:
        return ()
    from redis.exceptions import RedisError  # noqa: PLC0415

    return (RedisError,)
