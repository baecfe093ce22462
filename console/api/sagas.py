"""Sagas: `GET /api/v1/sagas`, `…/sagas/{type}/{id}`."""

from typing import Any

import django_filters as filters
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet, prefetch_related_objects
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import search
from console.api import findings
from console.api.filters import MomentFilter
from console.api.findings import FindingOut, StakeOut
from console.api.refusals import BadParameterError
from console.seeing import Seeing, searchable
from sagas import facts, learning, links, standing
from sagas.facts import Moment
from sagas.fold import Step
from sagas.learning.normal import NOTHING, Norm, StepNorms
from sagas.models import Finding, Saga, SagaKey
from sagas.models.finding import WAITING
from sagas.vocabulary import Condition, Status, StepKind, StepState

# A saga that falls ill again and again shows its newest findings; the open ones are always among them.
MOST_FINDINGS = 200


class SagaFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    type = filters.CharFilter("saga_type", label="Exactly this saga type.")
    status = filters.MultipleChoiceFilter(choices=[(s, s) for s in Status], label="Any of these.")
    condition = filters.MultipleChoiceFilter(choices=[(c, c) for c in Condition], label="Any of these.")
    started_after = MomentFilter("started_at", "gt", label="UTC where no zone is given.")
    started_before = MomentFilter("started_at", "lt", label="UTC where no zone is given.")
    key = filters.CharFilter(
        method="by_key", label="A business key, as name:value. Given several times, all must fit."
    )
    q = filters.CharFilter(method="by_text", label="How an id, a business key or a shown value begins.")
    problem = extend_schema_field(OpenApiTypes.INT)(
        filters.CharFilter(
            method="by_problem", label="With an open finding of this problem that nobody has accepted."
        )
    )

    left_by = extend_schema_field(OpenApiTypes.INT)(
        filters.CharFilter(
            method="by_batch",
            label="Of the batch of this id, those that it has not put right and does nothing about any more: "
            "dropped out, cancelled, or stopped for a person.",
        )
    )

    def by_key(self, found: QuerySet[Saga], name: str, value: str) -> QuerySet[Saga]:
        hidden = searchable(self.request)
        for each in self.data.getlist(name):
            key, _, wanted = each.partition(":")
            if not (key and wanted) or "\0" in each:
                raise BadParameterError(name, "Must be a key's name and its value, as name:value.")
            keys = SagaKey.objects.filter(saga=OuterRef("pk"), name=key, value=wanted, links=True)
            found = found.filter(Exists(keys if hidden is None else keys.exclude(hidden)))
        return found

    def by_text(self, found: QuerySet[Saga], name: str, value: str) -> QuerySet[Saga]:
        return found.filter(search.matching(value, searchable(self.request)))

    def by_problem(self, found: QuerySet[Saga], name: str, value: str) -> QuerySet[Saga]:
        problem = _key(name, value, "Must be a problem's id.")
        return found.filter(pk__in=Finding.objects.filter(WAITING, problem=problem).values("saga"))

    def by_batch(self, found: QuerySet[Saga], name: str, value: str) -> QuerySet[Saga]:
        return found.filter(search.left_behind(_key(name, value, "Must be a batch's id, without B-.")))


def _key(name: str, value: str, wrong: str) -> int:
    key = search.key_of(value)
    if key is None:
        raise BadParameterError(name, wrong)
    return key


class SagaNameOut(serializers.Serializer[Saga]):
    """Type and id together name a saga."""

    type = serializers.CharField(source="saga_type")
    id = serializers.CharField(source="saga_id")


class SagaOut(serializers.Serializer[Saga]):
    """A saga as its row tells."""

    type = serializers.CharField(source="saga_type")
    id = serializers.CharField(source="saga_id")
    version = serializers.CharField(source="definition.version", allow_null=True, default=None)
    status = serializers.ChoiceField([(s, s) for s in Status])
    condition = serializers.ChoiceField([(c, c) for c in Condition])
    open_effects = serializers.ListField(child=serializers.CharField())
    unknown_effects = serializers.ListField(child=serializers.CharField())
    waiting_on = serializers.CharField(help_text="The step that runs or comes next; empty once it has ended.")
    revision = serializers.IntegerField(help_text="Grows with each event; repairs are pinned to it.")
    events = serializers.IntegerField(source="revision", help_text="Distinct events.")
    redeliveries = serializers.IntegerField(help_text="Arrivals of events that were there already.")
    keys = serializers.SerializerMethodField(help_text="Business keys: name to value.")
    display = serializers.DictField(child=serializers.CharField())
    started_at = serializers.DateTimeField(allow_null=True)
    last_event_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(help_text="Its page, for people.")

    def get_keys(self, saga: Saga) -> dict[str, str]:
        keys: list[SagaKey] = saga.links  # type: ignore[attr-defined]  # prefetched
        return {key.name: key.value for key in keys}

    def get_url(self, saga: Saga) -> str:
        return links.saga(saga.saga_type, saga.saga_id)


