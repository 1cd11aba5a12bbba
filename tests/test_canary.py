"""The canary can sing: whatever is let slip is found, in each of its forms, and where it was."""

from __future__ import annotations

import base64
import logging
from contextlib import AbstractContextManager
from urllib.parse import quote

import canary
import pytest
import structlog
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path
from django.utils import timezone

from departments import gateway
from departments.models import AuditEntry, Department, Kind, Operation, Outcome
from sandbox import Sandbox

#: Not the suite's own secret, or these tests would fail for what they let slip.
PLANTED = "planted/secret+1c9e&44="

log = logging.getLogger("departments.canary")


def listening() -> AbstractContextManager[canary.Watch]:
    """A watch beside the suite's, over before that one is read."""
    return canary.listening(canary.Watch(secrets={PLANTED}))


def failure_over(text: str) -> RuntimeError:
    """One that says nothing itself, but came of another that does."""
    failure = RuntimeError("no")
    failure.__cause__ = ValueError(text)
    return failure


SLIPS = {
    "a sentence": lambda: log.warning(f"it is {PLANTED}"),  # noqa: G004
    "an argument": lambda: log.debug("it is %s", PLANTED),
    "an argument not said": lambda: log.debug("it is %(it)s", {"it": 1, "other": PLANTED}),
    "an attribute": lambda: log.info("it is", extra={"request": PLANTED}),
    "an exception": lambda: log.info("no", exc_info=ValueError(PLANTED)),
    "an exception's reason": lambda: log.info("no", exc_info=failure_over(PLANTED)),
    "an event": lambda: structlog.get_logger("departments").info("it", secret=PLANTED),
    "a library at DEBUG": lambda: logging.getLogger("any.library").debug(PLANTED),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_secret_in_a_log_is_found(slip: str) -> None:
    with listening() as watch:
        log.info("nothing to see")
        assert watch.finds() == []

        SLIPS[slip]()

        assert len(watch.finds()) == 1
        assert watch.finds()[0].startswith("the log of ")
        assert PLANTED not in str(watch.finds())


FORMS = {
    "in a URL": quote(PLANTED, safe=""),
    "in a URL's path": quote(PLANTED),
    "in HTML": PLANTED.replace("&", "&amp;"),
    "as base64": base64.b64encode(PLANTED.encode()).decode(),
    "as Basic": base64.b64encode(f"app:{PLANTED}".encode()).decode(),
    "inside base64": base64.b64encode(f'{{"it": "{PLANTED}", "and": 1}}'.encode()).decode(),
    "as base64 for URLs": base64.urlsafe_b64encode(f"id:{PLANTED}:1".encode()).decode(),
    "backwards": PLANTED[::-1],
    "as hexadecimal": PLANTED.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_of_its_written_forms_is_found(form: str) -> None:
    watch = canary.Watch(secrets={PLANTED})
    watch.hear("here", f"something {FORMS[form]} more")
    watch.hear("there", "another secret")

    assert watch.finds() == ["here"]


PAGES = {
    "body": lambda _: HttpResponse(f"<p>{PLANTED}</p>"),
    "header": lambda _: HttpResponse(headers={"HX-Location": f"/?secret={quote(PLANTED)}"}),
    "redirect": lambda _: HttpResponseRedirect(f"/clean?{PLANTED}"),
    "stream": lambda _: StreamingHttpResponse([b"a", PLANTED.encode(), b"b"]),
    "clean": lambda _: HttpResponse("<p>Nothing.</p>"),
}
urlpatterns = [path(name, view) for name, view in PAGES.items()]


def test_a_secret_in_a_page_is_found(viewer, settings) -> None:
    with listening() as watch:
        settings.ROOT_URLCONF = __name__
        viewer.get("/clean")
        assert watch.finds() == []

        viewer.get("/body")
        viewer.get("/header")
        viewer.get("/redirect")
        b"".join(viewer.get("/stream").response.streaming_content)

        assert [where for where in watch.finds() if not where.startswith("the log")] == [
            "the answer to /body",
            "the answer to /header",
            "the answer to /redirect",
            "the answer to /stream",
        ]


@pytest.mark.django_db
def test_a_secret_in_a_row_is_found() -> None:
    with listening() as watch:
        watch.hear_database()
        assert watch.finds() == []

        Department.objects.create(
            dept_id=7, name="Law", seen_at=timezone.now(), details={"brief": [{"it": PLANTED}]}
        )
        operation = Operation.objects.create(
            form_id="0" * 32, kind=Kind.EDIT, dept_id=7, by_name="Ada", digest="", content={}
        )
        AuditEntry.objects.create(
            operation=operation,
            name="Law",
            path="Law",
            before={},
            wanted={},
            message=f"refused: {PLANTED}",
            outcome=Outcome.PENDING,
        )
        watch.hear_database()

        assert watch.finds() == [
            "the table departments_auditentry",
            "the table departments_department",
        ]


def test_a_token_that_the_sandbox_gives_out_is_a_secret_from_then_on() -> None:
    with listening() as watch:
        token = Sandbox().tokens.fetch()
        log.info("here it is: %s", token)

        assert watch.finds() == ["the log of departments.canary"]


@pytest.mark.django_db
def test_the_suite_itself_is_listened_to(line, sandbox) -> None:
    gateway.dingtalk().get_department(1)

    assert {canary.SECRET, sandbox.tokens.fetch()} <= canary.watch.secrets
    assert sandbox.client_secret == canary.SECRET
    assert any(where == "the log of departments.dingtalk" for where, _ in canary.watch.heard)
    assert logging.getLogger().level == logging.DEBUG
    for quiet in ("httpx", "httpcore"):
        assert logging.getLogger(quiet).level == logging.WARNING


def test_a_test_that_lets_one_slip_fails() -> None:
    with listening():
        canary.check()
        log.info("it is %s", PLANTED)

        with pytest.raises(AssertionError, match=r"a secret is in the log of departments\.canary"):
            canary.check()
