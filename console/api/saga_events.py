"""The events of a saga: `GET /api/v1/sagas/{type}/{id}/events`."""

from collections.abc import Sequence
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from console.api.rendering import Raw
from console.api.sagas import find
from console.seeing import Seeing, unmask
from sagas.models import Event
from sagas.vocabulary import Kind


class EventOut(serializers.Serializer[Event]):
    id = serializers.CharField(source="event_id")
    source = serializers.CharField()  # type: ignore[assignment]  # fields are taken out of the class
    type = serializers.ChoiceField([(k, k) for k in Kind], source="kind")
    time = serializers.DateTimeField()
    time_given = serializers.BooleanField(help_text="False: the sender gave none, and it is that of receipt.")
    received_at = serializers.DateTimeField()
    participant = serializers.CharField(source="participant.name", allow_null=True, default=None)
    step = serializers.CharField()
    execution = serializers.CharField()
    attempt = serializers.IntegerField(allow_null=True)
    sequence = serializers.CharField()
    attributes = serializers.DictField(help_text="The other context attributes, as sent.")
    # A payload may be any JSON value, and is passed on to the letter.
    data = serializers.SerializerMethodField()  # type: ignore[assignment]

    def get_data(self, event: Event) -> Any:
        return None if event.data is None else Raw(event.data.encode())


class EventFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    unmask = filters.BooleanFilter(
        method="as_asked",
        label="true: see what is masked, which is written to the audit log; it takes the right to.",
    )

    def as_asked(self, found: QuerySet[Event], name: str, value: bool) -> QuerySet[Event]:
        """It changes how events are shown, not which."""
        return found


class SagaEvents(ListAPIView[Event]):
    """The events of a saga, in the order of their times."""

    serializer_class = EventOut
    filterset_class = EventFilters
    order = ("time", "source", "event_id")

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset) or []
        return self._seeing(rows).events(self.kwargs["saga_type"], rows)

    def _seeing(self, rows: Sequence[Event]) -> Seeing:
        if self.request.query_params.get("unmask", "").lower() != "true":
            return Seeing()
        saga = find(self.kwargs["saga_type"], self.kwargs["saga_id"])
        shown = [{"source": row.source, "id": row.event_id} for row in rows]
        return unmask(self.request, ("saga", str(saga)), saga=saga, after={"events": shown})

    def get_queryset(self) -> QuerySet[Event]:
        if getattr(self, "swagger_fake_view", False):
            return Event.objects.none()
        saga = find(self.kwargs["saga_type"], self.kwargs["saga_id"])
        return Event.objects.filter(saga=saga).select_related("participant")