class StampField(serializers.DateTimeField):
    """A time of the fold: a moment, or microseconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_null=True, default=None, **options)

    def to_representation(self, value: Moment | int) -> str:  # type: ignore[override]
        microseconds = value.stamp.time if isinstance(value, Moment) else value
        return str(super().to_representation(facts.moment(microseconds)))


class NormalOut(serializers.Serializer[Norm]):
    """What is normal for a step of this saga type and version, by its completed executions. Seconds."""

    samples = serializers.IntegerField()
    p50 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()
    limit = serializers.FloatField(help_text="The learned deadline; it holds where none is declared.")


class StepOut(serializers.Serializer[Step]):
    """Where a step stands; the times are those of the execution that speaks for it.

    The context's `norms` tell by step what is normal.
    """

    name = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField([(k, k) for k in StepKind], allow_null=True)
    participant = serializers.CharField()
    state = serializers.ChoiceField([(s, s) for s in StepState])
    attempts = serializers.IntegerField()
    executions = serializers.SerializerMethodField()
    started_at = StampField(source="run.started")
    finished_at = serializers.SerializerMethodField()
    deadline_at = StampField(source="run.deadline")
    compensation_started_at = StampField(source="run.undo_started")
    compensated_at = StampField(source="run.undone")
    compensation_deadline_at = StampField(source="run.undo_deadline")
    last_error = serializers.CharField(source="run.error", default="")
    normal = serializers.SerializerMethodField(help_text="Null where too little is known.")
    compensation_normal = serializers.SerializerMethodField(help_text="Likewise.")

    @extend_schema_field(NormalOut(allow_null=True))
    def get_normal(self, step: Step) -> Any:
        norm = self._norms(step).forward
        return NormalOut(norm).data if norm else None

    @extend_schema_field(NormalOut(allow_null=True))
    def get_compensation_normal(self, step: Step) -> Any:
        norm = self._norms(step).back
        return NormalOut(norm).data if norm else None

    def _norms(self, step: Step) -> StepNorms:
        norms: dict[str, StepNorms] = self.context["norms"]
        return norms.get(step.name, NOTHING)

    def get_executions(self, step: Step) -> int:
        return len(step.runs)

    @extend_schema_field(StampField())
    def get_finished_at(self, step: Step) -> str | None:
        end = step.run and (step.run.completed or step.run.failed)
        return StampField().to_representation(end) if end else None


class SagaDetailOut(SagaOut):
    """A saga as it stands now; the context's `standing` is what was derived for it."""

    title = serializers.SerializerMethodField(help_text="Of its type.")
    deadline_at = serializers.SerializerMethodField(help_text="When all of it should have ended.")
    stake = serializers.SerializerMethodField(help_text="What it puts at stake; null: nobody knows.")
    findings = serializers.SerializerMethodField()
    steps = serializers.SerializerMethodField()

    def get_title(self, saga: Saga) -> str:
        definition = self.context["standing"].definition
        return definition.title if definition else saga.saga_type

    @extend_schema_field(StampField())
    def get_deadline_at(self, saga: Saga) -> str | None:
        deadline = self.context["standing"].state.deadline
        return StampField().to_representation(deadline) if deadline else None

    @extend_schema_field(StakeOut(allow_null=True))
    def get_stake(self, saga: Saga) -> Any:
        stake = self.context["standing"].state.stake
        return StakeOut(stake).data if stake else None

    @extend_schema_field(FindingOut(many=True))
    def get_findings(self, saga: Saga) -> Any:
        newest = saga.findings.order_by(
            F("closed_at").desc(nulls_first=True), F("accepted_at").desc(nulls_first=True), "-pk"
        )
        return findings.shown(newest[:MOST_FINDINGS])

    @extend_schema_field(StepOut(many=True))
    def get_steps(self, saga: Saga) -> Any:
        state, definition = self.context["standing"]
        names = [step.name for step in state.steps]
        norms = learning.norms(saga.saga_type, definition.version if definition else "", names)
        return StepOut(state.steps, many=True, context={"norms": norms}).data


LINKS = Prefetch("keys", SagaKey.objects.filter(links=True).order_by("pk"), to_attr="links")


class Sagas(ListAPIView[Saga]):
    """Sagas, the newest first."""

    queryset = (
        Saga.objects.select_related("definition")
        .defer("facts", "definition__source", "definition__body")
        .prefetch_related(LINKS)
    )
    serializer_class = SagaOut
    filterset_class = SagaFilters

    def paginate_queryset(self, queryset: Any) -> Any:
        return Seeing().sagas(super().paginate_queryset(queryset) or [])


class OneSaga(APIView):
    @extend_schema(responses=SagaDetailOut)
    def get(self, request: Request, saga_type: str, saga_id: str) -> Response:
        """A saga as it stands now, with its steps and findings."""
        saga, seeing = find(saga_type, saga_id), Seeing()
        found = standing.of(saga, timezone.now())
        found = found._replace(state=seeing.state(saga, found.state))
        prefetch_related_objects([saga], LINKS)
        saga = seeing.saga(saga)
        # The row's own columns are as old as its last event or sweep.
        saga.status = found.state.status
        saga.open_effects, saga.unknown_effects = found.state.open_effects, found.state.unknown_effects
        saga.waiting_on = found.state.waiting_on
        return Response(SagaDetailOut(saga, context={"standing": found}).data)


def find(saga_type: str, saga_id: str) -> Saga:
    """Raises Http404."""
    sagas = Saga.objects.select_related("definition").defer("definition__source", "definition__body")
    return get_object_or_404(sagas, saga_type=saga_type, saga_id=saga_id)
