"""What differs between a plan that people agreed to and the one that would be made now (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from compensation.plan import Action, Kind, Plan

# What people look at in an action, by the name of its field.
FIELDS = ("participant", "request", "idempotency_key", "retries", "question", "title", "explanation")


class How(StrEnum):
    """What has become of an action."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """One action, as it was to be done and as it would be done now; None: not at all.

    `action` is either of them, by which it is named.
    """

    how: How
    action: Action
    then: Action | None
    now: Action | None
    # Names of the fields in which they differ.
    fields: tuple[str, ...] = ()
    # Why it would not be done any more; empty: it would.
    why: str = ""


def compare(then: Plan, now: Plan) -> list[Difference]:
    """In the order of `then`, followed by what is new, in its own order."""
    before, after = _by_name(then.actions), _by_name(now.actions)
    found = []
    for name, action in before.items():
        other = after.get(name)
        if other is None:
            found.append(Difference(How.REMOVED, action, action, None, why=_why_not(action, now)))
        else:
            fields = tuple(field for field in FIELDS if _differ(field, action, other))
            found.append(Difference(How.CHANGED if fields else How.SAME, other, action, other, fields))
    added = (action for name, action in after.items() if name not in before)
    return [*found, *(Difference(How.ADDED, action, None, action) for action in added)]


def _differ(field: str, then: Action, now: Action) -> bool:
    # Every question is a new one, and has a key of its own.
    if field == "idempotency_key" and then.kind == Kind.ASK:
        return False
    if then.question and now.question and field == "question":
        return then.question.request != now.question.request
    return bool(getattr(then, field) != getattr(now, field))


def _by_name(actions: Iterable[Action]) -> dict[tuple[str, str, str], Action]:
    return {(action.kind, action.step, action.execution): action for action in actions}


def _why_not(action: Action, now: Plan) -> str:
    """What the plan says now of the execution that it would leave alone, or refuse."""
    left = (
        left.why for left in now.left_alone if (left.step, left.execution) == (action.step, action.execution)
    )
    refused = (refusal.why for refusal in now.refusals if refusal.step in {action.step, ""})
    return next(left, "") or next(refused, "")
