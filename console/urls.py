from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

from console import health, metrics

handler400 = "console.errors.bad_request"
handler403 = "console.errors.permission_denied"
handler404 = "console.errors.not_found"
handler500 = "console.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("console.api.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("console.web.urls")),
]
