"""Repairs, below `/api/v1/repairs`; started at `POST /api/v1/sagas/{type}/{id}/repairs`."""

from http import HTTPStatus
from typing import Any

import django_filters as filters
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compensation import evidence, hindsight, refusals, repairs, wording
from compensation.models import ActionAttempt, Repair, RepairAction
from console import actors
from console.api import sagas
from console.api.batch_shapes import RequirementOut
from console.api.parsing import taken
from console.api.plans import IntentIn, PlanOut, RefusalOut
from console.api.refusals import Refusal
from console.api.saga_events import EventOut
from console.api.sagas import SagaNameOut
from console.permissions import Act, signed_in
from console.seeing import Seeing
from sagas import standing


class RepairFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    state = filters.MultipleChoiceFilter(choices=Repair.State.choices, label="Any of these.")
    intent = filters.MultipleChoiceFilter(choices=Repair.Intent.choices, label="Any of these.")
    type = filters.CharFilter("saga__saga_type", label="Of sagas of this type.")
    id = filters.CharFilter("saga__saga_id", label="Of the saga of this id.")
    started_by = filters.CharFilter("started_by_name", label="Exactly this name.")


class RepairOut(serializers.Serializer[Repair]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="__str__")
    saga = SagaNameOut()
    batch = serializers.IntegerField(
        source="batch_id", allow_null=True, help_text="Which it is part of; null: it was started by itself."
    )
    intent = serializers.ChoiceField(Repair.Intent.choices)
    step = serializers.CharField(help_text="Empty: the whole saga.")
    reason = serializers.CharField()
    revision = serializers.IntegerField(help_text="Of the saga, as it was looked at.")
    plan_hash = serializers.CharField()
    state = serializers.ChoiceField(Repair.State.choices)
    started_by = serializers.CharField(source="started_by_name")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class AttemptOut(serializers.Serializer[ActionAttempt]):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Null: no answer was recorded.")
    seconds = serializers.SerializerMethodField(help_text="Until the answer; null: none was recorded.")
    status_code = serializers.IntegerField(allow_null=True)
    answer = serializers.CharField()
    error = serializers.CharField()
    is_question = serializers.BooleanField(help_text="It asked what had become of what was sent before.")

    def get_seconds(self, attempt: ActionAttempt) -> float | None:
        return (attempt.finished_at - attempt.started_at).total_seconds() if attempt.finished_at else None


class EventNameOut(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]  # fields are taken out of the class
    id = serializers.CharField()


class ActionOut(serializers.Serializer[RepairAction]):
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(RepairAction.Kind.choices)
    step = serializers.CharField()
    execution = serializers.CharField()
    participant = serializers.CharField(source="participant.name", allow_null=True, default=None)
    state = serializers.ChoiceField(RepairAction.State.choices)
    is_in_doubt = serializers.BooleanField(
        help_text="It was accepted and not confirmed in time, and the participant is asked."
    )
    request = serializers.DictField(help_text="What is sent, to the letter.")
    question = serializers.DictField(
        help_text="What is asked, once, where a 202 is not confirmed in time, with its key; empty: nothing."
    )
    idempotency_key = serializers.CharField()
    attempts = AttemptOut(many=True, source="tries")
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    confirm_by = serializers.DateTimeField(allow_null=True)
    result = serializers.DictField(
        help_text="What ended it. `by`: answer, event, question, person; saga: it was not sent, as the saga "
        "had moved on, and `detail` says how."
    )
    finished_at = serializers.DateTimeField(allow_null=True)
    confirmed_since = serializers.SerializerMethodField(
        help_text="Of what was refused, exhausted or cancelled: the event that says by now that it was done."
    )

    @extend_schema_field(EventNameOut(allow_null=True))
    def get_confirmed_since(self, action: RepairAction) -> dict[str, str] | None:
        if action.state not in hindsight.UNCONFIRMED:
            return None
        state, _ = standing.of(action.repair.saga, timezone.now())
        since = hindsight.confirmed_since(action, state)
        return evidence.name(since.moment) if since else None


class RepairDetailOut(RepairOut):
    plan = PlanOut()
    actions = ActionOut(many=True)


class StartIn(IntentIn):
    reason = serializers.CharField(max_length=wording.LONGEST, help_text="Kept in the audit log.")
    revision = serializers.IntegerField(help_text="Of the preview.")
    plan_hash = serializers.CharField(help_text="Of the preview.")
    evidence = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=wording.LONGEST,
        help_text="For record: a ticket, a receipt, who did it.",
    )


class CancelIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=wording.LONGEST, help_text="Kept in the audit log.")


LISTED = Repair.objects.select_related("saga").defer("saga__facts", "plan")
SHOWN = (
    Repair.objects.select_related("saga")
    .defer("saga__facts")
    .prefetch_related(
        Prefetch("actions", RepairAction.objects.order_by("position").select_related("participant")),
        Prefetch("actions__tries", ActionAttempt.objects.order_by("number")),
    )
)


class Repairs(ListAPIView[Repair]):
    """Repairs, the newest first."""

    queryset = LISTED
    serializer_class = RepairOut
    filterset_class = RepairFilters


class OneRepair(RetrieveAPIView[Repair]):
    """A repair with its actions, and every attempt with request and answer."""

    queryset = SHOWN
    serializer_class = RepairDetailOut
    filter_backends = ()

    def get_object(self) -> Repair:
        return Seeing().repair(super().get_object())


class SagaRepairs(ListAPIView[Repair]):
    """The repairs of a saga, the newest first."""

    acts = {"POST": Act.REPAIR}
    serializer_class = RepairOut

    def get_queryset(self) -> QuerySet[Repair]:
        if getattr(self, "swagger_fake_view", False):
            return Repair.objects.none()
        return LISTED.filter(saga=sagas.find(self.kwargs["saga_type"], self.kwargs["saga_id"]))

    @extend_schema(request=StartIn, responses={201: RepairDetailOut})
    def post(self, request: Request, saga_type: str, saga_id: str) -> Response:
        """Start a repair as it was previewed. 409: it has changed, is in repair, or others must agree."""
        saga, given = sagas.find(saga_type, saga_id), taken(StartIn, request)
        try:
            repair = repairs.start(saga, by=actors.of(request), user=signed_in(request), **given)
        except refusals.RepairError as error:
            raise _refusal(error, saga_type) from None
        where = {"Location": reverse("api:repair", args=[repair.pk])}
        body = RepairDetailOut(Seeing().repair(SHOWN.get(pk=repair.pk))).data
        return Response(body, status=HTTPStatus.CREATED, headers=where)


class CancelRepair(APIView):
    acts = {"POST": Act.REPAIR}

    @extend_schema(request=CancelIn, responses=RepairDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a repair: nothing more is sent. A request that is on its way is heard out."""
        repair, given = get_object_or_404(Repair, pk=pk), taken(CancelIn, request)
        try:
            repairs.cancel(repair, actors.of(request), given["reason"])
        except refusals.RepairError as error:
            raise _refusal(error, repair.saga.saga_type) from None
        return Response(RepairDetailOut(Seeing().repair(SHOWN.get(pk=repair.pk))).data)


def _refusal(error: refusals.RepairError, saga_type: str) -> Refusal | ValidationError:
    """As a problem, with what a program needs to go on."""
    detail, seeing = str(error), Seeing()
    match error:
        case refusals.ReasonMissingError():
            return ValidationError({error.field: [detail]})
        case refusals.AlreadyRunningError():
            more: dict[str, Any] = {"repair": error.repair_pk, "by": error.by}
            return Refusal(HTTPStatus.CONFLICT, "already_running", detail, **more)
        case refusals.ChangedError():
            events = seeing.events(saga_type, error.events)
            more = {
                "revision": error.now,
                "plan_hash": error.plan.hash,
                "plan": PlanOut(seeing.plan(saga_type, error.plan)).data,
                "events": EventOut(events, many=True).data,  # type: ignore[arg-type]  # many
            }
            return Refusal(HTTPStatus.CONFLICT, "changed", detail, **more)
        case refusals.AgreementMissingError():
            who = RequirementOut(error.requirement).data
            return Refusal(HTTPStatus.CONFLICT, "agreement_missing", detail, requirement=who)
        case refusals.RefusedError():
            refused = seeing.plan(saga_type, error.plan).refusals
            detail = " ".join(refusal.why for refusal in refused)
            why = RefusalOut(refused, many=True).data  # type: ignore[arg-type]  # many
            return Refusal(HTTPStatus.CONFLICT, "refused", detail, refusals=why)
        case _:
            return Refusal(HTTPStatus.CONFLICT, "not_running", detail)
