"""How one person wants the pages. Nobody writes another's: `by` is always whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings

from ..models import Preferences

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


def preferences_of(user: User | AnonymousUser) -> Preferences:
    """What they chose; what everybody has, for visitors and who never chose. It came with the account."""
    return getattr(user, "preferences", None) or Preferences()


def save(*, by: User, **chosen: Any) -> Preferences:
    """Keep these choices and leave the others as they are. The row is made with the first choice."""
    kept, _made = Preferences.objects.update_or_create(user=by, defaults=chosen)
    return kept


def language_of(kept: Preferences) -> str:
    """The language they chose; empty where they chose none, or one we no longer speak."""
    return kept.language if kept.language in dict(settings.LANGUAGES) else ""


def zone_of(kept: Preferences) -> ZoneInfo | None:
    """The time zone they chose; none where they chose none, or this machine does not know it."""
    try:
        return ZoneInfo(kept.time_zone) if kept.time_zone else None
    except (LookupError, ValueError, OSError):
        return None
