"""The legacy family (oapi): HTTP 200 whatever happens, the token in the query, `errcode` in the body."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import department_calls, gate, user_calls
from sandbox.exchange import Reply, Request
from sandbox.fields import Asked
from sandbox.refusals import TEXTS, Refused, Stopped
from sandbox.throttle import api_name
from sandbox.tokens import LIFE

if TYPE_CHECKING:
    from sandbox.app import Sandbox

# A backslash that is itself escaped does not begin an escape.
_ASCII_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")
_GATEWAY = "/topapi/"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A topapi call: the permission point it needs and what it does. None means a reply without `result`."""

    point: str
    handle: Callable[[Asked], object | None]


_READ = "qyapi_get_department_list"
_WRITE = "qyapi_manage_addresslist"
_STAFF = "qyapi_get_department_member"
_PEOPLE = "qyapi_get_member"

ENDPOINTS: Mapping[str, Endpoint] = {
    "/topapi/v2/department/create": Endpoint(_WRITE, department_calls.create),
    "/topapi/v2/department/get": Endpoint(_READ, department_calls.get),
    "/topapi/v2/department/update": Endpoint(_WRITE, department_calls.update),
    "/topapi/v2/department/delete": Endpoint(_WRITE, department_calls.delete),
    "/topapi/v2/department/listsub": Endpoint(_READ, department_calls.listsub),
    "/topapi/v2/department/listsubid": Endpoint(_READ, department_calls.listsubid),
    "/topapi/v2/department/listparentbydept": Endpoint(_READ, department_calls.listparentbydept),
    "/topapi/v2/department/listparentbyuser": Endpoint(_READ, department_calls.listparentbyuser),
    "/topapi/user/listsimple": Endpoint(_STAFF, user_calls.listsimple),
    "/topapi/v2/user/list": Endpoint(_STAFF, user_calls.list_members),
    "/topapi/user/listid": Endpoint(_PEOPLE, user_calls.listid),
    "/topapi/v2/user/get": Endpoint(_PEOPLE, user_calls.get),
}


def writes(path: str) -> bool:
    """Whether a call changes the organisation."""
    endpoint = ENDPOINTS.get(path)
    return endpoint is not None and endpoint.point == _WRITE


def answer(sandbox: "Sandbox", request: Request) -> Reply:
    try:
        match request.path:
            case "/gettoken":
                return _ok(_gettoken(sandbox, request))
            case "/auth/scopes":
                return _ok(_scopes(sandbox, request))
            case path if path.startswith(_GATEWAY):
                return _topapi(sandbox, request)
            case _:
                return gone()
    except Stopped as refusal:
        return stopped(request, refusal)
    except Refused as refusal:
        return refused(request, refusal)


def gave_up(sandbox: "Sandbox", request: Request) -> Reply:
    """The platform's own time-out: 15, or 88 with an empty sub code (PEDIA retry.md)."""
    return busy(request, sandbox.switches.slow_call_code)


def busy(request: Request, code: int) -> Reply:
    """Too busy, or out of time: whether the call was carried out stays open."""
    body: dict[str, object] = {"errcode": code}
    if code == 15:
        body |= {"sub_code": "isp.top-remote-connection-timeout", "sub_msg": "请求超时"}
        body["errmsg"] = "Remote service error[submsg=请求超时]"
    elif code in TEXTS:
        body["errmsg"] = TEXTS[code]
    else:
        body |= {"sub_code": "", "sub_msg": "", "errmsg": "ding talk error[subcode=,submsg=]"}
    return Reply(body | {"request_id": request.request_id}, code=code)


def _topapi(sandbox: "Sandbox", request: Request) -> Reply:
    endpoint = ENDPOINTS.get(request.path)
    if endpoint is None:
        return _unknown_method(request)
    if request.method != "POST":
        # Every topapi page says POST; whether GET works is unknown (§0.3), so it is refused by the
        # code table's word for it.
        raise Refused(43002)
    token, _ = request.legacy_token
    if not token:
        raise Stopped(40000, "access_token is blank", status=400, modern_code="")
    gate.admit(sandbox, request, token=token, point=endpoint.point, counts_for_quota=False)
    if sandbox.switches.refuses_ascii_escapes and _ASCII_ESCAPE.search(request.content):
        raise Refused(40033)
    if request.body is None:
        raise Refused(47001)
    org = sandbox.org if endpoint.point == _WRITE else sandbox.replica.shown(request.path)
    return done(request, endpoint.handle(Asked.through(sandbox, request, request.body, of=org)))


def done(request: Request, result: object | None) -> Reply:
    body: dict[str, object] = {"errcode": 0, "errmsg": "ok", "request_id": request.request_id}
    return Reply(body if result is None else body | {"result": result})


def gone() -> Reply:
    return Reply({"errcode": 404, "errmsg": "请求的URI地址不存在"}, code=404)


def _gettoken(sandbox: "Sandbox", request: Request) -> dict[str, object]:
    """The query only: a form body is not read (PROBE P2)."""
    if request.method != "GET":
        raise Refused(43001)
    key, secret = request.query.get("appkey", ""), request.query.get("appsecret", "")
    if not key or not secret:
        raise Refused(40035, "缺少参数 corpid or appkey")
    if (key, secret) != (sandbox.client_id, sandbox.client_secret):
        raise Refused(40096)
    gate.check_ip(sandbox, request)
    gate.pace(sandbox, request)
    return {"access_token": sandbox.tokens.fetch(), "expires_in": LIFE}


def _scopes(sandbox: "Sandbox", request: Request) -> dict[str, object]:
    if request.method != "GET":
        raise Refused(43001)
    token, _ = request.legacy_token
    if not token:
        raise Refused(41001)
    gate.admit(sandbox, request, token=token, point="qyapi_base", counts_for_quota=True)
    fields = ("name", "userid", "department", "avatar", "position", "jobnumber")
    return {
        "condition_field": [],
        "auth_user_field": [*fields, "isAdmin", "isLeader", "isHide"],
        "auth_org_scopes": {
            "authed_dept": list(sandbox.switches.contact_scope),
            "authed_user": list(sandbox.switches.contact_scope_users),
        },
    }


def _ok(body: Mapping[str, object]) -> Reply:
    return Reply({"errcode": 0, "errmsg": "ok", **body})


def _unknown_method(request: Request) -> Reply:
    text = f"不合法ApiName，ApiName = {api_name(request.path)}"
    body = {
        "errcode": 22,
        "sub_msg": text,
        "errmsg": f"Invalid method[submsg={text}]",
        "request_id": request.request_id,
    }
    return Reply(body, code=22)


def stopped(request: Request, refusal: Stopped) -> Reply:
    """The topapi gateway wraps in 88, with a sub code that is a string; older paths say it bare."""
    code, text = refusal.code, refusal.text
    if not request.path.startswith(_GATEWAY):
        return Reply({"errcode": code, "errmsg": text}, code=code)
    if refusal.bare:
        return refused(request, Refused(code, text))
    body = {
        "errcode": 88,
        "sub_code": str(code),
        "sub_msg": text,
        "errmsg": f"ding talk error[subcode={code},submsg={text}]",
        "request_id": request.request_id,
    }
    return Reply(body, code=88, sub_code=str(code))


def refused(request: Request, refusal: Refused) -> Reply:
    body: dict[str, object] = {"errcode": refusal.code, "errmsg": refusal.text}
    if request.path.startswith(_GATEWAY):
        body["request_id"] = request.request_id
    return Reply(body, code=refusal.code)
