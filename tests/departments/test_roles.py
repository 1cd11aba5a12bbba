"""Who gets what: every URL, for every role, as a page and for htmx. A URL without a row here fails."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from looking import writes

from departments import policy
from departments.models import AuditEntry, Kind, Outcome
from departments.services import audit, crawl, delete

WHO = ("anonymous", "nobody", *policy.ROLES)

# Statuses in the order of WHO. Anonymous visitors are sent to sign in (302); htmx is told otherwise, see below.
EVERYONE = "200 200 200 200 200 200"
SIGNED_IN = "302 403 200 200 200 200"
EDITORS = "302 403 403 200 200 200"
DELETERS = "302 403 403 403 200 200"
READ_ONLY = "302 405 405 405 405 405"

TABLE: dict[str, dict[str, str]] = {
    "home": {"GET": "302 302 302 302 302 302"},
    "login": {"GET": "200 302 302 302 302 302"},
    "logout": {"GET": "302 405 405 405 405 405"},
    "set_language": {"GET": "302 302 302 302 302 302", "POST": "302 302 302 302 302 302"},
    "healthz": {"GET": EVERYONE, "POST": "405 405 405 405 405 405"},
    "readyz": {"GET": EVERYONE, "POST": "405 405 405 405 405 405"},
    "departments:browse": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:changes": {"GET": "302 403 204 204 204 204", "POST": READ_ONLY},
    "departments:department": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:children": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:search": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:listing": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:listing-export": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:edit": {"GET": EDITORS, "POST": "302 403 403 422 422 422"},
    "departments:create": {"GET": EDITORS, "POST": "302 403 403 422 422 422"},
    "departments:delete": {"GET": DELETERS, "POST": "302 403 403 403 302 302"},
    # Made by the deleter; nobody ticked that the chats were seen, and an administrator is somebody else.
    "departments:plan": {"GET": DELETERS, "POST": "302 403 403 403 422 409"},
    # Not carried out yet: back to the plan.
    "departments:result": {"GET": "302 403 403 403 302 302", "POST": READ_ONLY},
    "departments:move": {"GET": EDITORS, "POST": "302 403 403 422 422 422"},
    "departments:department-history": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:history": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:history-export": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:entry": {"GET": SIGNED_IN, "POST": READ_ONLY},
    "departments:account": {
        "GET": "302 200 200 200 200 200",
        "POST": "302 302 302 302 302 302",
    },
    "departments:keyboard": {"GET": "302 200 200 200 200 200", "POST": READ_ONLY},
    "departments:jobs": {"GET": SIGNED_IN, "POST": "302 403 403 302 302 302"},
    "departments:job": {"GET": SIGNED_IN, "POST": "302 403 403 422 422 422"},
    "departments:setup": {"GET": "302 403 403 403 403 200", "POST": "405 405 405 405 405 405"},
}
OTHER_METHODS = ("PUT", "PATCH", "DELETE")


def names_of_urls(resolver: Any = None, space: str = "") -> list[str]:
    """Every named URL but those of Django's own admin, whose access is Django's (`is_staff`)."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLPattern):
            found.append(f"{space}{entry.name}")
        elif entry.namespace != "admin":
            inner = f"{entry.namespace}:" if entry.namespace else ""
            found += names_of_urls(entry, space + inner)
    return found


def test_every_url_has_its_row():
    assert sorted(names_of_urls()) == sorted(TABLE)


@pytest.fixture
def visitors(people) -> dict[str, Client]:
    everyone = {"anonymous": Client(), "nobody": Client()}
    everyone["nobody"].force_login(User.objects.create_user("nobody"))
    return everyone | {role: people(role).client for role in policy.ROLES}


@pytest.fixture
def addresses(org, visitors) -> dict[str, str]:
    """One address of each kind: an empty branch with chats, its plan, an entry of its history."""
    empty = org["Empty"].dept_id
    deleter = User.objects.get(username="deleter")
    plan = delete.check(dept_id=empty, by=deleter)
    planned = audit.Planned(dept_id=empty, name="Empty", path="Empty")
    op = audit.Ask(op_id=audit.UUID(int=7), by=deleter)
    with audit.writing(op, kind=Kind.EDIT, dept_id=empty, content={}, entries=[planned]) as (row,):
        audit.settle(row, Outcome.NOT_DONE)
    filled = {
        "dept_id": empty,
        "parent_id": empty,
        "plan_id": plan.plan_id,
        "number": AuditEntry.objects.get().pk,
        "job_id": crawl.start(below=1, by=None).pk,
    }
    kinds = {
        "department": ["dept_id"],
        "children": ["dept_id"],
        "edit": ["dept_id"],
        "create": ["parent_id"],
        "delete": ["dept_id"],
        "move": ["dept_id"],
        "plan": ["plan_id"],
        "result": ["plan_id"],
        "department-history": ["dept_id"],
        "entry": ["number"],
        "job": ["job_id"],
    }
    return {
        name: reverse(
            name, kwargs={key: filled[key] for key in kinds.get(name.rpartition(":")[2], [])}
        )
        for name in TABLE
    }


