"""Should a secret ever get into a log line, it does not get out of it."""

from __future__ import annotations

import pytest

from orgadmin.redact import redact, redact_event


@pytest.mark.parametrize(
    "line",
    [
        "GET https://oapi.dingtalk.com/x?access_token=CANARY&y=1",
        "POST /gettoken?appkey=k&appsecret=CANARY",
        '{"appSecret": "CANARY", "appKey": "k"}',
        "{'accessToken': 'CANARY'}",
        "x-acs-dingtalk-access-token: CANARY",
        "client_secret=CANARY",
    ],
)
def test_a_secret_is_taken_out_of_a_line(line: str) -> None:
    assert "CANARY" not in redact(line)
    assert "[redacted]" in redact(line)


def test_every_text_of_an_event_is_redacted_and_the_rest_is_left_alone() -> None:
    event = {"event": "asked", "exception": "url ?access_token=CANARY", "code": 88}

    assert redact_event(None, "info", event) == {
        "event": "asked",
        "exception": "url ?access_token=[redacted]",
        "code": 88,
    }
