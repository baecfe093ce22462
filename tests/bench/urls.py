from django.urls import include, path

from tests.bench.naive.views import Events

urlpatterns = [path("naive/events", Events.as_view()), path("", include("console.urls"))]
