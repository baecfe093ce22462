"""Quarantine: `GET /api/v1/quarantine`, `…/quarantine/{id}`, `POST /api/v1/quarantine/replay`."""

import base64

import django_filters as filters
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView

from sagas.models import Quarantined


class QuarantineFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    state = filters.ChoiceFilter(choices=Quarantined.State.choices, label="open or replayed.")
    reason = filters.CharFilter("reason", label="Exactly this reason.")
    participant = filters.CharFilter("participant__name", label="Exactly this participant.")


class QuarantinedOut(serializers.Serializer[Quarantined]):
    id = serializers.IntegerField()
    participant = serializers.CharField(source="participant.name")
    received_at = serializers.DateTimeField()
    reason = serializers.CharField(help_text="A code, such as missing_attribute.")
    detail = serializers.CharField(help_text="What and where, for people.")
    state = serializers.ChoiceField(Quarantined.State.choices)
    replays = serializers.IntegerField()
    replayed_at = serializers.DateTimeField(allow_null=True)


class QuarantinedDetailOut(QuarantinedOut):
    body = serializers.SerializerMethodField(help_text="As it was sent; null where it is no text.")
    body_base64 = serializers.SerializerMethodField()

    def get_body(self, row: Quarantined) -> str | None:
        try:
            return bytes(row.body).decode()
        except UnicodeDecodeError:
            return None

    def get_body_base64(self, row: Quarantined) -> str:
        return base64.b64encode(row.body).decode()


class Quarantine(ListAPIView[Quarantined]):
    """The newest first."""

    queryset = Quarantined.objects.select_related("participant").defer("body")
    serializer_class = QuarantinedOut
    filterset_class = QuarantineFilters


class OneQuarantined(RetrieveAPIView[Quarantined]):
    """An event in quarantine, as it was sent."""

    queryset = Quarantined.objects.select_related("participant")
    serializer_class = QuarantinedDetailOut
    filter_backends = ()
