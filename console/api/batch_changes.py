"""What has changed since it was planned: `GET /api/v1/batches/{id}/sagas/{position}/changes`."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compensation.batches import moved
from compensation.comparing import Difference, How
from compensation.models import BatchSaga
from console.api.batch_shapes import BatchSagaOut
from console.api.plans import PlannedOut, PlanOut
from console.api.saga_events import EventOut
from console.seeing import Seeing


class DifferenceOut(serializers.Serializer[Difference]):
    how = serializers.ChoiceField([(how.value, how.value) for how in How])
    differs = serializers.ListField(
        source="fields", child=serializers.CharField(), help_text="The fields in which then and now differ."
    )
    then = PlannedOut(allow_null=True, help_text="Null: it was not to be done.")
    now = PlannedOut(allow_null=True, help_text="Null: it would not be done any more; see why.")
    why = serializers.CharField(help_text="Why it would be left alone, or refused; else empty.")


class ChangesOut(serializers.Serializer[Any]):
    saga = BatchSagaOut(help_text="As it was planned, with its revision and plan_hash of then.")
    revision = serializers.IntegerField(help_text="Of the saga, now.")
    plan_hash = serializers.CharField(help_text="Of the plan of now.")
    is_same = serializers.BooleanField(help_text="Exactly what was planned would be sent.")
    is_known = serializers.BooleanField(
        help_text="Whether what was planned can still be told to the letter: not once a definition or an "
        "address has changed. Else saga.actions says what it was, and differences is empty."
    )
    differences = DifferenceOut(
        many=True, help_text="Action by action, as it was planned and as it would be."
    )
    events = EventOut(many=True, help_text="That came since, at most 100, oldest first.")
    plan = PlanOut(help_text="What would be done now.")


class BatchSagaChanges(APIView):
    @extend_schema(responses=ChangesOut)
    def get(self, request: Request, pk: int, position: int) -> Response:
        """What has changed for a saga since it was planned. 404: it has begun, or was never planned."""
        rows = BatchSaga.objects.select_related("batch", "saga", "repair").filter(state__in=moved.OPEN)
        one = get_object_or_404(rows, batch=pk, position=position)
        seen, seeing, saga_type = moved.look(one, timezone.now()), Seeing(), one.saga.saga_type
        (shown,) = seeing.batch_sagas([one])
        changes = {
            "saga": shown,
            "revision": seen.revision,
            "plan_hash": seen.now.hash,
            "is_same": seen.is_same,
            "is_known": seen.then is not None,
            "differences": seeing.differences(saga_type, seen.differences),
            "events": seeing.events(saga_type, seen.events),
            "plan": seeing.plan(saga_type, seen.now),
        }
        return Response(ChangesOut(changes).data)
