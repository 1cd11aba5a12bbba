"""The new family (api, v1.0): the token in a header, HTTP statuses that mean something, camelCase."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from sandbox import gate, rules
from sandbox.exchange import TOKEN_HEADER, Reply, Request
from sandbox.refusals import ModernRefused, Stopped
from sandbox.tokens import LIFE

if TYPE_CHECKING:
    from sandbox.app import Sandbox

Body = Mapping[str, object]

# No recording shows an unknown path of the new API; code and text are inferred.
NOT_FOUND = (404, "InvalidAction.NotFound", "Specified api is not found.")
_SEARCH = "/v1.0/contact/departments/search"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A call that needs a token, by the permission point it needs. The quota counts it (§6.1)."""

    point: str
    handle: Callable[["Sandbox", Body], Body]


def answer(sandbox: "Sandbox", request: Request) -> Reply:
    try:
        return Reply(_dispatch(sandbox, request))
    except Stopped as refusal:
        return stopped(request, refusal)
    except ModernRefused as refusal:
        return error(request, refusal.status, refusal.code, refusal.message)


def gave_up(_sandbox: "Sandbox", request: Request) -> Reply:
    """The platform's own time-out is plain HTTP 504 here (PEDIA retry.md)."""
    return error(request, 504, "GatewayTimeout", "请求超时")


def _dispatch(sandbox: "Sandbox", request: Request) -> Body:
    if (request.method, request.path) == ("POST", "/v1.0/oauth2/accessToken"):
        return _access_token(sandbox, request)
    endpoint = ENDPOINTS.get((request.method, request.path))
    if endpoint is None:
        raise ModernRefused(*NOT_FOUND)
    if not request.header_token:
        code = "AuthenticationFailed.MissingParameter"
        raise ModernRefused(400, code, f"缺少参数：{TOKEN_HEADER}")
    gate.admit(
        sandbox,
        request,
        token=request.header_token,
        point=endpoint.point,
        counts_for_quota=True,
    )
    if request.body is None:
        raise ModernRefused(400, "parameter.error", "参数错误")
    return endpoint.handle(sandbox, request.body)


def _access_token(sandbox: "Sandbox", request: Request) -> Body:
    body = request.body or {}
    if (body.get("appKey"), body.get("appSecret")) != (sandbox.client_id, sandbox.client_secret):
        raise ModernRefused(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
    gate.check_ip(sandbox, request)
    gate.pace(sandbox, request)
    return {"accessToken": sandbox.tokens.fetch(), "expireIn": LIFE}


def _search(sandbox: "Sandbox", body: Body) -> Body:
    """Ids of departments whose name holds the word. Pinyin, which DingTalk reads too, is left out."""
    word, offset, size = body.get("queryWord"), body.get("offset"), body.get("size")
    if not (isinstance(word, str) and word and _is_count(offset) and _is_count(size) and size):
        raise ModernRefused(400, "parameter.error", "参数错误")
    found = _named(sandbox, word.casefold())
    # The manual calls `offset` a page and exemplifies an index (§2.9).
    start = offset * size if sandbox.switches.search_offset == "page" else offset
    return {
        "hasMore": start + size < len(found),
        "totalCount": len(found),
        "list": found[start : start + size],
    }


def _named(sandbox: "Sandbox", word: str) -> list[int]:
    org, switches = sandbox.replica.shown(_SEARCH), sandbox.switches
    return [
        department.dept_id
        for department in org
        if word in department.name.casefold()
        and (not switches.search_in_scope or rules.in_scope(org, switches, department.dept_id))
    ]


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def stopped(request: Request, refusal: Stopped) -> Reply:
    denied = {"requiredScopes": list(refusal.points)} if refusal.points else None
    code, text = refusal.modern_code, refusal.modern_text
    return error(request, refusal.status, code, text, denied=denied)


def error(
    request: Request, status: int, code: str, message: str, *, denied: Body | None = None
) -> Reply:
    body: dict[str, object] = {"code": code, "requestid": request.request_id, "message": message}
    if denied:
        body["accessdenieddetail"] = denied
    return Reply(body, status=status, code=code)


ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", _SEARCH): Endpoint("qyapi_addresslist_search", _search),
}
