"""The stand-in against the reference: its examples, and each row of its table of replies, both ways."""

import json

import pytest

CREATE = "v2/department/create"
GET = "v2/department/get"
UPDATE = "v2/department/update"
DELETE = "v2/department/delete"
LISTSUB = "v2/department/listsub"
LISTSUBID = "v2/department/listsubid"
PARENTS = "v2/department/listparentbydept"
PARENTS_OF_USER = "v2/department/listparentbyuser"
SEARCH = "contact/departments/search"


# Tokens


def test_the_legacy_token_call_answers_as_documented(app):
    query = {"appkey": "dingsandbox", "appsecret": "sandbox-secret"}

    reply = app.http.get("/gettoken", params=query).json()

    assert reply == {"errcode": 0, "errmsg": "ok", "access_token": app.token, "expires_in": 7200}


def test_the_new_token_call_answers_as_documented(app):
    body = {"appKey": "dingsandbox", "appSecret": "sandbox-secret"}

    reply = app.http.post("/v1.0/oauth2/accessToken", json=body).json()

    assert reply == {"accessToken": app.token, "expireIn": 7200}


def test_asking_again_repeats_the_token_and_extends_it(app, clock):
    clock.passes(seconds=7000)
    assert app.fetch_token() == app.token

    clock.passes(seconds=7000)

    assert app.code(LISTSUB) == 0
    assert app.sandbox.token_fetches == 2


def test_a_token_ends_after_two_hours_and_the_next_is_another(app, clock):
    clock.passes(seconds=7200)

    assert app.ask(LISTSUB)["sub_code"] == "40014"
    assert app.fetch_token() != app.token


@pytest.mark.parametrize("end", ["expire_tokens", "revoke_tokens"])
def test_a_token_can_be_ended_at_will(app, end):
    getattr(app.sandbox, end)()

    assert app.ask(LISTSUB)["sub_code"] == "40014"
    app.token = app.fetch_token()
    assert app.code(LISTSUB) == 0


def test_wrong_credentials_of_the_legacy_token_call(app):
    reply = app.http.get("/gettoken", params={"appkey": "dingsandbox", "appsecret": "no"}).json()

    assert reply == {"errcode": 40096, "errmsg": "不合法的appKey或appSecret"}


def test_the_legacy_token_call_reads_only_the_query(app):
    form = {"appkey": "dingsandbox", "appsecret": "sandbox-secret"}

    reply = app.http.request("GET", "/gettoken", data=form).json()

    assert reply == {"errcode": 40035, "errmsg": "缺少参数 corpid or appkey"}


def test_wrong_credentials_of_the_new_token_call(app):
    body = {"appKey": "dingsandbox", "appSecret": "no"}

    response = app.http.post("/v1.0/oauth2/accessToken", json=body)

    assert response.status_code == 400
    assert response.json()["code"] == "invalidClientIdOrSecret"
    assert response.json()["message"] == "无效的clientId或者clientSecret"


# Where the token goes


def test_no_token_on_topapi(app):
    reply = app.http.post("/topapi/v2/department/listsub", json={}).json()

    assert (reply["errcode"], reply["sub_code"]) == (88, "40000")
    assert reply["sub_msg"] == "access_token is blank"


def test_a_token_in_the_header_does_not_reach_topapi(app):
    headers = {"x-acs-dingtalk-access-token": app.token}

    reply = app.http.post("/topapi/v2/department/listsub", json={}, headers=headers).json()

    assert (reply["errcode"], reply["sub_code"]) == (88, "40000")
    assert app.sandbox.calls[-1].token == "header"


def test_a_form_may_carry_the_token(app):
    form = {"access_token": app.token, "dept_id": "1"}

    reply = app.http.post("/topapi/v2/department/listsub", data=form).json()

    assert reply["errcode"] == 0
    assert app.sandbox.calls[-1].token == "form"
    assert app.sandbox.calls[-1].body == {"dept_id": "1"}


def test_a_bad_token_on_topapi_comes_inside_88(app):
    app.token = "wrong"

    reply = app.ask(LISTSUB)

    assert reply.pop("request_id")
    assert reply == {
        "errcode": 88,
        "sub_code": "40014",
        "sub_msg": "不合法的access_token",
        "errmsg": "ding talk error[subcode=40014,submsg=不合法的access_token]",
    }


@pytest.mark.parametrize("code", [42001, 40001, 33001])
def test_a_bad_token_may_be_called_otherwise(app, code):
    app.sandbox.switches.refused_token_code = code
    app.token = "wrong"

    assert app.ask(LISTSUB)["sub_code"] == str(code)


def test_a_bad_token_on_an_older_path_comes_bare(app):
    reply = app.http.get("/auth/scopes", params={"access_token": "wrong"}).json()

    assert reply == {"errcode": 40014, "errmsg": "不合法的access_token"}


def test_no_token_on_an_older_path(app):
    assert app.http.get("/auth/scopes").json() == {
        "errcode": 41001,
        "errmsg": "缺少access_token参数",
    }


def test_a_bad_token_on_the_new_api(app):
    app.token = "wrong"

    response = app.new(SEARCH, queryWord="Sales", offset=0, size=10)

    assert response.status_code == 400
    assert response.json()["code"] == "InvalidAuthentication"
    assert response.json()["message"] == "不合法的access_token"


@pytest.mark.parametrize("place", ["query", "authorization"])
def test_the_new_api_wants_its_own_header(app, place):
    params = {"access_token": app.token} if place == "query" else {}
    headers = {"Authorization": f"Bearer {app.token}"} if place == "authorization" else {}

    response = app.http.post(f"/v1.0/{SEARCH}", json={}, params=params, headers=headers)

    assert response.status_code == 400
    assert response.json()["code"] == "AuthenticationFailed.MissingParameter"


# Envelopes


def test_replies_carry_a_short_request_id_and_say_ok(app):
    reply = app.ask(LISTSUBID, dept_id=1)

    assert (reply["errcode"], reply["errmsg"]) == (0, "ok")
    assert 11 <= len(reply["request_id"]) <= 13
    assert app.sandbox.calls[-1].request_id == reply["request_id"]


