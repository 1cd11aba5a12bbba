"""The access token: fetched once for all processes, kept short of its life, replaced when DingTalk refuses it.

A token lives 7200 s; asking again while it is alive returns the same one and extends it
(https://open.dingtalk.com/document/development/obtain-the-access-token-of-an-internal-app). Asking often is
throttled, so whoever finds the store empty takes a lock and fetches; the others wait for the token, not for
the lock. Without that, 64 workers starting together made 64 fetches.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from .deadline import time_left, within
from .errors import CredentialsRefused, DingTalkError, TooBusyHere

if TYPE_CHECKING:
    from collections.abc import Callable

ENDPOINT = "/v1.0/oauth2/accessToken"

_REFRESH_BEFORE = (
    600  # s before its end a token is renewed by whoever comes first, while it still serves
)
_STOP_BEFORE = 300  # s before its end a token is no longer used
_LOCK_LIFE = 15  # s; longer than any fetch may take, so a lock left by a dead process frees itself
_REFUSED_LIFE = 30  # s for which wrong credentials are not tried again
_EARLY_SECONDS = 2.0  # s an early renewal may take: the call it rides on needs its time too
_EARLY_REST = 30  # s until an early renewal that failed is tried again
_LOOK_EVERY = 0.05


class Store(Protocol):
    """Where tokens and locks are kept: shared by every process. Django's cache has this shape."""

    def get(self, key: str, /) -> Any: ...
    def set(self, key: str, value: Any, /, timeout: float | None) -> Any: ...
    def add(self, key: str, value: Any, /, timeout: float | None) -> bool: ...
    def delete(self, key: str, /) -> Any: ...


class Grant(msgspec.Struct, frozen=True):
    """DingTalk's reply; mind the spelling: `expireIn`, without s."""

    #: It travels in URLs and headers, so it is printable ASCII or no token.
    accessToken: Annotated[str, msgspec.Meta(pattern=r"^[!-~]+\Z")]  # noqa: N815
    expireIn: int = 7200  # noqa: N815

    def __repr__(self) -> str:
        return "Grant(…)"


class AccessToken:
    """The token of one app, for every thread and process that shares `store`."""

    def __init__(self, *, store: Store, fetch: Callable[[], Grant], name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:24]
        self._key = f"dingtalk-token-{digest}"
        self._lock = f"{self._key}-lock"
        self._refusal = f"{self._key}-refused"
        self._store = store
        self._fetch = fetch

    def current(self) -> str:
        """A token that serves now.

        Raises CredentialsRefused, or whatever kept the fetch from succeeding; TooBusyHere when another
        process holds the lock until our deadline.
        """
        kept = self._kept()
        if kept and kept["renew_at"] > time.time():
            return str(kept["token"])
        if kept:
            return self._renew_early(kept)
        return self._wait_or_fetch(besides="")

    def after_refusal_of(self, refused: str) -> str:
        """A token other than the one DingTalk has just refused, fetched at most once for all who saw it.

        It is the same one where DingTalk has just repeated it: asking again would bring nothing else.
        """
        return self._other_than(refused) or self._wait_or_fetch(besides=refused)

    def forget(self, *, older_than: float) -> None:
        """Drop a token fetched more than `older_than` seconds ago.

        A permission granted in DingTalk's console may need a newer token before it works.
        """
        kept = self._kept()
        if kept and kept["fetched_at"] < time.time() - older_than:
            self._store.delete(self._key)

    def _kept(self) -> dict[str, Any] | None:
        kept = self._store.get(self._key)
        return kept if isinstance(kept, dict) and kept["stop_at"] > time.time() else None

    def _other_than(self, refused: str) -> str:
        """The token kept, or nothing where it is the refused one and DingTalk has not just repeated it."""
        kept = self._kept()
        if kept is None:
            return ""
        repeated = kept.get("repeated_at", 0.0) > time.time() - _REFUSED_LIFE
        return str(kept["token"]) if kept["token"] != refused or repeated else ""

    def _renew_early(self, kept: dict[str, Any]) -> str:
        owner = uuid.uuid4().hex
        if not self._store.add(self._lock, owner, timeout=_LOCK_LIFE):
            return str(kept["token"])
        try:
            with within(min(time_left() / 2, _EARLY_SECONDS)):
                return self._fetch_and_keep(besides="")
        except DingTalkError:
            # It serves for minutes yet: callers have better things to do than to wait for this.
            self._keep(kept | {"renew_at": time.time() + _EARLY_REST})
            return str(kept["token"])
        finally:
            self._release(owner)

    def _wait_or_fetch(self, *, besides: str) -> str:
        owner = uuid.uuid4().hex
        while not self._store.add(self._lock, owner, timeout=_LOCK_LIFE):
            if time_left() < _LOOK_EVERY:
                raise TooBusyHere(ENDPOINT, message="another process is fetching the access token")
            time.sleep(_LOOK_EVERY)
            self._stop_if_credentials_were_refused()
            if fetched := self._other_than(besides):
                return fetched
        try:
            # Fetched, or refused, between our look and our lock?
            self._stop_if_credentials_were_refused()
            return self._other_than(besides) or self._fetch_and_keep(besides=besides)
        finally:
            self._release(owner)

    def _fetch_and_keep(self, *, besides: str) -> str:
        try:
            grant = self._fetch()
        except CredentialsRefused as refusal:
            about = {"code": refusal.code, "message": refusal.message, "id": refusal.request_id}
            self._store.set(self._refusal, about, timeout=_REFUSED_LIFE)
            raise
        # Whatever DingTalk says, between a minute of use and its documented two hours.
        life = min(max(grant.expireIn, _STOP_BEFORE + 60), 7200)
        now = time.time()
        self._keep(
            {
                "token": grant.accessToken,
                "fetched_at": now,
                "renew_at": now + max(life - _REFRESH_BEFORE, 60),
                "stop_at": now + life - _STOP_BEFORE,
                "repeated_at": now if grant.accessToken == besides else 0.0,
            }
        )
        return grant.accessToken

    def _keep(self, kept: dict[str, Any]) -> None:
        self._store.set(self._key, kept, timeout=kept["stop_at"] - time.time())

    def _release(self, owner: str) -> None:
        if self._store.get(self._lock) == owner:
            self._store.delete(self._lock)

    def _stop_if_credentials_were_refused(self) -> None:
        about = self._store.get(self._refusal)
        if about:
            raise CredentialsRefused(
                ENDPOINT, code=about["code"], message=about["message"], request_id=about["id"]
            )
