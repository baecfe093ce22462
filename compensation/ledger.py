"""What one transaction has to write about any number of actions: gathered, then written set by set.

Rows first, then events, the audit entries last (whoever appends to the audit log makes others wait until the
commit), and workers are nudged once it is committed. An act that is one alone is a set of one.
"""

from datetime import datetime
from typing import Any

from django.db.models import Model

from compensation import queue, statements
from compensation.models import ActionAttempt, Repair, RepairAction
from compensation.telling import incoming
from sagas import audit, changes, ingest
from sagas.audit import Actor
from sagas.events import Incoming
from sagas.facts import MICROSECOND
from sagas.models import Saga
from sagas.sql import encode, run
from sagas.vocabulary import Kind


class Ledger:
    """Fill it under the locks of the sagas that it is about, then `write` it in the same transaction."""

    def __init__(self) -> None:
        self._new_repairs: dict[int, Repair] = {}
        self._new_actions: dict[int, RepairAction] = {}
        self._new_attempts: list[ActionAttempt] = []
        self._actions: dict[int, RepairAction] = {}
        self._repairs: dict[int, Repair] = {}
        self._attempts: list[dict[str, Any]] = []
        self._events: list[Incoming] = []
        self._newest: dict[int, datetime] = {}
        self._acts: list[audit.Entry] = []
        self._nudges: list[RepairAction] = []
        self._changed: set[str] = set()

    def add(self, new: Repair | RepairAction | ActionAttempt) -> None:
        """A row with a reserved key; what becomes of it before the ledger is written goes in with it."""
        match new:
            case Repair():
                self._new_repairs[new.pk] = new
            case RepairAction():
                self._new_actions[new.pk] = new
            case ActionAttempt():
                self._new_attempts.append(new)

    def save(self, changed: RepairAction | Repair) -> None:
        """What its row will hold; only what changes after planning is written."""
        if isinstance(changed, Repair):
            if changed.pk not in self._new_repairs:
                self._repairs[changed.pk] = changed
        elif changed.pk not in self._new_actions:
            self._actions[changed.pk] = changed

    def answer(self, attempt: int, at: datetime, *, status: int | None, answer: str, error: str) -> None:
        """How a call ended, which was written down before it was made."""
        self._attempts.append(
            {"id": attempt, "finished_at": at, "status_code": status, "answer": answer, "error": error}
        )

    def tell(
        self,
        saga: Saga,
        kind: Kind,
        event_id: str,
        time: datetime,
        data: dict[str, Any],
        *,
        step: str = "",
        execution: str = "",
    ) -> None:
        """An event of the saga, at `time` or just after the one told before it."""
        before = self._newest.get(saga.pk)
        if before is not None and time <= before:
            time = before + MICROSECOND
        self._newest[saga.pk] = time
        self._events.append(incoming(saga, kind, event_id, time, data, step=step, execution=execution))

    def audit(
        self, by: Actor, action: str, repair: Repair, saga: Saga, *, reason: str = "", after: Any = None
    ) -> None:
        named = ("repair", str(repair))
        self._acts.append(audit.Entry(by, action, named, saga=saga, reason=reason, after=after))

    def nudge(self, action: RepairAction) -> None:
        self._nudges.append(action)

    def announce(self, saga: Saga, repair: Repair) -> None:
        """Have pages that show them fetch them again."""
        self._changed |= {"repairs", f"repair:{repair.pk}", f"saga:{saga.pk}"}

    def write(self) -> None:
        for statement, rows in (
            (statements.ADD_REPAIRS, [_row_of_new_repair(one) for one in self._new_repairs.values()]),
            (statements.ADD_ACTIONS, [_row_of_new_action(one) for one in self._new_actions.values()]),
            (statements.ADD_ATTEMPTS, [_row_of_new_attempt(one) for one in self._new_attempts]),
            (statements.SAVE_ACTIONS, [_row_of_action(one) for one in self._actions.values()]),
            (statements.SAVE_REPAIRS, [_row_of_repair(one) for one in self._repairs.values()]),
            (statements.SAVE_ATTEMPTS, self._attempts),
        ):
            if rows:
                run(statement, rows=encode(rows))
        if self._events:
            ingest.store(self._events, participant=None)
        if self._changed:
            changes.tell(*sorted(self._changed))
        audit.record_all(self._acts)
        for action in self._nudges:
            # What belongs to a batch is sent by the batch's runner, at its pace.
            if action.repair.batch_id is None:
                queue.nudge(action.pk)


def reserve(model: type[Model], count: int) -> list[int]:
    """Keys for rows that are added to a ledger; those that are never written are lost, which is no harm."""
    return [pk for (pk,) in run(statements.RESERVE, table=model._meta.db_table, count=count)]


def _row_of_repair(repair: Repair) -> dict[str, Any]:
    return {"id": repair.pk, "state": repair.state, "finished_at": repair.finished_at}


def _row_of_action(action: RepairAction) -> dict[str, Any]:
    return {
        "id": action.pk,
        "state": action.state,
        "attempts": action.attempts,
        "fence": action.fence,
        "asked_after": action.asked_after,
        "next_attempt_at": action.next_attempt_at,
        "lease_until": action.lease_until,
        "confirm_by": action.confirm_by,
        "result": action.result,
        "finished_at": action.finished_at,
    }


def _row_of_new_repair(repair: Repair) -> dict[str, Any]:
    return _row_of_repair(repair) | {
        "saga_id": repair.saga_id,
        "batch_id": repair.batch_id,
        "intent": repair.intent,
        "step": repair.step,
        "reason": repair.reason,
        "revision": repair.revision,
        "plan": repair.plan,
        "plan_hash": repair.plan_hash,
        "stake": repair.stake,
        "currency": repair.currency,
        "started_by_id": repair.started_by_id,
        "started_by_name": repair.started_by_name,
        "started_at": repair.started_at,
    }


def _row_of_new_action(action: RepairAction) -> dict[str, Any]:
    return _row_of_action(action) | {
        "repair_id": action.repair_id,
        "position": action.position,
        "saga_id": action.saga_id,
        "kind": action.kind,
        "step": action.step,
        "execution": action.execution,
        "participant_id": action.participant_id,
        "request": action.request,
        "idempotency_key": action.idempotency_key,
        "retries": action.retries,
        "question": action.question,
    }


def _row_of_new_attempt(attempt: ActionAttempt) -> dict[str, Any]:
    return {
        "id": attempt.pk,
        "action_id": attempt.action_id,
        "number": attempt.number,
        "started_at": attempt.started_at,
    }