def test_update_and_delete_reply_without_a_result(app, org):
    legal = org["Legal"].dept_id

    assert app.ask(UPDATE, dept_id=legal, name="Law").keys() == {"errcode", "errmsg", "request_id"}
    assert app.ask(DELETE, dept_id=legal).keys() == {"errcode", "errmsg", "request_id"}


def test_an_unknown_method(app):
    reply = app.ask("v2/x")

    assert reply["errcode"] == 22
    assert reply["sub_msg"] == "不合法ApiName，ApiName = dingtalk.oapi.v2.x"
    assert reply["errmsg"] == f"Invalid method[submsg={reply['sub_msg']}]"


def test_an_unknown_path(app):
    response = app.http.post("/nowhere")

    assert response.status_code == 200
    assert response.json() == {"errcode": 404, "errmsg": "请求的URI地址不存在"}


def test_an_unknown_path_of_the_new_api(app):
    assert app.new("nowhere").status_code == 404


def test_wrong_methods(app):
    params = {"access_token": app.token}

    assert app.http.get("/topapi/v2/department/listsub", params=params).json()["errcode"] == 43002
    assert app.http.post("/auth/scopes", params=params).json()["errcode"] == 43001
    assert app.http.post("/gettoken").json()["errcode"] == 43001


def test_a_body_that_is_no_json(app):
    assert app.raw(LISTSUB, b"{nonsense")["errcode"] == 47001
    assert app.raw(LISTSUB, b"[1]")["errcode"] == 47001


def test_a_body_of_the_new_api_that_is_no_json(app):
    headers = {"x-acs-dingtalk-access-token": app.token}

    response = app.http.post(f"/v1.0/{SEARCH}", content=b"{nonsense", headers=headers)

    assert (response.status_code, response.json()["code"]) == (400, "parameter.error")


def test_replies_are_utf_8_unescaped(app, org):
    org.rename_department("Legal", "法务部")

    response = app.http.post(
        "/topapi/v2/department/listsub", params={"access_token": app.token}, json={}
    )

    assert response.headers["content-type"] == "application/json;charset=UTF-8"
    assert "法务部".encode() in response.content


@pytest.mark.parametrize(("refused", "code"), [(True, 40033), (False, 0)])
def test_ascii_escapes_in_the_body(app, refused, code):
    app.sandbox.switches.refuses_ascii_escapes = refused

    body = json.dumps({"name": "法务部", "parent_id": 1}).encode()

    assert app.raw(CREATE, body)["errcode"] == code


def test_an_escaped_backslash_is_no_escape(app):
    body = json.dumps({"name": r"C:\u1234", "parent_id": 1}).encode()

    assert app.raw(CREATE, body)["errcode"] == 0


def test_forms_are_read_like_json(app, org):
    reply = app.form(CREATE, name="North", parent_id="1", hide_dept="true", order="5")

    made = org[reply["result"]["dept_id"]]
    assert (made.parent_id, made.hide_dept, made.order) == (1, True, 5)


def test_the_call_log_keeps_no_secret(app, sandbox):
    query = {"appkey": "dingsandbox", "appsecret": "sandbox-secret"}
    app.http.get("/gettoken", params=query)
    app.ask(LISTSUB, dept_id=1)

    assert [call.path for call in sandbox.calls] == [
        "/v1.0/oauth2/accessToken",
        "/gettoken",
        "/topapi/v2/department/listsub",
    ]
    assert sandbox.calls[0].body == {"appKey": "dingsandbox"}
    assert sandbox.calls[1].query == {"appkey": "dingsandbox"}
    assert sandbox.calls[2].query == {}
    assert sandbox.calls[2].token == "query"
    assert app.token not in repr(sandbox.calls)
    assert "sandbox-secret" not in repr(sandbox.calls)


def test_the_call_log_names_the_answer(app, sandbox):
    app.ask(GET, dept_id=404)
    assert (sandbox.calls[-1].code, sandbox.calls[-1].sub_code) == (60003, "")

    app.token = "wrong"
    app.ask(GET, dept_id=1)
    assert (sandbox.calls[-1].code, sandbox.calls[-1].sub_code) == (88, "40014")


def test_the_call_log_forgets_the_oldest_half(app, sandbox):
    sandbox.switches.calls_kept = 10
    for _ in range(30):
        app.ask(LISTSUB)

    assert len(sandbox.calls) <= 10
    assert sandbox.calls[-1].sequence == 31


# Permission points, contact scope, IP list


def test_a_missing_point_on_topapi_names_it_and_links_to_the_application(app):
    app.sandbox.switches.granted_points.discard("qyapi_get_department_list")

    reply = app.ask(LISTSUB)

    text = (
        "应用尚未开通所需的权限：[qyapi_get_department_list]，点击链接申请并开通即可："
        "https://open-dev.dingtalk.com/appscope/apply?content=dingsandbox%23qyapi_get_department_list, "
        "{requiredScopes=[qyapi_get_department_list]}"
    )
    assert (reply["errcode"], reply["sub_code"], reply["sub_msg"]) == (88, "60011", text)
    assert reply["errmsg"] == f"ding talk error[subcode=60011,submsg={text}]"


@pytest.mark.parametrize("code", [60011, 43007])
def test_a_missing_point_may_come_bare(app, code):
    app.sandbox.switches.granted_points.clear()
    app.sandbox.switches.missing_point_shape = str(code)

    assert app.code(LISTSUB) == code


def test_a_missing_point_on_the_new_api(app):
    app.sandbox.switches.granted_points.discard("qyapi_addresslist_search")

    response = app.new(SEARCH, queryWord="Sales", offset=0, size=10)

    assert response.status_code == 403
    body = response.json()
    assert body["code"] == "Forbidden.AccessDenied.AccessTokenPermissionDenied"
    assert body["accessdenieddetail"] == {"requiredScopes": ["qyapi_addresslist_search"]}
    assert body["requestid"] == app.sandbox.calls[-1].request_id


