"""The app, and the groups that are its roles."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from . import policy


class DepartmentsConfig(AppConfig):
    name = "departments"
    verbose_name = gettext_lazy("Departments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(make_roles, dispatch_uid="departments.roles")
        put_up = import_string("departments.guards.put_up")
        post_migrate.connect(put_up, sender=self, dispatch_uid="departments.guards")


def make_roles(sender: AppConfig, **_kwargs: Any) -> None:
    """Give each role's group exactly its permissions, whatever an older version gave it."""
    # Groups live in `auth`, whose own permissions are made by the same signal: wait for its turn.
    if sender.name != "django.contrib.auth":
        return
    create_permissions = import_string("django.contrib.auth.management.create_permissions")
    create_permissions(apps.get_app_config("departments"), verbosity=0)
    for role, names in policy.ROLES.items():
        group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=role)
        group.permissions.set(
            apps.get_model("auth", "Permission").objects.filter(
                content_type__app_label="departments",
                content_type__model="department",
                codename__in=[name.partition(".")[2] for name in names],
            )
        )
