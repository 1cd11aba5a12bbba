"""Threads that make calls and do nothing else: what comes back is for the one who asked."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable

    Asked = tuple[Callable[[int], Any], int]


class Callers:
    """At most so many calls at once. Leaving the block waits for those under way; their answers are dropped."""

    def __init__(self, most: int) -> None:
        self.under_way = 0
        self._most = most
        self._threads: list[threading.Thread] = []
        self._asked: SimpleQueue[Asked | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, Any]] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        for _thread in self._threads:
            self._asked.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def have_room(self) -> bool:
        return self.under_way < self._most

    def ask(self, call: Callable[[int], Any], dept_id: int) -> None:
        self.under_way += 1
        if len(self._threads) < self.under_way:
            # A daemon, so that a process that has to end does not wait for DingTalk.
            thread = threading.Thread(target=self._call, name="caller", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._asked.put((call, dept_id))

    def answer(self, *, seconds: float) -> tuple[int, Any] | None:
        """The next answer and the id it is about, an exception where one was raised; None: none came."""
        try:
            found = self._answers.get(timeout=seconds)
        except Empty:
            return None
        self.under_way -= 1
        return found

    def _call(self) -> None:
        try:
            while asked := self._asked.get():
                call, dept_id = asked
                try:
                    told = call(dept_id)
                except Exception as failure:  # noqa: BLE001 — whoever asked has to know, whatever it is
                    told = failure
                self._answers.put((dept_id, told))
        finally:
            connections.close_all()  # the access token may be kept in the database