@pytest.mark.parametrize(
    ("point", "path"),
    [
        ("qyapi_manage_addresslist", CREATE),
        ("qyapi_manage_addresslist", UPDATE),
        ("qyapi_manage_addresslist", DELETE),
        ("qyapi_get_department_list", GET),
        ("qyapi_get_department_list", LISTSUBID),
        ("qyapi_get_department_list", PARENTS),
        ("qyapi_get_department_list", PARENTS_OF_USER),
        ("qyapi_get_department_member", "user/listsimple"),
        ("qyapi_get_department_member", "v2/user/list"),
        ("qyapi_get_member", "user/listid"),
        ("qyapi_get_member", "v2/user/get"),
    ],
)
def test_each_call_needs_its_point(app, point, path):
    app.sandbox.switches.granted_points.discard(point)

    assert f"[{point}]" in app.ask(path)["sub_msg"]


def test_scopes_tell_what_the_app_may_see(app, org):
    app.sandbox.switches.contact_scope = [org["Sales"].dept_id]
    app.sandbox.switches.contact_scope_users = ["ada"]

    reply = app.http.get("/auth/scopes", params={"access_token": app.token}).json()

    assert reply["errcode"] == 0
    assert reply["auth_org_scopes"] == {
        "authed_dept": [org["Sales"].dept_id],
        "authed_user": ["ada"],
    }


@pytest.mark.parametrize("code", [50004, 60003])
def test_outside_the_contact_scope(app, org, code):
    sales, legal = org["Sales"].dept_id, org["Legal"].dept_id
    app.sandbox.switches.contact_scope = [sales]
    app.sandbox.switches.scope_code = code

    assert app.code(GET, dept_id=legal) == code
    assert app.code(GET, dept_id=1) == code
    assert app.code(LISTSUB) == code
    assert app.code(UPDATE, dept_id=legal, name="Law") == code
    assert app.code(DELETE, dept_id=legal) == code
    assert app.code(CREATE, name="North", parent_id=1) == code
    assert app.code(UPDATE, dept_id=org["East"].dept_id, parent_id=legal) == code
    assert app.code("v2/user/list", dept_id=1, cursor=0, size=10) == code


def test_the_scope_brings_along_what_lies_below(app, org):
    app.sandbox.switches.contact_scope = [org["Sales"].dept_id]

    assert app.code(GET, dept_id=org["East"].dept_id) == 0
    assert [one["name"] for one in app.result(LISTSUB, dept_id=org["Sales"].dept_id)] == [
        "East",
        "West",
    ]


def test_calls_that_know_no_scope(app, org):
    app.sandbox.switches.contact_scope = [org["Sales"].dept_id]

    assert app.code(LISTSUBID, dept_id=1) == 0
    assert app.code(PARENTS, dept_id=org["Legal"].dept_id) == 0
    assert app.code(PARENTS_OF_USER, userid="ada") == 0
    assert app.code("user/listid", dept_id=1) == 0


def test_a_person_outside_the_scope(app, org):
    app.sandbox.switches.contact_scope = [org["Sales"].dept_id]

    assert app.ask("v2/user/get", userid="ada")["errmsg"] == "请求的员工userid不在授权范围内"
    assert app.code("v2/user/get", userid="ada") == 50002
    assert app.code("v2/user/get", userid="bo") == 0

    app.sandbox.switches.contact_scope_users = ["ada"]
    assert app.code("v2/user/get", userid="ada") == 0


@pytest.mark.parametrize("within", [True, False])
def test_search_and_the_scope(app, org, within):
    app.sandbox.switches.contact_scope = [org["Sales"].dept_id]
    app.sandbox.switches.search_in_scope = within

    found = app.new(SEARCH, queryWord="Legal", offset=0, size=10).json()["list"]

    assert found == ([] if within else [org["Legal"].dept_id])


def test_an_unlisted_ip_on_each_kind_of_path(app):
    app.sandbox.switches.listed_ips = ["203.0.113.*"]
    text = "request ip=127.0.0.1 appKey(dingsandbox)"

    wrapped = app.ask(LISTSUB)
    bare = app.http.get("/auth/scopes", params={"access_token": app.token}).json()
    new = app.new(SEARCH, queryWord="Sales", offset=0, size=10)

    assert (wrapped["errcode"], wrapped["sub_code"]) == (88, "60020")
    assert wrapped["sub_msg"].endswith(text)
    assert bare["errcode"] == 60020
    assert bare["errmsg"].endswith(text)
    assert new.status_code == 403
    assert new.json()["code"] == "Forbidden.AccessDenied.IpNotInWhiteList"


def test_a_listed_ip(app):
    app.sandbox.switches.listed_ips = ["203.0.113.9", "127.0.0.*"]

    assert app.code(LISTSUB) == 0


# Rates and quotas


def test_no_rate_unless_asked_for(app):
    assert {app.code(LISTSUB) for _ in range(100)} == {0}


def test_the_rate_is_per_api_and_second(app, clock):
    app.sandbox.switches.calls_per_second = 2

    assert [app.code(LISTSUB) for _ in range(3)] == [0, 0, 88]
    assert app.ask(LISTSUB)["sub_code"] == "90018"
    assert app.code(LISTSUBID, dept_id=1) == 0

    clock.passes(seconds=1)
    assert app.code(LISTSUB) == 0


def test_the_rate_may_come_bare(app):
    app.sandbox.switches.calls_per_second = 0
    app.sandbox.switches.throttling_wrapped = False

    assert app.code(LISTSUB) == 90018


def test_the_rate_on_the_new_api_is_a_403(app):
    app.sandbox.switches.calls_per_second = 0

    response = app.new(SEARCH, queryWord="Sales", offset=0, size=10)

    assert response.status_code == 403
    assert response.json()["code"] == "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"


def test_the_rate_of_all_apps_names_the_window(app):
    app.sandbox.switches.calls_per_second_of_all_apps = 1
    app.ask(LISTSUB)

    reply = app.ask(LISTSUB)

    assert (reply["errcode"], reply["sub_code"]) == (88, "90002")
    assert reply["sub_msg"].endswith(
        "apiPath(dingtalk.oapi.v2.department.listsub), 从 2026-11-22 10:00:00 到 2026-11-22 10:00:00 "
        "请求总次数超过 1 次, 限制将在 2026-11-22 10:00:01 结束."
    )


