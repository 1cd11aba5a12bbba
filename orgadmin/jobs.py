"""The queue of background work, and the threads that do it inside the web process of a small installation.

huey delivers at most once: a killed process loses the task it was at. So tasks only say "look what is due";
what is due stands in the database, and the next minute asks again.
"""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.consumer import Consumer
from huey.serializer import SignedSerializer

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "orgadmin"


def queue_at(url: str, *, var_dir: Path, secret: str) -> Huey:
    """The queue of a sqlite:///, redis:// or postgresql:// URL; without one, a file of its own in `var_dir`.

    Opens nothing yet. Messages are signed: they are pickles, and whoever can write to the queue could
    otherwise have code run here.
    """
    common = {"serializer": SignedSerializer(secret=secret), "results": False}
    if url.startswith("redis"):
        queue = RedisHuey(_NAME, url=url, **common)
    elif url.startswith("postgres"):
        queue = PostgresHuey(_NAME, dsn=url, create_tables=False, **common)
    else:
        path = url.removeprefix("sqlite:///") or str(var_dir / "queue.sqlite3")
        queue = SqliteHuey(_NAME, filename=path, create_tables=False, **common)
    #: Long tasks look at it: this process is about to end.
    queue.ending = threading.Event()
    return queue


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
