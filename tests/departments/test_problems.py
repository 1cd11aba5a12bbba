"""Every no of DingTalk's, and every one of ours, as a person meets it: a sentence, and an honest status."""

from datetime import UTC, datetime

import pytest
from canary import SECRET
from django.test import Client
from django.utils.html import escape
from looking import outcomes, writes

from departments import dingtalk, forms, gateway, problems
from departments.dingtalk.errors import BUSY, KNOWN, error_for
from departments.models import AuditEntry, DeletionPlan, Outcome
from departments.services import browse, delete

FAMILIES = sorted(set(KNOWN.values()), key=lambda family: family.__name__)
LEGACY = {
    family: [code for code in dingtalk.codes_of(family) if isinstance(code, int)]
    for family in FAMILIES
}


def refused_in_dingtalks_words(page, code):
    assert 400 <= page.status < 600, code
    assert page.status != 500, code
    assert _sentence(code) in page.text, code
    assert "不行" in page.text, code
    assert str(code) in page.text, code


def _sentence(code):
    if KNOWN[code] is dingtalk.PermissionMissing:
        return "This app has not been given the permission point"
    return str(problems.SENTENCES[code])


# ── Every listed code, for every write ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_an_update_refused_with_any_code_keeps_the_text_and_the_company(org, line, editor, family):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal) | {"name": "Law", "code": "kept"}

    for code in LEGACY[family]:
        line.mend()
        line.answer("department/update", errcode=code, errmsg="不行", request_id="r1")
        page = editor.post(f"/departments/{legal}/edit/", form, htmx="main")
        refused_in_dingtalks_words(page, code)
        assert page.field("name") == "Law"
        assert page.field("code") == "kept"
        form["drawn"] = page.field("drawn")

    assert outcomes() == [Outcome.REFUSED] * len(LEGACY[family])
    assert org.journal == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_create_refused_with_any_code_keeps_the_text_and_the_company(org, line, editor, family):
    form = editor.open_create(1) | {"name": "Design", "source_identifier": "kept"}

    for code in LEGACY[family]:
        line.mend()
        line.answer("department/create", errcode=code, errmsg="不行", request_id="r1")
        page = editor.post("/departments/1/new/", form, htmx="main")
        refused_in_dingtalks_words(page, code)
        assert page.field("name") == "Design"
        assert page.field("source_identifier") == "kept"
        form["drawn"] = page.field("drawn")

    assert outcomes() == [Outcome.REFUSED] * len(LEGACY[family])
    assert org.journal == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_delete_refused_with_any_code_leaves_the_company(org, line, deleter, family):
    legal = org["Legal"].dept_id
    # "No such department" in answer to a delete is no refusal: see test_delete.py.
    codes = [code for code in LEGACY[family] if code != 60003]

    for code in codes:
        line.mend()
        plan = delete.check(dept_id=legal, by=deleter.user)
        line.answer("department/delete", errcode=code, errmsg="不行", request_id="r1")
        page = deleter.post(f"/deletions/{plan.plan_id}/", {}, htmx="main")
        refused_in_dingtalks_words(page, code)
        assert "“Legal” was not deleted" in page.text

    assert outcomes() == [Outcome.REFUSED] * len(codes)
    assert org.journal == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_wrapped_code_is_unwrapped(org, line, editor, family):
    """88 carries token, permission and rate codes as text."""
    legal = org["Legal"].dept_id
    code = LEGACY[family][0]
    form = editor.open_edit(legal) | {"name": "Law"}
    line.answer("department/update", errcode=88, sub_code=str(code), errmsg="不行")

    page = editor.post(f"/departments/{legal}/edit/", form)

    refused_in_dingtalks_words(page, code)


@pytest.mark.parametrize("code", sorted(code for code in BUSY if isinstance(code, int)))
@pytest.mark.parametrize("write", ["update", "create", "delete"])
def test_a_busy_dingtalk_leaves_a_write_unknown(org, line, deleter, code, write):
    legal = org["Legal"].dept_id
    if write == "update":
        url, form = f"/departments/{legal}/edit/", deleter.open_edit(legal) | {"name": "Law"}
    elif write == "create":
        url, form = "/departments/1/new/", deleter.open_create(1) | {"name": "Design"}
    else:
        url, form = deleter.check(legal).url, {}
    line.answer(f"department/{write}", errcode=code)

    page = deleter.post(url, form)

    assert page.status == 502
    assert outcomes() == [Outcome.UNKNOWN]


