"""The app, and the groups that are its roles."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from . import policy


class DepartmentsConfig(AppConfig):
    name = "departments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # After `auth` has made the permissions: signal receivers run in the order they were connected,
        # and Django connects its own in `django.contrib.auth`, so ours is deferred to the last app's signal.
        post_migrate.connect(make_roles, dispatch_uid="departments.roles")


def make_roles(sender: AppConfig, **_kwargs: Any) -> None:
    """Give each role's group exactly its permissions, whatever an older version gave it."""
    if sender.name != "django.contrib.auth":
        return
    from django.apps import apps
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    create_permissions(apps.get_app_config("departments"), verbosity=0)
    for role, names in policy.ROLES.items():
        group, _made = Group.objects.get_or_create(name=role)
        codenames = [name.partition(".")[2] for name in names]
        group.permissions.set(
            Permission.objects.filter(
                content_type__app_label="departments",
                content_type__model="department",
                codename__in=codenames,
            )
        )
