"""A real Chromium in front of the product, and the sandbox behind a real socket.

Nothing here knows a page. Whatever a browser complains about while a test runs, an error in the console, an
uncaught exception, a breach of the Content-Security-Policy, a request to another host, fails that test.
"""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import reading
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.db import connection, connections
from django.test.testcases import LiveServerThread
from playwright.sync_api import expect
from visits import DingTalk, Watch, account, sign_in

from departments import gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from sandbox import Sandbox

# Playwright's synchronous API leaves an event loop in this thread, where Django would then refuse the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

_CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_IS_SQLITE = connection.vendor == "sqlite"
_ONLY_US = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
expect.set_options(
    timeout=15_000
)  # a shared machine has its moments; a test waits for what it expects


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = os.path.dirname(__file__)  # noqa: PTH120 - items carry paths of their own kind
    for item in items:
        if not str(item.path).startswith(here):
            continue
        item.add_marker(pytest.mark.browser)
        if not _IS_SQLITE:
            item.add_marker(pytest.mark.django_db(transaction=True))
        if _CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium found: browser tests skipped"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": _CHROMIUM,
        "args": [*_QUIET, _ONLY_US],
    }


# ── The product ──────────────────────────────────────────────────────────────────────────────────────────


class _Requests:
    """Static files and the product, counting the requests under way: a test ends when they have ended."""

    def __init__(self) -> None:
        self._under_way = 0
        self._changed = threading.Condition()

    def around(self, app: Any) -> Any:
        inside = StaticFilesHandler(app)

        def answer(environ: Any, start_response: Any) -> Any:
            with self._changed:
                self._under_way += 1
            response = inside(environ, start_response)
            close = response.close

            def closed() -> None:
                close()
                with self._changed:
                    self._under_way -= 1
                    self._changed.notify_all()

            response.close = closed
            return response

        return answer

    def have_ended(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way == 0, timeout=20)


@dataclass
class _Server:
    url: str
    requests: _Requests


@pytest.fixture(scope="session")
def _server() -> Iterator[_Server]:
    """One web server for the whole run. pytest-django's would lend its threads one database connection."""
    requests = _Requests()
    thread = LiveServerThread("127.0.0.1", requests.around)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield _Server(f"http://127.0.0.1:{thread.port}", requests)
    thread.terminate()


@contextmanager
def _database_file(path: Path) -> Iterator[None]:
    """Every new connection leads to this file, this thread's included."""
    shared, settings = connections["default"], connections["default"].settings_dict
    name, settings["NAME"] = settings["NAME"], str(path)
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"], settings["NAME"] = shared, name


@pytest.fixture(scope="session")
def _empty_database(django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("browser") / "empty.sqlite3"
    with django_db_blocker.unblock(), _database_file(path):
        call_command("migrate", verbosity=0)
    return path


@pytest.fixture
def database(
    request: pytest.FixtureRequest, django_db_blocker: Any, tmp_path: Path
) -> Iterator[None]:
    """A database of its own for each test, committed to for real, with a connection for each thread.

    pytest-django's for SQLite lives in memory and has but one connection, on which the threads of a web server
    would end up in each other's transactions. PostgreSQL's is as it should be.
    """
    with ExitStack() as own:
        if _IS_SQLITE:
            path = tmp_path / "db.sqlite3"
            shutil.copy(request.getfixturevalue("_empty_database"), path)
            own.enter_context(django_db_blocker.unblock())
            own.enter_context(_database_file(path))
        yield


@pytest.fixture
def dingtalk(
    sandbox: Sandbox, database: None, _server: _Server, settings: Any, tmp_path: Path
) -> Iterator[DingTalk]:
    """The product, connected to the sandbox through a socket."""
    dingtalk = DingTalk(sandbox)
    settings.VAR_DIR = tmp_path
    settings.DINGTALK_CLIENT_ID = sandbox.client_id
    settings.DINGTALK_CLIENT_SECRET = sandbox.client_secret
    settings.DINGTALK_OAPI_URL = settings.DINGTALK_API_URL = dingtalk.url
    settings.DINGTALK_IS_REAL = False
    settings.DINGTALK_CALLS_PER_SECOND = 100_000
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(tmp_path),
        }
    }
    gateway.reset()
    yield dingtalk
    assert _server.requests.have_ended(), "a request is still under way"
    dingtalk.goes_away()


@pytest.fixture
def everything_read(dingtalk: DingTalk) -> None:
    """Memory holds the whole company with all details, as after the first night."""
    reading.read(below=1)


# ── The browser ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch("127.0.0.1")
    yield watch
    assert not watch.unexpected()


@pytest.fixture
def window(
    watch: Watch, dingtalk: DingTalk, _server: _Server, new_context: Callable[..., BrowserContext]
) -> Callable[..., Page]:
    """Opens a browser window of somebody new: `width`, `javascript`, `color_scheme`, `locale` …"""

    def opened(
        *, width: int = 1280, height: int = 800, javascript: bool = True, **more: Any
    ) -> Page:
        context = new_context(
            base_url=_server.url,
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            **{"locale": "en-GB", "timezone_id": "Asia/Shanghai", **more},
        )
        context.set_default_timeout(15_000)
        watch.over(context)
        return context.new_page()

    return opened


@pytest.fixture
def signed_in(window: Callable[..., Page]) -> Callable[..., Page]:
    """A window in which somebody with this role has signed in, on the page of all departments."""

    def opened(role: str = "deleter", **more: Any) -> Page:
        account(role)
        page = window(**more)
        page.goto("/departments/")
        sign_in(page, role)
        return page

    return opened
