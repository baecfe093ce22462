"""Problems: `GET /api/v1/problems`, `…/problems/{id}`. Their sagas: `GET /api/v1/sagas?problem={id}`."""

from typing import Any

import django_filters as filters
from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView

from console import telling
from console.api.findings import StakeOut
from console.seeing import Seeing
from sagas import acceptance
from sagas.advice import ADVICE
from sagas.models import Alert, Delivery, Problem, ProblemStake
from sagas.models.channel import OCCASIONS
from sagas.vocabulary import Code, Condition, Severity

# Of a problem that comes and goes, the newest.
MOST_ALERTS = 100


class ProblemFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    open = filters.BooleanFilter(
        "closed_at", "isnull", label="true: open now; false: closed, or all of it accepted."
    )
    type = filters.CharFilter("saga_type", label="Exactly this saga type.")
    code = filters.MultipleChoiceFilter(choices=[(c, c) for c in Code], label="Any of these.")
    condition = filters.MultipleChoiceFilter(choices=[(c, c) for c in Condition], label="Any of these.")
    severity = filters.MultipleChoiceFilter(choices=[(s, s) for s in Severity], label="Any of these.")
    participant = filters.CharFilter("participant", label="Exactly this participant.")


class ProblemOut(serializers.Serializer[Problem]):
    """Findings that share saga type, step and code: what a person deals with."""

    id = serializers.IntegerField()
    type = serializers.CharField(
        source="saga_type", help_text="Empty where it is about a participant (source_silent)."
    )
    step = serializers.CharField(
        help_text="Empty where it is about whole sagas. Of source_silent the participant, empty: all."
    )
    code = serializers.ChoiceField([(c, c) for c in Code])
    condition = serializers.ChoiceField([(c, c) for c in Condition])
    severity = serializers.ChoiceField([(s, s) for s in Severity])
    title = serializers.CharField()
    explanation = serializers.CharField()
    participant = serializers.CharField()
    owner = serializers.CharField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    open_count = serializers.IntegerField(help_text="Sagas that have it now, and nobody has accepted it.")
    accepted_count = serializers.IntegerField(help_text="Sagas that have it now, and somebody has.")
    total_count = serializers.IntegerField(help_text="Sagas that ever had it.")
    stakes = serializers.SerializerMethodField(
        help_text="What the sagas of open_count put at stake, one sum a currency."
    )
    advice = serializers.SerializerMethodField(help_text="The safest next thing to do.")
    digest = serializers.SerializerMethodField(help_text="Of the counts; sent back to accept all of it.")

    @extend_schema_field(StakeOut(many=True))
    def get_stakes(self, problem: Problem) -> Any:
        known = [stake for stake in problem.stakes.all() if stake.amount]
        return StakeOut(known, many=True).data

    def get_advice(self, problem: Problem) -> str:
        return ADVICE[Code(problem.code)].sentence

    def get_digest(self, problem: Problem) -> str:
        return acceptance.of_problem(problem)


class DeliveryOut(serializers.Serializer[Delivery]):
    channel = serializers.CharField(source="channel.name")
    kind = serializers.CharField(source="channel.kind", help_text="`email`, `webhook`, …")
    target = serializers.CharField(help_text="Whom of the channel; empty where it leads to one place.")
    because = serializers.CharField(help_text="Why this channel heard of it.")
    state = serializers.ChoiceField(Delivery.State.choices)
    attempts = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)


class AlertOut(serializers.Serializer[Alert]):
    occasion = serializers.ChoiceField(OCCASIONS)
    created_at = serializers.DateTimeField()
    deliveries = DeliveryOut(many=True)


class ProblemDetailOut(ProblemOut):
    alerts = serializers.SerializerMethodField(help_text="Who was told and when, the newest first.")

    @extend_schema_field(AlertOut(many=True))
    def get_alerts(self, problem: Problem) -> Any:
        newest = telling.told([problem.pk])[problem.pk].alerts[:MOST_ALERTS]
        return AlertOut(newest, many=True).data  # type: ignore[arg-type]  # many


WITH_STAKES = Problem.objects.prefetch_related(Prefetch("stakes", ProblemStake.objects.order_by("currency")))


class Problems(ListAPIView[Problem]):
    """Problems, the newest first; those about the data have the severity `note`."""

    queryset = WITH_STAKES
    serializer_class = ProblemOut
    filterset_class = ProblemFilters

    def paginate_queryset(self, queryset: Any) -> Any:
        return Seeing().problems(super().paginate_queryset(queryset) or [])


class OneProblem(RetrieveAPIView[Problem]):
    """A problem, and who was told of it."""

    queryset = WITH_STAKES
    serializer_class = ProblemDetailOut
    filter_backends = ()

    def get_object(self) -> Problem:
        return Seeing().problem(super().get_object())
