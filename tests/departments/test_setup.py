"""Set-up: what is missing, whether DingTalk lets us, and who may see it."""

import pytest
from canary import SECRET
from django.test import Client
from django.utils.html import escape

from departments import gateway
from departments.services import setup

pytestmark = pytest.mark.django_db


@pytest.fixture
def unconnected(line, settings):
    """An installation without credentials."""
    settings.DINGTALK_CLIENT_ID = settings.DINGTALK_CLIENT_SECRET = ""
    gateway.reset()


def rows(page):
    return {check.code: check.ok for check, _problem in page.response.context["checks"]}


# ── Before there are credentials ─────────────────────────────────────────────────────────────────────────


def test_the_missing_variables_are_named_to_anybody(unconnected):
    response = Client().get("/setup/")

    said = response.content.decode()
    assert response.status_code == 200
    assert "DINGTALK_CLIENT_ID" in said
    assert "DINGTALK_CLIENT_SECRET" in said


def test_only_what_is_missing_is_named(unconnected, settings):
    settings.DINGTALK_CLIENT_ID = "ding123"

    said = Client().get("/setup/").content.decode()

    assert "DINGTALK_CLIENT_SECRET" in said
    assert "DINGTALK_CLIENT_ID" not in said
    assert "ding123" not in said


@pytest.mark.parametrize("url", ["/", "/departments/", "/departments/1/", "/search/", "/history/"])
def test_every_page_leads_there(unconnected, url):
    response = Client().get(url, follow=True)

    assert response.request["PATH_INFO"] == "/setup/"


@pytest.mark.parametrize("url", ["/healthz", "/readyz", "/accounts/login/", "/setup/"])
def test_some_pages_do_not_need_credentials(unconnected, url):
    assert Client().get(url).status_code == 200


def test_nothing_is_asked_of_dingtalk_without_them(unconnected, sandbox):
    assert [check.code for check in setup.checks()] == ["S01"]
    assert sandbox.calls == []


# ── With them ────────────────────────────────────────────────────────────────────────────────────────────


def test_afterwards_it_asks_who_is_there(line):
    response = Client().get("/setup/")

    assert response.status_code == 302
    assert response.url == "/accounts/login/?next=/setup/"


@pytest.mark.parametrize("role", ["viewer", "editor", "deleter"])
def test_it_is_for_administrators(people, role):
    page = people(role).get("/setup/")

    assert page.status == 403
    assert "This needs the role administrator." in page.text


def test_all_is_well(administrator, settings):
    settings.DINGTALK_CORP_ID = "dingcorp"

    page = administrator.get("/setup/")

    assert rows(page) == {"S01": True, "S02": True, "S03": True, "S05": True, "S05n": True}
    assert "Everything that was looked at is well." in page.text
    assert "dingsandbox" in page.text
    assert "dingcorp" in page.text
    assert SECRET not in page.html
    assert escape(SECRET) not in page.html


def test_wrong_credentials_are_told(administrator, settings, sandbox):
    settings.DINGTALK_CLIENT_SECRET = "wrong"
    gateway.reset()

    page = administrator.get("/setup/")

    assert rows(page) == {"S01": True, "S02": False}
    assert "Something needs attention." in page.text
    assert "DingTalk refused the Client ID or the Client Secret." in page.text


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ("qyapi_get_department_list", "S03"),
        ("qyapi_get_member", "S05"),
        ("qyapi_get_department_member", "S05n"),
    ],
)
def test_a_missing_point_is_named_at_its_line(administrator, sandbox, point, code):
    sandbox.switches.granted_points.remove(point)

    page = administrator.get("/setup/")

    assert [found for found, ok in rows(page).items() if not ok] == [code]
    assert point in page.text
    assert "https://open-dev.dingtalk.com/" in page.html


def test_no_connection_is_told(administrator, line):
    line.refuse()

    page = administrator.get("/setup/")

    assert rows(page) == {"S01": True, "S02": False}
    assert "There is no connection to DingTalk at the moment." in page.text


def test_an_address_not_listed_is_told(administrator, sandbox):
    sandbox.switches.listed_ips = ["10.0.0.*"]

    page = administrator.get("/setup/")

    assert "DingTalk does not accept calls from this server’s address." in page.text


def test_a_check_says_what_it_is_about():
    check = setup.Check("S01", missing=("X",))

    assert check.title == "Client ID and Client Secret are set"
    assert not check.ok


# ── What every page says ─────────────────────────────────────────────────────────────────────────────────


def test_a_host_that_is_not_dingtalks_is_said_on_every_page(viewer, settings):
    settings.DINGTALK_IS_REAL = False
    settings.DINGTALK_OAPI_URL = "http://127.0.0.1:8801"

    for url in ("/departments/", "/departments/1/", "/history/", "/nowhere/"):
        assert "this installation talks to http://127.0.0.1:8801" in viewer.get(url).text


def test_dingtalks_own_host_is_not_mentioned(viewer, settings):
    settings.DINGTALK_IS_REAL = True

    assert "Not DingTalk" not in viewer.get("/departments/").text
