"""What every call passes before it is read: token, IP list, permission point, rate, quota.

The order is inferred; only that an unknown topapi method is named before the token is looked at is
recorded (PROBE P14).
"""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.exchange import Request
from sandbox.refusals import TEXTS, TOKEN_TEXTS, Stopped

if TYPE_CHECKING:
    from sandbox.app import Sandbox


def admit(
    sandbox: "Sandbox", request: Request, *, token: str, point: str, counts_for_quota: bool
) -> None:
    """Let a call of a registered API through or raise Stopped."""
    check_token(sandbox, token)
    check_ip(sandbox, request)
    check_point(sandbox, point)
    pace(sandbox, request)
    if counts_for_quota or sandbox.switches.quota_counts_contacts:
        sandbox.throttle.charge(sandbox.switches)


def check_token(sandbox: "Sandbox", token: str) -> None:
    """Expired and unknown are one answer: 40014 (PROBE P6, P8)."""
    if sandbox.tokens.accepts(token):
        return
    raise bad_token(sandbox.switches.refused_token_code)


def bad_token(code: int) -> Stopped:
    return Stopped(
        code,
        TOKEN_TEXTS[code],
        status=400,
        modern_code="InvalidAuthentication",
        modern_text=TOKEN_TEXTS[40014],
    )


def check_ip(sandbox: "Sandbox", request: Request) -> None:
    listed = sandbox.switches.listed_ips
    if listed is None or any(fnmatchcase(request.remote, pattern) for pattern in listed):
        return
    raise unlisted_ip(sandbox, request)


def unlisted_ip(sandbox: "Sandbox", request: Request) -> Stopped:
    return Stopped(
        60020,
        "访问ip不在白名单之中，请参考FAQ：https://open.dingtalk.com/document/org-faq/app-faq,"
        f"request ip={request.remote} appKey({sandbox.client_id})",
        status=403,
        modern_code="Forbidden.AccessDenied.IpNotInWhiteList",
        modern_text="访问ip不在白名单之中",
    )


def check_point(sandbox: "Sandbox", point: str) -> None:
    if point not in sandbox.switches.granted_points:
        raise missing_point(sandbox, point, shape=sandbox.switches.missing_point_shape)


def missing_point(sandbox: "Sandbox", point: str, *, shape: str) -> Stopped:
    content = quote(f"{sandbox.client_id}#{point}", safe="")
    missing = f"应用尚未开通所需的权限：[{point}]"
    wrapped = shape == "wrapped"
    code = 60011 if wrapped else int(shape)
    # Some pages write a plain 60011 or 43007 for the same thing (reference §5.2).
    text = (
        f"{missing}，点击链接申请并开通即可：https://open-dev.dingtalk.com/appscope/apply?content={content}, "
        f"{{requiredScopes=[{point}]}}"
        if wrapped
        else TEXTS[code]
    )
    return Stopped(
        code,
        text,
        status=403,
        modern_code="Forbidden.AccessDenied.AccessTokenPermissionDenied",
        modern_text=missing,
        points=(point,),
        bare=not wrapped,
    )


def pace(sandbox: "Sandbox", request: Request) -> None:
    try:
        sandbox.throttle.count(request.path, sandbox.switches)
    except Stopped as refusal:
        refusal.bare = not sandbox.switches.throttling_wrapped
        raise
