"""Who may do what. Views, templates and services all ask here; the services' answer is the one that counts.

Roles are groups: viewer, editor, deleter, administrator, each with all that the one before it may do. They
hold Django's own permissions, so a superuser may everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import NotPermitted

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

VIEW = "departments.view_department"
CREATE = "departments.add_department"
EDIT = "departments.change_department"
DELETE = "departments.delete_department"
ADMINISTER = "departments.administer"

ROLES: dict[str, tuple[str, ...]] = {
    "viewer": (VIEW,),
    "editor": (VIEW, CREATE, EDIT),
    "deleter": (VIEW, CREATE, EDIT, DELETE),
    "administrator": (VIEW, CREATE, EDIT, DELETE, ADMINISTER),
}


def may(user: User | AnonymousUser, permission: str) -> bool:
    return user.has_perm(permission)


def require(user: User | AnonymousUser, permission: str) -> None:
    """Raise NotPermitted unless this person may."""
    if not may(user, permission):
        raise NotPermitted(permission)


def lowest_role_with(permission: str) -> str:
    return next(role for role, permissions in ROLES.items() if permission in permissions)
