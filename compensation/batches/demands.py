"""Who must agree to a batch, by every definition of its sagas or the default policy, and who has still to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.contrib.auth.models import User

from compensation import begun, policy
from compensation.agreement import Judged, rules_for
from compensation.batches import statements
from compensation.models import Batch, Review
from compensation.policy import Approval, PlanFacts, Recent
from sagas import definitions
from sagas.definitions import ApprovalRule, Definition
from sagas.sql import run


def judge(batch: Batch, person: User | None, now: datetime, *, only_looking_back: bool = False) -> Judged:
    """By the policy of this moment, of a batch that is planned and that the person would start.

    `only_looking_back`: by those rules alone that look at `cumulative`.
    """
    summary = batch.summary
    actions = summary["actions"]
    types = [
        (saga_type, lacks_stakes, *_of(key, only_looking_back))
        for saga_type, key, lacks_stakes in run(statements.TYPES, batch=batch.pk)
    ]
    looked = policy.windows(rule for _, _, _, rules in types for rule in rules)
    recent = begun.recently(person, looked, now, batch=batch.pk)
    is_short = any(lacks and definition and definition.at_stake for _, lacks, definition, _ in types)
    requirement = policy.strictest(
        policy.required(
            rules,
            PlanFacts(
                intent=batch.intent,
                saga_type=saga_type,
                count=summary["sagas"],
                kinds={action["kind"] for action in actions},
                steps={action["step"] for action in actions},
                participants={action["participant"] for action in actions},
                pivot=summary["past_pivot"] > 0,
                stake={currency: Decimal(amount) for currency, amount in summary["stakes"].items()},
                lacks_stakes=lacks_stakes,
                is_short=is_short,
                recent=recent,
            ),
        )
        for saga_type, lacks_stakes, _, rules in types
    )
    return Judged(requirement, begun.some(recent))


def look_again(batch: Batch, person: User | None, now: datetime) -> bool:
    """Judge a locked batch by what the person who starts it has begun meanwhile; whether it asks for more.

    What was settled when it was planned stays asked for. The person begins nothing else until the transaction
    ends.
    """
    begun.lock(person)
    judged = judge(batch, person, now, only_looking_back=True)
    before = policy.read(batch.requirement)
    requirement = policy.strictest([before, judged.requirement])
    if requirement == before:
        return False
    batch.requirement = policy.to_json(requirement)
    batch.summary["recent"] = to_json(judged.recent)
    batch.save(update_fields=["requirement", "summary"])
    return True


def missing(batch: Batch) -> str:
    """Who has still to agree, in words; empty: nobody."""
    requirement = policy.read(batch.requirement)
    if requirement is None:
        return ""
    agreed = batch.reviews.filter(plan_hash=batch.plan_hash, verdict=Review.Verdict.AGREED, by__isnull=False)
    approvals = [Approval(pk, frozenset(groups)) for pk, groups in agreed.values_list("by", "groups")]
    return policy.missing(requirement, approvals, excluded(batch))


def excluded(batch: Batch) -> frozenset[int]:
    """Whose agreement never counts."""
    return frozenset({batch.planned_by_id} if batch.planned_by_id else ())


def to_json(recent: Iterable[Recent]) -> list[Any]:
    """As it is stored in a batch's summary."""
    content: list[Any] = msgspec.to_builtins(list(recent))
    return content


def recent_of(batch: Batch) -> Sequence[Recent]:
    """What was counted beside its plan."""
    return msgspec.convert(batch.summary.get("recent", []), list[Recent])


def _of(key: int | None, only_looking_back: bool) -> tuple[Definition | None, Sequence[ApprovalRule]]:
    definition = definitions.by_key(key) if key else None
    rules = rules_for(definition)
    return definition, [rule for rule in rules if rule.looks_back] if only_looking_back else rules
