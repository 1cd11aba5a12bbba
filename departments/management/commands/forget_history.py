"""The end of the time for which history is kept: the one way in which it is ever deleted."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from ... import guards
from ...services import retention


class Command(BaseCommand):
    help = "Delete history older than HISTORY_MONTHS. Without --yes it only says how much that would be."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="really delete it")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["yes"]:
            self.stdout.write(
                f"Operations older than {settings.HISTORY_MONTHS} months: {retention.outlived().count()}."
                " Run this again with --yes to delete them for good."
            )
            return
        with guards.lifted():
            forgotten = retention.forget()
        self.stdout.write(f"Deleted, with their entries: {forgotten}.")
