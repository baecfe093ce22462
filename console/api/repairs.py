"""Repairs: `GET /api/v1/repairs`, `…/repairs/{id}`."""

import django_filters as filters
from django.db.models import Prefetch
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView

from compensation.models import ActionAttempt, Repair, RepairAction


class RepairFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    state = filters.MultipleChoiceFilter(choices=Repair.State.choices, label="Any of these.")
    intent = filters.MultipleChoiceFilter(choices=Repair.Intent.choices, label="Any of these.")
    type = filters.CharFilter("saga__saga_type", label="Of sagas of this type.")
    id = filters.CharFilter("saga__saga_id", label="Of the saga of this id.")
    started_by = filters.CharFilter("started_by_name", label="Exactly this name.")


class SagaNameOut(serializers.Serializer[Repair]):
    type = serializers.CharField(source="saga_type")
    id = serializers.CharField(source="saga_id")


class RepairOut(serializers.Serializer[Repair]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="__str__")
    saga = SagaNameOut()
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
    status_code = serializers.IntegerField(allow_null=True)
    answer = serializers.CharField()
    error = serializers.CharField()


class ActionOut(serializers.Serializer[RepairAction]):
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(RepairAction.Kind.choices)
    step = serializers.CharField()
    execution = serializers.CharField()
    participant = serializers.CharField(source="participant.name", allow_null=True, default=None)
    state = serializers.ChoiceField(RepairAction.State.choices)
    request = serializers.JSONField(allow_null=True, help_text="What is sent, to the letter.")
    idempotency_key = serializers.CharField()
    attempts = AttemptOut(many=True, source="tries")
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    confirm_by = serializers.DateTimeField(allow_null=True)
    result = serializers.DictField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RepairDetailOut(RepairOut):
    plan = serializers.DictField()
    actions = ActionOut(many=True)


class Repairs(ListAPIView[Repair]):
    """The newest first."""

    queryset = Repair.objects.select_related("saga").defer("saga__facts", "plan")
    serializer_class = RepairOut
    filterset_class = RepairFilters


class OneRepair(RetrieveAPIView[Repair]):
    """A repair with its actions, and every attempt with request and answer."""

    queryset = (
        Repair.objects.select_related("saga")
        .defer("saga__facts")
        .prefetch_related(
            Prefetch("actions", RepairAction.objects.order_by("position").select_related("participant")),
            Prefetch("actions__tries", ActionAttempt.objects.order_by("number")),
        )
    )
    serializer_class = RepairDetailOut
    filter_backends = ()
