"""How a finding is shown: what it is, what proves it, what is at stake, its turns, and who accepted it."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from console.seeing import Seeing
from sagas.advice import ADVICE
from sagas.detection import transitions
from sagas.models import Finding, Transition
from sagas.vocabulary import Code, Condition, Severity


class EvidenceOut(serializers.Serializer[dict[str, str]]):
    source = serializers.CharField()  # type: ignore[assignment]  # fields are taken out of the class
    id = serializers.CharField()


class StakeOut(serializers.Serializer[Any]):
    """An amount; a plain number, such as a weight, has no currency."""

    amount = serializers.DecimalField(max_digits=38, decimal_places=8, normalize_output=True)
    currency = serializers.CharField()


class TransitionOut(serializers.Serializer[Transition]):
    at = serializers.DateTimeField()
    what = serializers.ChoiceField(Transition.What.choices)
    by = serializers.CharField(help_text="Empty: by the facts alone.")
    reason = serializers.CharField()
    evidence = EvidenceOut(many=True)


class AcceptanceOut(serializers.Serializer[Finding]):
    at = serializers.DateTimeField(source="accepted_at")
    by = serializers.CharField(source="accepted_by")
    reason = serializers.CharField(source="accepted_reason")


class FindingOut(serializers.Serializer[Finding]):
    """Of a finding as it is seen (console.seeing); the context's `turns` are those of each, by its key."""

    id = serializers.IntegerField()
    code = serializers.ChoiceField([(c, c) for c in Code])
    step = serializers.CharField(help_text="Empty where it is about the whole saga.")
    severity = serializers.ChoiceField([(s, s) for s in Severity])
    open = serializers.SerializerMethodField()
    condition = serializers.ChoiceField([(c, c) for c in Condition])
    since = serializers.DateTimeField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    evidence = EvidenceOut(many=True)
    detail = serializers.DictField()
    problem = serializers.IntegerField(source="problem_id")
    stake = serializers.SerializerMethodField(help_text="What its saga puts at stake; null: nobody knows.")
    accepted = serializers.SerializerMethodField(
        help_text="Who left it so and why: it counts for nothing until its evidence changes. Null: nobody."
    )
    transitions = serializers.SerializerMethodField(help_text="Its turns, oldest first; the newest of many.")
    advice = serializers.SerializerMethodField(help_text="The safest next thing to do.")
    digest = serializers.CharField(help_text="Of what was seen here; sent back to accept it.")

    @extend_schema_field(StakeOut(allow_null=True))
    def get_stake(self, finding: Finding) -> Any:
        return finding.stake and StakeOut({"amount": finding.stake, "currency": finding.currency}).data

    @extend_schema_field(AcceptanceOut(allow_null=True))
    def get_accepted(self, finding: Finding) -> Any:
        return AcceptanceOut(finding).data if finding.accepted_at else None

    @extend_schema_field(TransitionOut(many=True))
    def get_transitions(self, finding: Finding) -> Any:
        return TransitionOut(self.context["turns"][finding.pk], many=True).data

    def get_advice(self, finding: Finding) -> str:
        return ADVICE[Code(finding.code)].sentence

    def get_open(self, finding: Finding) -> bool:
        return finding.closed_at is None


def shown(findings: Iterable[Finding]) -> Any:
    """The findings as JSON values."""
    rows = Seeing().findings(findings)
    return FindingOut(rows, many=True, context={"turns": transitions.newest(rows)}).data  # type: ignore[arg-type]  # many
