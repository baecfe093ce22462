"""Orders are accepted, or rejected again."""

import sqlite3

from demo.business import Action, Business, Facts, Job
from demo.cloudevents import Mode

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    saga TEXT PRIMARY KEY,
    confirmation TEXT NOT NULL,
    customer TEXT NOT NULL,
    state TEXT NOT NULL  -- accepted, rejected
);
"""


def accept(db: sqlite3.Connection, job: Job) -> Facts:
    db.execute(
        "INSERT INTO orders VALUES (?, ?, ?, 'accepted')",
        (job.saga, job.reference, job.data["customer"]["id"]),
    )
    return {"confirmation_id": job.reference}


def reject(db: sqlite3.Connection, saga: str) -> Facts:
    db.execute("UPDATE orders SET state = 'rejected' WHERE saga = ?", (saga,))
    return {"order_state": "rejected"}


BUSINESS = Business(
    SCHEMA,
    {
        "accept-order": Action(
            "confirmation_id",
            "oc",
            lambda data: {"lines": len(data["lines"]), "channel": data["channel"]},
            accept,
            reject,
        )
    },
    Mode.BATCH,
)
