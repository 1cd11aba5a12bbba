"""A caller of the stand-in in the same process: what it sends and gets is what goes over a wire."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox import Organisation, Sandbox

COMPANY = """
Acme (Ada)
  Sales [chat] (Li Wei, Chen Yu*)
    East [hidden]
    West (Bo)
  Legal
  Archive [chat]
    Old Files [chat]
      Boxes
"""


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_795_312_800.0

    def __call__(self) -> float:
        return self.now

    def passes(self, *, seconds: float) -> None:
        self.now += seconds


class Caller:
    """An app with its credentials. `ask` and `form` are legacy calls, `new` calls the new API."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(
            transport=httpx.WSGITransport(app=sandbox), base_url="https://dingtalk.sandbox"
        )
        self.token = self.fetch_token()

    def fetch_token(self) -> str:
        body = {"appKey": "dingsandbox", "appSecret": "sandbox-secret"}
        return self.http.post("/v1.0/oauth2/accessToken", json=body).json()["accessToken"]

    def ask(self, path: str, **fields: object) -> dict[str, Any]:
        return self._post(path, json=fields)

    def form(self, path: str, **fields: str) -> dict[str, Any]:
        return self._post(path, data=fields)

    def raw(self, path: str, content: bytes) -> dict[str, Any]:
        return self._post(path, content=content)

    def result(self, path: str, **fields: object) -> Any:
        reply = self.ask(path, **fields)
        assert reply["errcode"] == 0, reply
        return reply.get("result")

    def code(self, path: str, **fields: object) -> int:
        return self.ask(path, **fields)["errcode"]

    def new(self, path: str, **fields: object) -> httpx.Response:
        headers = {"x-acs-dingtalk-access-token": self.token}
        return self.http.post(f"/v1.0/{path}", json=fields, headers=headers)

    def _post(self, path: str, **kwargs: Any) -> dict[str, Any]:
        params = {"access_token": self.token}
        response = self.http.post(f"/topapi/{path}", params=params, **kwargs)
        assert response.status_code == 200
        return response.json()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org() -> Organisation:
    return Organisation.plant(COMPANY)


@pytest.fixture
def sandbox(org: Organisation, clock: Clock) -> Sandbox:
    return Sandbox(org=org, clock=clock)


@pytest.fixture
def app_of() -> type[Caller]:
    """For a test that brings its own sandbox."""
    return Caller


@pytest.fixture
def app(sandbox: Sandbox) -> Iterator[Caller]:
    caller = Caller(sandbox)
    yield caller
    caller.http.close()
