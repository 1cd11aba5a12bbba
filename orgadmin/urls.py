"""Where requests go: sign-in, language, health, Django's admin, and the departments."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path
from django.views.generic import RedirectView

from departments.views import account

from . import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="departments:browse"), name="home"),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", account.sign_out, name="logout"),
    path("i18n/setlang/", account.set_language, name="set_language"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("", include("departments.urls")),
]

handler404 = "departments.views.problem.not_found"
handler500 = "departments.views.problem.server_error"
handler403 = "departments.views.problem.forbidden"
handler400 = "departments.views.problem.bad_request"
