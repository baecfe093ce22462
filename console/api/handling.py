"""Seeing to problems: `POST /problems/{id}/acknowledge`, `…/snooze`, `…/assign`, `…/resume`."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors
from console.api.parsing import taken
from console.api.refusals import Refusal
from console.permissions import Act
from sagas.alerts.acts import ActError, acknowledge, assign, incident_of, resume, snooze
from sagas.models import Incident, Problem


class SnoozeIn(serializers.Serializer[Any]):
    until = serializers.DateTimeField(default=None, allow_null=True, help_text="Null: until it has grown.")


class AssignIn(serializers.Serializer[Any]):
    to = serializers.CharField(allow_blank=True, max_length=150, help_text="A username; empty: nobody.")


class IncidentOut(serializers.Serializer[Incident]):
    """What people know of a problem, alone or with others of its participant, and who sees to it."""

    key = serializers.UUIDField(help_text="`thread` of its messages, without `amends-`.")
    problems = serializers.SerializerMethodField(help_text="Their ids.")
    opened_at = serializers.DateTimeField()
    over_at = serializers.DateTimeField(allow_null=True)
    told_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField()
    snoozed_by = serializers.CharField()
    snoozed_until = serializers.DateTimeField(allow_null=True)
    until_grown = serializers.BooleanField(help_text="Put off until it has grown.")
    assignee = serializers.CharField()

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_problems(self, incident: Incident) -> list[int]:
        return list(incident.memberships.order_by("problem").values_list("problem", flat=True))


def incident_for(pk: int) -> int:
    """The key of the newest incident of a problem. 409: nobody was told of it."""
    incident = incident_of(get_object_or_404(Problem, pk=pk))
    if incident is None:
        raise Refusal(
            HTTPStatus.CONFLICT, "not_told", "Nobody was told of it, so there is nothing to see to yet."
        )
    return incident.pk


class Acknowledge(APIView):
    acts = {"POST": Act.HANDLE}

    @extend_schema(request=None, responses=IncidentOut)
    def post(self, request: Request, pk: int) -> Response:
        """You see to it: nobody else is called. 409: it is over."""
        return _answer(lambda: acknowledge(incident_for(pk), actors.of(request), timezone.now()))


class Snooze(APIView):
    acts = {"POST": Act.HANDLE}

    @extend_schema(request=SnoozeIn, responses=IncidentOut)
    def post(self, request: Request, pk: int) -> Response:
        """Put it off: nothing is told until then, but that it is over. 409: it is over."""
        until = taken(SnoozeIn, request)["until"]
        return _answer(lambda: snooze(incident_for(pk), until, actors.of(request), timezone.now()))


class Assign(APIView):
    acts = {"POST": Act.HANDLE}

    @extend_schema(request=AssignIn, responses=IncidentOut)
    def post(self, request: Request, pk: int) -> Response:
        """Assign it to a person. 409: it is over."""
        to = taken(AssignIn, request)["to"]
        if to and not User.objects.filter(username=to, is_active=True).exists():
            raise ValidationError({"to": "There is nobody of that name."})
        return _answer(lambda: assign(incident_for(pk), to, actors.of(request), timezone.now()))


class Resume(APIView):
    acts = {"POST": Act.HANDLE}

    @extend_schema(request=None, responses=IncidentOut)
    def post(self, request: Request, pk: int) -> Response:
        """Nobody sees to it after all: its routes begin again. 409: it is over."""
        return _answer(lambda: resume(incident_for(pk), actors.of(request), timezone.now()))


def _answer(act: Any) -> Response:
    try:
        return Response(IncidentOut(act()).data)
    except ActError as error:
        raise Refusal(HTTPStatus.CONFLICT, "not_open", str(error)) from None
