"""How a batch is shown: what was chosen, its plan, who must agree and who did, and how far it is."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from compensation.batches import agreeing, demands, kinds, progress
from compensation.batches.progress import Progress
from compensation.models import Batch, BatchSaga, Repair, RepairAction, Review
from compensation.policy import Demand, Recent, Requirement, missing, read
from console.api.findings import StakeOut
from console.api.sagas import SagaNameOut

INTENTS = [(intent.value, intent.value) for intent in Repair.Intent if intent != Repair.Intent.RECORD]


class BatchOut(serializers.Serializer[Batch]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="__str__")
    title = serializers.CharField(help_text="Which sagas, in words.")
    intent = serializers.ChoiceField(INTENTS)
    step = serializers.CharField(help_text="Empty: the whole saga.")
    reason = serializers.CharField()
    state = serializers.ChoiceField(Batch.State.choices)
    because = serializers.CharField(help_text="Why it stands there, where somebody or something stopped it.")
    plan_hash = serializers.CharField(help_text="Sent back with every decision; empty while it is planned.")
    canary = serializers.IntegerField(help_text="So many sagas go ahead of the others; 0: none do.")
    holds = serializers.BooleanField(help_text="Whether a person looks at the canary before it goes on.")
    most_failures = serializers.FloatField(help_text="The share of failures past which it stops by itself.")
    planned_by = serializers.CharField(source="planned_by_name")
    planned_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until then it may be agreed to, and started. Null: nobody was asked."
    )
    started_by = serializers.CharField(source="started_by_name", help_text="Empty: nobody has yet.")
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    broken_glass = serializers.CharField(
        help_text="Who started it against the policy, and why; empty: nobody did."
    )


class PlannedKindOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(RepairAction.Kind.choices)
    participant = serializers.CharField()
    step = serializers.CharField()


class CountedKindOut(PlannedKindOut):
    count = serializers.IntegerField()


class LeftOut(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField()
    count = serializers.IntegerField()
    why = serializers.CharField(help_text="Of one of them.")


class WarningOut(serializers.Serializer[dict[str, Any]]):
    text = serializers.CharField()
    count = serializers.IntegerField()


class RecentOut(serializers.Serializer[Recent]):
    """What a person began to repair of late and nobody else agreed to, beside the plan."""

    by = serializers.CharField()
    within = serializers.FloatField(help_text="So many seconds back, as a rule says.")
    sagas = serializers.IntegerField(source="count", help_text="Each once.")
    stakes = serializers.SerializerMethodField(help_text="One sum a currency.")
    unknown = serializers.IntegerField(help_text="Of so many nobody knows what is at stake.")
    words = serializers.CharField(source="__str__")

    @extend_schema_field(StakeOut(many=True))
    def get_stakes(self, recent: Recent) -> Any:
        return _stakes(recent.stake)


class SummaryOut(serializers.Serializer[dict[str, Any]]):
    """What the plan comes to; numbers of sagas."""

    sagas = serializers.IntegerField(help_text="That something is done about.")
    past_pivot = serializers.IntegerField(help_text="That go back across their point of no return.")
    types = serializers.ListField(child=serializers.CharField())
    actions = CountedKindOut(many=True)
    left_alone = LeftOut(many=True)
    warnings = WarningOut(many=True)
    stakes = serializers.SerializerMethodField(help_text="What is at stake, one sum a currency.")

    @extend_schema_field(StakeOut(many=True))
    def get_stakes(self, summary: dict[str, Any]) -> Any:
        return _stakes(summary["stakes"])


def _stakes(amounts: Mapping[str, Any]) -> Any:
    known = [{"currency": word, "amount": amount} for word, amount in amounts.items()]
    return StakeOut(known, many=True).data


class DemandOut(serializers.Serializer[Demand]):
    approvers = serializers.IntegerField()
    groups = serializers.ListField(child=serializers.CharField(), help_text="Any of these.")
    because = serializers.CharField()


class RequirementOut(serializers.Serializer[Requirement]):
    """Every demand must be met."""

    who = serializers.SerializerMethodField(help_text="In words.")
    because = serializers.ListField(child=serializers.CharField())
    demands = DemandOut(many=True)
    expires = serializers.FloatField(help_text="Seconds from when they are asked.")

    def get_who(self, requirement: Requirement) -> str:
        return missing(requirement, ())


class ReviewOut(serializers.Serializer[Review]):
    verdict = serializers.ChoiceField(Review.Verdict.choices)
    by = serializers.CharField(source="by_name")
    groups = serializers.ListField(child=serializers.CharField(), help_text="Theirs at that moment.")
    note = serializers.CharField()
    plan_hash = serializers.CharField(help_text="Of what they looked at.")
    at = serializers.DateTimeField()


class ProgressOut(serializers.Serializer[Progress]):
    """Numbers of sagas; together they are all that were chosen."""

    chosen = serializers.IntegerField(help_text="Not planned yet.")
    planned = serializers.IntegerField(help_text="Not begun yet.")
    left = serializers.IntegerField(help_text="Nothing may, or need, be done.")
    dropped = serializers.IntegerField(help_text="Not as they were planned; nothing was sent.")
    cancelled = serializers.IntegerField(help_text="Never begun.")
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    stopped = serializers.IntegerField(help_text="A person has to look.")
    called_off = serializers.IntegerField(help_text="Begun, and cancelled.")


class BatchDetailOut(BatchOut):
    """A batch; the context's `user` is who looks."""

    selection = serializers.DictField(help_text="How its sagas were found.")
    summary = serializers.SerializerMethodField(help_text="What the plan comes to; null while it is planned.")
    requirement = serializers.SerializerMethodField(help_text="Who must agree; null: nobody.")
    recent = serializers.SerializerMethodField(
        help_text="What was counted beside the plan, by the rules that look at `cumulative`."
    )
    missing = serializers.SerializerMethodField(help_text="Who has still to agree, in words; empty: nobody.")
    why_you_may_not_agree = serializers.SerializerMethodField(help_text="Empty: your agreement counts.")
    reviews = serializers.SerializerMethodField(help_text="Since it was asked for last; oldest first.")
    progress = serializers.SerializerMethodField()

    @extend_schema_field(SummaryOut(allow_null=True))
    def get_summary(self, batch: Batch) -> Any:
        return SummaryOut(batch.summary).data if batch.summary else None

    @extend_schema_field(RequirementOut(allow_null=True))
    def get_requirement(self, batch: Batch) -> Any:
        requirement = read(batch.requirement)
        return RequirementOut(requirement).data if requirement else None

    @extend_schema_field(RecentOut(many=True))
    def get_recent(self, batch: Batch) -> Any:
        return RecentOut(demands.recent_of(batch), many=True).data  # type: ignore[arg-type]  # many

    def get_missing(self, batch: Batch) -> str:
        return demands.missing(batch)

    def get_why_you_may_not_agree(self, batch: Batch) -> str:
        return agreeing.why_not(batch, self.context["user"])

    @extend_schema_field(ReviewOut(many=True))
    def get_reviews(self, batch: Batch) -> Any:
        return ReviewOut(batch.reviews.order_by("at", "pk"), many=True).data  # type: ignore[arg-type]  # many

    @extend_schema_field(ProgressOut())
    def get_progress(self, batch: Batch) -> Any:
        return ProgressOut(progress.progress(batch)).data