def expected(name: str, method: str, who: str, *, htmx: bool) -> int:
    status = int(TABLE[name][method].split()[WHO.index(who)])
    sent_to_sign_in = who == "anonymous" and status == 302 and name != "set_language"
    if htmx and sent_to_sign_in:
        # A sign-in page inside a fragment helps nobody: reload the page, or keep what was typed.
        return 204 if method == "GET" else 401
    return status


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
@pytest.mark.parametrize("who", WHO)
def test_each_role_gets_what_the_table_says(org, sandbox, visitors, addresses, who, htmx):
    headers = {"HX-Request": "true", "HX-Target": "main"} if htmx else {}
    given = {}
    wanted = {}
    for name, methods in TABLE.items():
        for method in methods:
            answer = visitors[who].generic(
                method,
                addresses[name],
                headers=headers,
                content_type="application/x-www-form-urlencoded",
            )
            given[name, method] = answer.status_code
            wanted[name, method] = expected(name, method, who, htmx=htmx)

    assert given == wanted
    assert writes(sandbox) == []
    assert org.journal == []


@pytest.mark.parametrize("who", ["nobody", "administrator"])
def test_other_methods_are_not_allowed_anywhere(visitors, addresses, who):
    for name, address in addresses.items():
        if not name.startswith("departments:"):
            continue
        for method in OTHER_METHODS:
            assert visitors[who].generic(method, address).status_code == 405, (method, name)


def test_where_a_page_may_be_read_its_head_may_too(visitors, addresses):
    for name, address in addresses.items():
        if name.startswith("departments:"):
            got = visitors["administrator"].get(address).status_code
            assert visitors["administrator"].head(address).status_code == got, name


def test_who_is_not_signed_in_comes_back_after(visitors):
    response = visitors["anonymous"].get("/departments/1/edit/")

    assert response.url == "/accounts/login/?next=/departments/1/edit/"


def test_htmx_is_told_to_reload_where_somebody_was_signed_out(visitors):
    response = visitors["anonymous"].get("/departments/1/", headers={"HX-Request": "true"})

    assert response.headers["HX-Refresh"] == "true"


def test_htmx_is_told_that_nothing_was_sent_where_somebody_was_signed_out(sandbox, visitors):
    response = visitors["anonymous"].post(
        "/departments/1/new/", {"name": "Design"}, headers={"HX-Request": "true"}
    )

    said = response.content.decode()
    assert "You were signed out" in said
    assert "Nothing was sent; your text is still here." in said
    assert "<html" not in said
    assert sandbox.calls == []


def test_other_redirects_reach_htmx_as_they_are(visitors, addresses):
    response = visitors["deleter"].get(
        addresses["departments:result"], headers={"HX-Request": "true"}
    )

    assert (response.status_code, response.url) == (302, addresses["departments:plan"])


def test_pages_of_people_are_kept_by_no_browser(visitors, addresses):
    for name, address in addresses.items():
        if name.startswith("departments:"):
            response = visitors["administrator"].get(address)
            assert response.headers["Cache-Control"] == "no-store", name
            for header in ("HX-Request", "HX-Target", "HX-History-Restore-Request", "Cookie"):
                assert header in response.headers["Vary"], name


def test_every_page_forbids_what_it_does_not_need(visitors):
    response = visitors["viewer"].get("/departments/")

    allowed = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in allowed
    assert "unsafe" not in allowed
    assert response.headers["X-Frame-Options"] == "DENY"


def test_a_history_restore_gets_the_whole_page(visitors):
    response = visitors["viewer"].get(
        "/departments/",
        headers={
            "HX-Request": "true",
            "HX-Target": "main",
            "HX-History-Restore-Request": "true",
        },
    )

    assert "<html" in response.content.decode()


def test_a_refusal_names_the_role_that_is_needed(visitors, addresses):
    response = visitors["viewer"].get(addresses["departments:edit"])

    assert response.status_code == 403
    assert "Your role does not allow this" in response.content.decode()


def test_djangos_admin_is_for_staff_and_shows_history_to_be_read(db, org, people):
    boss = people("administrator")
    assert boss.get("/admin/").url == "/admin/login/"
    boss.user.is_staff = boss.user.is_superuser = True
    boss.user.save()
    boss.save(org["Legal"].dept_id, name="Law")
    number = AuditEntry.objects.get().pk

    assert boss.get("/admin/departments/auditentry/").status == 200
    assert boss.get(f"/admin/departments/auditentry/{number}/change/").status == 200
    assert boss.get("/admin/departments/auditentry/add/").status == 403
    assert (
        boss.post(f"/admin/departments/auditentry/{number}/delete/", {"post": "yes"}).status == 403
    )
    assert boss.post(f"/admin/departments/auditentry/{number}/change/", {"name": "X"}).status == 403
