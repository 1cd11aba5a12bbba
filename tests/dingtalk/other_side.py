"""What these tests pretend, none of it ours: a line to the sandbox that can fail, a cache, and a clock."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from departments.dingtalk import Account, Limits, NoPace, Wire
from sandbox import Sandbox

TOKENS = "/v1.0/oauth2/accessToken"
SEARCH = "/v1.0/contact/departments/search"
CREATE = "/topapi/v2/department/create"
GET = "/topapi/v2/department/get"
UPDATE = "/topapi/v2/department/update"
DELETE = "/topapi/v2/department/delete"
CHILDREN = "/topapi/v2/department/listsub"
NAMES = "/topapi/user/listsimple"
SCOPES = "/auth/scopes"

OAPI = "https://oapi.dingtalk.com"
API = "https://api.dingtalk.com"

SECRET = "canary-secret-8f2b61d07c"

ALWAYS = 1000

Answer = Callable[[httpx.Request], httpx.Response]


def reply(content: bytes | str | dict[str, Any], *, status: int = 200, **headers: str) -> Answer:
    """What a server would send, byte for byte where `content` is bytes."""
    if isinstance(content, dict):
        content = json.dumps(content, ensure_ascii=False)
    sent = content.encode() if isinstance(content, str) else content
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, headers=named, stream=httpx.ByteStream(sent))


class Line(httpx.BaseTransport):
    """The way to a sandbox in this process. Told so, it fails for one endpoint, some times or always."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.requests: list[httpx.Request] = []
        self._sandbox = httpx.WSGITransport(app=sandbox)
        self._plans: dict[str, list[Answer]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        plan = self._plans.get(request.url.path)
        answer = plan.pop(0) if plan else self._sandbox.handle_request
        return answer(request)

    def asked(self, endpoint: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == endpoint]

    def refuse(
        self, endpoint: str, *, by: type[Exception] = httpx.ConnectError, times: int = ALWAYS
    ) -> None:
        """Nothing arrives there."""

        def refusal(request: httpx.Request) -> httpx.Response:
            raise by(f"cannot reach {request.url}")

        self._plan(endpoint, refusal, times)

    def lose_reply_to(
        self, endpoint: str, *, by: type[Exception] = httpx.ReadError, times: int = ALWAYS
    ) -> None:
        """It arrives and is carried out, and the answer is lost on the way back."""

        def loss(request: httpx.Request) -> httpx.Response:
            self._sandbox.handle_request(request)
            raise by(f"lost the answer of {request.url}")

        self._plan(endpoint, loss, times)

    def answer(self, endpoint: str, *answers: Answer, times: int = ALWAYS) -> None:
        """Something else answers, each answer in its turn; the sandbox hears nothing of it."""
        for answer in answers:
            self._plan(endpoint, answer, times)

    def reword(self, endpoint: str, answer: Answer, *, times: int = ALWAYS) -> None:
        """It arrives and is carried out, and something else comes back."""

        def reworded(request: httpx.Request) -> httpx.Response:
            self._sandbox.handle_request(request)
            return answer(request)

        self._plan(endpoint, reworded, times)

    def hold(self, endpoint: str) -> "Held":
        """The next call there stays under way until it is let go."""
        held = Held(self._sandbox.handle_request)
        self._plan(endpoint, held, 1)
        return held

    def mend(self, endpoint: str) -> None:
        self._plans.pop(endpoint, None)

    def _plan(self, endpoint: str, answer: Answer, times: int) -> None:
        plan = self._plans.setdefault(endpoint, [])
        plan.extend([answer] * times)


class Held:
    """A call that has arrived and waits for its answer."""

    def __init__(self, then: Answer) -> None:
        self._then = then
        self._arrived = threading.Event()
        self._released = threading.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._arrived.set()
        assert self._released.wait(30)
        return self._then(request)

    def wait(self) -> None:
        assert self._arrived.wait(30)

    def let_go(self) -> None:
        self._released.set()


class Shelf:
    """A cache with the shape of Django's, for the threads of one test."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Any, float]] = {}
        self._lock = threading.Lock()

    def get(self, key: str, /) -> Any:
        with self._lock:
            return self._alive(key)

    def set(self, key: str, value: Any, /, timeout: float | None) -> None:
        with self._lock:
            self._kept[key] = (value, float("inf") if timeout is None else time.time() + timeout)

    def add(self, key: str, value: Any, /, timeout: float | None) -> bool:
        with self._lock:
            if self._alive(key) is not None:
                return False
            self._kept[key] = (value, float("inf") if timeout is None else time.time() + timeout)
            return True

    def delete(self, key: str, /) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def names(self) -> list[str]:
        with self._lock:
            return [key for key in self._kept if self._alive(key) is not None]

    def _alive(self, key: str) -> Any:
        value, ends = self._kept.get(key, (None, 0.0))
        return value if ends > time.time() else None


class Clock:
    """Stands in for the `time` module: sleeping moves it, and things can be set to happen meanwhile."""

    def __init__(self, *, boot: float = 1000.0) -> None:
        self._now = boot
        self._epoch = time.time() - boot
        self._plans: list[tuple[float, Callable[[], object]]] = []
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._epoch + self._now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        until = self._now + seconds
        while due := [plan for plan in self._plans if plan[0] <= until]:
            plan = min(due, key=lambda plan: plan[0])
            self._plans.remove(plan)
            self._now = max(plan[0], self._now)
            plan[1]()
        self._now = max(until, self._now)

    def at(self, seconds_from_now: float, happen: Callable[[], object]) -> None:
        self._plans.append((self._now + seconds_from_now, happen))


def account(sandbox: Sandbox, *, oapi: str = OAPI, api: str = API) -> Account:
    return Account(
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        oapi_url=oapi,
        api_url=api,
    )


def wire_over(transport: httpx.BaseTransport | None, who: Account, **given: Any) -> Wire:
    """A wire that differs from the product's only in what the test is about."""
    usual: dict[str, Any] = {"store": Shelf(), "pace": NoPace(), "limits": Limits(under_way=64)}
    return Wire(account=who, transport=transport, **(usual | given))
