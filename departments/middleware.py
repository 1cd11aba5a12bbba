"""What holds for every page: language, no copy in the browser, redirects htmx can follow, set-up, problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from . import problems
from .dingtalk import DingTalkError
from .errors import DepartmentError
from .http import show
from .services import account, setup

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[HttpRequest], HttpResponse]


class PersonalWays:
    """Who is signed in reads their own language, wherever they are and whatever a link's sender spoke."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kept = account.preferences_of(request.user)
        language = account.language_of(kept)
        if language:
            # Not put back here: LocaleMiddleware says it in Content-Language, and begins anew each time.
            translation.activate(language)
            request.LANGUAGE_CODE = language
        with timezone.override(account.zone_of(kept) or timezone.get_default_timezone()):
            return self._answer(request)


class PrivatePages:
    """Pages of people's data stay out of the browser's store, so Back after signing out shows nothing."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._answer(request)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(
            response, ["HX-Request", "HX-Target", "HX-History-Restore-Request", "Cookie"]
        )
        return response


class HtmxRedirects:
    """A redirect to the sign-in page would land inside a fragment: htmx is told instead."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._answer(request)
        if not request.htmx or not isinstance(response, HttpResponseRedirect):  # type: ignore[attr-defined]
            return response
        if not response.url.startswith(reverse("login")):
            return response
        if request.method == "GET":
            answer = HttpResponse(status=204)
            answer["HX-Refresh"] = "true"  # the page itself asks to sign in, and comes back after
            return answer
        return render(request, "problem.html#alert", {"problem": _signed_out()}, status=401)


def _signed_out() -> problems.Problem:
    return problems.Problem(
        401,
        _("You were signed out"),
        _("Nothing was sent; your text is still here."),
        _("Sign in in a new tab, then save again."),
        links=[(reverse("login"), _("Sign in"))],
    )


class SetUpFirst:
    """Without credentials there is nothing to show but what is missing."""

    _open = ("/healthz", "/readyz", "/static/", "/setup/", "/i18n/", "/accounts/", "/admin/")

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if setup.missing_settings() and not request.path.startswith(self._open):
            return HttpResponseRedirect(reverse("departments:setup"))
        return self._answer(request)


class Problems:
    """Turns the two families of exceptions into pages; anything else gets an id and becomes a 500."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._answer(request)

    def process_exception(self, request: HttpRequest, failure: Exception) -> HttpResponse | None:
        if isinstance(failure, DingTalkError | DepartmentError):
            return show(request, problems.of(failure))
        return None
