"""Trying definitions before they are loaded, below `/api/v1/definitions/trials`."""

from http import HTTPStatus
from typing import Any

import django_filters as filters
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console import actors, trial_report
from console.api.definitions import BODY, DefinitionDetailOut, refusal
from console.api.parsing import Yaml, taken
from console.api.refusals import Refusal
from console.api.sagas import SagaNameOut
from console.permissions import Act
from console.trial_report import ChangeLine, FlagLine, Part, Report, RuleLine, Sagas
from sagas import trials
from sagas.definitions import DefinitionError
from sagas.models import Trial
from sagas.trials import ChangedError, FinishedError, NotTriedError, TooManyError
from sagas.vocabulary import Code, Status

# Sagas named in one answer: all that are listed.
MOST_NAMED = 100_000


class TrialFilters(filters.FilterSet):  # type: ignore[misc]  # it has no types
    type = filters.CharFilter("saga_type", label="Exactly this saga type.")
    state = filters.MultipleChoiceFilter(choices=Trial.State.choices, label="Any of these.")


class TrialOut(serializers.Serializer[Trial]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="__str__")
    type = serializers.CharField(source="saga_type")
    version = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of the YAML, in hex: what activating it takes.")
    state = serializers.ChoiceField(Trial.State.choices)
    looked_at = serializers.IntegerField(help_text="Sagas looked at so far, the newest first.")
    of = serializers.IntegerField()
    asked_by = serializers.CharField()
    asked_at = serializers.DateTimeField()
    began_at = serializers.DateTimeField(allow_null=True, help_text="Sagas are judged as of this moment.")
    finished_at = serializers.DateTimeField(allow_null=True)
    activated = serializers.SerializerMethodField()

    def get_activated(self, trial: Trial) -> bool:
        return trial.definition_id is not None


class SagasOut(serializers.Serializer[Sagas]):
    count = serializers.IntegerField()
    sagas = SagaNameOut(many=True, source="rows", help_text="The newest hundred.")


class FlagOut(serializers.Serializer[FlagLine]):
    code = serializers.ChoiceField([(code, code) for code in Code], source="flag.code")
    step = serializers.CharField(source="flag.step", help_text="Of the step or rule; empty: the whole saga.")
    title = serializers.CharField(source="flag.title")
    count = serializers.IntegerField(source="flag.count", help_text="Would have been found: new and known.")
    still = serializers.IntegerField(source="flag.still", help_text="Of these, how many it holds of now.")
    new = SagasOut(help_text="Would have been found, and never was.")
    known = SagasOut(help_text="Would have been found, and was.")
    gone = SagasOut(help_text="Was found, and would not have been.")


class ChangeOut(serializers.Serializer[ChangeLine]):
    before = serializers.ChoiceField([(s, s) for s in Status], source="change.before")
    after = serializers.ChoiceField([(s, s) for s in Status], source="change.after")
    sagas = SagasOut()


class PartOut(serializers.Serializer[Part]):
    name = serializers.CharField()
    count = serializers.IntegerField(help_text="Sagas that have it.")


class StrangerOut(serializers.Serializer[Any]):
    name = serializers.CharField(source="0")
    sagas = SagasOut(source="1")


class RuleOut(serializers.Serializer[RuleLine]):
    name = serializers.CharField(source="rule.name")
    title = serializers.CharField(source="rule.title")
    verdict = serializers.CharField(source="__str__")
    broken = FlagOut()
    undecided = FlagOut()