def test_the_rate_of_all_apps_on_the_new_api(app):
    app.sandbox.switches.calls_per_second_of_all_apps = 0

    response = app.new(SEARCH, queryWord="Sales", offset=0, size=10)

    assert response.json()["code"] == "Forbidden.AccessDenied.QpsLimitForApi"


@pytest.mark.parametrize(("shape", "kind"), [("html", "text/html"), ("json", "application/json")])
def test_a_banned_ip_gets_no_api_answer(app, shape, kind):
    app.sandbox.switches.ip_banned = True
    app.sandbox.switches.ip_ban_shape = shape

    response = app.http.post("/topapi/v2/department/listsub", json={})

    assert response.headers["content-type"].startswith(kind)
    assert "errcode" not in response.text
    if shape == "json":
        assert response.json()["status"] == 1111


def test_too_many_calls_of_an_ip_end_in_five_minutes_ban(app, clock):
    app.sandbox.switches.calls_per_20_seconds_of_ip = 3
    app.sandbox.switches.ip_ban_shape = "json"

    answers = [app.ask(LISTSUB) for _ in range(4)]
    assert [answer.get("status") for answer in answers] == [None, None, None, 1111]

    clock.passes(seconds=299)
    assert app.ask(LISTSUB)["status"] == 1111
    clock.passes(seconds=1)
    assert app.code(LISTSUB) == 0


def test_the_monthly_quota_leaves_contacts_calls_out(app, clock):
    app.sandbox.switches.monthly_quota = 1
    search = {"queryWord": "Sales", "offset": 0, "size": 10}

    assert app.new(SEARCH, **search).status_code == 200
    refused = app.new(SEARCH, **search)
    assert refused.status_code == 403
    assert refused.json()["code"] == "Forbidden.AccessDenied.ApiCountLimitForOrg"
    scopes = app.http.get("/auth/scopes", params={"access_token": app.token}).json()
    assert scopes["errcode"] == 90020
    assert app.code(LISTSUB) == 0

    clock.passes(seconds=31 * 86_400)
    app.token = app.fetch_token()
    assert app.new(SEARCH, **search).status_code == 200


def test_the_monthly_quota_may_count_everything(app):
    app.sandbox.switches.monthly_quota = 0
    app.sandbox.switches.quota_counts_contacts = True

    assert app.ask(LISTSUB)["sub_code"] == "90020"


@pytest.mark.parametrize("code", [15, 88])
def test_a_call_too_slow_for_the_platform_happens_unheard(app, org, code):
    switches = app.sandbox.switches
    switches.latency_ms, switches.patience_ms, switches.slow_call_code = 2, 1, code

    reply = app.ask(CREATE, name="North", parent_id=1)

    assert reply["errcode"] == code
    if code == 88:
        assert reply["sub_code"] == ""
    assert org.find("North")
    assert app.new(SEARCH, queryWord="Sales", offset=0, size=10).status_code == 504


# Create


def test_create_answers_with_an_id_of_dingtalks_choosing(app, org):
    reply = app.ask(CREATE, name="Research", parent_id=1)

    dept_id = reply["result"]["dept_id"]
    assert org[dept_id].name == "Research"
    assert 8 <= len(str(dept_id)) <= 9


def test_a_department_without_an_order_is_ordered_by_its_id(app):
    made = app.result(CREATE, name="Research", parent_id=1)["dept_id"]

    assert app.result(GET, dept_id=made)["order"] == made


@pytest.mark.parametrize(
    "fields",
    [
        {"parent_id": 1},
        {"name": "North"},
        {"name": 7, "parent_id": 1},
        {"name": "North", "parent_id": "one"},
        {"name": "North", "parent_id": True},
        {"name": "North", "parent_id": 1, "hide_dept": "perhaps"},
        {"name": "North", "parent_id": 1, "order": "first"},
    ],
)
def test_create_with_a_missing_or_mistyped_field(app, fields):
    assert app.code(CREATE, **fields) == 40035


@pytest.mark.parametrize("order", [0, -1])
def test_an_order_is_above_zero(app, org, order):
    assert app.code(CREATE, name="North", parent_id=1, order=order) == 40011
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, order=order) == 40011


@pytest.mark.parametrize("name", ["", "   ", "x" * 65])
def test_a_name_has_1_to_64_characters(app, org, name):
    assert app.code(CREATE, name=name, parent_id=1) == 60001
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, name=name) == 60001
    assert app.code(CREATE, name="名" * 64, parent_id=1) == 0


@pytest.mark.parametrize("code", [60009, 60001])
@pytest.mark.parametrize("sign", ["-", ",", "，"])
def test_signs_a_name_must_not_hold(app, org, sign, code):
    app.sandbox.switches.illegal_name_code = code

    assert app.code(CREATE, name=f"R{sign}D", parent_id=1) == code
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, name=f"R{sign}D") == code


@pytest.mark.parametrize("code", [60021, 60008])
def test_siblings_have_different_names(app, org, code):
    app.sandbox.switches.sibling_name_code = code

    assert app.code(CREATE, name="Sales", parent_id=1) == code
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, name="Sales") == code
    assert app.code(CREATE, name="Sales", parent_id=org["Legal"].dept_id) == 0


def test_a_move_beside_a_namesake(app, org):
    org.create_department("East", parent="Legal")

    moved = org.find("Sales/East").dept_id

    assert app.code(UPDATE, dept_id=moved, parent_id=org["Legal"].dept_id) == 60021
    assert app.code(UPDATE, dept_id=moved, parent_id=org["Legal"].dept_id, name="Far East") == 0


def test_a_sensitive_name(app, org):
    assert app.code(CREATE, name="有敏感词的部门", parent_id=1) == 60022
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, name="敏感词") == 60022


def test_an_unknown_parent(app, org):
    reply = app.ask(CREATE, name="North", parent_id=404)

    assert (reply["errcode"], reply["errmsg"]) == (60004, "父部门不存在")
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, parent_id=404) == 60004


def test_depth_ends_at_the_limit(app, org):
    above = 1
    for level in range(1, 21):
        above = app.result(CREATE, name=f"Level {level}", parent_id=above)["dept_id"]

    assert app.code(CREATE, name="Level 21", parent_id=above) == 60002
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, parent_id=above) == 60002


