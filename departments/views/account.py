"""A person's own page: language, looks, keys, time zone. And the ways out and into another language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_http_methods, require_safe

from ..forms import PreferencesForm
from ..http import PersonRequest, wants_part
from ..services import account as service

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

_log_out = LogoutView.as_view()


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: PersonRequest) -> HttpResponse:
    """For everyone who is signed in, whatever their role: it shows nothing of the company."""
    if request.method != "POST":
        kept = service.preferences_of(request.user)
        return _show(request, PreferencesForm.showing(kept))
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    kept = service.save(by=request.user, **form.cleaned_data)
    response = redirect("departments:account")
    _speak(response, service.language_of(kept))
    with translation.override(service.language_of(kept) or translation.get_language()):
        messages.success(request, _("Your preferences are saved."))
    return response


@login_not_required
def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own, which keeps the language in a cookie; of somebody signed in the account keeps it, too."""
    response: HttpResponse = i18n.set_language(request)
    asked = request.POST.get("language", "")
    if request.user.is_authenticated and asked in dict(settings.LANGUAGES):
        service.save(by=request.user, language=asked)
    return response


def sign_out(request: HttpRequest) -> HttpResponseBase:
    """The next person at this machine does not find the branches that were open."""
    response = _log_out(request)
    if not request.user.is_authenticated:
        response.delete_cookie("tree", samesite="Lax")
    return response


@require_safe
def keyboard(request: PersonRequest) -> HttpResponse:
    """The page; or what the key ? opens over the page one is on."""
    part = "#dialog" if wants_part(request, "dialog") else ""
    return render(request, f"departments/keyboard.html{part}", {"title": _("Keyboard")})


def _show(request: PersonRequest, form: PreferencesForm, *, status: int = 200) -> HttpResponse:
    context = {"title": _("Preferences"), "error_title": bool(form.errors), "form": form}
    return render(request, "departments/account.html", context, status=status)


def _speak(response: HttpResponse, language: str) -> None:
    """The sign-in page knows nobody yet: it goes by the cookie, and then by the browser."""
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
