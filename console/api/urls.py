"""The addresses of the API. Names in them may hold any character (console.paths)."""

from django.urls import path

from console import paths  # noqa: F401  (registers the converters `name` and `saga_id`)
from console.api import sagas

SAGA = "sagas/<name:saga_type>/<saga_id:saga_id>"

app_name = "api"
urlpatterns = [
    path("sagas", sagas.Sagas.as_view(), name="sagas"),
    path(f"{SAGA}/events", sagas.SagaEvents.as_view(), name="saga_events"),
    path(SAGA, sagas.OneSaga.as_view(), name="saga"),
]
