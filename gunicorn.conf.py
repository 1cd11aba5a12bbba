"""One process of threads: requests wait on DingTalk, and the small installation shares everything in memory.

Deadlines are the product's own (6 s for a read, 10 s for a write); gunicorn's only guard against a hang.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orgadmin.settings")

from django.conf import settings

if TYPE_CHECKING:
    from orgadmin import jobs

bind = f"127.0.0.1:{settings.PORT}"
workers = 1
worker_class = "gthread"
threads = 16
timeout = 60
graceful_timeout = 30
keepalive = 15
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"

_consumers: list[jobs.InsideTheWeb] = []


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 — gunicorn's name and signature
    """Background work begins with the process that answers; after the fork, so that threads survive it."""
    from orgadmin import jobs  # noqa: PLC0415 — the settings choose the queue, and import huey first

    consumer = jobs.start_inside(settings.HUEY)
    if consumer:
        _consumers.append(consumer)


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ARG001
    for consumer in _consumers:
        consumer.stop(graceful=True)
