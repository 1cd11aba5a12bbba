"""Read a branch, or the whole company, from DingTalk into memory."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...dingtalk import DingTalkError
from ...errors import DepartmentError
from ...services import sync


class Command(BaseCommand):
    help = "Read departments from DingTalk: first the tree, then the details, one call for each department."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--below",
            type=int,
            default=settings.DINGTALK_ROOT_ID,
            metavar="ID",
            help="the department to start from (default: DINGTALK_ROOT_ID)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = sync.crawl(below=options["below"])
        except (DingTalkError, DepartmentError) as failure:
            raise CommandError(f"Stopped: {failure}") from None
        self.stdout.write(f"Read {found} departments.")
