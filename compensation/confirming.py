"""What was accepted (202): confirmed or denied by its participant's event, else in doubt once its time is up.

In doubt, the participant is asked what became of it, where the definition says how, and its answer decides.
What was accepted is never sent again without a person.
"""

from typing import Any

from django.db.models import Q
from django.db.models.functions import Coalesce

from compensation import evidence, outcomes
from compensation.answers import Became
from compensation.models import RepairAction
from compensation.outcomes import Turn
from compensation.plan import Kind
from sagas import facts
from sagas.audit import Actor
from sagas.facts import Moment
from sagas.fold import Run

State = RepairAction.State

# Attempts at what their action now sends: its request or, once it is in doubt, its question.
AT_NOW = Q(number__gt=Coalesce("action__asked_after", 0))

# The answers that settle an action, by what it was to do; any other leaves it to a person.
SETTLED: dict[tuple[str, Became], State] = {
    (Kind.COMPENSATE, Became.COMPENSATED): State.DONE,
    (Kind.COMPENSATE, Became.FAILED): State.DONE,
    (Kind.RETRY_STEP, Became.COMPLETED): State.DONE,
    (Kind.RETRY_STEP, Became.FAILED): State.REFUSED,
    (Kind.RETRY_STEP, Became.COMPENSATED): State.REFUSED,
}


def by_event(turn: Turn) -> bool:
    """End the action, if the saga's events by now say how it ended."""
    action = turn.action
    run = evidence.find_run(turn.state, action.step, action.execution)
    if confirmed := evidence.confirmation(action.kind, turn.state, action.step, run):
        result = {"by": "event", "event": evidence.name(confirmed.moment), "detail": confirmed.detail}
        outcomes.settle(turn, State.DONE, result, Actor.system())
    elif (denied := evidence.denial(action.kind, turn.state, action.step, run)) and _is_new(
        turn, denied.moment
    ):
        result = {"event": evidence.name(denied.moment), "detail": denied.detail}
        outcomes.settle(turn, State.REFUSED, result, Actor.system())
    else:
        return False
    return True


def doubt(turn: Turn) -> None:
    """Its time is up and no event has come: ask, or leave it to a person where nobody knows how to ask."""
    action = turn.action
    if not action.question:
        detail = "It was accepted, and no event that counts has confirmed it in time. Ask what became of it."
        outcomes.settle(turn, State.EXHAUSTED, {"detail": detail}, Actor.system())
        return
    action.asked_after = action.attempts
    # No answer to what was sent before says anything about the question.
    action.fence += 1
    action.confirm_by = None
    outcomes.ready(turn, action, turn.now)
    turn.ledger.nudge(action)
    told = {"action": action.position, "kind": action.kind, "step": action.step}
    turn.ledger.audit(Actor.system(), "action.in_doubt", turn.repair, turn.saga, after=told)
    outcomes.announce(turn)


def by_answer(turn: Turn, became: Became | None, heard: dict[str, Any]) -> None:
    """End the action as the participant says that it ended, or its event by now; `heard` is kept."""
    action = turn.action
    state = decided(action.kind, became, evidence.find_run(turn.state, action.step, action.execution))
    if state == State.DONE or not by_event(turn):
        outcomes.settle(turn, state, {"by": "question", **heard}, Actor.system())


def decided(kind: str, became: Became | None, run: Run | None) -> State:
    """What an answer makes of an action in doubt (pure); EXHAUSTED: a person has to look."""
    if became is None:
        return State.EXHAUSTED
    if became == Became.FAILED and kind == Kind.COMPENSATE and run is not None and run.has_effect:
        # It has told of an effect before: that there is none is no proof that it was undone.
        return State.EXHAUSTED
    return SETTLED.get((kind, became), State.EXHAUSTED)


def _is_new(turn: Turn, moment: Moment) -> bool:
    """Whether it is about what was sent, and not about what had happened before and was told late."""
    seen: dict[str, str] | None = turn.action.result.get("denied")
    if evidence.name(moment) == seen:
        return False
    first = turn.action.tries.order_by("number").values_list("started_at", flat=True)[0]
    return evidence.is_since(moment, facts.microseconds(first))