class ReportOut(serializers.Serializer[Report]):
    verdict = serializers.CharField(help_text="In one or two sentences.")
    flagged = serializers.IntegerField(source="found.flagged.count", help_text="Sagas with any flag.")
    newly_flagged = serializers.IntegerField(source="found.newly.count", help_text="With one that is new.")
    no_longer_flagged = serializers.IntegerField(
        source="found.freed.count", help_text="With one that is gone."
    )
    events = serializers.IntegerField(source="found.events", help_text="Events read.")
    takers = serializers.IntegerField(
        source="found.takers", help_text="Sagas looked at that take it up when it is activated."
    )
    rules = RuleOut(many=True, help_text="Of the definition, in its order.")
    flags = FlagOut(many=True, help_text="What is no rule of the definition.")
    status_changes = ChangeOut(many=True, source="changes")
    steps = PartOut(many=True, help_text="Of the definition, in its order.")
    unknown_steps = StrangerOut(many=True, source="strangers")
    keys = PartOut(many=True)
    display = PartOut(many=True)
    unread = SagasOut(help_text="Could not be judged, which is a mistake of Amends.")
    left_out = serializers.IntegerField(
        source="found.left_out",
        help_text="How often something was not counted, as there were too many lines.",
    )


class TrialDetailOut(TrialOut):
    yaml = serializers.CharField(source="text", help_text="As it is tried, to the letter.")
    report = serializers.SerializerMethodField()

    @extend_schema_field(ReportOut)
    def get_report(self, trial: Trial) -> Any:
        try:
            draft = trials.draft(trial)
        except DefinitionError as error:
            # An older Amends took this text.
            raise refusal(error, HTTPStatus.CONFLICT) from None
        is_done = trial.state == Trial.State.DONE
        report = trial_report.report(
            trials.found(trial), draft, trial.of, is_done=is_done, most_named=MOST_NAMED
        )
        return ReportOut(report).data


class ActivateIn(serializers.Serializer[Any]):
    digest = serializers.CharField(help_text="Of the trial: what is loaded is what was tried.")


class Trials(ListAPIView[Trial]):
    """Trials of definitions, the newest first; kept for a week."""

    acts = {"POST": Act.MANAGE}
    parser_classes = (Yaml,)
    queryset = Trial.objects.defer("text", "results")
    serializer_class = TrialOut
    filterset_class = TrialFilters

    @extend_schema(request={"application/yaml": OpenApiTypes.STR}, responses={202: TrialDetailOut})
    def post(self, request: Request) -> Response:
        """Try a definition on recorded sagas. 202: that goes on in the background; look again at Location."""
        try:
            trial = trials.ask(str(request.data), BODY, actors.of(request))
        except DefinitionError as error:
            raise refusal(error) from None
        except TooManyError as error:
            raise Refusal(HTTPStatus.CONFLICT, "too_many", str(error)) from None
        where = {"Location": reverse("api:trial", args=[trial.pk])}
        return Response(TrialDetailOut(trial).data, status=HTTPStatus.ACCEPTED, headers=where)


class OneTrial(APIView):
    @extend_schema(responses=TrialDetailOut)
    def get(self, request: Request, pk: int) -> Response:
        """A trial, and what it has found so far."""
        return Response(TrialDetailOut(get_object_or_404(Trial, pk=pk)).data)


class CancelTrial(APIView):
    acts = {"POST": Act.MANAGE}

    @extend_schema(request=None, responses=TrialDetailOut)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel a trial. What it has found so far stays."""
        trial = get_object_or_404(Trial, pk=pk)
        try:
            trials.cancel(trial, actors.of(request))
        except FinishedError as error:
            raise Refusal(HTTPStatus.CONFLICT, "not_running", str(error)) from None
        trial.refresh_from_db()
        return Response(TrialDetailOut(trial).data)


class ActivateTrial(APIView):
    acts = {"POST": Act.MANAGE}

    @extend_schema(request=ActivateIn, responses={200: DefinitionDetailOut})
    def post(self, request: Request, pk: int) -> Response:
        """Load exactly what was tried. 409: it is not done, not what was tried, or its version is taken."""
        trial, given = get_object_or_404(Trial, pk=pk), taken(ActivateIn, request)
        try:
            activated = trials.activate(trial, given["digest"], actors.of(request))
        except NotTriedError as error:
            raise Refusal(HTTPStatus.CONFLICT, "not_tried", str(error)) from None
        except ChangedError as error:
            raise Refusal(HTTPStatus.CONFLICT, "changed", str(error)) from None
        except DefinitionError as error:
            raise refusal(error, HTTPStatus.CONFLICT) from None
        return Response(DefinitionDetailOut(activated.loaded.row).data)
