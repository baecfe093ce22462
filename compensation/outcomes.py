"""How an action ends, and what that means for its repair. All of it under the lock of the saga's row.

Whatever changes an action locks its saga first: so the planner's look, a start, a claim, a record and a
cancel of one saga never overlap. Events come next, the audit entry last.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compensation import queue
from compensation.models import Repair, RepairAction
from compensation.plan import Kind
from compensation.telling import tell
from sagas import audit, changes
from sagas.audit import Actor
from sagas.models import Saga
from sagas.vocabulary import Kind as EventKind

State = RepairAction.State

# What a person has to look at.
UNSETTLED = frozenset({State.REFUSED, State.EXHAUSTED})


@dataclass(slots=True)
class Turn:
    """One action with its locked saga, at one moment."""

    saga: Saga
    repair: Repair
    action: RepairAction
    now: datetime


def take(action_pk: int, now: datetime) -> Turn:
    """Lock the action's saga, then read it. Call in a transaction. Raises RepairAction.DoesNotExist."""
    saga_pk = RepairAction.objects.values_list("saga_id", flat=True).get(pk=action_pk)
    saga = Saga.objects.select_for_update(no_key=True).get(pk=saga_pk)
    action = RepairAction.objects.select_related("repair", "participant").get(pk=action_pk)
    return Turn(saga, action.repair, action, now)


def ready(action: RepairAction, at: datetime) -> None:
    """Let a worker take it from `at` on, and nudge one if that is now."""
    action.state = State.READY
    action.next_attempt_at = at
    action.lease_until = at + queue.PATIENCE
    action.save(update_fields=["state", "next_attempt_at", "lease_until"])


def settle(turn: Turn, state: str, result: dict[str, Any], by: Actor) -> None:
    """End the action. Its repair goes on with the next one, or ends; all of it is audited."""
    action, repair = turn.action, turn.repair
    action.state = state
    action.result = audit.plain(result)
    action.finished_at = turn.now
    action.next_attempt_at = action.lease_until = action.confirm_by = None
    action.save(
        update_fields=["state", "result", "finished_at", "next_attempt_at", "lease_until", "confirm_by"]
    )
    has_ended = repair.state == Repair.State.RUNNING and not _goes_on(turn)
    if has_ended:
        _finish(turn)
    audit.record(
        by,
        f"action.{state}",
        ("repair", str(repair)),
        saga=turn.saga,
        after={"action": action.position, "kind": action.kind, "step": action.step, "result": action.result},
    )
    if has_ended:
        audit.record(by, f"repair.{repair.state}", ("repair", str(repair)), saga=turn.saga)
    announce(turn.saga, repair)


def announce(saga: Saga, repair: Repair) -> None:
    changes.tell("repairs", f"repair:{repair.pk}", f"saga:{saga.pk}")


def _goes_on(turn: Turn) -> bool:
    """Start the next action, unless what ended stands in its way. Questions do not depend on each other."""
    if turn.action.state in UNSETTLED and turn.action.kind != Kind.ASK:
        turn.repair.actions.filter(state=State.WAITING).update(state=State.CANCELLED, finished_at=turn.now)
        return False
    following = turn.repair.actions.filter(state=State.WAITING).order_by("position").first()
    if following is None:
        return False
    ready(following, turn.now)
    queue.nudge(following.pk)
    return True


def _finish(turn: Turn) -> None:
    repair = turn.repair
    is_unsettled = repair.actions.filter(state__in=UNSETTLED).exists()
    repair.state = Repair.State.STOPPED if is_unsettled else Repair.State.DONE
    repair.finished_at = turn.now
    repair.save(update_fields=["state", "finished_at"])
    tell_finished(turn.saga, repair, turn.now)


def tell_finished(saga: Saga, repair: Repair, now: datetime) -> None:
    tell(
        saga,
        EventKind.OPERATOR_REPAIR_FINISHED,
        f"{repair}/finished",
        now,
        {"repair": str(repair), "state": repair.state},
        step=repair.step,
    )
