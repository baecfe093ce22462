"""How much of Amends a participant bears in repairs of many sagas: `/api/v1/participants/{name}/pace`."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compensation import paces
from compensation.models import Pace
from console import actors
from console.api.parsing import taken
from console.permissions import Act
from console.seeing import Seeing
from sagas.models import Participant


class PaceOut(serializers.Serializer[Pace]):
    at_once = serializers.IntegerField(help_text="Calls of one batch that are under way at a time.")
    per_second = serializers.FloatField(
        allow_null=True, help_text="Calls of all batches a second; null: as many as it answers."
    )
    closed_until = serializers.DateTimeField(
        allow_null=True,
        help_text="Nothing of a batch is sent before that: it asked for it, or failed too often.",
    )
    because = serializers.CharField(
        help_text="What it answered when it was left alone last; empty: it never was."
    )


class PaceIn(serializers.Serializer[Any]):
    at_once = serializers.IntegerField(default=paces.USUAL, min_value=1, max_value=paces.MOST)
    per_second = serializers.FloatField(
        default=None, allow_null=True, min_value=paces.SLOWEST, max_value=paces.FASTEST
    )

    def validate_per_second(self, value: float | None) -> float | None:
        if value is not None and value != value:
            raise serializers.ValidationError("Must be a number.")
        return value


class ParticipantPace(APIView):
    acts = {"PUT": Act.MANAGE}

    @extend_schema(responses=PaceOut)
    def get(self, request: Request, name: str) -> Response:
        """How fast it is called in repairs of many sagas, and whether it is left alone just now."""
        participant = get_object_or_404(Participant, name=name)
        return _shown(Pace.objects.filter(participant=participant).first() or Pace(participant=participant))

    @extend_schema(request=PaceIn, responses=PaceOut)
    def put(self, request: Request, name: str) -> Response:
        """Say how fast it is called from now on. What is left out is as usual: 16 at a time, at any rate."""
        participant, given = get_object_or_404(Participant, name=name), taken(PaceIn, request)
        return _shown(paces.choose(participant, actors.of(request), **given))


def _shown(pace: Pace) -> Response:
    (shown,) = Seeing().paces([pace])
    return Response(PaceOut(shown).data)
