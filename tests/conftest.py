"""A company of its own for each test, and people who use the product on it.

The other side of the wire is the sandbox, in this process, through httpx's WSGI transport. Nothing of ours is
mocked, and no socket but loopback's opens.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import canary
import httpx
import pytest
import stamina
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import translation
from huey.contrib.djhuey import HUEY
from huey.storage import MemoryStorage

from departments import gateway, guards
from sandbox import Organisation, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OUTLINE = """
Acme
  Sales [chat] (Li Wei, Chen Yu*)
    East [chat]
      Ningbo
    North (Wang Fang)
  Research (Zhao Lei*)
    Platform [hidden]
  Empty [chat]
    Cellar [chat]
      Vault
  Legal
"""


@pytest.fixture(autouse=True)
def _speaks_english() -> Iterator[None]:
    """Django leaves a thread the language of its last request."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the network is a broken test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
        ):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[object]:
    """From the first set-up to the last tear-down somebody listens for secrets: see canary.py."""
    with canary.listening():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[object]:
    """Before anything is torn down, and only where nothing else went wrong."""
    told = yield
    canary.check()
    return told


@pytest.fixture(autouse=True)
def _no_waiting_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture(autouse=True)
def _a_queue_that_nobody_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HUEY, "storage", MemoryStorage("test"))


@pytest.fixture(autouse=True)
def _history_may_go(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that commits, all tables are emptied; that brings the guards of history back, too."""
    marker = request.node.get_closest_marker("django_db")
    commits = bool(marker and marker.kwargs.get("transaction"))
    if commits or "transactional_db" in request.fixturenames:
        request.getfixturevalue("transactional_db")
        yield
        guards.take_down(connection)
    else:
        yield


class Line(httpx.BaseTransport):
    """The line to the sandbox. A test may cut it before or after a request has been delivered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inside = httpx.WSGITransport(app=sandbox)
        self._cuts: list[tuple[str, str]] = []
        self._answers: list[tuple[str, httpx.Response]] = []
        self._events: list[tuple[str, int, Callable[[], object]]] = []
        self._one_at_a_time = threading.RLock()  # what happens may be a call itself

    def refuse(self, path: str = "") -> None:
        """No connection for calls whose path holds this text, until `mend`."""
        self._cuts.append((path, "refuse"))

    def lose_reply_to(self, path: str) -> None:
        """Calls whose path holds this text arrive, their answers do not, until `mend`."""
        self._cuts.append((path, "lose"))

    def swallow(self, path: str) -> None:
        """Calls whose path holds this text get lost on the way, and nobody says so, until `mend`."""
        self._cuts.append((path, "swallow"))

    def answer(self, path: str, *, status: int = 200, **body: Any) -> None:
        """Calls whose path holds this text are answered so and never reach the sandbox, until `mend`."""
        self._answers.append((path, httpx.Response(status, json=body)))

    def when(self, path: str, happens: Callable[[], object], *, after: int = 0) -> None:
        """The next call whose path holds this text, after so many others, finds that this has just happened."""
        self._events.append((path, after, happens))

    def mend(self) -> None:
        self._cuts.clear()
        self._answers.clear()
        self._events.clear()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._one_at_a_time:
            self._let_happen(request.url.path)
        how = next((how for path, how in self._cuts if path in request.url.path), None)
        if how == "refuse":
            raise httpx.ConnectError("refused", request=request)
        if how == "swallow":
            raise httpx.ReadTimeout("silence", request=request)
        for path, given in self._answers:
            if path in request.url.path:
                return httpx.Response(given.status_code, stream=httpx.ByteStream(given.content))
        answer = self._inside.handle_request(request)
        if how == "lose":
            answer.read()
            raise httpx.ReadTimeout("silence", request=request)
        return answer

    def _let_happen(self, called: str) -> None:
        for event in list(self._events):
            path, after, happens = event
            if path not in called:
                continue
            self._events.remove(event)
            if after:
                self._events.append((path, after - 1, happens))
            else:
                happens()


@pytest.fixture
def org() -> Organisation:
    return Organisation.plant(OUTLINE)


@pytest.fixture
def sandbox(org: Organisation) -> Sandbox:
    return Sandbox(org=org, client_secret=canary.SECRET)


@pytest.fixture
def line(
    sandbox: Sandbox, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    """The product, connected to the sandbox."""
    settings.VAR_DIR = tmp_path
    settings.DINGTALK_CLIENT_ID = "dingsandbox"
    settings.DINGTALK_CLIENT_SECRET = canary.SECRET
    settings.DINGTALK_CALLS_PER_SECOND = 100_000
    settings.WHITENOISE_AUTOREFRESH = True  # or it looks through all static files for each client
    # Slow on purpose everywhere else; nobody guesses passwords here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(tmp_path),
        }
    }
    line = Line(sandbox)
    monkeypatch.setattr(gateway, "transport", line)
    gateway.reset()
    yield line
    gateway.reset()


