"""What can be made to go wrong with a step, on demand; durable, so that a restart does not heal it."""

import sqlite3
from dataclasses import dataclass
from typing import Any

STEP, RETRY, COMPENSATION = "step", "retry", "compensation"

# What each fault is, and which requests it can strike; the first named is meant where none is said.
STRIKES: dict[str, tuple[str, ...]] = {
    "no_answer": (STEP, RETRY, COMPENSATION),  # accepted, and then nothing: the work is never done
    "slow": (STEP, RETRY, COMPENSATION),  # takes SLOW seconds longer
    "lost_reply": (STEP, RETRY, COMPENSATION),  # the work is done, but nobody is told
    "refuse_compensation": (COMPENSATION,),  # 409, with a reason
    "accept_later": (COMPENSATION, RETRY),  # 202, and the event follows LATER seconds after
    "undone_unasked": (STEP,),  # done, and undone UNASKED seconds later by a job that nobody asked
    "flaky": (STEP, RETRY, COMPENSATION),  # 503
    "die": (STEP, RETRY, COMPENSATION),  # the process exits right after the commit
}
SLOW = 15.0
LATER = 3.0
UNASKED = 15.0
REFUSAL = "reservation already consumed"

SCHEMA = """
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    step TEXT NOT NULL,
    fault TEXT NOT NULL,
    strikes TEXT NOT NULL,  -- step, retry, compensation
    saga TEXT,              -- NULL: any
    times INTEGER           -- how often it strikes still; NULL: until it is cleared
);
"""


@dataclass(frozen=True)
class Order:
    """A fault as asked for: `{"step", "fault", "saga": …|null, "times": n|null, "on": …}`."""

    step: str
    fault: str
    strikes: str
    saga: str | None
    times: int | None


def parse(body: Any, steps: frozenset[str]) -> Order:
    """Raises ValueError, whose text says what was expected."""
    if not isinstance(body, dict):
        raise ValueError("expected a JSON object")
    unknown = body.keys() - {"step", "fault", "saga", "times", "on"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    step, fault = body.get("step"), body.get("fault")
    if step not in steps:
        raise ValueError(f"step must be one of {', '.join(sorted(steps))}")
    if fault not in STRIKES:
        raise ValueError(f"fault must be one of {', '.join(STRIKES)}")
    strikes = body.get("on", STRIKES[fault][0])
    if strikes not in STRIKES[fault]:
        raise ValueError(f"{fault} can be on {', '.join(STRIKES[fault])}")
    saga, times = body.get("saga"), body.get("times", 1)
    if saga is not None and not isinstance(saga, str):
        raise ValueError("saga must be a saga's id, or null for any")
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError("times must be a number from 1, or null for until it is cleared")
    return Order(step, fault, strikes, saga, times)


def add(db: sqlite3.Connection, order: Order) -> None:
    db.execute(
        "INSERT INTO faults (step, fault, strikes, saga, times) VALUES (?, ?, ?, ?, ?)",
        (order.step, order.fault, order.strikes, order.saga, order.times),
    )


def listed(db: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = db.execute('SELECT step, fault, strikes AS "on", saga, times FROM faults ORDER BY id')
    return [dict(row) for row in rows]


def clear(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM faults")


def take(db: sqlite3.Connection, strikes: str, step: str, saga: str) -> str | None:
    """The fault that strikes this request, counted down; one for this very saga comes first."""
    row = db.execute(
        "SELECT id, fault, times FROM faults WHERE strikes = ? AND step = ? AND (saga = ? OR saga IS NULL)"
        " ORDER BY saga IS NULL, id LIMIT 1",
        (strikes, step, saga),
    ).fetchone()
    if row is None:
        return None
    if row["times"] == 1:
        db.execute("DELETE FROM faults WHERE id = ?", (row["id"],))
    else:
        # NULL stays NULL: it strikes until it is cleared.
        db.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (row["id"],))
    return str(row["fault"])
