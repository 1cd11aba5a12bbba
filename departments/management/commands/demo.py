"""The product on a made-up company: sandbox and web in one go, ended by Ctrl-C. It begins to read by itself.

Everything it writes lies under var/demo/ and is new at each start. Nothing leaves this machine.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser

#: The same words at every start: the demo listens on this machine only and its data is thrown away.
ACCOUNTS = {
    "admin": ("administrator", "Zhang Min", "demo-admin-2026"),
    "deleter": ("deleter", "Wang Fang", "demo-deleter-2026"),
    "editor": ("editor", "Li Wei", "demo-editor-2026"),
    "viewer": ("viewer", "Chen Yu", "demo-viewer-2026"),
}
_MANAGE = [sys.executable, str(Path(sys.argv[0]).resolve())]


class Command(BaseCommand):
    help = "Start the sandbox company and the product on it, on 127.0.0.1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--departments", type=int, default=None, help="size of the company")
        parser.add_argument("--furnish", action="store_true", help="(used by the demo itself)")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["furnish"]:
            _make_accounts()
            return
        started = time.monotonic()
        port = settings.PORT
        if _in_use(port):
            raise CommandError(
                f"Port {port} is in use. End what uses it, or choose another: PORT=8010 make demo"
            )
        folder = settings.VAR_DIR / "demo"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        children: list[subprocess.Popen[str]] = []
        try:
            company, address = _start_company(options["departments"])
            children.append(company)
            env = _environment(folder, address, port)
            for step in (["prepare"], ["demo", "--furnish"]):
                subprocess.run([*_MANAGE, *step], env=env, check=True, stdout=subprocess.DEVNULL)
            web = _start(
                [sys.executable, "-m", "gunicorn", "orgadmin.wsgi", "-c", "gunicorn.conf.py"], env
            )
            children.append(web)
            _wait_until_open(port, web)
            self._tell(port, time.monotonic() - started)
            web.wait()
        except KeyboardInterrupt:
            self.stdout.write("")
        finally:
            _end(children)

    def _tell(self, port: int, seconds: float) -> None:
        lines = [f"\nThe demo is running on http://127.0.0.1:{port} (started in {seconds:.1f} s)\n"]
        lines += [
            f"  {name:8} {password:18} {role}"
            for name, (role, _person, password) in ACCOUNTS.items()
        ]
        lines.append("\nCtrl-C ends it; everything it wrote is under var/demo/.")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _start_company(departments: int | None) -> tuple[subprocess.Popen[str], str]:
    size = ["--departments", str(departments)] if departments else []
    company = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", *size],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    line = company.stdout.readline() if company.stdout else ""
    words = [word for word in line.split() if word.startswith("http://")]
    if not words:
        _end([company])
        raise CommandError("The sandbox company did not start.")
    return company, words[0]


def _environment(folder: Path, address: str, port: int) -> dict[str, str]:
    """Ours alone: what the caller's environment says about databases or DingTalk must not leak in."""
    ours = (
        "DINGTALK_",
        "DATABASE_",
        "CACHE_",
        "QUEUE_",
        "SECRET_",
        "PUBLIC_",
        "TRUSTED_",
        "DJANGO_",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "orgadmin.settings",
        "VAR_DIR": str(folder),
        "PORT": str(port),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DINGTALK_CLIENT_ID": "dingsandbox",
        "DINGTALK_CLIENT_SECRET": "sandbox-secret",
        "DINGTALK_OAPI_URL": address,
        "DINGTALK_API_URL": address,
        "DINGTALK_CALLS_PER_SECOND": "200",
        "SETTLE_SECONDS": "15",
        "LOG_LEVEL": "WARNING",
    }


def _start(command: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches only us, and we end the others in order.
    return subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=env,
        text=True,
        start_new_session=True,
    )


def _wait_until_open(port: int, web: subprocess.Popen[str]) -> None:
    for _attempt in range(300):
        if web.poll() is not None:
            raise CommandError("The web server did not start; see above.")
        if _in_use(port):
            return
        time.sleep(0.1)
    raise CommandError("The web server did not open its port within 30 s.")


def _end(children: list[subprocess.Popen[str]]) -> None:
    for child in reversed(children):
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout:
            child.stdout.close()


def _make_accounts() -> None:
    """Accounts with published passwords: never beside a real DingTalk."""
    if settings.DINGTALK_IS_REAL:
        raise CommandError("Demo accounts are made for the sandbox only.")
    for name, (role, person, password) in ACCOUNTS.items():
        first, last = person.split()
        made = get_user_model().objects.create_user(
            name, "", password, first_name=first, last_name=last, is_staff=role == "administrator"
        )
        made.is_superuser = role == "administrator"
        made.save()
        made.groups.add(Group.objects.get(name=role))
