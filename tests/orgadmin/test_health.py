"""Alive and able to serve are two questions; DingTalk is part of neither."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def test_a_live_process_says_so_without_touching_the_database() -> None:
    answer = Client().get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.django_db
def test_ready_means_that_the_database_answers_and_is_migrated() -> None:
    with CaptureQueriesContext(connection) as seen:
        answer = Client().get("/readyz")

    assert (answer.status_code, answer.content) == (200, b"ready")
    assert len(seen) > 0


@pytest.mark.django_db
def test_a_missing_migration_means_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'departments'")

    answer = Client().get("/readyz")

    assert (answer.status_code, answer.content) == (503, b"migrations")


@pytest.mark.django_db
def test_an_unreachable_dingtalk_does_not_make_us_unready(line: object) -> None:
    line.refuse()  # type: ignore[attr-defined]

    assert Client().get("/readyz").status_code == 200


def test_health_is_not_asked_to_sign_in_and_takes_no_posts() -> None:
    assert Client().post("/healthz").status_code == 405


@pytest.mark.django_db
def test_every_answer_carries_the_strict_policy_and_is_not_stored() -> None:
    for url in ("/accounts/login/", "/departments/", "/no/such/page", "/healthz"):
        answer = Client().get(url)

        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_host_that_is_not_ours_gets_a_sentence_and_no_500() -> None:
    answer = Client().get("/departments/", headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert "The request was not understood" in answer.content.decode()
