"""Case files: `POST …/case-file` below a saga, a repair or a batch. Making one is an act, and is audited."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from compensation.models import Batch, Repair
from console import casefiles
from console.api import sagas
from console.api.audit_exports import File
from console.api.parsing import taken
from console.permissions import Act

SHAPE: dict[str, Any] = {"responses": {(200, "application/zip"): OpenApiTypes.BINARY}}


class CaseFileIn(serializers.Serializer[Any]):
    unmask = serializers.BooleanField(
        default=False,
        help_text="true: with what is masked, which is written to the audit log; it takes the right to.",
    )


class SagaCaseFile(APIView):
    acts = {"POST": Act.AUDIT}
    renderer_classes = (File,)

    @extend_schema(request=CaseFileIn, **SHAPE)
    def post(self, request: Request, saga_type: str, saga_id: str) -> HttpResponse:
        """Make the case file of a saga: a ZIP that proves itself."""
        given = taken(CaseFileIn, request)
        return casefiles.of_saga(request, sagas.find(saga_type, saga_id), unmasked=given["unmask"])


class RepairCaseFile(APIView):
    acts = {"POST": Act.AUDIT}
    renderer_classes = (File,)

    @extend_schema(request=CaseFileIn, **SHAPE)
    def post(self, request: Request, pk: int) -> HttpResponse:
        """Make the case file of a repair and its saga: a ZIP that proves itself."""
        repair = get_object_or_404(Repair.objects.select_related("saga"), pk=pk)
        return casefiles.of_repair(request, repair, unmasked=taken(CaseFileIn, request)["unmask"])


class BatchCaseFile(APIView):
    acts = {"POST": Act.AUDIT}
    renderer_classes = (File,)

    @extend_schema(request=CaseFileIn, **SHAPE)
    def post(self, request: Request, pk: int) -> HttpResponse:
        """Make the case file of a repair of many sagas: a ZIP that proves itself."""
        batch = get_object_or_404(Batch, pk=pk)
        return casefiles.of_batch(request, batch, unmasked=taken(CaseFileIn, request)["unmask"])
