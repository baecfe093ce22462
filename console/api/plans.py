"""What a repair would do: `POST /api/v1/sagas/{type}/{id}/repairs/preview`. It changes nothing."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compensation import plan as plans
from compensation import repairs
from compensation.models import Repair, RepairAction
from compensation.plan import Intent
from compensation.planner import Outcome
from compensation.repairs import Preview
from console.api import sagas
from console.api.batch_shapes import RecentOut, RequirementOut
from console.api.parsing import taken
from console.permissions import Act, signed_in
from console.seeing import Seeing
from sagas.models import Saga


class RequestOut(serializers.Serializer[plans.Request]):
    method = serializers.CharField()
    url = serializers.CharField()
    body = serializers.CharField(help_text="The text itself; empty: none.")


class RetriesOut(serializers.Serializer[plans.Retries]):
    """How a request is repeated while its answer is transient; times in seconds."""

    attempts = serializers.IntegerField()
    first = serializers.FloatField()
    most = serializers.FloatField()
    deadline = serializers.FloatField(help_text="How long a 202 may take to be confirmed by an event.")


class QuestionOut(serializers.Serializer[plans.Question]):
    request = RequestOut()
    idempotency_key = serializers.CharField()


class PlannedOut(serializers.Serializer[plans.Action]):
    kind = serializers.ChoiceField(RepairAction.Kind.choices)
    step = serializers.CharField()
    execution = serializers.CharField()
    title = serializers.CharField()
    explanation = serializers.CharField()
    participant = serializers.CharField()
    idempotency_key = serializers.CharField()
    request = RequestOut(allow_null=True, help_text="Null: nothing is sent.")
    retries = RetriesOut()
    question = QuestionOut(
        allow_null=True,
        help_text="What is asked, once, where a 202 is not confirmed in time; null: nobody knows how to ask.",
    )
    record = serializers.DictField(
        child=serializers.CharField(), help_text="What is recorded, and on what evidence."
    )


class LeftAloneOut(serializers.Serializer[plans.LeftAlone]):
    step = serializers.CharField()
    execution = serializers.CharField()
    title = serializers.CharField()
    code = serializers.CharField()
    why = serializers.CharField()


class RefusalOut(serializers.Serializer[plans.Refusal]):
    code = serializers.CharField()
    step = serializers.CharField(help_text="Empty where it is about the whole saga.")
    why = serializers.CharField()


class PlanOut(serializers.Serializer[plans.Plan]):
    """Actions in the order in which they are done, each once the one before it is confirmed."""

    intent = serializers.ChoiceField(Intent.choices)
    step = serializers.CharField(help_text="Empty: the whole saga.")
    actions = PlannedOut(many=True)
    left_alone = LeftAloneOut(many=True)
    refusals = RefusalOut(many=True, help_text="Why it cannot be started; empty when it can.")
    warnings = serializers.ListField(child=serializers.CharField())


class PreviewOut(serializers.Serializer[Any]):
    """Send `revision` and `plan_hash` back to start exactly this. See `shown`."""

    revision = serializers.IntegerField()
    plan_hash = serializers.CharField(help_text="Of what would be sent, in which nothing is masked.")
    can_start = serializers.BooleanField(source="plan.can_start")
    requirement = RequirementOut(
        allow_null=True, help_text="Who must agree before you start it, as a batch; null: nobody."
    )
    recent = RecentOut(
        many=True, help_text="What was counted beside the plan, by the rules that look at `cumulative`."
    )
    plan = PlanOut()


def shown(saga: Saga, preview: Preview) -> dict[str, Any]:
    plan = Seeing().plan(saga.saga_type, preview.plan)
    return {
        "revision": preview.revision,
        "plan_hash": preview.hash,
        "requirement": preview.requirement,
        "recent": preview.recent,
        "plan": plan,
    }


class IntentIn(serializers.Serializer[Any]):
    intent = serializers.ChoiceField(Intent.choices)
    step = serializers.CharField(default="", allow_blank=True, help_text="Empty: the whole saga.")
    outcome = serializers.ChoiceField(
        [(outcome.value, outcome.value) for outcome in Outcome],
        default="",
        allow_blank=True,
        help_text="For record: what was found to be so.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["intent"] == Repair.Intent.RECORD) != bool(attrs["outcome"]):
            raise serializers.ValidationError({"outcome": ["Needed to record, and for nothing else."]})
        return attrs


class PreviewRepair(APIView):
    acts = {"POST": Act.VIEW}

    @extend_schema(request=IntentIn, responses=PreviewOut)
    def post(self, request: Request, saga_type: str, saga_id: str) -> Response:
        """Preview a repair: what would be sent, to the letter, and what is left alone. Changes nothing."""
        saga, given = sagas.find(saga_type, saga_id), taken(IntentIn, request)
        preview = repairs.preview(
            saga, given["intent"], given["step"], signed_in(request), outcome=given["outcome"]
        )
        return Response(PreviewOut(shown(saga, preview)).data)
