"""Repairs of many sagas, below `/api/v1/batches`; what is decided about one of them is in `batch_acts`."""

from http import HTTPStatus
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compensation import wording
from compensation.batches import agreeing, deciding
from compensation.batches.deciding import Care, Chosen
from compensation.models import Batch, BatchSaga
from compensation.refusals import RepairError
from console import actors, choosing, search
from console.api.batch_acts import refusal, shown
from console.api.batch_shapes import INTENTS, BatchDetailOut, BatchOut, BatchSagaOut
from console.api.parsing import taken
from console.api.refusals import BadParameterError
from console.api.sagas import SagaFilters
from console.choosing import UnknownSagasError
from console.permissions import Act, signed_in
from console.seeing import Seeing
from sagas.models import Problem, Saga

USUAL = Care()
MOST_CANARY = 1000
# Values of one parameter of a filter.
MOST_VALUES = 20
LONGEST_VALUE = 500

WAYS = ("problem", "sagas", "filter")


class BatchFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    state = filters.MultipleChoiceFilter(choices=Batch.State.choices, label="Any of these.")
    mine = filters.BooleanFilter(method="by_me", label="true: that you planned; false: the others.")
    waiting_for_me = filters.BooleanFilter(
        method="by_wait", label="true: that your agreement is asked for; false: the others."
    )

    def by_me(self, found: QuerySet[Batch], name: str, value: bool) -> QuerySet[Batch]:
        mine = found.filter(planned_by=self.request.user)
        return mine if value else found.exclude(pk__in=mine.values("pk"))

    def by_wait(self, found: QuerySet[Batch], name: str, value: bool) -> QuerySet[Batch]:
        user = signed_in(self.request)
        waiting = [batch.pk for batch in agreeing.waiting_for(user)]
        return found.filter(pk__in=waiting) if value else found.exclude(pk__in=waiting)


class BatchSagaFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    state = filters.MultipleChoiceFilter(choices=BatchSaga.State.choices, label="Any of these.")
    code = filters.CharFilter("code", label="Exactly why it is left alone or was dropped.")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
class ValuesField(serializers.ListField):
    """One value, or several."""

    child = serializers.CharField(max_length=LONGEST_VALUE, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value([data] if isinstance(data, str) else data)


class SagaNameIn(serializers.Serializer[Any]):
    type = serializers.CharField(max_length=200, trim_whitespace=False)
    id = serializers.CharField(max_length=500, trim_whitespace=False)


class BatchIn(serializers.Serializer[Any]):
    """Exactly one of `problem`, `sagas` and `filter` says which sagas."""

    intent = serializers.ChoiceField(INTENTS)
    step = serializers.CharField(default="", allow_blank=True, help_text="Empty: the whole saga.")
    reason = serializers.CharField(max_length=wording.LONGEST, help_text="Kept in the audit log.")
    canary = serializers.IntegerField(
        default=USUAL.canary,
        min_value=0,
        max_value=MOST_CANARY,
        help_text="So many sagas go ahead of the others; 0: none do.",
    )
    holds = serializers.BooleanField(
        default=USUAL.holds, help_text="Whether a person looks at the canary before it goes on."
    )
    most_failures = serializers.FloatField(
        default=USUAL.most_failures,
        min_value=0,
        max_value=1,
        help_text="The share of failures past which it stops by itself.",
    )
    problem = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=search.LARGEST_KEY,
        help_text="A problem's id: the sagas of its open findings that nobody has accepted.",
    )
    sagas = serializers.ListField(
        child=SagaNameIn(), required=False, min_length=1, max_length=choosing.MOST_NAMED
    )
    filter = serializers.DictField(
        child=ValuesField(min_length=1, max_length=MOST_VALUES),
        required=False,
        help_text="Parameters of GET /api/v1/sagas; all sagas that match, oldest first.",
    )

    def validate_most_failures(self, value: float) -> float:
        if value != value:
            raise serializers.ValidationError("Must be a number from 0 to 1.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len([way for way in WAYS if way in attrs]) != 1:
            raise serializers.ValidationError("Say which sagas: by one of problem, sagas and filter.")
        return attrs


class Batches(ListAPIView[Batch]):
    """Repairs of many sagas, the newest first."""

    acts = {"POST": Act.REPAIR}
    queryset = Batch.objects.defer("selection", "summary", "requirement")
    serializer_class = BatchOut
    filterset_class = BatchFilters

    @extend_schema(request=BatchIn, responses={201: BatchDetailOut})
    def post(self, request: Request) -> Response:
        """Plan a repair of many sagas. Nothing is sent; a worker plans each saga by itself."""
        given = taken(BatchIn, request)
        care = Care(given["canary"], given["holds"], given["most_failures"])
        user = signed_in(request)
        try:
            batch = deciding.create(
                _chosen(given, request),
                given["intent"],
                given["step"],
                given["reason"],
                actors.of(request),
                user,
                care=care,
            )
        except RepairError as error:
            raise refusal(error) from None
        where = {"Location": reverse("api:batch", args=[batch.pk])}
        return Response(shown(batch, user), status=HTTPStatus.CREATED, headers=where)


class OneBatch(APIView):
    @extend_schema(responses=BatchDetailOut)
    def get(self, request: Request, pk: int) -> Response:
        """A batch with its plan, who must agree and who did, and how far it is."""
        return Response(shown(get_object_or_404(Batch, pk=pk), signed_in(request)))


class BatchSagas(ListAPIView[BatchSaga]):
    """The sagas of a batch in the order in which they are taken, each with its repair once it has begun."""

    serializer_class = BatchSagaOut
    filterset_class = BatchSagaFilters
    order = ("position",)

    def paginate_queryset(self, queryset: Any) -> Any:
        return Seeing().batch_sagas(super().paginate_queryset(queryset) or [])

    def get_queryset(self) -> QuerySet[BatchSaga]:
        if getattr(self, "swagger_fake_view", False):
            return BatchSaga.objects.none()
        sagas = get_object_or_404(Batch, pk=self.kwargs["pk"]).sagas
        return sagas.select_related("saga", "repair").defer("saga__facts", "repair__plan")


def _chosen(given: dict[str, Any], request: Request) -> Chosen:
    """Raises ValidationError, naming what leads nowhere."""
    if "problem" in given:
        problem = Problem.objects.filter(pk=given["problem"]).first()
        if problem is None:
            raise ValidationError({"problem": [f"There is no problem {given['problem']}."]})
        return choosing.of_problem(problem)
    if "sagas" in given:
        try:
            return choosing.named((name["type"], name["id"]) for name in given["sagas"])
        except UnknownSagasError as error:
            raise ValidationError({"sagas": [str(error)]}) from None
    return _matching(given["filter"], request)


def _matching(asked: dict[str, list[str]], request: Request) -> Chosen:
    """As the list of sagas is narrowed by the same parameters."""
    if unknown := sorted(set(asked) - set(SagaFilters.base_filters)):
        told = ", ".join(sorted(SagaFilters.base_filters))
        wrong = {name: [f"There is no such parameter. Known: {told}."] for name in unknown}
        raise ValidationError({"filter": wrong})
    query = QueryDict(mutable=True)
    for name, values in asked.items():
        query.setlist(name, values)
    narrowed = SagaFilters(query, queryset=Saga.objects.all(), request=request)
    if not narrowed.is_valid():
        raise ValidationError({"filter": narrowed.errors})
    try:
        return choosing.matching(narrowed.qs, Seeing().asked(asked))
    except BadParameterError as error:
        raise ValidationError({"filter": error.detail}) from None