def test_a_moved_branch_counts_with_all_its_levels(app, org):
    app.sandbox.switches.depth_limit = 3

    archive, legal = org["Archive"].dept_id, org["Legal"].dept_id

    assert app.code(UPDATE, dept_id=archive, parent_id=legal) == 60002
    assert app.code(UPDATE, dept_id=org["Old Files"].dept_id, parent_id=legal) == 0


def test_children_end_at_the_limit(app, org):
    app.sandbox.switches.children_limit = 3

    assert app.code(CREATE, name="North", parent_id=1) == 60110
    assert app.code(UPDATE, dept_id=org["East"].dept_id, parent_id=1) == 60110
    assert app.code(CREATE, name="North", parent_id=org["Sales"].dept_id) == 0


def test_an_organisation_may_have_a_limit(app, org):
    app.sandbox.switches.departments_limit = len(org) + 1

    assert app.code(CREATE, name="North", parent_id=1) == 0
    assert app.code(CREATE, name="South", parent_id=1) == 60110


@pytest.mark.parametrize("name", ["dept_permits", "outer_permit_depts"])
def test_visibility_lists_on_create(app, org, name):
    known = ",".join([str(org["Sales"].dept_id)] * 50)
    fields = {"name": "North", "parent_id": 1, "hide_dept": True, "outer_dept": True}

    assert app.code(CREATE, **fields, **{name: f"{known},1"}) == 600109
    assert app.code(CREATE, **fields, **{name: "404"}) == 600109
    assert app.code(CREATE, **fields, **{name: "Sales"}) == 600109
    assert app.code(CREATE, **fields, **{name: [1]}) == 600109
    assert app.code(CREATE, **fields, **{name: known}) == 0


def test_visibility_lists_on_update_count_together(app, org):
    legal = org["Legal"].dept_id
    org.edit_department("Legal", hide_dept=True, user_permits=["ada"] * 30)

    assert app.code(UPDATE, dept_id=legal, dept_permits=",".join(["1"] * 21)) == 60109
    assert app.code(UPDATE, dept_id=legal, user_permits="nobody") == 60109
    assert app.code(UPDATE, dept_id=legal, dept_permits=",".join(["1"] * 20)) == 0


@pytest.mark.parametrize(("accepted", "shown"), [(True, "N1"), (False, None)])
def test_a_code_on_create(app, accepted, shown):
    app.sandbox.switches.create_accepts_code = accepted

    made = app.result(CREATE, name="North", parent_id=1, code="N1")["dept_id"]

    assert app.result(GET, dept_id=made).get("code") == shown


@pytest.mark.parametrize(("kept", "brief"), [(True, "Snow"), (False, "")])
def test_undocumented_fields_are_kept_or_silently_ignored(app, org, kept, brief):
    app.sandbox.switches.undocumented_fields = kept
    fields = {"brief": "Snow", "telephone": "1234", "extension": '{"a":1}'}

    made = app.result(CREATE, name="North", parent_id=1, **fields)["dept_id"]
    legal = org["Legal"].dept_id
    assert app.code(UPDATE, dept_id=legal, **fields, emp_apply_join_dept=True) == 0

    for dept_id in (made, legal):
        shown = app.result(GET, dept_id=dept_id)
        assert shown["brief"] == brief
        assert shown.get("telephone") == ("1234" if kept else None)
        assert shown.get("extention") == ('{"a":1}' if kept else None)
    assert app.result(GET, dept_id=legal)["emp_apply_join_dept"] is kept


def test_undocumented_fields_have_lengths(app, org):
    app.sandbox.switches.undocumented_fields = True

    assert app.code(CREATE, name="North", parent_id=1, brief="x" * 256) == 40035
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, telephone="1" * 51) == 400002
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, hide_scene_config="all") == 400002


def test_create_takes_no_managers(app, org):
    made = app.result(CREATE, name="North", parent_id=1, dept_manager_userid_list="ada")["dept_id"]

    assert org[made].dept_manager_userid_list == ()


# Get


def test_get_shows_a_department_as_the_reference_composes_it(app, org):
    org.add_member("Legal", "Eve")
    org.edit_department("Legal", create_dept_group=True, dept_manager_userid_list=["eve"])
    legal = org["Legal"]

    assert app.result(GET, dept_id=legal.dept_id) == {
        "dept_id": legal.dept_id,
        "name": "Legal",
        "parent_id": 1,
        "order": legal.dept_id,
        "brief": "",
        "create_dept_group": True,
        "auto_add_user": True,
        "dept_group_chat_id": legal.dept_group_chat_id,
        "group_contain_sub_dept": False,
        "org_dept_owner": "eve",
        "dept_manager_userid_list": ["eve"],
        "hide_dept": False,
        "dept_permits": [],
        "user_permits": [],
        "outer_dept": False,
        "outer_permit_depts": [],
        "outer_permit_users": [],
        "auto_approve_apply": False,
        "emp_apply_join_dept": False,
        "member_count": 1,
        "owning_member_count": 1,
    }


def test_get_of_an_unknown_department(app):
    reply = app.ask(GET, dept_id=404)

    assert (reply["errcode"], reply["errmsg"]) == (60003, "部门不存在")


@pytest.mark.parametrize("fields", [{}, {"dept_id": "one"}, {"dept_id": 1, "language": "fr_FR"}])
def test_get_with_a_bad_parameter(app, fields):
    assert app.code(GET, **fields) == 400002


def test_get_of_a_special_tree(app):
    assert app.code(GET, dept_id=-7) == 40009


def test_language_is_accepted(app, org):
    assert app.code(GET, dept_id=1, language="en_US") == 0
    assert app.code(LISTSUB, language="zh_CN") == 0
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, name="Law", language="zh_CN") == 0


@pytest.mark.parametrize(
    ("shape", "shown"), [("absent", {}), ("zero", {"parent_id": 0}), ("null", {"parent_id": None})]
)
def test_the_roots_parent(app, shape, shown):
    app.sandbox.switches.root_parent = shape

    root = app.result(GET, dept_id=1)

    assert {name: value for name, value in root.items() if name == "parent_id"} == shown


