"""Set-up: what is missing before the product can work, and whether DingTalk lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import policy, problems
from ..http import PersonRequest, respond
from ..services import setup as service

if TYPE_CHECKING:
    from django.http import HttpResponse


@login_not_required
@require_safe
def setup(request: PersonRequest) -> HttpResponse:
    """Open to anybody only while credentials are missing: it then names variables and nothing else."""
    missing = service.missing_settings()
    if missing:
        return respond(
            request, "departments/setup.html", {"title": _("Set-up"), "missing": missing}
        )
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    policy.require(request.user, policy.ADMINISTER)
    checks = [
        (check, problems.of(check.failure) if check.failure else None) for check in service.checks()
    ]
    context = {
        "title": _("Set-up"),
        "checks": checks,
        "all_well": all(check.ok for check, _problem in checks),
        "client_id": settings.DINGTALK_CLIENT_ID,
        "corp_id": settings.DINGTALK_CORP_ID,
        "host": settings.DINGTALK_OAPI_URL,
    }
    return respond(request, "departments/setup.html", context)
