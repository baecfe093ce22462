"""Whether an action that was never sent is still to be sent: the saga is planned again, as for a start.

Its own repair is no rival, and what Amends itself has told since the start is no change. What was sent before
is not looked at here: only the same key again tells what became of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from compensation import agreement, evidence, planner, reading
from compensation.drafting import Words
from compensation.evidence import Overtaken
from compensation.models import RepairAction
from compensation.outcomes import Turn
from compensation.plan import Action, Kind, Plan
from compensation.subject import Subject
from sagas.events import OURSELVES
from sagas.fold import State as SagaState
from sagas.models import Event

State = RepairAction.State


def find(turns: Sequence[Turn]) -> dict[int, Overtaken]:
    """By their keys, those of these actions that must not be sent as planned; one reading for all."""
    turns = [turn for turn in turns if _may_be(turn)]
    if not turns:
        return {}
    subjects = reading.subjects([turn.saga for turn in turns], turns[0].now)
    plans = [_plan(turn, subject) for turn, subject in zip(turns, subjects, strict=True)]
    found: dict[int, str] = {}
    suspected: list[tuple[Turn, Subject, Plan, str]] = []
    for turn, subject, plan in zip(turns, subjects, plans, strict=True):
        if why := other_request(turn.action, plan):
            found[turn.action.pk] = why
        elif (why := why_not(turn.action, turn.actions, plan, subject.state)) or agreement.is_past_pivot(
            subject, plan
        ):
            suspected.append((turn, subject, plan, why))
    others = _heard_from_others([turn for turn, *_ in suspected])
    for turn, subject, plan, why in suspected:
        if turn.saga.pk in others and (why := why or _pivot_passed(turn, subject, plan)):
            found[turn.action.pk] = why
    return {pk: Overtaken(f"{why} Plan again what is still to be done.") for pk, why in found.items()}


def other_request(action: RepairAction, plan: Plan) -> str:
    """Why what would be sent is not what was agreed to (pure); empty: it is, or nothing would be sent."""
    now = _of(action, plan)
    if now is None or now.request is None:
        return ""
    request = {"method": now.request.method, "url": now.request.url, "body": now.request.body}
    if request != action.request:
        why = "an event has told other values, or a definition or an address was changed"
        return f"Something else would be sent by now: {why}."
    if now.idempotency_key != action.idempotency_key:
        return "It was tried, or undone, by somebody else since: by now it would be another request."
    return ""


def why_not(action: RepairAction, of_repair: Collection[RepairAction], plan: Plan, state: SagaState) -> str:
    """Why it would not be the next thing to do (pure); empty: it would."""
    planned = _of(action, plan)
    for left in plan.left_alone if planned is None else ():
        if left.step == action.step and action.execution in {"", left.execution}:
            return f"“{left.title}”: {left.why}"
    if plan.refusals:
        return " ".join(refusal.why for refusal in plan.refusals)
    if planned is None:
        named = " and ".join(one.execution for one in plan.actions if one.step == action.step)
        return f"It would not be done by now{f', but of execution {named}' if named else ''}."
    done = {_name(one) for one in of_repair if one.state == State.DONE and not _has_effect(state, one)}
    following = next(one for one in plan.actions if _name(one) not in done)
    return "" if following is planned else f"“{following.title}” would have to come first by now."


def _may_be(turn: Turn) -> bool:
    """Never sent, and something was told since the start but that it started. Asking changes nothing."""
    action = turn.action
    if action.attempts or action.kind == Kind.ASK:
        return False
    return action.position > 1 or turn.saga.revision > turn.repair.revision + 1


def _plan(turn: Turn, subject: Subject) -> Plan:
    repair, rival = turn.repair, subject.rival
    if rival and rival.pk == repair.pk:
        subject = replace(subject, rival=None)
    words = Words(str(repair), repair.reason)
    return planner.plan(subject, repair.intent, repair.step, turn.now, words=words)


def _heard_from_others(turns: Sequence[Turn]) -> set[int]:
    """Sagas of which anybody but Amends has told something since their repair was started."""
    if not turns:
        return set()
    ours: dict[int, list[Event]] = {}
    told = Event.objects.filter(saga__in=[turn.saga.pk for turn in turns], source=OURSELVES)
    for event in told.only("saga", "received_at"):
        ours.setdefault(event.saga_id, []).append(event)
    return {
        turn.saga.pk
        for turn in turns
        if turn.saga.revision - turn.repair.revision
        > sum(event.received_at >= turn.repair.started_at for event in ours.get(turn.saga.pk, ()))
    }


def _pivot_passed(turn: Turn, subject: Subject, plan: Plan) -> str:
    """Nobody has agreed to going back across a point of no return that was passed after the start."""
    repair = turn.repair
    if not agreement.is_past_pivot(subject, plan):
        return ""
    then = reading.subject_at(turn.saga, repair.revision, repair.started_at)
    if agreement.is_past_pivot(then, planner.plan(then, repair.intent, repair.step, repair.started_at)):
        return ""
    return "The point of no return was passed since this was started."


def _of(action: RepairAction, plan: Plan) -> Action | None:
    return next((one for one in plan.actions if _name(one) == _name(action)), None)


def _name(action: RepairAction | Action) -> tuple[str, str, str]:
    return action.kind, action.step, action.execution


def _has_effect(state: SagaState, action: RepairAction) -> bool:
    run = evidence.find_run(state, action.step, action.execution)
    return run is not None and run.has_effect
