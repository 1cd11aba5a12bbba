"""Django's admin: accounts and groups for now, and history to be read, never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy

from .models import AuditEntry

admin.site.site_header = admin.site.site_title = gettext_lazy("Department admin")

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("noted_at", "operation", "path", "outcome", "request_id")
    list_filter = ("outcome",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False
