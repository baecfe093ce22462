"""Who must agree to a plan for one saga, by the policy of this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from compensation import begun, default_policy, policy
from compensation.plan import Intent, Kind, Plan
from compensation.policy import PlanFacts, Recent, Requirement
from compensation.subject import Subject
from sagas.definitions import ApprovalRule, Definition
from sagas.vocabulary import StepKind


@dataclass(frozen=True, slots=True)
class Judged:
    """Who must agree, None: nobody; and what was counted beside the plan."""

    requirement: Requirement | None
    recent: Sequence[Recent] = ()


def judge(subject: Subject, plan: Plan, saga: int, person: User | None, now: datetime) -> Judged:
    """Of a plan for this saga that the person would start.

    What a person records is on their own word, and sends nothing: nobody is asked.
    """
    if plan.intent == Intent.RECORD or not plan.can_start:
        return Judged(None)
    definition, stake = subject.definition, subject.state.stake
    rules = rules_for(definition)
    recent = begun.recently(person, policy.windows(rules), now, saga=saga)
    facts = PlanFacts(
        intent=plan.intent,
        saga_type=subject.saga_type,
        kinds={action.kind for action in plan.actions},
        steps={action.step for action in plan.actions},
        participants={action.participant for action in plan.actions},
        pivot=is_past_pivot(subject, plan),
        stake={stake.currency: stake.amount} if stake else {},
        is_short=stake is None and bool(definition and definition.at_stake),
        recent=recent,
    )
    return Judged(policy.required(rules, facts), begun.some(recent))


def rules_for(definition: Definition | None) -> Sequence[ApprovalRule]:
    """The definition's own, else those of the default policy that is in force."""
    if definition is not None and definition.approval is not None:
        return definition.approval
    return default_policy.in_force().rules


def is_past_pivot(subject: Subject, plan: Plan) -> bool:
    """Whether something is undone although the point of no return was passed once.

    Whatever was said of it since: a person may have recorded it as undone, on nothing but their word.
    Where nobody knows whether it was passed, the planner warns, or refuses (compensation.cautions).
    """
    return any(action.kind == Kind.COMPENSATE for action in plan.actions) and any(
        run.completed for step in subject.state.steps if step.kind == StepKind.PIVOT for run in step.runs
    )
