"""Silences: `/api/v1/silences`, `…/preview`, `…/{id}/end`; a deployment can ask for one and end it."""

from http import HTTPStatus
from typing import Any

import django_filters as filters
import msgspec
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors
from console.api.parsing import taken
from console.api.refusals import Refusal
from console.permissions import Act
from sagas.alerts import matching, silences
from sagas.alerts.matching import Match
from sagas.alerts.silences import LONGEST, LONGEST_REASON, SilenceError
from sagas.models import AlertSilence


def _described() -> dict[str, Any]:
    """`Match` as OpenAPI has it, with what it refers to in its place."""
    (_,), shapes = msgspec.json.schema_components([Match], ref_template="{name}")

    def whole(part: Any) -> Any:
        if isinstance(part, dict):
            return whole(shapes[part["$ref"]]) if "$ref" in part else {k: whole(v) for k, v in part.items()}
        return [whole(one) for one in part] if isinstance(part, list) else part

    described: dict[str, Any] = whole(shapes["Match"])
    return described


@extend_schema_field(_described())
class MatchField(serializers.Field[Match, Any, Any, Any]):
    """Conditions as they stand in the YAML of alerts."""

    def to_internal_value(self, data: Any) -> Match:
        try:
            match = matching.read(data)
        except msgspec.ValidationError as error:
            raise ValidationError(f"{error}.") from None
        # PostgreSQL keeps no NUL.
        if b"\\u0000" in msgspec.json.encode(match):
            raise ValidationError("It must hold no NUL character.")
        return match

    def to_representation(self, value: Any) -> Any:
        return value


class SilenceOut(serializers.Serializer[AlertSilence]):
    id = serializers.IntegerField(source="pk")
    match = MatchField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="By a person, before its time.")
    ended_by = serializers.CharField()


class SilenceIn(serializers.Serializer[Any]):
    match = MatchField(help_text="At least one condition.")
    reason = serializers.CharField(max_length=LONGEST_REASON)
    expires_at = serializers.DateTimeField(help_text=f"At most {LONGEST.days} days from now.")


class SilencePreviewIn(serializers.Serializer[Any]):
    match = MatchField(help_text="At least one condition.")


class HiddenOut(serializers.Serializer[Any]):
    problems = serializers.ListField(
        child=serializers.IntegerField(), help_text="Open ones that it would hide, by id."
    )
    alerts = serializers.IntegerField(
        help_text="Of the newest alerts, up to a week old: that it would have hidden."
    )


class SilenceFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    in_force = filters.BooleanFilter(
        method="only", label="true: those that hide something now; false: the others."
    )

    def only(self, rows: QuerySet[AlertSilence], name: str, value: bool) -> QuerySet[AlertSilence]:
        in_force = Q(ended_at=None, expires_at__gt=timezone.now())
        return rows.filter(in_force) if value else rows.exclude(in_force)


class Silences(ListAPIView[AlertSilence]):
    """What nobody is told of for a while, the newest first."""

    queryset = AlertSilence.objects.all()
    serializer_class = SilenceOut
    filterset_class = SilenceFilters
    acts = {"POST": Act.HANDLE}

    @extend_schema(request=SilenceIn, responses={201: SilenceOut})
    def post(self, request: Request) -> Response:
        """Tell nobody of what meets these conditions, from now until it expires."""
        given = taken(SilenceIn, request)
        try:
            row = silences.ask(**given, by=actors.of(request), now=timezone.now())
        except SilenceError as error:
            raise ValidationError([str(error)]) from None
        return Response(SilenceOut(row).data, status=HTTPStatus.CREATED)


class PreviewSilence(APIView):
    acts = {"POST": Act.VIEW}

    @extend_schema(request=SilencePreviewIn, responses=HiddenOut)
    def post(self, request: Request) -> Response:
        """What a silence would hide. Changes nothing."""
        try:
            found = silences.preview(taken(SilencePreviewIn, request)["match"], timezone.now())
        except SilenceError as error:
            raise ValidationError({"match": [str(error)]}) from None
        return Response({"problems": [one.pk for one in found.problems], "alerts": len(found.alerts)})


class EndSilence(APIView):
    acts = {"POST": Act.HANDLE}

    @extend_schema(request=None, responses=SilenceOut)
    def post(self, request: Request, pk: int) -> Response:
        """People are told again. 409: it is over already."""
        row = get_object_or_404(AlertSilence, pk=pk)
        if not silences.end(row, actors.of(request), timezone.now()):
            raise Refusal(HTTPStatus.CONFLICT, "not_in_force", "It is over already: it hides nothing.")
        row.refresh_from_db()
        return Response(SilenceOut(row).data)
