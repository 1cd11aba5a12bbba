"""One place where secrets are taken out of log lines, should one ever get there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_SECRET = re.compile(
    r"(?i)((?:access_?token|app_?secret|client_?secret|x-acs-dingtalk-access-token)[\"']?\s*[=:]\s*[\"']?)"
    r"[^\s&\"',}]+"
)


def redact(text: str) -> str:
    return _SECRET.sub(r"\1[redacted]", text)


def redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: redact every text of an event, tracebacks included."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact(value)
    return event