@dataclass
class Page:
    """An answer, with the little that tests ask of it."""

    response: Any

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def text(self) -> str:
        """What a person reads: no tags, single spaces."""
        body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", self.html, flags=re.S)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()

    @property
    def html(self) -> str:
        return str(self.response.content.decode())

    @property
    def url(self) -> str:
        return str(self.response.request["PATH_INFO"])

    def field(self, name: str) -> str:
        """The value of an input as the page has it."""
        found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', self.html)
        assert found, f"no input {name}"
        return found[1]


@dataclass
class Person:
    """Somebody who is signed in and uses the pages as a browser would."""

    user: User
    client: Client = field(default_factory=canary.HeardClient)

    def get(self, url: str, *, htmx: str | None = None, **headers: str) -> Page:
        return Page(self.client.get(url, follow=True, headers=_htmx(htmx) | headers))

    def post(self, url: str, data: dict[str, Any], *, htmx: str | None = None) -> Page:
        return Page(self.client.post(url, data, follow=True, headers=_htmx(htmx)))

    def open_edit(self, dept_id: int) -> dict[str, Any]:
        """The edit form's fields as a browser would send them back unchanged."""
        page = self.get(f"/departments/{dept_id}/edit/")
        assert page.status == 200, page.text
        return form_fields(page.response.context["form"])

    def open_create(self, parent_id: int) -> dict[str, Any]:
        page = self.get(f"/departments/{parent_id}/new/")
        assert page.status == 200, page.text
        return form_fields(page.response.context["form"])

    def save(self, dept_id: int, /, **changes: Any) -> Page:
        """Open the edit form, change some fields, save."""
        return self.post(f"/departments/{dept_id}/edit/", {**self.open_edit(dept_id), **changes})

    def create(self, parent_id: int, /, **fields: Any) -> Page:
        return self.post(
            f"/departments/{parent_id}/new/", {**self.open_create(parent_id), **fields}
        )

    def check(self, dept_id: int) -> Page:
        return self.post(f"/departments/{dept_id}/delete/", {})


def form_fields(form: Any) -> dict[str, Any]:
    """What a browser would send for this form as it stands: no unticked boxes, no disabled fields."""
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if bound.field.disabled or value is None or value is False:
            continue
        data[bound.name] = "on" if value is True else bound.field.prepare_value(value)
    return data


def _htmx(target: str | None) -> dict[str, str]:
    return {} if target is None else {"HX-Request": "true", "HX-Target": target}


@pytest.fixture
def people(db: None, line: Line) -> Callable[[str], Person]:
    """Somebody with a role, signed in."""

    def of_role(role: str, name: str = "") -> Person:
        user = User.objects.create_user(name or role, password="a long password")
        user.groups.add(Group.objects.get(name=role))
        person = Person(user)
        person.client.force_login(user)
        return person

    return of_role


@pytest.fixture
def viewer(people: Callable[..., Person]) -> Person:
    return people("viewer")


@pytest.fixture
def editor(people: Callable[..., Person]) -> Person:
    return people("editor")


@pytest.fixture
def deleter(people: Callable[..., Person]) -> Person:
    return people("deleter")


@pytest.fixture
def administrator(people: Callable[..., Person]) -> Person:
    return people("administrator")
