"""Which queue background work goes through, by its URL. The first to import huey: see `_unseen`."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from huey import Huey

_NAME = "orgadmin"
#: What huey imports if it can, whatever queue is wanted.
_DRIVERS = ("redis", "psycopg")


def queue_at(url: str, *, var_dir: Path, secret: str) -> Huey:
    """The queue of a sqlite:///, redis:// or postgresql:// URL; without one, a file of its own in `var_dir`.

    Opens nothing yet. Messages are signed: they are pickles, and whoever can write to the queue could
    otherwise have code run here.
    """
    with _unseen(() if url.startswith(("redis", "postgres")) else _DRIVERS):
        from huey import PostgresHuey, RedisHuey, SqliteHuey  # noqa: PLC0415
        from huey.serializer import SignedSerializer  # noqa: PLC0415
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


@contextmanager
def _unseen(drivers: tuple[str, ...]) -> Iterator[None]:
    """Imports of these fail meanwhile: 13 MB for databases that a small installation does not have."""
    hidden = [name for name in drivers if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "there is no such module"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
