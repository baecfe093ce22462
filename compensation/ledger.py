"""What one transaction has to write about any number of actions: gathered, then written set by set.

Rows first, then events, the audit entries last (whoever appends to the audit log makes others wait until the
commit), and workers are nudged once it is committed. An act that is one alone is a set of one.
"""

from datetime import datetime
from typing import Any

from compensation import queue, statements
from compensation.models import Repair, RepairAction
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
        self._actions: dict[int, RepairAction] = {}
        self._repairs: dict[int, Repair] = {}
        self._attempts: list[dict[str, Any]] = []
        self._events: list[Incoming] = []
        self._newest: dict[int, datetime] = {}
        self._acts: list[audit.Entry] = []
        self._nudges: list[RepairAction] = []
        self._changed: set[str] = set()

    def save(self, changed: RepairAction | Repair) -> None:
        """What its row will hold; only what changes after planning is written."""
        if isinstance(changed, Repair):
            self._repairs[changed.pk] = changed
        else:
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
        if self._actions:
            run(statements.SAVE_ACTIONS, rows=encode([_row_of(one) for one in self._actions.values()]))
        if self._repairs:
            rows = [
                {"id": one.pk, "state": one.state, "finished_at": one.finished_at}
                for one in self._repairs.values()
            ]
            run(statements.SAVE_REPAIRS, rows=encode(rows))
        if self._attempts:
            run(statements.SAVE_ATTEMPTS, rows=encode(self._attempts))
        if self._events:
            ingest.store(self._events, participant=None)
        if self._changed:
            changes.tell(*sorted(self._changed))
        audit.record_all(self._acts)
        for action in self._nudges:
            # What belongs to a batch is sent by the batch's runner, at its pace.
            if action.repair.batch_id is None:
                queue.nudge(action.pk)


def _row_of(action: RepairAction) -> dict[str, Any]:
    return {
        "id": action.pk,
        "state": action.state,
        "attempts": action.attempts,
        "fence": action.fence,
        "next_attempt_at": action.next_attempt_at,
        "lease_until": action.lease_until,
        "confirm_by": action.confirm_by,
        "result": action.result,
        "finished_at": action.finished_at,
    }
