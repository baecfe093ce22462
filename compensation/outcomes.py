"""How an action ends, and what that means for its repair. All of it under the lock of the saga's row.

Whatever changes an action locks its saga first: so the planner's look, a start, a claim, a record and a
cancel of one saga never overlap. Of several sagas the rows are locked in the order in which every writer
locks them.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from compensation import queue
from compensation.ledger import Ledger
from compensation.locking import lock
from compensation.models import Repair, RepairAction
from compensation.plan import Kind
from sagas import audit, standing
from sagas.audit import Actor
from sagas.fold import State as SagaState
from sagas.models import Participant, Saga
from sagas.vocabulary import Kind as EventKind

State = RepairAction.State

# What a person has to look at.
UNSETTLED = frozenset({State.REFUSED, State.EXHAUSTED})


@dataclass(slots=True)
class Turn:
    """One action with its locked saga, at one moment; what it changes goes into the ledger."""

    saga: Saga
    repair: Repair
    action: RepairAction
    # All of the repair, in order.
    actions: Sequence[RepairAction]
    now: datetime
    ledger: Ledger
    _state: SagaState | None = None

    @property
    def state(self) -> SagaState:
        """Where the saga stands, but for what this transaction tells of it."""
        if self._state is None:
            self._state = standing.of(self.saga, self.now).state
        return self._state


@contextmanager
def turns(actions: Collection[int], now: datetime, *, patient: bool = True) -> Iterator[list[Turn]]:
    """Lock the sagas of these actions, then read them; what was put into the ledger is written at the end.

    One transaction. Actions that are gone are left out; so are those whose saga somebody else holds, unless
    `patient`.
    """
    with transaction.atomic():
        ledger = Ledger()
        yield _read(actions, now, ledger, patient=patient)
        ledger.write()


def _read(pks: Collection[int], now: datetime, ledger: Ledger, *, patient: bool) -> list[Turn]:
    named = RepairAction.objects.filter(pk__in=pks).values_list("saga_id", "repair_id")
    of_sagas, of_repairs = {saga for saga, _ in named}, {repair for _, repair in named}
    sagas = lock(of_sagas, patient=patient)
    repairs = Repair.objects.defer("plan").in_bulk(list(of_repairs))
    every = RepairAction.objects.filter(repair__in=of_repairs, saga__in=sagas).order_by("repair", "position")
    participants = Participant.objects.in_bulk({one.participant_id for one in every if one.participant_id})
    by_repair: dict[int, list[RepairAction]] = {}
    for action in every:
        action.repair = repairs[action.repair_id]
        action.participant = participants.get(action.participant_id) if action.participant_id else None
        by_repair.setdefault(action.repair_id, []).append(action)
    chosen = set(pks)
    return [
        Turn(sagas[action.saga_id], action.repair, action, beside, now, ledger)
        for beside in by_repair.values()
        for action in beside
        if action.pk in chosen
    ]


def ready(turn: Turn, action: RepairAction, at: datetime) -> None:
    """Let a worker take it from `at` on: a nudge is given now, or else by `recover` when it is due."""
    action.state = State.READY
    action.next_attempt_at = at
    action.lease_until = at + queue.PATIENCE if at <= turn.now else at
    turn.ledger.save(action)


def settle(turn: Turn, state: str, result: dict[str, Any], by: Actor) -> None:
    """End the action. Its repair goes on with the next one, or ends; all of it is audited."""
    action, repair, ledger = turn.action, turn.repair, turn.ledger
    action.state = state
    action.result = audit.plain(result)
    action.finished_at = turn.now
    action.next_attempt_at = action.lease_until = action.confirm_by = None
    ledger.save(action)
    has_ended = repair.state == Repair.State.RUNNING and not _goes_on(turn)
    if has_ended:
        _finish(turn)
    told = {"action": action.position, "kind": action.kind, "step": action.step, "result": action.result}
    ledger.audit(by, f"action.{state}", repair, turn.saga, after=told)
    if has_ended:
        ledger.audit(by, f"repair.{repair.state}", repair, turn.saga)
    announce(turn)


def end_with_repair(turn: Turn) -> bool:
    """End the action where its repair has ended, of which nothing more is sent; whether it has."""
    if turn.repair.state == Repair.State.RUNNING:
        return False
    detail = f"Nothing more was sent, as the repair had ended: it was {turn.repair.state}."
    settle(turn, State.CANCELLED, {"detail": detail}, Actor.system())
    return True


def announce(turn: Turn) -> None:
    turn.ledger.announce(turn.saga, turn.repair)


def _goes_on(turn: Turn) -> bool:
    """Start the next action, unless what ended stands in its way. Questions do not depend on each other."""
    waiting = [action for action in turn.actions if action.state == State.WAITING]
    if turn.action.state in UNSETTLED and turn.action.kind != Kind.ASK:
        for action in waiting:
            action.state, action.finished_at = State.CANCELLED, turn.now
            turn.ledger.save(action)
        return False
    if not waiting:
        return False
    ready(turn, waiting[0], turn.now)
    turn.ledger.nudge(waiting[0])
    return True


def _finish(turn: Turn) -> None:
    repair = turn.repair
    is_unsettled = any(action.state in UNSETTLED for action in turn.actions)
    repair.state = Repair.State.STOPPED if is_unsettled else Repair.State.DONE
    repair.finished_at = turn.now
    turn.ledger.save(repair)
    tell_finished(turn.ledger, turn.saga, repair, turn.now)


def tell_finished(ledger: Ledger, saga: Saga, repair: Repair, now: datetime) -> None:
    ledger.tell(
        saga,
        EventKind.OPERATOR_REPAIR_FINISHED,
        f"{repair}/finished",
        now,
        {"repair": str(repair), "state": repair.state},
        step=repair.step,
    )
