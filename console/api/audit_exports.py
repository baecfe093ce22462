"""The audit log as a file, below `/api/v1/audit/exports`."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors, exports
from console.api import rendering
from console.api.parsing import taken
from console.api.refusals import Refusal
from console.audit_search import Search
from console.exports import FinishedError, NoFileError, TooManyError
from console.models import AuditExport
from console.permissions import Act

LONGEST = 750


class MomentIn(serializers.DateTimeField):
    """In UTC, and not so late that nothing could be later."""

    def to_internal_value(self, value: Any) -> datetime:
        given = super().to_internal_value(value)
        try:
            moment = given.astimezone(UTC)
        except OverflowError:
            moment = datetime.max.replace(tzinfo=UTC)
        if moment.year >= datetime.max.year:
            raise serializers.ValidationError("There is no such time in the log.")
        return moment


class File(rendering.Json):
    """Whatever is accepted gets the file; what is no file is a problem, and stays JSON."""

    media_type = "*/*"


class ExportIn(serializers.Serializer[Any]):
    format = serializers.ChoiceField(AuditExport.Format.choices)
    actor = serializers.CharField(required=False, max_length=LONGEST, help_text="Exactly this name.")
    action = serializers.CharField(required=False, max_length=LONGEST, help_text="Exactly this action.")
    object_kind = serializers.CharField(required=False, max_length=LONGEST)
    object_id = serializers.CharField(required=False, max_length=LONGEST, help_text="Exactly this.")
    type = serializers.CharField(required=False, max_length=LONGEST, help_text="Of the saga.")
    id = serializers.CharField(required=False, max_length=LONGEST, help_text="Of the saga.")
    after = MomentIn(required=False, help_text="UTC where no zone is given.")
    before = MomentIn(required=False, help_text="UTC where no zone is given.")
    reason = serializers.CharField(required=False, max_length=LONGEST, help_text="With all these words.")


class ExportOut(serializers.Serializer[AuditExport]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="__str__")
    format = serializers.ChoiceField(AuditExport.Format.choices)
    state = serializers.ChoiceField(AuditExport.State.choices)
    search = serializers.JSONField(help_text="What it is narrowed by; empty: everything.")
    until = serializers.IntegerField(help_text="The newest entry when it was asked for.")
    written = serializers.IntegerField(help_text="Entries in the file so far, the oldest first.")
    of = serializers.IntegerField(allow_null=True, help_text="Entries in all; null: not yet counted.")
    bytes = serializers.IntegerField(source="size")
    sha256 = serializers.CharField(source="digest", help_text="Of the file, in hex; empty until it is whole.")
    failure = serializers.CharField(help_text="Why there is no file; empty: nothing went wrong.")
    asked_by = serializers.CharField(source="actor")
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class Exports(ListAPIView[AuditExport]):
    """Exports of the audit log, the newest first; kept for a day."""

    acts = {"GET": Act.AUDIT, "HEAD": Act.AUDIT, "POST": Act.AUDIT}
    queryset = AuditExport.objects.all()
    serializer_class = ExportOut

    @extend_schema(request=ExportIn, responses={202: ExportOut})
    def post(self, request: Request) -> Response:
        """Write what matches into a file. 202: that goes on in the background; look again at Location."""
        try:
            given = taken(ExportIn, request)
            export = exports.ask(_search(given), given["format"], actors.of(request))
        except TooManyError as error:
            raise Refusal(HTTPStatus.CONFLICT, "too_many", str(error)) from None
        where = {"Location": reverse("api:audit_export", args=[export.pk])}
        return Response(ExportOut(export).data, status=HTTPStatus.ACCEPTED, headers=where)


class OneExport(APIView):
    acts = {"GET": Act.AUDIT, "HEAD": Act.AUDIT}

    @extend_schema(responses=ExportOut)
    def get(self, request: Request, pk: int) -> Response:
        """An export, and how far it is."""
        return Response(ExportOut(get_object_or_404(AuditExport, pk=pk)).data)


class CancelExport(APIView):
    acts = {"POST": Act.AUDIT}

    @extend_schema(request=None, responses=ExportOut)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel an export."""
        export = get_object_or_404(AuditExport, pk=pk)
        try:
            exports.cancel(export, actors.of(request))
        except FinishedError as error:
            raise Refusal(HTTPStatus.CONFLICT, "not_running", str(error)) from None
        export.refresh_from_db()
        return Response(ExportOut(export).data)


class ExportFile(APIView):
    acts = {"GET": Act.AUDIT, "HEAD": Act.AUDIT}
    renderer_classes = (File,)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.BINARY, (200, "application/jsonl"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The file, as text/csv or application/jsonl. 409: it is not whole, or on another machine."""
        try:
            return exports.answer(get_object_or_404(AuditExport, pk=pk))
        except NoFileError as error:
            raise Refusal(HTTPStatus.CONFLICT, "no_file", str(error)) from None


def _search(given: dict[str, Any]) -> Search:
    after: datetime | None = given.get("after")
    return Search(
        actor=given.get("actor", ""),
        action=given.get("action", ""),
        object_kind=given.get("object_kind", ""),
        object_id=given.get("object_id", ""),
        saga_type=given.get("type", ""),
        saga_id=given.get("id", ""),
        reason=given.get("reason", ""),
        # The search takes that very moment, too; the database knows nothing finer.
        since=after + timedelta(microseconds=1) if after else None,
        until=given.get("before"),
    )
