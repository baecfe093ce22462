"""Saved views of the list of sagas: `GET, POST /api/v1/views`, `DELETE /api/v1/views/{id}`."""

from dataclasses import fields
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors, saved_views
from console.api.parsing import taken
from console.models import SavedView
from console.permissions import Act, signed_in
from console.saved_views import LONGEST_NAME, ViewError
from console.search import LONGEST, Asked
from console.seeing import Seeing

WORDS = tuple(field.name for field in fields(Asked))


class ViewOut(serializers.Serializer[SavedView]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    query = serializers.SerializerMethodField(help_text="Parameters of GET /api/v1/sagas.")
    is_shared = serializers.BooleanField(help_text="Whether everybody finds it.")
    owner = serializers.CharField(source="owner.username")
    created_at = serializers.DateTimeField()

    def get_query(self, view: SavedView) -> dict[str, str]:
        return view.asked.words


class ViewIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=LONGEST_NAME)
    query = serializers.DictField(
        child=serializers.CharField(max_length=LONGEST),
        help_text=f"Parameters of GET /api/v1/sagas, each once: {', '.join(WORDS)}.",
    )
    is_shared = serializers.BooleanField(default=False, help_text="Whether everybody finds it.")

    def validate_query(self, value: dict[str, str]) -> Asked:
        if unknown := sorted(set(value) - set(WORDS)):
            raise ValidationError(f"A view has no {unknown[0]}. Known: {', '.join(WORDS)}.")
        return Asked.read(value)


class Views(ListAPIView[SavedView]):
    """Views of the list of sagas: yours, and what others share, the newest first."""

    serializer_class = ViewOut
    acts = {"POST": Act.VIEW}

    def get_queryset(self) -> QuerySet[SavedView]:
        return saved_views.seen_by(signed_in(self.request), Seeing())

    @extend_schema(request=ViewIn, responses={201: ViewOut})
    def post(self, request: Request) -> Response:
        """Keep a view. 403: you may not share it."""
        given = taken(ViewIn, request)
        try:
            view = saved_views.save(
                signed_in(request),
                given["name"],
                given["query"],
                is_shared=given["is_shared"],
                by=actors.of(request),
            )
        except ViewError as error:
            raise ValidationError({error.field: [str(error)]}) from None
        return Response(ViewOut(view).data, status=HTTPStatus.CREATED)


class OneView(APIView):
    acts = {"DELETE": Act.VIEW}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Remove a view. Of others only an admin may, and only what they share."""
        try:
            saved_views.remove(signed_in(request), pk, actors.of(request))
        except SavedView.DoesNotExist:
            raise NotFound("You see no view of this id.") from None
        return Response(status=HTTPStatus.NO_CONTENT)
