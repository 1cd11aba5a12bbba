"""What happens by itself. Each task says only when; the services say what."""

from __future__ import annotations

from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from . import gateway
from .services import settle


@db_periodic_task(crontab(minute="*"))
def settle_what_is_due() -> None:
    """Once a minute, and when the process starts."""
    if gateway.is_configured():
        settle.settle_due()
