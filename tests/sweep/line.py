"""The sandbox's control calls, from another process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

#: How long a person's process may take to reach DingTalk, in seconds: two cores, many processes.
PATIENCE = 20.0


@dataclass(frozen=True)
class Line:
    """A sandbox at an address. Nothing stays open between two calls: processes fork in between."""

    url: str

    def get(self, call: str) -> dict[str, Any]:
        return self._call("GET", call, None)

    def post(self, call: str, **body: Any) -> dict[str, Any]:
        return self._call("POST", call, json.dumps(body))

    def hold(self, path: str, *, phase: str) -> None:
        """Let the next call of this path wait there."""
        self.post("barriers", hold="here", path=path, phase=phase, seconds=PATIENCE)

    def is_held(self) -> bool:
        return bool(self.get("barriers")["barriers"]["here"] == "held")

    def release(self) -> None:
        self.post("barriers", release="here")

    def journal(self) -> list[dict[str, Any]]:
        """What our app has changed."""
        return [change for change in self.get("journal")["journal"] if change["who"] == "api"]

    def fired(self) -> int:
        return len(self.get("faults")["seen"])

    def _call(self, method: str, call: str, body: str | None) -> dict[str, Any]:
        line = HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE)
        try:
            line.request(method, f"/_control/{call}", body, {"Content-Type": "application/json"})
            reply = line.getresponse()
            told: dict[str, Any] = json.load(reply)
        finally:
            line.close()
        if reply.status != HTTPStatus.OK:
            raise ControlRefused(told.get("message", ""))
        return told


class ControlRefused(Exception):
    """The sandbox did not do what a control call asked."""
