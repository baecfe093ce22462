"""Foreign types: `GET /api/v1/quarantine/types`, `POST …/types/{id}/replay`, `GET …/replays/{id}`."""

from functools import cached_property
from http import HTTPStatus

import django_filters as filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors
from console.api.refusals import Refusal
from console.permissions import Act
from sagas import ingest, replays
from sagas.events.mapping import Mappings
from sagas.models import ForeignType, Replay


class ForeignTypeFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    type = filters.CharFilter("type", label="Exactly this type.")
    participant = filters.CharFilter("participant__name", label="Exactly this participant.")


class ForeignTypeOut(serializers.Serializer[ForeignType]):
    id = serializers.IntegerField()
    participant = serializers.CharField(source="participant.name")
    type = serializers.CharField(help_text="Empty: all types of a participant that has very many.")
    count = serializers.IntegerField(help_text="Events of it that no mapping took, ever.")
    kept = serializers.IntegerField(help_text="Of them in quarantine, to be replayed.")
    dropped = serializers.IntegerField(help_text="Older ones, which had to make room.")
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    mapped_by = serializers.SerializerMethodField(
        help_text="Saga types whose newest definition has a mapping for it now."
    )

    def get_mapped_by(self, row: ForeignType) -> list[str]:
        return list(self._mappings.about(row.type)) if row.type else []

    @cached_property
    def _mappings(self) -> Mappings:
        """Asked for once, however many rows there are: a list has one serializer for all of them."""
        return ingest.in_force()


class ReplayOut(serializers.Serializer[Replay]):
    id = serializers.IntegerField()
    participant = serializers.CharField(source="foreign_type.participant.name")
    type = serializers.CharField(source="foreign_type.type")
    state = serializers.ChoiceField(Replay.State.choices)
    total = serializers.IntegerField(help_text="Events that were kept when it was asked for.")
    taken = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Again: they stay open, with the reason of today.")
    gone = serializers.SerializerMethodField(help_text="Replayed by somebody else, or dropped, meanwhile.")
    asked_by = serializers.CharField(source="actor")
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_gone(self, replay: Replay) -> int:
        return replays.gone(replay)


class ForeignTypes(ListAPIView[ForeignType]):
    """Types that are none of our kinds, of events that no mapping took, the newest type first."""

    queryset = ForeignType.objects.select_related("participant")
    serializer_class = ForeignTypeOut
    filterset_class = ForeignTypeFilters


class ReplayType(APIView):
    acts = {"POST": Act.REPLAY}

    @extend_schema(request=None, responses={202: ReplayOut})
    def post(self, request: Request, pk: int) -> Response:
        """Read all kept events of a type again, in the background; the replay that runs, if one does."""
        replay = replays.ask(get_object_or_404(ForeignType, pk=pk), actors.of(request))
        if replay is None:
            raise Refusal(HTTPStatus.CONFLICT, "nothing_kept", "No event of this type is in quarantine.")
        return Response(ReplayOut(replay).data, status=HTTPStatus.ACCEPTED)


class OneReplay(RetrieveAPIView[Replay]):
    """How far a replay has come."""

    queryset = Replay.objects.select_related("foreign_type__participant")
    serializer_class = ReplayOut
    filter_backends = ()
