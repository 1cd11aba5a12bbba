"""How long history is kept. It holds people's names and what they did, so it is not kept for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ..models import OPEN, AuditEntry, DeletionPlan, Operation

if TYPE_CHECKING:
    from django.db.models import QuerySet

_MONTH = timedelta(days=365.25 / 12)


def outlived() -> QuerySet[Operation]:
    """Operations older than HISTORY_MONTHS; never one of which it is still open how it ended."""
    before = timezone.now() - settings.HISTORY_MONTHS * _MONTH
    still_open = AuditEntry.objects.filter(outcome__in=OPEN).values("operation")
    return Operation.objects.filter(noted_at__lt=before).exclude(pk__in=still_open)


def forget() -> int:
    """Delete them with their entries and plans; how many there were. The guards must have been lifted."""
    with transaction.atomic():
        doomed = list(outlived().values_list("pk", flat=True))
        entries = AuditEntry.objects.filter(operation__in=doomed)
        # Corrections point at the entries they correct.
        entries.exclude(corrects=None).delete()
        entries.delete()
        DeletionPlan.objects.filter(pk__in=doomed).delete()
        Operation.objects.filter(pk__in=doomed).delete()
    return len(doomed)