@pytest.mark.parametrize("shown", [True, False])
def test_visibility_lists_that_are_off(app, org, shown):
    app.sandbox.switches.empty_lists_shown = shown
    names = {"dept_permits", "user_permits", "outer_permit_depts", "outer_permit_users"}

    assert (names & app.result(GET, dept_id=org["Legal"].dept_id).keys()) == (
        names if shown else set()
    )


def test_visibility_lists_that_are_on(app, org):
    legal, sales = org["Legal"].dept_id, org["Sales"].dept_id
    on = {"hide_dept": True, "outer_dept": True}
    lists = {"dept_permits": f"{sales}", "user_permits": "ada,bo"}
    outer = {"outer_permit_depts": f"{sales},1", "outer_permit_users": "ada"}
    app.result(UPDATE, dept_id=legal, **on, **lists, **outer)

    shown = app.result(GET, dept_id=legal)

    assert shown["dept_permits"] == [sales]
    assert shown["user_permits"] == ["ada", "bo"]
    assert shown["outer_permit_depts"] == [sales, 1]
    assert shown["outer_permit_users"] == ["ada"]


@pytest.mark.parametrize(("shown", "managers"), [(True, []), (False, None)])
def test_no_managers(app, org, shown, managers):
    app.sandbox.switches.no_managers_shown = shown

    legal = app.result(GET, dept_id=org["Legal"].dept_id)

    assert legal.get("dept_manager_userid_list") == managers


def test_write_only_fields_are_kept_but_never_shown(app, org):
    legal = org["Legal"].dept_id
    fields = (
        "outer_dept_only_self",
        "group_contain_outer_dept",
        "group_contain_hidden_dept",
    )

    app.result(UPDATE, dept_id=legal, **dict.fromkeys(fields, True))

    assert all(getattr(org[legal], name) for name in fields)
    assert not set(fields) & app.result(GET, dept_id=legal).keys()


def test_counts_of_members(app, org):
    sales = app.result(GET, dept_id=org["Sales"].dept_id)
    assert (sales["member_count"], sales["owning_member_count"]) == (3, 2)

    org.add_member("East", "Bo")
    sales = app.result(GET, dept_id=org["Sales"].dept_id)
    assert sales["member_count"] == 3, "a person counts once"

    org.move_department("West", to="Legal")
    org.remove_member("East", "Bo")
    sales = app.result(GET, dept_id=org["Sales"].dept_id)
    assert (sales["member_count"], app.result(GET, dept_id=1)["member_count"]) == (2, 4)


# Update


def test_an_update_changes_what_was_sent_and_nothing_else(app, org):
    before = app.result(GET, dept_id=org["Sales"].dept_id)

    app.result(UPDATE, dept_id=before["dept_id"], order=20)

    assert app.result(GET, dept_id=before["dept_id"]) == before | {"order": 20}


@pytest.mark.parametrize("fields", [{}, {"dept_id": "one"}, {"dept_id": 0}, {"dept_id": -7}])
def test_update_without_a_good_id(app, fields):
    assert app.code(UPDATE, **fields, name="Law") == 40009


def test_update_of_an_unknown_department(app):
    assert app.code(UPDATE, dept_id=404, name="Law") == 60003


def test_update_of_the_root(app):
    assert app.code(UPDATE, dept_id=1, name="Apex") == 60018


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("order", "first", 40011),
        ("name", 7, 400002),
        ("hide_dept", "perhaps", 400002),
        ("code", "x" * 31, 400002),
        ("language", "fr_FR", 400002),
        ("parent_id", "one", 400002),
    ],
)
def test_update_with_a_mistyped_field(app, org, field, value, code):
    assert app.code(UPDATE, dept_id=org["Legal"].dept_id, **{field: value}) == code


def test_a_move_below_itself(app, org):
    sales = org["Sales"].dept_id

    assert app.code(UPDATE, dept_id=sales, parent_id=sales) == 60010
    assert app.code(UPDATE, dept_id=sales, parent_id=org["East"].dept_id) == 60010


def test_a_move_brings_the_branch_along(app, org):
    archive = org["Archive"].dept_id

    app.result(UPDATE, dept_id=archive, parent_id=org["Legal"].dept_id)

    assert org.find("Legal/Archive/Old Files/Boxes")
    assert [change.dept_ids for change in org.journal] == [(archive,)]


def test_managers_are_members(app, org):
    sales = org["Sales"].dept_id

    assert app.code(UPDATE, dept_id=sales, dept_manager_userid_list="bo") == 40031
    assert app.code(UPDATE, dept_id=sales, dept_manager_userid_list="nobody") == 40031
    assert app.code(UPDATE, dept_id=sales, dept_manager_userid_list="liwei,chenyu") == 0
    assert app.result(GET, dept_id=sales)["dept_manager_userid_list"] == ["liwei", "chenyu"]


def test_managers_are_cleared_by_name_only(app, org):
    sales = org["Sales"].dept_id
    forced = "dept_manager_userid_list"

    assert app.code(UPDATE, dept_id=sales, dept_manager_userid_list="") == 40031
    assert app.code(UPDATE, dept_id=sales, force_update_fields=forced, **{forced: ""}) == 40031
    assert app.code(UPDATE, dept_id=sales, force_update_fields="code") == 400002
    assert app.code(UPDATE, dept_id=sales, force_update_fields=forced) == 0
    assert org["Sales"].dept_manager_userid_list == ()


def test_the_chats_owner_is_a_member(app, org):
    sales = org["Sales"].dept_id

    assert app.code(UPDATE, dept_id=sales, org_dept_owner="bo") == 40093
    assert app.code(UPDATE, dept_id=sales, org_dept_owner="liwei") == 0
    assert app.result(GET, dept_id=sales)["org_dept_owner"] == "liwei"


def test_a_code_shows_once_it_is_set(app, org):
    legal = org["Legal"].dept_id
    assert "code" not in app.result(GET, dept_id=legal)

    app.result(UPDATE, dept_id=legal, code="LAW", source_identifier="ERP 7")

    shown = app.result(GET, dept_id=legal)
    assert (shown["code"], shown["source_identifier"]) == ("LAW", "ERP 7")


