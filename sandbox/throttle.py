"""Rates and quotas: per app and API, per API for all apps, per IP address, per month (reference §6.1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal
from uuid import uuid4

from sandbox.exchange import Reply
from sandbox.refusals import Stopped
from sandbox.switches import Switches

_CHINA = timezone(timedelta(hours=8))
_IP_WINDOW = 20
_IP_BAN = 300


class Throttle:
    """Counts calls in fixed windows, as the window named in a recorded refusal shows DingTalk does."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = 0
        self._this_second: dict[str, int] = {}
        self._ip_windows: dict[str, tuple[int, int]] = {}
        self._banned_until: dict[str, float] = {}
        self._month = ""
        self._this_month = 0

    def wall(self, remote: str, switches: Switches) -> Reply | None:
        """The page an IP address gets instead of any API's answer, if it is banned."""
        if switches.ip_banned or self._ip_is_banned(remote, switches.calls_per_20_seconds_of_ip):
            return ban_page(switches.ip_ban_shape)
        return None

    def count(self, path: str, switches: Switches) -> None:
        """Let a call of an API pass or raise Stopped. A refused one is not counted."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._this_second = second, {}
        calls = self._this_second.get(path, 0)
        of_all = switches.calls_per_second_of_all_apps
        if of_all is not None and calls >= of_all:
            raise too_many_of_all_apps(path, second=second, limit=of_all)
        if switches.calls_per_second is not None and calls >= switches.calls_per_second:
            raise too_many()
        self._this_second[path] = calls + 1

    def charge(self, switches: Switches) -> None:
        """Take one call off the organisation's month or raise Stopped."""
        month = datetime.fromtimestamp(self._clock(), tz=_CHINA).strftime("%Y-%m")
        if month != self._month:
            self._month, self._this_month = month, 0
        if switches.monthly_quota is not None and self._this_month >= switches.monthly_quota:
            raise quota_used_up()
        self._this_month += 1

    def _ip_is_banned(self, remote: str, limit: int | None) -> bool:
        now = self._clock()
        if now < self._banned_until.get(remote, 0):
            return True
        if limit is None:
            return False
        window = int(now) // _IP_WINDOW
        last, calls = self._ip_windows.get(remote, (window, 0))
        calls = calls + 1 if last == window else 1
        self._ip_windows[remote] = (window, calls)
        if calls > limit:
            self._banned_until[remote] = now + _IP_BAN
        return calls > limit


def ban_page(shape: Literal["html", "json"]) -> Reply:
    # No recording names the HTTP status; 200 is the harder case for a client that looks there first.
    if shape == "json":
        body = {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": uuid4().hex}
        return Reply(body, code=1111)
    page = (
        "<!doctype html><html><body><p>Sorry, we have detected unusual traffic.</p></body></html>"
    )
    return Reply(page, code="html")


def too_many() -> Stopped:
    # The official short text of 90018 is not recorded; this one is modelled on that of 90002.
    return Stopped(
        90018,
        "当前应用调用该接口次数过多，超出了该接口承受的最大qps，请求被暂时限制了，建议错开整点时刻调用该接口",
        status=403,
        modern_code="Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
    )


def too_many_of_all_apps(path: str, *, second: int, limit: int) -> Stopped:
    start = datetime.fromtimestamp(second, tz=UTC).astimezone(_CHINA)
    end = start + timedelta(seconds=1)
    return Stopped(
        90002,
        "当前所有钉钉应用调用该接口次数过多，超出了该接口承受的最大qps，请求被暂时限制了，"
        f"建议错开整点时刻调用该接口, apiPath({api_name(path)}), "
        f"从 {start:%Y-%m-%d %H:%M:%S} 到 {start:%Y-%m-%d %H:%M:%S} 请求总次数超过 {limit} 次, "
        f"限制将在 {end:%Y-%m-%d %H:%M:%S} 结束.",
        status=403,
        modern_code="Forbidden.AccessDenied.QpsLimitForApi",
    )


def quota_used_up() -> Stopped:
    return Stopped(
        90020,
        "当前组织本月接口调用量已超出限制",
        status=403,
        modern_code="Forbidden.AccessDenied.ApiCountLimitForOrg",
    )


def api_name(path: str) -> str:
    """The name DingTalk's messages use: `/topapi/v2/department/get` is `dingtalk.oapi.v2.department.get`."""
    return "dingtalk.oapi." + path.removeprefix("/topapi/").strip("/").replace("/", ".")
