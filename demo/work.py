"""A participant's record of its work: each step's state, what was really done and undone, whom it told."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo import outbox
from demo.business import Action, Business, Facts
from demo.steps import TYPE_OF_STEP
from demo.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS steps (
    saga TEXT NOT NULL,
    step TEXT NOT NULL,
    -- refusing (503 so far) → running → completed, failed; lost: accepted and forgotten;
    -- cancelled: compensated before it was done, so it must never be done
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    reference TEXT NOT NULL,
    data TEXT NOT NULL,
    result TEXT NOT NULL DEFAULT '{}',
    detail TEXT NOT NULL DEFAULT '',
    finished TEXT,
    told INTEGER NOT NULL DEFAULT 0,
    -- '' → started → done, refused
    undo TEXT NOT NULL DEFAULT '',
    undo_attempt INTEGER NOT NULL DEFAULT 0,
    undo_result TEXT NOT NULL DEFAULT '{}',
    undo_finished TEXT,
    undo_told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (saga, step)
);
-- How often each effect was really done and really undone: written in the transaction that does it.
CREATE TABLE IF NOT EXISTS effects (
    saga TEXT NOT NULL,
    step TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    undone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (saga, step)
);
-- The answer to each idempotency key whose work was done, or is sure to be.
CREATE TABLE IF NOT EXISTS requests (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL
);
-- Work that was accepted (202) and is to be finished at `due`.
CREATE TABLE IF NOT EXISTS pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL,
    saga TEXT NOT NULL,
    step TEXT NOT NULL,
    due REAL NOT NULL,
    fault TEXT
);
CREATE INDEX IF NOT EXISTS pending_due ON pending (due);
"""


@dataclass(frozen=True)
class Participant:
    name: str
    business: Business
    store: Store
    pace: float = 1.0  # how long its work takes, as a share of what it usually takes

    def action(self, step: str) -> Action:
        return self.business.actions[step]


@dataclass(frozen=True)
class Request:
    """What somebody asks of a participant. `operation` is one of those that faults can strike."""

    operation: str
    step: str
    saga: str
    key: str
    data: Facts

    def __str__(self) -> str:
        return f"{self.operation} {self.step} {self.saga}"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Facts

    @property
    def is_done(self) -> bool:
        return self.status == 200


def refused(detail: str) -> Answer:
    return Answer(409, {"detail": detail})


def find(db: sqlite3.Connection, saga: str, step: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM steps WHERE saga = ? AND step = ?", (saga, step)
    ).fetchone()
    return row


def get(db: sqlite3.Connection, saga: str, step: str) -> sqlite3.Row:
    row = find(db, saga, step)
    if row is None:
        raise LookupError(f"{step} of {saga} is not known")
    return row


def add(db: sqlite3.Connection, request: Request, state: str, reference: str) -> None:
    db.execute(
        "INSERT INTO steps (saga, step, state, reference, data) VALUES (?, ?, ?, ?, ?)",
        (request.saga, request.step, state, reference, json.dumps(request.data)),
    )


def change(db: sqlite3.Connection, saga: str, step: str, **values: Any) -> sqlite3.Row:
    """Set columns of `steps`; the names are this package's own, never a caller's."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    db.execute(
        f"UPDATE steps SET {columns} WHERE saga = :saga AND step = :step",  # noqa: S608
        {**values, "saga": saga, "step": step},
    )
    return get(db, saga, step)


def count(db: sqlite3.Connection, saga: str, step: str, *, done: int = 0, undone: int = 0) -> None:
    db.execute(
        "INSERT INTO effects VALUES (:saga, :step, :done, :undone) ON CONFLICT (saga, step)"
        " DO UPDATE SET done = done + excluded.done, undone = undone + excluded.undone",
        {"saga": saga, "step": step, "done": done, "undone": undone},
    )


def counts(db: sqlite3.Connection, saga: str | None = None) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT saga, step, done, undone FROM effects WHERE ?1 IS NULL OR saga = ?1 ORDER BY saga, step",
        (saga,),
    )
    return [dict(row) for row in rows]


def remembered(db: sqlite3.Connection, request: Request) -> Answer | None:
    """The answer that this idempotency key was given before."""
    row = db.execute("SELECT * FROM requests WHERE key = ?", (request.key,)).fetchone()
    if row is None:
        return None
    if row["request"] != str(request):
        return Answer(422, {"detail": f"this idempotency key was used for: {row['request']}"})
    return Answer(row["status"], json.loads(row["body"]))


def remember(db: sqlite3.Connection, request: Request, answer: Answer) -> None:
    db.execute(
        "INSERT INTO requests VALUES (?, ?, ?, ?)",
        (request.key, str(request), answer.status, json.dumps(answer.body)),
    )


def now() -> str:
    return datetime.now(UTC).isoformat()


def tell_amends(
    db: sqlite3.Connection,
    participant: Participant,
    kind: str,
    row: sqlite3.Row,
    data: Facts,
    *,
    at: str | None = None,
) -> None:
    attempt = row["undo_attempt"] if kind.startswith("compensation.") else row["attempt"]
    outbox.add_event(
        db,
        participant.name,
        kind,
        TYPE_OF_STEP[row["step"]],
        row["saga"],
        data,
        step=row["step"],
        attempt=max(attempt, 1),
        at=datetime.fromisoformat(at) if at else None,
    )


def tell_orchestrator(
    db: sqlite3.Connection, row: sqlite3.Row, outcome: str, *, data: Facts | None = None, reason: str = ""
) -> None:
    outbox.add_message(
        db,
        TYPE_OF_STEP[row["step"]].orchestrator,
        "/replies",
        {
            "saga": row["saga"],
            "step": row["step"],
            "outcome": outcome,
            "data": data or {},
            "reason": reason,
        },
    )