@pytest.mark.parametrize("clears", [True, False])
def test_an_empty_value_clears_or_is_ignored(app, org, clears):
    app.sandbox.switches.empty_value_clears = clears
    org.edit_department("Legal", hide_dept=True, user_permits=["ada"], code="LAW")

    app.result(UPDATE, dept_id=org["Legal"].dept_id, code="", user_permits="")

    kept = ("", ()) if clears else ("LAW", ("ada",))
    assert (org["Legal"].code, org["Legal"].user_permits) == kept


# Delete


def test_delete_of_an_empty_department(app, org):
    legal = org["Legal"].dept_id

    assert app.code(DELETE, dept_id=legal) == 0
    assert app.code(GET, dept_id=legal) == 60003
    assert app.code(DELETE, dept_id=legal) == 60003


@pytest.mark.parametrize("code", [60007, 400002])
def test_delete_of_the_root(app, code):
    app.sandbox.switches.root_delete_code = code

    assert app.code(DELETE, dept_id=1) == code


def test_delete_without_a_good_id(app):
    assert app.code(DELETE) == 400002
    assert app.code(DELETE, dept_id="one") == 400002


def test_delete_with_members_inside(app, org):
    org.remove_member("Sales", "Li Wei")
    org.remove_member("Sales", "Chen Yu")

    reply = app.ask(DELETE, dept_id=org["Sales"].dept_id)

    assert (reply["errcode"], reply["errmsg"]) == (60005, "不允许删除有成员的部门")


def test_delete_takes_empty_departments_and_their_chats_along(app, org):
    archive, files, boxes = (org[name] for name in ("Archive", "Old Files", "Boxes"))
    doomed = {archive.dept_group_chat_id, files.dept_group_chat_id}

    request_id = app.ask(DELETE, dept_id=archive.dept_id)["request_id"]

    gone, *dismissed = org.journal
    assert gone.kind == "department.delete"
    assert gone.dept_ids == (boxes.dept_id, files.dept_id, archive.dept_id), "leaf first"
    assert gone.before == (boxes, files, archive)
    assert [change.kind for change in dismissed] == ["chat.dismiss", "chat.dismiss"]
    assert {change.before[0].chat_id for change in dismissed} == doomed
    assert {(change.who, change.request_id) for change in org.journal} == {("api", request_id)}
    assert not doomed & {chat.chat_id for chat in org.chats}


def test_delete_may_refuse_sub_departments(app, org):
    app.sandbox.switches.delete_cascades = False

    assert app.code(DELETE, dept_id=org["Archive"].dept_id) == 60006
    assert app.code(DELETE, dept_id=org["Boxes"].dept_id) == 0
    assert app.code(DELETE, dept_id=org["Old Files"].dept_id) == 0
    assert app.code(DELETE, dept_id=org["Archive"].dept_id) == 0


# Department Chats


def test_a_chat_comes_with_its_flag_when_somebody_is_there(app, org):
    sales, west = org["Sales"].dept_id, org["West"].dept_id

    app.result(UPDATE, dept_id=west, create_dept_group=True)

    shown = app.result(GET, dept_id=west)
    assert shown["dept_group_chat_id"].startswith("chat")
    assert len(shown["dept_group_chat_id"]) == 36
    assert (shown["org_dept_owner"], shown["auto_add_user"]) == ("bo", True)
    assert [change.kind for change in org.journal] == ["department.update", "chat.create"]
    listed = app.result(LISTSUB, dept_id=sales)[1]
    assert (listed["create_dept_group"], listed["auto_add_user"]) == (True, True)


def test_a_chat_waits_for_the_first_member(app, org):
    made = app.result(CREATE, name="North", parent_id=1, create_dept_group=True)["dept_id"]
    waiting = app.result(GET, dept_id=made)
    assert waiting["create_dept_group"]
    assert "dept_group_chat_id" not in waiting

    org.add_member("North", "Eve")

    assert app.result(GET, dept_id=made)["dept_group_chat_id"] in {
        chat.chat_id for chat in org.chats
    }


@pytest.mark.parametrize("dismisses", [True, False])
def test_the_flag_switched_off(app, org, dismisses):
    app.sandbox.switches.false_dismisses_chat = dismisses
    sales = org["Sales"].dept_id

    app.result(UPDATE, dept_id=sales, create_dept_group=False)

    assert ("dept_group_chat_id" in app.result(GET, dept_id=sales)) is not dismisses
    assert ("chat.dismiss" in [change.kind for change in org.journal]) is dismisses


def test_an_owner_who_leaves_hands_the_chat_over(app, org):
    org.remove_member("Sales", "Chen Yu")

    assert org["Sales"].org_dept_owner == "liwei"
    assert org["Sales"].dept_manager_userid_list == ()


# Lists


def test_listsub_answers_as_documented(app, org):
    org.edit_department("Legal", order=1)

    assert app.result(LISTSUB, dept_id=1) == [
        {
            "dept_id": org[name].dept_id,
            "name": name,
            "parent_id": 1,
            "create_dept_group": chat,
            "auto_add_user": chat,
        }
        for name, chat in [("Legal", False), ("Sales", True), ("Archive", True)]
    ]


def test_listsub_begins_at_the_root_and_ends_empty(app, org):
    assert app.result(LISTSUB) == app.result(LISTSUB, dept_id=1)
    assert app.result(LISTSUB, dept_id=org["Boxes"].dept_id) == []
    assert app.code(LISTSUB, dept_id=404) == 60003
    assert app.code(LISTSUB, dept_id="one") == 400002


def test_equal_orders_are_sorted_by_id(app, org):
    for name in ("Archive", "Legal", "Sales"):
        org.edit_department(name, order=5)

    assert [one["name"] for one in app.result(LISTSUB)] == ["Sales", "Legal", "Archive"]


def test_listsubid(app, org):
    expected = [org["East"].dept_id, org["West"].dept_id]

    assert app.result(LISTSUBID, dept_id=org["Sales"].dept_id) == {"dept_id_list": expected}
    assert app.code(LISTSUBID) == 400002
    assert app.code(LISTSUBID, dept_id=404) == 60003


