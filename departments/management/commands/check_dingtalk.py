"""The set-up doctor on the command line: one line a check, exit code 0 only if all is well."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ... import problems
from ...services import setup


class Command(BaseCommand):
    help = "Check credentials, token and permissions against DingTalk."

    def handle(self, *_args: Any, **_options: Any) -> None:
        checks = setup.checks()
        for check in checks:
            self.stdout.write(
                f"{check.code}  {'ok' if check.ok else 'NOT OK'}  {check.title}{_why(check)}"
            )
        if not all(check.ok for check in checks):
            sys.exit(1)


def _why(check: setup.Check) -> str:
    if check.missing:
        return f": set {', '.join(check.missing)}"
    if check.failure is None:
        return ""
    problem = problems.of(check.failure)
    code = f" (code {problem.code}, request {problem.request_id or '-'})" if problem.code else ""
    links = " ".join(href for href, _label in problem.links)
    return f": {problem.text}{code} {links}".rstrip()
