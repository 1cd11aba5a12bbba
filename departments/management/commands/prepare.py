"""Make an installation ready to serve: tables, cache table, roles, first administrator."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from orgadmin import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Any number all containers agree on: PostgreSQL's advisory lock for "somebody is preparing".
_PREPARING = 0x0D1A6


class Command(BaseCommand):
    help = "Migrate, make the cache table and the roles, and the first administrator if there is no user."

    def handle(self, *_args: Any, **_options: Any) -> None:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time():
            call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
            jobs.prepare(settings.HUEY)
            self._first_administrator()
        self.stdout.write("Ready.")

    def _first_administrator(self) -> None:
        people = get_user_model().objects
        if people.exists():
            return
        if not (settings.FIRST_ADMIN_USERNAME and settings.FIRST_ADMIN_PASSWORD):
            self.stdout.write(
                "There is no user yet. Make an administrator with\n"
                "  python manage.py createsuperuser\n"
                "or set DJANGO_SUPERUSER_USERNAME and DJANGO_SUPERUSER_PASSWORD and run this again."
            )
            return
        try:
            validate_password(settings.FIRST_ADMIN_PASSWORD)
        except ValidationError as weak:
            raise CommandError(f"DJANGO_SUPERUSER_PASSWORD: {' '.join(weak.messages)}") from None
        made = people.create_superuser(
            settings.FIRST_ADMIN_USERNAME, settings.FIRST_ADMIN_EMAIL, settings.FIRST_ADMIN_PASSWORD
        )
        made.groups.add(Group.objects.get(name="administrator"))
        self.stdout.write(f"Made the administrator {settings.FIRST_ADMIN_USERNAME}.")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Several containers may start at once; the second waits and then finds everything done."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_PREPARING])
        return
    with (settings.VAR_DIR / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