def test_the_line_of_a_department_ends_at_the_root(app, org):
    line = [org["East"].dept_id, org["Sales"].dept_id, 1]

    assert app.result(PARENTS, dept_id=line[0]) == {"parent_id_list": line}
    assert app.code(PARENTS, dept_id=404) == 60003


def test_the_lines_of_a_person(app, org):
    org.add_member("Legal", "Bo")

    assert app.result(PARENTS_OF_USER, userid="bo") == {
        "parent_list": [
            {"parent_dept_id_list": [org["West"].dept_id, org["Sales"].dept_id, 1]},
            {"parent_dept_id_list": [org["Legal"].dept_id, 1]},
        ]
    }
    assert app.code(PARENTS_OF_USER, userid="nobody") == 33012
    assert app.code(PARENTS_OF_USER) == 400002


# People


def test_listid_gives_direct_members_at_once(app, org):
    for number in range(150):
        org.add_member("Legal", f"Person {number}")

    assert len(app.result("user/listid", dept_id=org["Legal"].dept_id)["userid_list"]) == 150
    assert app.result("user/listid", dept_id=org["Sales"].dept_id) == {
        "userid_list": ["liwei", "chenyu"]
    }
    assert app.code("user/listid", dept_id=404) == 60003


def test_pages_end_without_a_cursor(app, org):
    for number in range(150):
        org.add_member("Legal", f"Person {number}")
    asked = {"dept_id": org["Legal"].dept_id, "size": 100}

    first = app.result("user/listsimple", **asked, cursor=0)
    last = app.result("user/listsimple", **asked, cursor=first["next_cursor"])

    assert first["has_more"]
    assert first["list"][0] == {"userid": "person0", "name": "Person 0"}
    assert (last["has_more"], "next_cursor" in last, len(last["list"])) == (False, False, 50)


@pytest.mark.parametrize("path", ["user/listsimple", "v2/user/list"])
def test_bad_pages(app, path):
    asked = {"dept_id": 1, "cursor": 0, "size": 10}

    assert app.code(path, **asked | {"size": 101}) == 40069
    assert app.code(path, **asked | {"size": 0}) == 40069
    assert app.code(path, **asked | {"cursor": -1}) == 40068
    assert app.code(path, **asked | {"order_field": "age"}) == 40070
    assert app.code(path, **asked | {"dept_id": 404}) == 60003
    assert app.code(path) == 400002


def test_the_detailed_list_knows_the_manager(app, org):
    people = app.result("v2/user/list", dept_id=org["Sales"].dept_id, cursor=0, size=100)["list"]

    assert [(one["name"], one["leader"]) for one in people] == [
        ("Li Wei", False),
        ("Chen Yu", True),
    ]
    assert people[0]["dept_order"] > people[1]["dept_order"], "the bigger, the earlier"
    assert people[0]["dept_id_list"] == [org["Sales"].dept_id]
    assert people[0].keys() >= {"userid", "unionid", "title", "active", "admin", "boss"}


@pytest.mark.parametrize(
    ("order_field", "names"),
    [
        ("custom", ["Li Wei", "Chen Yu", "Eve"]),
        ("entry_asc", ["Chen Yu", "Li Wei", "Eve"]),
        ("entry_desc", ["Eve", "Li Wei", "Chen Yu"]),
        ("modify_asc", ["Li Wei", "Chen Yu", "Eve"]),
        ("modify_desc", ["Eve", "Chen Yu", "Li Wei"]),
    ],
)
def test_orders_of_people(app, org, clock, order_field, names):
    org.remove_member("Sales", "Li Wei")
    org.remove_member("Sales", "Chen Yu")
    for name, hired in [("Li Wei", 20), ("Chen Yu", 10), ("Eve", 30)]:
        clock.passes(seconds=1)
        org.add_member("Sales", name, hired_date=hired)

    asked = {"dept_id": org["Sales"].dept_id, "cursor": 0, "size": 100, "order_field": order_field}

    assert [one["name"] for one in app.result("user/listsimple", **asked)["list"]] == names


def test_one_person_in_two_departments(app, org):
    org.add_member("Legal", "Chen Yu")

    chen = app.result("v2/user/get", userid="chenyu")

    sales, legal = org["Sales"].dept_id, org["Legal"].dept_id
    assert chen["dept_id_list"] == [sales, legal]
    assert chen["leader_in_dept"] == [
        {"dept_id": sales, "leader": True},
        {"dept_id": legal, "leader": False},
    ]
    assert [one["dept_id"] for one in chen["dept_order_list"]] == [sales, legal]


@pytest.mark.parametrize("code", [60121, 33012])
def test_an_unknown_person(app, code):
    app.sandbox.switches.unknown_user_code = code

    assert app.code("v2/user/get", userid="nobody") == code
    assert app.code("v2/user/get") == 400002


# Search


def test_search_finds_ids_by_a_part_of_the_name(app, org):
    found = app.new(SEARCH, queryWord="es", offset=0, size=10).json()

    assert found == {
        "hasMore": False,
        "totalCount": 4,
        "list": [org[name].dept_id for name in ("Sales", "West", "Old Files", "Boxes")],
    }


@pytest.mark.parametrize(
    ("reading", "names"), [("item", ["West", "Old Files"]), ("page", ["Old Files", "Boxes"])]
)
def test_searchs_offset_has_two_readings(app, org, reading, names):
    app.sandbox.switches.search_offset = reading

    found = app.new(SEARCH, queryWord="ES", offset=1, size=2).json()

    assert found["list"] == [org[name].dept_id for name in names]
    assert found["hasMore"] is (reading == "item")


@pytest.mark.parametrize(
    "fields",
    [
        {"offset": 0, "size": 10},
        {"queryWord": "", "offset": 0, "size": 10},
        {"queryWord": "a", "size": 10},
        {"queryWord": "a", "offset": 0, "size": 0},
        {"queryWord": "a", "offset": "0", "size": 10},
    ],
)
def test_a_bad_search(app, fields):
    response = app.new(SEARCH, **fields)

    assert (response.status_code, response.json()["code"]) == (400, "parameter.error")
