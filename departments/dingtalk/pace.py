"""Our own speed limit per kind of call, shared by every process: here through small files of one machine.

DingTalk allows an app about 20 calls a second for each API and shuts an address out for five minutes when it
goes far beyond (https://open.dingtalk.com/document/development/call-frequency-limit). A refused call counts
too, so we never find the limit by running into it.

Two lanes. A person's call books the next slot and waits for it; background work takes a slot only when it is
due, so it can never stand in front of a person. Measured at 20 calls a second beside a full crawl: a
person waits 82–120 ms at the 95th percentile with lanes, 460–606 ms in one queue.

Several machines keep their pace together in Redis: see redis_pace.py.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
import weakref
from abc import ABC, abstractmethod
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Lane(Enum):
    PERSON = "person"
    BACKGROUND = "background"


class Pace(Protocol):
    """Who may call now. Implementations are safe to share between threads and processes."""

    def wait(self, kind: str, lane: Lane, patience: float) -> bool:
        """Wait for a slot for this kind of call; False, without waiting, if none comes within `patience` s."""
        ...

    def slow_down(self, kind: str) -> None:
        """DingTalk said we are too fast: halve this kind's speed, which then recovers by itself."""
        ...

    def block(self, seconds: float) -> datetime:
        """DingTalk has shut us out: no call of any kind until the moment returned."""
        ...

    def blocked_until(self) -> datetime | None: ...


class NoPace:
    """No limit: for tests and benchmarks that measure something else."""

    def wait(self, kind: str, lane: Lane, patience: float) -> bool:  # noqa: ARG002
        return True

    def slow_down(self, kind: str) -> None: ...

    def block(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(time.time() + seconds, tz=UTC)

    def blocked_until(self) -> datetime | None:
        return None


RECOVERY = 60.0  # seconds in which a slowed kind returns to full speed
SLOWEST = 8.0
_POLL = 0.02  # a waiting background call looks again at least this often: a person may have booked meanwhile


class InSlots(ABC):
    """The waiting of a pace that hands out slots. Where they are kept is its children's affair."""

    def __init__(self) -> None:
        self._turns: dict[str, threading.Lock] = {}

    def wait(self, kind: str, lane: Lane, patience: float) -> bool:
        if lane is Lane.PERSON:
            return self._wait(kind, lane, patience)
        return self._wait_in_turn(kind, patience)

    @abstractmethod
    def ask(self, kind: str, lane: Lane, patience: float) -> tuple[float, bool]:
        """Book a slot if this lane may have one; else say how many seconds there are until the next is due."""

    @abstractmethod
    def slow_down(self, kind: str) -> None: ...

    @abstractmethod
    def block(self, seconds: float) -> datetime: ...

    @abstractmethod
    def blocked_until(self) -> datetime | None: ...

    def _wait_in_turn(self, kind: str, patience: float) -> bool:
        """One of a process's background calls looks for a slot at a time: 16 that look cost 7 % of a core."""
        give_up_at = time.monotonic() + patience
        turn = self._turns.setdefault(kind, threading.Lock())
        if not turn.acquire(timeout=max(min(patience, threading.TIMEOUT_MAX), 0)):
            return False
        try:
            return self._wait(kind, Lane.BACKGROUND, give_up_at - time.monotonic())
        finally:
            turn.release()

    def _wait(self, kind: str, lane: Lane, patience: float) -> bool:
        give_up_at = time.monotonic() + patience
        while True:
            left = give_up_at - time.monotonic()
            delay, booked = self.ask(kind, lane, left)
            if booked:
                if delay:  # sleeping for nothing costs twice what asking does
                    time.sleep(delay)
                return True
            if delay > left:
                return False
            time.sleep(min(delay, _POLL))


#: One kind's state: when its next slot is due, by how much it is slowed, and since when (monotonic clock).
_STATE = struct.Struct("<ddd")


class FilePace(InSlots):
    """Slots kept in one small file per kind of call, each touched only under ``flock``."""

    def __init__(self, folder: Path, *, calls_per_second: float) -> None:
        super().__init__()
        self._folder = folder
        self._interval = 1.0 / calls_per_second
        self._files: dict[str, int] = {}
        self._locks: dict[str, threading.Lock] = {}
        folder.mkdir(parents=True, exist_ok=True)
        weakref.finalize(self, _close, self._files)

    def slow_down(self, kind: str) -> None:
        with self._open(kind) as file:
            now = time.monotonic()
            due, slowed, since = self._read(file, now)
            factor = min(2 * _factor(slowed, since, now), SLOWEST)
            self._write(file, due, factor, now)

    def block(self, seconds: float) -> datetime:
        until = time.time() + seconds
        with self._open("blocked") as file:
            self._write(file, until, 0.0, 0.0)
        return datetime.fromtimestamp(until, tz=UTC)

    def blocked_until(self) -> datetime | None:
        path = self._folder / "blocked"
        if not path.exists():
            return None
        with self._open("blocked") as file:
            record = os.pread(file, _STATE.size, 0)
        until = _STATE.unpack(record)[0] if len(record) == _STATE.size else 0.0
        return datetime.fromtimestamp(until, tz=UTC) if until > time.time() else None

    def ask(self, kind: str, lane: Lane, patience: float) -> tuple[float, bool]:
        with self._open(kind) as file:
            now = time.monotonic()
            due, slowed, since = self._read(file, now)
            if (lane is Lane.BACKGROUND and due > now) or due > now + patience:
                return due - now, False
            interval = self._interval * _factor(slowed, since, now)
            # Up to one slot missed by a late wake-up is made good; more would be a burst.
            slot = max(due, now - interval)
            self._write(file, slot + interval, slowed, since)
            return max(slot - now, 0.0), True

    @contextmanager
    def _open(self, kind: str) -> Iterator[int]:
        # `flock` keeps processes apart; the threads of one share its open file, and with it the lock.
        with self._locks.setdefault(kind, threading.Lock()):
            file = self._file(kind)
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield file
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _file(self, kind: str) -> int:
        """Kept open, which makes asking four times cheaper; opened anew where somebody has removed it."""
        file = self._files.get(kind)
        if file is not None:
            if os.fstat(file).st_nlink:
                return file
            os.close(file)
        name = kind.strip("/").replace("/", ".")
        self._files[kind] = os.open(
            self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        return self._files[kind]

    def _read(self, file: int, now: float) -> tuple[float, float, float]:
        record = os.pread(file, _STATE.size, 0)
        if len(record) != _STATE.size:
            return now, 1.0, 0.0
        due, slowed, since = _STATE.unpack(record)
        # The monotonic clock starts anew with the machine, the file does not: a far slot is another boot's.
        # Said in this direction, the test also turns away the NaN of a torn file.
        if due <= now + RECOVERY and since <= now and 1.0 <= slowed <= SLOWEST:
            return due, slowed, since
        return now, 1.0, 0.0

    @staticmethod
    def _write(file: int, *state: float) -> None:
        os.pwrite(file, _STATE.pack(*state), 0)


def _close(files: Mapping[str, int]) -> None:
    for file in files.values():
        os.close(file)


def _factor(slowed: float, since: float, now: float) -> float:
    """How much longer than usual the wait between two calls is: falls from `slowed` to 1 in a minute."""
    recovered = min((now - since) / RECOVERY, 1.0)
    return slowed + (1.0 - slowed) * recovered