class BatchRepairOut(serializers.Serializer[Repair]):
    id = serializers.IntegerField()
    name = serializers.CharField(source="__str__")
    state = serializers.ChoiceField(Repair.State.choices)


class BatchSagaOut(serializers.Serializer[BatchSaga]):
    position = serializers.IntegerField(help_text="From 1; the canary is the first.")
    saga = SagaNameOut()
    state = serializers.ChoiceField(BatchSaga.State.choices)
    code = serializers.CharField(help_text="Why it is left alone or was dropped; else empty.")
    why = serializers.CharField()
    revision = serializers.IntegerField(help_text="Of the saga, as it was planned.")
    plan_hash = serializers.CharField(help_text="As its own preview has it.")
    actions = serializers.SerializerMethodField(help_text="In order.")
    warnings = serializers.ListField(child=serializers.CharField())
    past_pivot = serializers.BooleanField(help_text="It goes back across its point of no return.")
    stake = serializers.SerializerMethodField(help_text="What it puts at stake; null: nobody knows.")
    repair = BatchRepairOut(allow_null=True, help_text="Null: it has not been begun.")

    @extend_schema_field(PlannedKindOut(many=True))
    def get_actions(self, one: BatchSaga) -> Any:
        return [kinds.read(text)._asdict() for text in one.actions]

    @extend_schema_field(StakeOut(allow_null=True))
    def get_stake(self, one: BatchSaga) -> Any:
        return None if one.stake is None else StakeOut({"amount": one.stake, "currency": one.currency}).data
