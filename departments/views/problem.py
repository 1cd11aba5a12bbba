"""Django's own refusals, in the product's words."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.utils.translation import gettext as _

from ..http import show
from ..problems import Problem

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


log = logging.getLogger(__name__)


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return show(
        request,
        Problem(
            404, _("There is no such page"), _("The address is wrong, or what it showed is gone.")
        ),
    )


@login_not_required
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return show(
        request,
        Problem(
            403,
            _("Your role does not allow this"),
            _("You are signed in, but this page needs another role."),
            _("An administrator can give it to you."),
        ),
    )


@login_not_required
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return show(request, Problem(400, _("The request was not understood"), _("Nothing was sent.")))


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Our own fault: a number to quote, and no detail."""
    number = uuid.uuid4().hex[:8]
    log.error("unexpected failure %s at %s", number, request.path)
    return show(
        request,
        Problem(
            500,
            _("Something went wrong here, not in DingTalk"),
            _("The fault has been recorded under the number %(number)s.") % {"number": number},
            _("If you were changing something, look at the history before you try again."),
        ),
    )


@login_not_required
def csrf_failure(request: HttpRequest, reason: Any = "") -> HttpResponse:  # noqa: ARG001
    return show(
        request,
        Problem(
            403,
            _("This form is too old"),
            _(
                "Nothing was sent. You may have signed in again in another tab since the form was opened."
            ),
            _(
                "Save once more. If that does not help, open the form in a new tab and copy your text over."
            ),
        ),
    )
