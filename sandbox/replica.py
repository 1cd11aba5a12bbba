"""Readings that lag behind: for some seconds they come from the organisation as it was before a write."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.org import Organisation, Snapshot


@dataclass(frozen=True, slots=True)
class _Behind:
    org: Organisation
    until: float
    path: str


class Replica:
    """What readings show. A whole organisation lags, never a part of it, so that it stays a tree."""

    def __init__(self, org: Organisation, clock: Callable[[], float]) -> None:
        self._org = org
        self._clock = clock
        self._behind: list[_Behind] = []

    def stay_at(self, snapshot: Snapshot, *, seconds: float, path: str = "") -> None:
        """Show this state to readings whose path holds `path`, by the sandbox's clock."""
        past = Organisation(clock=self._clock)
        past.restore(snapshot)
        self._behind.append(_Behind(past, self._clock() + seconds, path))

    def catch_up(self) -> None:
        self._behind.clear()

    def shown(self, path: str) -> Organisation:
        """Where several writes lag, the state before the earliest of them is shown."""
        if not self._behind:
            return self._org
        now = self._clock()
        self._behind = [one for one in self._behind if now < one.until]
        return next((one.org for one in self._behind if one.path in path), self._org)
