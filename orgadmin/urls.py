"""Where requests go: sign-in, language, health, Django's admin, and the departments."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from . import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="departments:browse"), name="home"),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("", include("departments.urls")),
]

handler404 = "departments.views.problem.not_found"
handler500 = "departments.views.problem.server_error"
handler403 = "departments.views.problem.forbidden"
handler400 = "departments.views.problem.bad_request"