@pytest.mark.parametrize("code", sorted(code for code in BUSY if isinstance(code, int)))
def test_a_busy_dingtalk_is_no_answer_to_a_read(org, line, viewer, code):
    line.answer("department/get", errcode=code)

    page = viewer.get(f"/departments/{org['Legal'].dept_id}/")

    assert page.status == 503
    assert "DingTalk is not answering" in page.text


def test_a_code_nobody_lists_is_said_to_be_unlisted(org, line, viewer):
    line.answer("department/get", errcode=987654, errmsg="奇怪", request_id="r9")

    page = viewer.get(f"/departments/{org['Legal'].dept_id}/")

    assert page.status == 502
    assert "DingTalk answered in a way this product does not know." in page.text
    for told in ("987654", "r9", "奇怪"):
        assert told in page.text


def test_every_code_has_a_sentence():
    for code in {*KNOWN, *BUSY}:
        assert str(problems.sentence_for(code)) == str(problems.SENTENCES[code]) != ""


@pytest.mark.parametrize("code", [None, 987654, "nonsense"])
def test_other_codes_have_one_sentence_together(code):
    assert "does not know" in str(problems.sentence_for(code))


@pytest.mark.parametrize("write", [True, False])
def test_every_failure_of_the_wire_is_a_problem(write):
    for code in {*KNOWN, *BUSY, None, "odd"}:
        failure = error_for("/x", code=code, message="words", request_id="r1", write=write)

        problem = problems.of(failure)

        assert 400 <= problem.status < 600
        assert problem.status != 500
        assert problem.title
        assert problem.text


def test_codes_beside_a_field_are_about_fields_there_are():
    fields = {*forms.EditForm.base_fields, *forms.CreateForm.base_fields}

    assert set(problems.FIELD_OF.values()) <= fields


# ── Refusals as pages ────────────────────────────────────────────────────────────────────────────────────


def test_a_cycle_is_told_at_the_parent(org, line, editor):
    """DingTalk's 60010; moving is not built yet, so only the wire can bring it."""
    line.answer("department/create", errcode=60010, errmsg="部门存在循环关系")

    page = editor.create(1, name="Design")

    assert page.status == 409
    assert "The new parent is this department itself or lies below it." in page.text
    assert 'id="id_parent_id_error"' in page.html


def test_the_sandbox_too_refuses_to_hang_a_department_below_itself(org, line, editor):
    sales, ningbo = org["Sales"].dept_id, org["Ningbo"].dept_id

    with pytest.raises(dingtalk.Refused) as refusal:
        gateway.dingtalk().update_department(sales, {"parent_id": ningbo})

    assert refusal.value.code == 60010
    assert "lies below it" in str(problems.of(refusal.value).text)
    assert org.journal == []


def test_a_missing_permission_point_is_named_with_dingtalks_link(org, sandbox, viewer):
    sandbox.switches.granted_points.remove("qyapi_get_department_list")

    page = viewer.get(f"/departments/{org['Legal'].dept_id}/")

    assert page.status == 503
    assert "qyapi_get_department_list" in page.text
    assert 'href="https://open-dev.dingtalk.com/' in page.html


def test_a_missing_point_that_dingtalk_does_not_name_is_told_so(org, sandbox, viewer):
    sandbox.switches.granted_points.remove("qyapi_get_department_list")
    sandbox.switches.missing_point_shape = "60011"

    page = viewer.get(f"/departments/{org['Legal'].dept_id}/")

    assert "DingTalk did not say which" in page.text


def test_a_banned_address_is_told_until_when(org, sandbox, viewer):
    sandbox.switches.ip_banned = True
    sandbox.switches.ip_ban_shape = "json"

    page = viewer.get(f"/departments/{org['Legal'].dept_id}/")

    assert page.status == 503
    assert "DingTalk refuses every call from this server until about" in page.text


