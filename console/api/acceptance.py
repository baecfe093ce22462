"""Accepting: `POST …/findings/{pk}/accept` and `…/withdraw` of a saga, `POST …/problems/{id}/accept`."""

from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors, search
from console.api import findings, sagas
from console.api.findings import FindingOut
from console.api.parsing import taken
from console.api.refusals import Refusal
from console.permissions import Act
from sagas import acceptance
from sagas.acceptance import Accepted
from sagas.models import Finding, Problem

REASON = "Shown beside the finding, and kept in the audit log."


class AcceptIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=acceptance.LONGEST, help_text=REASON)
    digest = serializers.CharField(max_length=64, help_text="Of the finding, as it was looked at.")


class WithdrawIn(serializers.Serializer[Any]):
    reason = serializers.CharField(
        default="", allow_blank=True, max_length=acceptance.LONGEST, help_text=REASON
    )


class AcceptAllIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=acceptance.LONGEST, help_text=REASON)
    count = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, help_text="How many are meant: the problem's open_count."
    )
    digest = serializers.CharField(max_length=64, help_text="Of the problem, as it was looked at.")


class AcceptedOut(serializers.Serializer[Accepted]):
    accepted = serializers.IntegerField()
    left = serializers.IntegerField(help_text="Which turned meanwhile, or were too many for one act.")


class AcceptFinding(APIView):
    acts = {"POST": Act.ACCEPT}

    @extend_schema(request=AcceptIn, responses=FindingOut)
    def post(self, request: Request, saga_type: str, saga_id: str, pk: int) -> Response:
        """Accept a finding: it stays visible, and counts no more until its evidence changes. 409: it has."""
        finding, given = _find(saga_type, saga_id, pk), taken(AcceptIn, request)
        try:
            accepted = acceptance.accept(finding, actors.of(request), given["reason"], given["digest"])
        except acceptance.AcceptanceError as error:
            raise _refusal(error) from None
        return Response(findings.shown([accepted])[0])


class WithdrawAcceptance(APIView):
    acts = {"POST": Act.ACCEPT}

    @extend_schema(request=WithdrawIn, responses=FindingOut)
    def post(self, request: Request, saga_type: str, saga_id: str, pk: int) -> Response:
        """Take an acceptance back: the finding counts again. 409: it is accepted no more."""
        finding, given = _find(saga_type, saga_id, pk), taken(WithdrawIn, request)
        try:
            withdrawn = acceptance.withdraw(finding, actors.of(request), given["reason"])
        except acceptance.AcceptanceError as error:
            raise _refusal(error) from None
        return Response(findings.shown([withdrawn])[0])


class AcceptProblem(APIView):
    acts = {"POST": Act.ACCEPT}

    @extend_schema(request=AcceptAllIn, responses=AcceptedOut)
    def post(self, request: Request, pk: int) -> Response:
        """Accept all open findings of a problem, for one reason. 409: they are not what was looked at."""
        problem, given = get_object_or_404(Problem, pk=pk), taken(AcceptAllIn, request)
        try:
            accepted = acceptance.accept_all(
                problem, actors.of(request), given["reason"], given["count"], given["digest"]
            )
        except acceptance.AcceptanceError as error:
            raise _refusal(error) from None
        return Response(AcceptedOut(accepted).data)


def _find(saga_type: str, saga_id: str, pk: int) -> Finding:
    """Raises Http404."""
    found = sagas.find(saga_type, saga_id).findings.all()
    return get_object_or_404(found, pk=min(pk, search.LARGEST_KEY))


def _refusal(error: acceptance.AcceptanceError) -> Refusal | ValidationError:
    """As a problem, with what a program needs to go on."""
    detail = str(error)
    match error:
        case acceptance.ReasonMissingError():
            return ValidationError({"reason": [detail]})
        case acceptance.CountError():
            return Refusal(HTTPStatus.CONFLICT, "changed", detail, open_count=error.now)
        case acceptance.ChangedError():
            return Refusal(HTTPStatus.CONFLICT, "changed", detail)
        case acceptance.NotWaitingError():
            return Refusal(HTTPStatus.CONFLICT, "not_open", detail, by=error.by)
        case _:
            return Refusal(HTTPStatus.CONFLICT, "not_accepted", detail)
