"""The product's URLs, and a view that does nothing behind the same middleware."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from orgadmin import urls as product

from . import peers


@login_not_required
def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


urlpatterns = [
    path("empty", empty),
    path("peer/", peers.site.urls),
    path("", include(product)),
]
handler404, handler500 = product.handler404, product.handler500
handler403, handler400 = product.handler403, product.handler400
