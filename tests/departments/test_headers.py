"""What every answer carries, whatever became of the request."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import Client
from django.urls import path

from departments.models import Department
from orgadmin.urls import handler400, handler403, handler404, handler500  # noqa: F401
from orgadmin.urls import urlpatterns as product

#: Word for word: what is not here is allowed to nobody.
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
}


def fails(request: object) -> HttpResponse:
    raise RuntimeError("nobody thought of this")


urlpatterns = [*product, path("fails/", fails)]


def carries(response) -> None:
    told = response.headers["Content-Security-Policy"]
    assert {part.strip() for part in told.split(";")} == POLICY
    assert told.count(";") == len(POLICY) - 1
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    response.close()


def ids(org, *names):
    return [org[name].dept_id for name in names]


def test_88_pages_fragments_and_redirects(org, viewer):
    (sales,) = ids(org, "Sales")
    main = {"HX-Request": "true", "HX-Target": "main"}
    given = {
        200: viewer.client.get(f"/departments/{sales}/"),
        204: viewer.client.get("/departments/changes/", headers=main),
        301: viewer.client.get(f"/departments/{sales}"),
        302: viewer.client.get("/"),
        403: viewer.client.get(f"/departments/{sales}/edit/"),
        404: viewer.client.get("/nowhere/"),
        405: viewer.client.put("/departments/"),
    }
    given_as_parts = [
        viewer.client.get(f"/departments/{sales}/", headers=main),
        viewer.client.get("/history/export/"),
        Client().get("/accounts/login/"),
        Client().get("/healthz"),
        Client().get("/readyz"),
    ]

    assert [answer.status_code for answer in given.values()] == list(given)
    for answer in [*given.values(), *given_as_parts]:
        carries(answer)


def test_88_what_was_typed_wrong_or_came_too_late(org, editor, line):
    legal, vault = ids(org, "Legal", "Vault")
    opened = editor.open_edit(legal)
    wrong = editor.post(f"/departments/{legal}/edit/", {**opened, "name": "A-B"})
    org.edit_department("Legal", name="Counsel")
    late = editor.post(f"/departments/{legal}/edit/", {**opened, "name": "Law"})
    editor.get(f"/departments/{vault}/")
    org.delete_department("Vault")
    Department.objects.update(details_seen_at=None)
    gone = editor.get(f"/departments/{vault}/?live=1")

    assert [page.status for page in (wrong, late, gone)] == [422, 409, 410]
    for page in (wrong, late, gone):
        carries(page.response)


def test_88_bad_days(org, editor, line):
    east, legal = ids(org, "East", "Legal")
    line.lose_reply_to("department/update")
    unknown = editor.save(east, code="E")
    line.mend()
    waiting = editor.save(east, code="F")
    opened = editor.open_edit(legal)
    line.answer("department/get", errcode=88, sub_code="90018", errmsg="slow down")
    limited = editor.post(f"/departments/{legal}/edit/", {**opened, "code": "L"})
    line.mend()
    line.refuse()
    away = editor.post(f"/departments/{legal}/edit/", {**opened, "code": "L"})

    assert [page.status for page in (unknown, waiting, limited, away)] == [502, 423, 429, 503]
    for page in (unknown, waiting, limited, away):
        carries(page.response)


def test_88_refusals_and_faults_of_our_own(viewer, settings):
    settings.ROOT_URLCONF = __name__
    viewer.client.raise_request_exception = False
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(viewer.user)
    main = {"HX-Request": "true", "HX-Target": "main"}

    given = {
        400: viewer.client.get("/departments/", headers={"Host": "elsewhere.example"}),
        401: Client().post("/departments/1/new/", {}, headers=main),
        403: strict.post("/departments/1/new/", {}),
        500: viewer.client.get("/fails/"),
    }

    assert [answer.status_code for answer in given.values()] == list(given)
    for answer in given.values():
        carries(answer)


def test_88_files_and_djangos_own_pages(administrator):
    administrator.user.is_staff = administrator.user.is_superuser = True
    administrator.user.save()
    here = administrator.client

    given = [here.get("/static/orgadmin.css"), here.get("/static/none.css"), here.get("/admin/")]
    assert [answer.status_code for answer in given] == [200, 404, 200]
    changed = given[0].headers["Last-Modified"]
    given.append(here.get("/static/orgadmin.css", headers={"If-Modified-Since": changed}))
    assert given[-1].status_code == 304
    for answer in given:
        carries(answer)


def test_88_the_way_to_https(db, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/departments/")

    assert (answer.status_code, answer.url) == (301, "https://testserver/departments/")
    carries(answer)


def test_85_a_page_varies_with_what_chose_its_language(viewer):
    varies = viewer.client.get("/departments/").headers["Vary"]

    assert "Accept-Language" in varies
    assert "Cookie" in varies
