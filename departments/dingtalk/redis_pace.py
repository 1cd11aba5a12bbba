"""The same pace for processes on many machines: slots kept in Redis or Valkey, by the server's clock.

A script is carried out as one, so no slot is given twice. While the server does not answer, this machine goes
on alone and much slower: calls are neither unpaced, which would have DingTalk shut us out, nor do they wait.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .pace import RECOVERY, SLOWEST, InSlots, Lane

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("departments.dingtalk")

_ANSWER_SECONDS = 0.5  # far more than a script takes, far less than a person's call may
_ALONE_SECONDS = 5.0  # for which a server that did not answer is not asked again
_FOR_EVER = 1e9
_BLOCKED = "blocked"

#: What both scripts begin with. As in the files: a slot far ahead, or a future, is another server's clock.
_READ = """
    local time = redis.call('TIME')
    local now = time[1] + time[2] / 1e6
    local kept = redis.call('HMGET', KEYS[1], 'due', 'slowed', 'since')
    local due, slowed, since = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
    local recovery = tonumber(ARGV[1])
    if not (due and slowed and since and due <= now + recovery and since <= now) then
        due, slowed, since = now, 1, 0
    end
    local factor = slowed + (1 - slowed) * math.min((now - since) / recovery, 1)
    local function keep(due, slowed, since)
        -- Lua prints 14 digits where it is not told, which are a tenth of a millisecond these days.
        redis.call('HSET', KEYS[1], 'due', string.format('%.6f', due),
            'slowed', string.format('%.6f', slowed), 'since', string.format('%.6f', since))
        redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * (math.max(due - now, 0) + recovery)))
    end
"""

#: Answers how many microseconds there are until the slot, and 1 where it is booked.
_ASK = f"""{_READ}
    local interval, patience, waits_until_due = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
    if (waits_until_due and due > now) or due > now + patience then
        return {{math.ceil(1e6 * (due - now)), 0}}
    end
    interval = interval * factor
    local slot = math.max(due, now - interval)
    keep(slot + interval, slowed, since)
    return {{math.ceil(1e6 * math.max(slot - now, 0)), 1}}
"""

_SLOW_DOWN = f"""{_READ}
    keep(due, math.min(2 * factor, tonumber(ARGV[2])), now)
    return 1
"""

#: Answers until when, in milliseconds.
_BLOCK = """
    local time = redis.call('TIME')
    local ends = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
    redis.call('SET', KEYS[1], string.format('%.0f', ends), 'PX', ARGV[1])
    return ends
"""


class RedisPace(InSlots):
    """Slots kept in one small hash per kind of call, for all processes of one app."""

    def __init__(self, server: Redis, *, app: str, calls_per_second: float, alone: InSlots) -> None:
        """`alone` serves while the server does not answer: give it a fraction of the speed."""
        super().__init__()
        self._server = server
        self._keys = f"orgadmin:pace:{{{app}}}:"
        self._interval = 1.0 / calls_per_second
        self._alone = alone
        self._alone_until = 0.0
        self._ask = server.register_script(_ASK)
        self._slow_down = server.register_script(_SLOW_DOWN)
        self._block = server.register_script(_BLOCK)

    @classmethod
    def at(cls, url: str, *, app: str, calls_per_second: float, alone: InSlots) -> Self:
        """Over a pool of its own: by redis-py's defaults an answer is waited for 5 s, several times over."""
        server = Redis.from_url(
            url,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(server, app=app, calls_per_second=calls_per_second, alone=alone)

    def ask(self, kind: str, lane: Lane, patience: float) -> tuple[float, bool]:
        only_when_due = int(lane is Lane.BACKGROUND)
        given = [RECOVERY, self._interval, min(patience, _FOR_EVER), only_when_due]
        told = self._answer_to(lambda: self._ask(keys=[self._keys + kind], args=given))
        if told is None:
            return self._alone.ask(kind, lane, patience)
        return told[0] / 1e6, bool(told[1])

    def slow_down(self, kind: str) -> None:
        given = [RECOVERY, SLOWEST]
        if self._answer_to(lambda: self._slow_down(keys=[self._keys + kind], args=given)) is None:
            self._alone.slow_down(kind)

    def block(self, seconds: float) -> datetime:
        """Noted on this machine as well: who has seen the ban obeys it whatever becomes of the server."""
        given = [round(1000 * seconds)]
        self._answer_to(lambda: self._block(keys=[self._keys + _BLOCKED], args=given))
        return self._alone.block(seconds)

    def blocked_until(self) -> datetime | None:
        seen_here = self._alone.blocked_until()
        if seen_here:
            return seen_here
        ends = self._answer_to(lambda: self._server.get(self._keys + _BLOCKED))
        return datetime.fromtimestamp(int(ends) / 1000, tz=UTC) if ends else None

    def _answer_to(self, question: Callable[[], Any]) -> Any:
        """What the server answers; None while it does not, which is noticed once and not by every call."""
        if time.monotonic() < self._alone_until:
            return None
        try:
            return question()
        except RedisError as failure:
            self._alone_until = time.monotonic() + _ALONE_SECONDS
            log.warning("the shared pace does not answer: %s", type(failure).__name__)
            return None
