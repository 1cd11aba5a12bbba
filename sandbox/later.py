"""Things that happen after their call was answered."""

import threading
from collections.abc import Callable


class Later:
    """Each waits in a thread of its own until its time comes, it is hurried, or it is called off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Deed] = []

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        deed = _Deed(seconds, act, self._done)
        with self._lock:
            self._waiting.append(deed)
            deed.start()

    def hurry(self) -> int:
        """Let all happen now, one after another; how many did. Not with the organisation's lock held."""
        return self._end(called_off=False)

    def call_off(self) -> int:
        """Nothing of it will happen any more once this returns; how many there were."""
        return self._end(called_off=True)

    def _end(self, *, called_off: bool) -> int:
        with self._lock:
            deeds = list(self._waiting)
        for deed in deeds:
            deed.end(called_off=called_off)
        return len(deeds)

    def _done(self, deed: "_Deed") -> None:
        with self._lock:
            self._waiting.remove(deed)


class _Deed(threading.Thread):
    def __init__(
        self, seconds: float, act: Callable[[], object], done: Callable[["_Deed"], None]
    ) -> None:
        super().__init__(daemon=True)
        self._seconds = seconds
        self._act = act
        self._done = done
        self._called_off = False
        self._woken = threading.Event()

    def run(self) -> None:
        self._woken.wait(self._seconds)
        try:
            if not self._called_off:
                self._act()
        finally:
            self._done(self)

    def end(self, *, called_off: bool) -> None:
        self._called_off = self._called_off or called_off
        self._woken.set()
        self.join()
