"""Quarantine: `GET /api/v1/quarantine`, `…/quarantine/{id}`, `POST /api/v1/quarantine/replay`."""

import base64
from typing import Any

import django_filters as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors
from console.api.parsing import taken
from console.permissions import Act
from console.seeing import Seeing
from sagas import quarantine
from sagas.models import Quarantined
from sagas.quarantine import Replayed

# Events that one request may replay.
MOST = 1000


class QuarantineFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    state = filters.ChoiceFilter(choices=Quarantined.State.choices, label="open or replayed.")
    reason = filters.CharFilter("reason", label="Exactly this reason.")
    participant = filters.CharFilter("participant__name", label="Exactly this participant.")
    type = filters.CharFilter("foreign_type__type", label="Exactly this type, where it is none of our kinds.")


class QuarantinedOut(serializers.Serializer[Quarantined]):
    id = serializers.IntegerField()
    participant = serializers.CharField(source="participant.name")
    received_at = serializers.DateTimeField()
    reason = serializers.CharField(help_text="A code, such as missing_attribute.")
    detail = serializers.CharField(help_text="What and where, for people.")
    type = serializers.CharField(
        source="foreign_type.type",
        default=None,
        allow_null=True,
        help_text="The event's type where it is none of our kinds; else null.",
    )
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


class ReplayIn(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), min_length=1, max_length=MOST
    )


class ReplayedOut(serializers.Serializer[Replayed]):
    taken = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Again: they stay open, with the reason of today.")
    gone = serializers.IntegerField(help_text="Not there, or replayed before.")


class Quarantine(ListAPIView[Quarantined]):
    """Events that could not be understood, the newest first."""

    queryset = Quarantined.objects.select_related("participant", "foreign_type").defer("body")
    serializer_class = QuarantinedOut
    filterset_class = QuarantineFilters

    def paginate_queryset(self, queryset: Any) -> Any:
        return Seeing().quarantined_rows(super().paginate_queryset(queryset) or [])


class OneQuarantined(RetrieveAPIView[Quarantined]):
    """An event in quarantine, as it was sent."""

    queryset = Quarantined.objects.select_related("participant", "foreign_type")
    serializer_class = QuarantinedDetailOut
    filter_backends = ()

    def get_object(self) -> Quarantined:
        return Seeing().quarantined(super().get_object())


class Replay(APIView):
    acts = {"POST": Act.REPLAY}

    @extend_schema(request=ReplayIn, responses=ReplayedOut)
    def post(self, request: Request) -> Response:
        """Read events in quarantine again, each with what the key it came with could do."""
        given = taken(ReplayIn, request)
        return Response(ReplayedOut(quarantine.replay(given["ids"], actors.of(request))).data)
