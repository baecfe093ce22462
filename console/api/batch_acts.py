"""What is decided about a batch: `POST /api/v1/batches/{id}/ask`, `agree`, `deny`, `start`, `pause` …"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compensation import wording
from compensation.batches import agreeing, deciding, demands, refusals
from compensation.models import Batch
from compensation.refusals import ReasonMissingError, RepairError
from console import actors
from console.api.batch_shapes import BatchDetailOut
from console.api.parsing import taken
from console.api.refusals import Refusal
from console.permissions import Act, signed_in
from console.seeing import Seeing

KEPT = "Kept in the audit log."
LARGEST_COUNT = 2**31 - 1


def _hash() -> serializers.CharField:
    return serializers.CharField(max_length=64, help_text="Of the plan that was looked at.")


def _count() -> serializers.IntegerField:
    """What a person would have typed."""
    return serializers.IntegerField(
        source="typed",
        default=None,
        allow_null=True,
        min_value=0,
        max_value=LARGEST_COUNT,
        help_text=f"How many sagas are meant: summary.sagas. Needed from {deciding.TYPED_FROM} on.",
    )


class DecideIn(serializers.Serializer[Any]):
    plan_hash = _hash()
    sagas = _count()


class AgreeIn(serializers.Serializer[Any]):
    plan_hash = _hash()
    sagas = _count()
    note = serializers.CharField(default="", allow_blank=True, max_length=wording.LONGEST, help_text=KEPT)


class DenyIn(serializers.Serializer[Any]):
    plan_hash = _hash()
    reason = serializers.CharField(source="note", max_length=wording.LONGEST, help_text=KEPT)


class BreakGlassIn(serializers.Serializer[Any]):
    plan_hash = _hash()
    sagas = _count()
    reason = serializers.CharField(max_length=wording.LONGEST, help_text="Stays in sight for good.")


class StopIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=wording.LONGEST, help_text=KEPT)


class PauseIn(serializers.Serializer[Any]):
    reason = serializers.CharField(default="", allow_blank=True, max_length=wording.LONGEST, help_text=KEPT)


class Ask(APIView):
    acts = {"POST": Act.REPAIR}

    @extend_schema(request=DecideIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Ask those who must agree by the policy. 409: nobody must, or it is not planned."""
        return _decided(request, pk, DecideIn, agreeing.ask)


class Agree(APIView):
    """Who may is said by the batch's own requirement, which may name any group."""

    acts = {"POST": Act.VIEW}

    @extend_schema(request=AgreeIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Agree to exactly this plan. 403: your agreement does not count; detail says whose does."""
        return _decided(request, pk, AgreeIn, agreeing.agree, user=signed_in(request))


class Deny(APIView):
    """As with agreeing."""

    acts = {"POST": Act.VIEW}

    @extend_schema(request=DenyIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Say no, and why: it goes back to whoever planned it. 403: you are not asked."""
        return _decided(request, pk, DenyIn, agreeing.deny, user=signed_in(request))


class BreakGlass(APIView):
    acts = {"POST": Act.BREAK_GLASS}

    @extend_schema(request=BreakGlassIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Start it although others should agree first; this stays in sight for good."""
        return _decided(request, pk, BreakGlassIn, agreeing.break_glass, user=signed_in(request))


class Start(APIView):
    acts = {"POST": Act.REPAIR}

    @extend_schema(request=DecideIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Start it as it was planned. 409: others must agree first, or it is not what was looked at."""
        return _decided(request, pk, DecideIn, deciding.start, user=signed_in(request))


class Pause(APIView):
    acts = {"POST": Act.REPAIR}

    @extend_schema(request=PauseIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Send nothing more until it is resumed. A request that is on its way is heard out."""
        return _decided(request, pk, PauseIn, deciding.pause)


class Resume(APIView):
    acts = {"POST": Act.REPAIR}

    @extend_schema(request=PauseIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Go on after a pause, or past the canary. What has failed so far does not stop it again."""
        return _decided(request, pk, PauseIn, deciding.resume)


class Cancel(APIView):
    acts = {"POST": Act.REPAIR}

    @extend_schema(request=StopIn, responses=BatchDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel it for good: nothing more is sent. A request that is on its way is heard out."""
        return _decided(request, pk, StopIn, deciding.cancel)


def shown(batch: Batch, user: User) -> Any:
    """The batch as it is now, as JSON values."""
    now = Seeing().batch(Batch.objects.get(pk=batch.pk))
    return BatchDetailOut(now, context={"user": user}).data


def refusal(error: RepairError) -> Refusal | ValidationError:
    """As a problem, with what a program needs to go on."""
    detail = str(error)
    match error:
        case ReasonMissingError():
            return ValidationError({error.field: [detail]})
        case refusals.CountMissingError():
            return ValidationError({"sagas": [detail]})
        case refusals.MayNotAgreeError():
            return Refusal(HTTPStatus.FORBIDDEN, "may_not_agree", detail)
        case refusals.OtherPlanError():
            return Refusal(HTTPStatus.CONFLICT, "changed", detail, plan_hash=error.batch.plan_hash)
        case refusals.NotAgreedError():
            missing = demands.missing(error.batch)
            return Refusal(HTTPStatus.CONFLICT, "not_agreed", detail, missing=missing)
        case refusals.NotSoError():
            return Refusal(HTTPStatus.CONFLICT, "not_so", detail, state=error.batch.state)
        case _:
            return Refusal(HTTPStatus.CONFLICT, CODES[type(error)], detail)


CODES: dict[type[RepairError], str] = {
    refusals.NothingChosenError: "nothing_chosen",
    refusals.TooManyError: "too_many",
    refusals.NotAskedError: "not_asked",
    refusals.ExpiredError: "expired",
}


def _decided(
    request: Request,
    pk: int,
    shape: type[serializers.Serializer[Any]],
    decide: Callable[..., Batch],
    **more: Any,
) -> Response:
    """Decide what the body says, and show what has become of the batch."""
    batch, given = get_object_or_404(Batch, pk=pk), taken(shape, request)
    try:
        decide(batch, by=actors.of(request), **given, **more)
    except RepairError as error:
        raise refusal(error) from None
    return Response(shown(batch, signed_in(request)))
