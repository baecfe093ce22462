"""Definitions: `GET, POST /api/v1/definitions`, `GET …/seen` (writes one), `GET …/{type}/{version}`."""

from http import HTTPStatus
from typing import Any

import django_filters as filters
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors
from console.api import rendering
from console.api.foreign_types import ForeignTypeOut
from console.api.parsing import Yaml
from console.api.refusals import BadParameterError, Refusal
from console.permissions import Act
from sagas import definitions, describing, foreign_types, ingest
from sagas.definitions import DefinitionError
from sagas.models import Adoption, Definition

# What complaints of a body are said to be about, in place of a file's name.
BODY = "body"


class DefinitionFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    type = filters.CharFilter("saga_type", label="Exactly this saga type.")


class DefinitionOut(serializers.Serializer[Definition]):
    type = serializers.CharField(source="saga_type")
    version = serializers.CharField()
    title = serializers.CharField(source="body.title")
    owner = serializers.CharField(source="body.owner")
    runbook = serializers.CharField(source="body.runbook")
    digest = serializers.CharField(help_text="SHA-256 of the YAML, in hex.")
    loaded_at = serializers.DateTimeField()
    loaded_by = serializers.CharField()


class AdoptionOut(serializers.Serializer[Adoption]):
    state = serializers.ChoiceField(Adoption.State.choices)
    total = serializers.IntegerField(help_text="Sagas to look at: those that may have waited for it.")
    looked_at = serializers.IntegerField()
    adopted = serializers.IntegerField(help_text="Of them read anew, as their definition changed.")
    failed = serializers.IntegerField(help_text="Of them left as they were; the worker's log says why.")
    finished_at = serializers.DateTimeField(allow_null=True)


class DefinitionDetailOut(DefinitionOut):
    definition = serializers.DictField(source="body", help_text="As it is understood; durations in seconds.")
    yaml = serializers.CharField(source="source", help_text="As it was loaded, to the letter.")
    adoption = AdoptionOut(help_text="How far it has come to the sagas that were there before it.")
    waiting = serializers.SerializerMethodField(
        help_text="Types of events in quarantine that its mappings are about: they can be replayed now."
    )

    @extend_schema_field(ForeignTypeOut(many=True))
    def get_waiting(self, row: Definition) -> Any:
        found = foreign_types.waiting_for(row)
        return ForeignTypeOut(found.types, many=True).data  # type: ignore[arg-type]  # many


class Definitions(ListAPIView[Definition]):
    """Definitions, the newest first."""

    acts = {"POST": Act.MANAGE}
    parser_classes = (Yaml,)
    queryset = Definition.objects.defer("source")
    serializer_class = DefinitionOut
    filterset_class = DefinitionFilters

    @extend_schema(
        request={"application/yaml": OpenApiTypes.STR},
        responses={200: DefinitionDetailOut, 201: DefinitionDetailOut},
    )
    def post(self, request: Request) -> Response:
        """Load a definition. 201 when it is new, 200 when this very text was loaded before.

        Sagas that waited for it have it when `adoption` is done, which with many of them is later.
        """
        try:
            loaded = definitions.load(str(request.data), BODY, actors.of(request))
        except DefinitionError as error:
            raise refusal(error) from None
        ingest.adopt(loaded.row)
        status = HTTPStatus.CREATED if loaded.is_new else HTTPStatus.OK
        return Response(DefinitionDetailOut(loaded.row).data, status=status)


class SeenDefinition(APIView):
    renderer_classes = (rendering.Yaml,)

    @extend_schema(
        parameters=[OpenApiParameter("type", required=True, description="Of which saga type.")],
        responses={(200, rendering.Yaml.media_type): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> Response:
        """A definition written from what was seen of a saga type. It loads as it is; read its comments."""
        saga_type = request.query_params.get("type", "").replace("\0", "")
        if not saga_type:
            raise BadParameterError("type", "Must name a saga type.")
        written = describing.describe(saga_type)
        if written is None:
            raise NotFound("No saga of this type has been heard of.")
        return Response(written.text)


def refusal(error: DefinitionError, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Refusal:
    """Every complaint with its line and column."""
    errors = [
        {"line": each.place.line, "column": each.place.column, "detail": each.message}
        for each in error.complaints
    ]
    return Refusal(status, "invalid_definition", str(error), errors=errors)


class OneDefinition(APIView):
    @extend_schema(responses=DefinitionDetailOut)
    def get(self, request: Request, saga_type: str, version: str) -> Response:
        """A definition, as it was loaded and as it is understood."""
        row = get_object_or_404(
            Definition.objects.select_related("adoption"), saga_type=saga_type, version=version
        )
        return Response(DefinitionDetailOut(row).data)
