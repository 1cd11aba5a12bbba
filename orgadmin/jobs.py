"""Background work: the queue's own tables, and threads that do it inside a small installation's web process.

huey delivers at most once: a killed process loses the task it was at. So tasks only say "look what is due";
what is due stands in the database, and the next minute asks again.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from huey import RedisHuey, SqliteHuey
from huey.consumer import Consumer

if TYPE_CHECKING:
    from huey import Huey


def prepare(queue: Huey) -> None:
    """Make the queue's own tables, where it has any."""
    if not isinstance(queue, RedisHuey):
        queue.storage.initialize_schema()


class InsideTheWeb(Consumer):
    """Threads beside the ones that answer requests. Signals stay gunicorn's."""

    def _set_signal_handlers(self) -> None:
        pass

    def stop(self, *, graceful: bool = False) -> None:
        self.huey.ending.set()
        super().stop(graceful=graceful)


def start_inside(queue: Huey) -> InsideTheWeb | None:
    """Start the threads where the queue is this machine's own file.

    None elsewhere: there `manage.py run_huey` does the work, in a process of its own.
    """
    if not isinstance(queue, SqliteHuey):
        return None
    importlib.import_module("departments.tasks")
    prepare(queue)
    # Two, so that a slice of a long job keeps nothing else waiting.
    consumer = InsideTheWeb(queue, workers=2, max_delay=1.0, shutdown_timeout=20)
    consumer.start()
    return consumer
