"""Who is asking: an account with its roles and preferences, found in one query.

Every page and fragment asks for all three; Django alone would ask four times.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db.models import Aggregate, F, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Concat

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet


class _Joined(Aggregate):
    """Texts in one, separated by blanks. Django has one for both databases from 6.0 on only."""

    template = "%(function)s(%(expressions)s, ' ')"
    output_field = TextField()

    def as_sqlite(self, *args: Any, **more: Any) -> Any:
        return self.as_sql(*args, function="GROUP_CONCAT", **more)

    def as_postgresql(self, *args: Any, **more: Any) -> Any:
        return self.as_sql(*args, function="STRING_AGG", **more)


@cache
def _accounts() -> QuerySet[User]:
    """Made once: putting the query together costs more than asking it, and every request asks."""
    granted = (
        Permission.objects.filter(Q(group__user=OuterRef("pk")) | Q(user=OuterRef("pk")))
        .order_by()
        .annotate(all=Value(1), full=Concat("content_type__app_label", Value("."), "codename"))
        .values("all")
        .annotate(told=_Joined(F("full")))
        .values("told")
    )
    return User.objects.select_related("preferences").annotate(granted=Subquery(granted))


class Accounts(ModelBackend):
    """Django's own accounts and passwords; only the account of a request is read in another way."""

    def get_user(self, user_id: int) -> User | None:
        user = _accounts().filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(
        self, user_obj: User | AnonymousUser, obj: Model | None = None
    ) -> set[str]:
        granted = getattr(user_obj, "granted", ...)
        if granted is ... or not user_obj.is_active or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        return set((granted or "").split())
