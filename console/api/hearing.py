"""What you hear of, by e-mail: `/api/v1/watches`, `/api/v1/preferences`, for the token's own person."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console.api import sagas
from console.api.parsing import taken
from console.permissions import Act, signed_in
from sagas.alerts.people import choosing
from sagas.alerts.people.choosing import ChoiceError
from sagas.models import Preferences, Problem, Watch
from sagas.vocabulary import Severity

CLOCK: dict[str, Any] = {"format": "%H:%M", "input_formats": ["%H:%M"], "allow_null": True}


class SagaName(serializers.Serializer[Any]):
    type = serializers.CharField(max_length=200)
    id = serializers.CharField(max_length=500)


class WatchOut(serializers.Serializer[Watch]):
    id = serializers.IntegerField(source="pk")
    saga = serializers.SerializerMethodField()
    problem = serializers.IntegerField(source="problem_id", allow_null=True)
    saga_type = serializers.CharField(help_text="Empty where one saga or problem is watched.")
    created_at = serializers.DateTimeField()

    @extend_schema(responses=SagaName(allow_null=True))
    def get_saga(self, row: Watch) -> dict[str, str] | None:
        return {"type": row.saga.saga_type, "id": row.saga.saga_id} if row.saga else None


class WatchIn(serializers.Serializer[Any]):
    """One of the three."""

    saga = SagaName(required=False)
    problem = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    saga_type = serializers.CharField(required=False, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise ValidationError("Give one of saga, problem and saga_type.")
        return attrs


class PreferencesOut(serializers.Serializer[Preferences]):
    mail = serializers.CharField(help_text="Empty: nothing is sent.")
    zone = serializers.CharField()
    quiet_from = serializers.TimeField(**CLOCK)
    quiet_until = serializers.TimeField(**CLOCK)
    loud_from = serializers.ChoiceField(list(Severity), help_text="Told at any hour from this severity on.")
    digest_at = serializers.TimeField(**CLOCK)
    digest_next = serializers.DateTimeField(allow_null=True)


class PreferencesIn(serializers.Serializer[Any]):
    mail = serializers.CharField(max_length=254, allow_blank=True)
    zone = serializers.CharField(max_length=100, default="UTC")
    quiet_from = serializers.TimeField(default=None, **CLOCK)
    quiet_until = serializers.TimeField(default=None, **CLOCK)
    loud_from = serializers.ChoiceField(list(Severity), default=Severity.CRITICAL.value)
    digest_at = serializers.TimeField(default=None, **CLOCK)


class Watches(APIView):
    acts = {"POST": Act.VIEW}

    @extend_schema(responses=WatchOut(many=True))
    def get(self, request: Request) -> Response:
        """What you watch, the newest first."""
        rows = Watch.objects.filter(user=signed_in(request)).select_related("saga").defer("saga__facts")
        return Response(WatchOut(rows.order_by("-pk"), many=True).data)  # type: ignore[arg-type]  # many

    @extend_schema(request=WatchIn, responses={201: WatchOut})
    def post(self, request: Request) -> Response:
        """Hear of a saga, of a problem, or of all problems of a saga type. The same again changes nothing."""
        given, user, now = taken(WatchIn, request), signed_in(request), timezone.now()
        try:
            if "saga" in given:
                row = choosing.watch_saga(user, sagas.find(given["saga"]["type"], given["saga"]["id"]), now)
            elif "problem" in given:
                row = choosing.watch_problem(user, get_object_or_404(Problem, pk=given["problem"]), now)
            else:
                row = choosing.watch_type(user, given["saga_type"], now)
        except ChoiceError as error:
            raise ValidationError({error.field: [str(error)]}) from None
        return Response(WatchOut(row).data, status=201)


class OneWatch(APIView):
    acts = {"DELETE": Act.VIEW}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Hear of it no more."""
        if not choosing.unwatch(signed_in(request), pk):
            raise NotFound("You watch nothing of this number.")
        return Response(status=204)


class OwnPreferences(APIView):
    acts = {"PUT": Act.VIEW}

    @extend_schema(responses=PreferencesOut)
    def get(self, request: Request) -> Response:
        """How you are told."""
        user = signed_in(request)
        return Response(PreferencesOut(Preferences.objects.filter(user=user).first() or Preferences()).data)

    @extend_schema(request=PreferencesIn, responses=PreferencesOut)
    def put(self, request: Request) -> Response:
        """Say how you are told. What is left out is as usual: UTC, no quiet hours, no digest."""
        given = taken(PreferencesIn, request)
        try:
            chosen = choosing.prefer(signed_in(request), now=timezone.now(), **given)
        except ChoiceError as error:
            raise ValidationError({error.field: [str(error)]}) from None
        return Response(PreferencesOut(chosen).data)
