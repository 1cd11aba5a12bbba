"""Places where a call waits until it is let go, so that two calls can be interleaved exactly."""

import threading
import time
from dataclasses import dataclass, field
from typing import Literal

from sandbox.exchange import Request

Phase = Literal["before", "after"]
State = Literal["set", "held", "given up"]

PATIENCE = 10.0


@dataclass(slots=True, kw_only=True)
class Barrier:
    """Stops one call. `set` until it comes, `held` while it waits, `given up` when nobody released it."""

    name: str
    path: str
    dept_id: int | None
    nth: int
    phase: Phase
    seconds: float
    state: State = "set"
    request_id: str = ""
    met: int = field(default=0, repr=False)

    def stops(self, request: Request, phase: Phase) -> bool:
        if phase != self.phase or not request.concerns(path=self.path, dept_id=self.dept_id):
            return False
        self.met += 1
        return self.state == "set" and self.met >= self.nth


class Barriers:
    """All barriers of a sandbox, by name."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._barriers: dict[str, Barrier] = {}

    def hold(
        self,
        name: str,
        *,
        path: str = "",
        dept_id: int | None = None,
        nth: int = 1,
        phase: Phase = "before",
        seconds: float = PATIENCE,
    ) -> None:
        """Make the next matching call (or the n-th) wait before or after it is carried out.

        It goes on by itself after so many seconds. Raises ValueError for a name in use.
        """
        if phase not in ("before", "after"):
            raise ValueError(f"A call cannot be held {phase!r}.")
        with self._moved:
            if name in self._barriers:
                raise ValueError(f"There is a barrier called {name} already.")
            self._barriers[name] = Barrier(
                name=name, path=path, dept_id=dept_id, nth=nth, phase=phase, seconds=seconds
            )

    def wait_until_held(self, name: str, *, seconds: float = PATIENCE) -> str:
        """The id of the call that waits there, once one does. Raises TimeoutError, or KeyError."""
        with self._moved:
            barrier = self._barriers[name]
            if not self._moved.wait_for(lambda: barrier.state != "set", seconds):
                raise TimeoutError(f"No call came to {name} within {seconds:g} s.")
            return barrier.request_id

    def release(self, name: str) -> None:
        """Let its call go on, or take the barrier away before one came.

        Raises TimeoutError when the call did not wait so long, and KeyError for an unknown name.
        """
        with self._moved:
            barrier = self._barriers.pop(name)
            self._moved.notify_all()
        if barrier.state == "given up":
            raise TimeoutError(f"{name} let its call go after {barrier.seconds:g} s.")

    def clear(self) -> None:
        """Take all away; calls that wait go on."""
        with self._moved:
            self._barriers.clear()
            self._moved.notify_all()

    @property
    def states(self) -> dict[str, State]:
        with self._moved:
            return {name: barrier.state for name, barrier in self._barriers.items()}

    def meet(self, request: Request, phase: Phase) -> None:
        """Wait where a barrier stops this call. Never with the organisation's lock held."""
        if not self._barriers:
            return
        with self._moved:
            stopping = [one for one in self._barriers.values() if one.stops(request, phase)]
            if stopping:
                self._wait_at(stopping[0], request)

    def _wait_at(self, barrier: Barrier, request: Request) -> None:
        barrier.state, barrier.request_id = "held", request.request_id
        self._moved.notify_all()
        ends = time.monotonic() + barrier.seconds
        while self._barriers.get(barrier.name) is barrier:
            left = ends - time.monotonic()
            if left <= 0:
                barrier.state = "given up"
                return
            self._moved.wait(left)