@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        (dingtalk.Unreachable("/x"), 503, "There is no connection to DingTalk"),
        (dingtalk.TooBusyHere("/x"), 503, "Too many calls to DingTalk are waiting."),
        (dingtalk.Blocked("/x", until=datetime.now(UTC)), 503, "DingTalk refuses every call"),
        (dingtalk.NoAnswer("/x"), 503, "DingTalk did not answer in time."),
        (dingtalk.OutcomeUnknown("/x"), 502, "DingTalk’s answer was lost."),
    ],
)
def test_what_the_line_itself_does_has_words(failure, status, words):
    problem = problems.of(failure)

    assert problem.status == status
    assert words in str(problem.text)


def test_what_is_not_ours_is_nobodys_problem():
    with pytest.raises(LookupError):
        problems.of(ZeroDivisionError())


# ── Django's own refusals ────────────────────────────────────────────────────────────────────────────────


def test_a_form_without_its_token_is_refused_and_nothing_is_sent(org, sandbox, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal) | {"name": "Law"}
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor.user)

    for headers in ({}, {"HX-Request": "true", "HX-Target": "main"}):
        response = strict.post(f"/departments/{legal}/edit/", form, headers=headers)
        assert response.status_code == 403
        assert "This form is too old" in response.content.decode()

    assert writes(sandbox) == []
    assert org.journal == []


@pytest.mark.parametrize("what", ["create", "check", "confirm", "sign out"])
def test_no_other_form_does_without_its_token_either(org, sandbox, deleter, what):
    checked = deleter.check(org["Legal"].dept_id)
    url = {
        "create": "/departments/1/new/",
        "check": f"/departments/{org['Legal'].dept_id}/delete/",
        "confirm": checked.url,
        "sign out": "/accounts/logout/",
    }[what]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(deleter.user)
    sandbox.calls.clear()

    response = strict.post(url, {"name": "Design", "parent_id": "1"})

    assert response.status_code == 403
    assert sandbox.calls == []


def test_a_foreign_host_is_a_sentence_not_a_fault(line, db):
    response = Client(raise_request_exception=False).get("/departments/", headers={"host": "evil"})

    assert response.status_code == 400
    assert "The request was not understood" in response.content.decode()


def test_a_form_larger_than_any_of_ours_is_not_read(org, sandbox, editor, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    legal = org["Legal"].dept_id

    response = editor.client.post(
        f"/departments/{legal}/edit/",
        "name=" + "x" * 2000,
        content_type="application/x-www-form-urlencoded",
    )

    assert response.status_code in (400, 413)
    assert writes(sandbox) == []


def test_a_fault_of_ours_has_a_number_and_no_detail(org, editor, monkeypatch, caplog):
    def broken(**_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(browse, "overview", broken)
    client = Client(raise_request_exception=False)
    client.force_login(editor.user)

    response = client.get("/departments/")

    said = response.content.decode()
    assert response.status_code == 500
    assert "Something went wrong here, not in DingTalk" in said
    assert "secret detail" not in said
    (number,) = [r.args[0] for r in caplog.records if "unexpected failure" in r.msg]
    assert number in said


def test_a_page_that_is_not_there_is_ours_in_htmx_too(viewer):
    page = viewer.get("/nowhere/", htmx="main")

    assert page.status == 404
    assert "There is no such page" in page.text
    assert "<html" not in page.html


def test_problems_of_the_work_itself_replace_it_in_htmx(org, viewer, editor):
    """409 and 410 are swapped into the page, others stand above it as a sentence."""
    gone = org["Legal"].dept_id
    viewer.get(f"/departments/{gone}/")
    org.delete_department(gone)

    assert "<h1" in viewer.get(f"/departments/{gone}/", htmx="main").html
    assert "<h1" in editor.get("/departments/1/edit/", htmx="main").html
    assert "<h1" not in viewer.get("/departments/4711/", htmx="main").html


def test_no_page_or_entry_holds_the_secret_or_the_token(org, sandbox, line, administrator, caplog):
    legal = org["Legal"].dept_id
    form = administrator.open_edit(legal)
    line.lose_reply_to("department/update")
    pages = [
        administrator.post(f"/departments/{legal}/edit/", form | {"name": "Law"}),
        administrator.get("/setup/"),
        administrator.get("/history/"),
    ]
    token = sandbox.tokens.fetch()  # while it lives, the same one for whoever asks

    told = " ".join([page.html for page in pages] + [r.getMessage() for r in caplog.records])
    told += str(list(AuditEntry.objects.values())) + str(list(DeletionPlan.objects.values()))

    assert SECRET not in told
    assert escape(SECRET) not in told
    assert token not in told
