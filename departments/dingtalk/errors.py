"""What can go wrong between us and DingTalk, and what follows from it.

    DingTalkError                  carries endpoint, code, message, request_id
    ├─ NotSent                     the call never left us: nothing happened over there
    │  ├─ Unreachable              no connection: DNS, refused, TLS, connect time-out
    │  ├─ TooBusyHere              our own cap on calls under way, or no slot before the deadline
    │  └─ Blocked                  DingTalk has banned this address for minutes; carries until
    ├─ NoAnswer                    a read whose answer was lost, or that DingTalk was too busy for
    ├─ NotUnderstood               a read whose answer we cannot read, or whose code nobody lists
    ├─ OutcomeUnknown              a write whose answer was lost or unclear: look before saying anything
    └─ SaidNo                      a code we know to mean "not done"
       ├─ Refused                  DingTalk's rules for departments
       ├─ NotThere                 no such department or person
       ├─ RateLimited              too fast
       │  └─ QuotaSpent            this month's calls are used up
       └─ NotAuthorised            credentials or rights
          ├─ CredentialsRefused    client id or secret
          ├─ TokenRefused          refused even after one refresh
          ├─ PermissionMissing     a permission point; carries scopes and DingTalk's apply link
          ├─ AddressNotAllowed     our address is not on the app's server IP list
          ├─ OutOfContactScope     department or person outside the app's contact scope
          └─ AppDisabled           the app or the organisation is switched off

`OutcomeUnknown` stands beside `NotSent`, not below it: code that repeats the one can never catch the other.
Codes decide, never texts, which DingTalk changes
(https://open.dingtalk.com/document/development/server-api-error-codes-1, 2026-05-06).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class DingTalkError(Exception):
    """The wire failed or refused. Its text is safe to log: it never holds a token, secret or URL."""

    #: May a read be tried again? Only the connect phase may be for a write: see `NotSent`.
    repeat_read = False
    repeat_write = False

    def __init__(
        self,
        endpoint: str,
        *,
        code: int | str | None = None,
        message: str = "",
        request_id: str = "",
    ) -> None:
        self.endpoint = endpoint
        self.code = code
        self.message = message
        self.request_id = request_id
        shown = f" {code}" if code is not None else ""
        super().__init__(f"{type(self).__name__}{shown} at {endpoint}: {message or 'no text'}")


class NotSent(DingTalkError):
    """Nothing left us, so nothing happened in DingTalk."""


class Unreachable(NotSent):
    """No connection came about. A call may be repeated, a write too."""

    repeat_read = True
    repeat_write = True


class TooBusyHere(NotSent):
    """Our own limits held the call back: too many under way, or no slot before the deadline."""


class Blocked(NotSent):
    """DingTalk refuses every call from this address for some minutes.

    Official wording: 10,000 calls in 20 s, then refused for five minutes with an HTML page or a body with
    ``status: 1111`` (https://open.dingtalk.com/document/development/call-frequency-limit).
    """

    def __init__(self, endpoint: str, *, until: datetime) -> None:
        self.until = until
        super().__init__(endpoint, message=f"blocked until {until:%H:%M:%S}")


class NoAnswer(DingTalkError):
    """A read brought no answer: lost on the way, or DingTalk was busy (-1, 15, 400001, 5xx)."""

    repeat_read = True


class NotUnderstood(DingTalkError):
    """A read was answered in a way we cannot use. The body stays out of the text: it may hold names."""


class OutcomeUnknown(DingTalkError):
    """A write may or may not have happened. Never send it again: look."""


class SaidNo(DingTalkError):
    """DingTalk answered with a code that means the call was not carried out."""


class Refused(SaidNo):
    """A rule for departments, members or chats says no."""


class NotThere(SaidNo):
    """The department or person does not exist (60003, 60121 and their like)."""


class RateLimited(SaidNo):
    """Too many calls (90018, 90002 and their family, in 88 or bare; 403 on the new API)."""

    repeat_read = True


class QuotaSpent(RateLimited):
    """The organisation's calls for this month are used up (90020)."""

    repeat_read = False


class NotAuthorised(SaidNo):
    """Credentials, permission points, contact scope or the server IP list stand in the way."""


class CredentialsRefused(NotAuthorised):
    """Client ID or Client Secret is wrong."""


class TokenRefused(NotAuthorised):
    """The access token was refused; the wire has already tried once with a new one."""


class PermissionMissing(NotAuthorised):
    """The app lacks a permission point. `scopes` names it when DingTalk did, `apply_url` leads to it."""

    @property
    def scopes(self) -> list[str]:
        found = re.search(r"requiredScopes=\[([^\]]*)\]", self.message)
        found = found or re.search(r"权限：\[([^\]]*)\]", self.message)
        return [name.strip() for name in found[1].split(",")] if found else []

    @property
    def apply_url(self) -> str:
        """DingTalk's own page for requesting the point; empty when it sent none, or another host's."""
        found = re.search(r"https://open-dev\.dingtalk\.(?:com|io)/[\w./?=&%~-]+", self.message)
        return found[0] if found else ""


class AddressNotAllowed(NotAuthorised):
    """Our address is not on the app's server IP list (60020)."""

    @property
    def address(self) -> str:
        found = re.search(r"request ip=([0-9a-fA-F.:]+)", self.message)
        return found[1] if found else ""


class OutOfContactScope(NotAuthorised):
    """The department (50004) or person (50002) lies outside the app's contact scope."""


class AppDisabled(NotAuthorised):
    """The app (50003) or the organisation (50005, 70001) is switched off."""


#: Codes with which DingTalk says it was too busy. Whether a write was carried out stays open.
BUSY: frozenset[int | str] = frozenset(
    {-1, 15, 400001, "system.busy", "system.error", "unknownError", "server.error"}
)

# fmt: off
_CODES: dict[type[SaidNo], list[int | str]] = {
    Refused: [
        22,
        404,
        40000,
        40003,
        40009,
        40010,
        40011,
        40018,
        40031,
        40032,
        40033,
        40035,
        40036,
        40038,
        40066,
        40068,
        40069,
        40070,
        40093,
        41009,
        41102,
        43001,
        43002,
        43003,
        43004,
        43005,
        43009,
        44002,
        47001,
        49003,
        49005,
        49006,
        49013,
        49018,
        60001,
        60002,
        60004,
        60005,
        60006,
        60007,
        60008,
        60009,
        60010,
        60016,
        60017,
        60018,
        60019,
        60021,
        60022,
        60066,
        60067,
        60068,
        60109,
        60110,
        60510,
        400002,
        600109,
        "parameter.error",
        "invalidDept",
    ],
    NotThere: [33012, 46004, 60003, 60111, 60121, "invalidParameter.user.notFound"],
    RateLimited: [
        45009,
        *range(90001, 90015),
        90017,
        90018,
        90019,
        "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
        "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
        "Forbidden.AccessDenied.QpsLimitForApi",
    ],
    QuotaSpent: [90020, "Forbidden.AccessDenied.ApiCountLimitForOrg"],
    CredentialsRefused: [40013, 40089, 40096, 41002, 41004, "invalidClientIdOrSecret"],
    TokenRefused: [
        33001,
        40001,
        40002,
        40014,
        41001,
        42001,
        "InvalidAuthentication",
        "AuthenticationFailed.MissingParameter",
    ],
    PermissionMissing: [43007, 48002, 60011, "Forbidden.AccessDenied.AccessTokenPermissionDenied"],
    AddressNotAllowed: [60020, "Forbidden.AccessDenied.IpNotInWhiteList"],
    OutOfContactScope: [50002, 50004],
    AppDisabled: [50003, 50005, 70001],
}

# fmt: on

#: Every code we know to mean "not done", with the class that says why.
KNOWN: dict[int | str, type[SaidNo]] = {
    code: family for family, codes in _CODES.items() for code in codes
}


def codes_of(family: type[SaidNo]) -> list[int | str]:
    """The codes of one family, for whoever writes sentences about them."""
    return _CODES[family]


#: Refusals that one fresh token may cure (41001 and a missing header would be our own mistake).
CURED_BY_A_NEW_TOKEN: frozenset[int | str] = frozenset(
    {40001, 40014, 42001, 33001, "InvalidAuthentication"}
)


def error_for(
    endpoint: str, *, code: int | str | None, message: str, request_id: str, write: bool
) -> DingTalkError:
    """Name a refusal. Busy or unlisted codes leave a write's outcome open and a read without answer."""
    family: type[DingTalkError]
    if code is not None and code in KNOWN:
        family = KNOWN[code]
    elif write:
        family = OutcomeUnknown
    else:
        family = NoAnswer if code is None or code in BUSY else NotUnderstood
    return family(endpoint, code=code, message=message, request_id=request_id)
