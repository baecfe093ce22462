"""Who must agree to a plan for one saga, by the policy of this moment."""

from collections.abc import Sequence

from compensation import default_policy, policy
from compensation.plan import Intent, Kind, Plan
from compensation.policy import PlanFacts, Requirement
from compensation.subject import Subject
from sagas.definitions import ApprovalRule, Definition
from sagas.vocabulary import StepKind


def requirement(subject: Subject, plan: Plan) -> Requirement | None:
    """None: nobody. What a person records is on their own word, and sends nothing: nobody is asked."""
    if plan.intent == Intent.RECORD or not plan.can_start:
        return None
    stake = subject.state.stake
    facts = PlanFacts(
        intent=plan.intent,
        saga_type=subject.saga_type,
        kinds={action.kind for action in plan.actions},
        steps={action.step for action in plan.actions},
        participants={action.participant for action in plan.actions},
        pivot=is_past_pivot(subject, plan),
        stake={stake.currency: stake.amount} if stake else {},
    )
    return policy.required(rules_for(subject.definition), facts)


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
