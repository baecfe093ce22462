"""Every payment is entered twice, so that the book sums to zero; an error is reversed, never erased."""

import sqlite3

from demo.business import Action, Business, Declined, Facts, Job, cents, new_id
from demo.cloudevents import Mode

CLOSED = {"m-0"}  # merchants whose account takes no money any more

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    saga TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    account TEXT NOT NULL,
    cents INTEGER NOT NULL  -- out of the account: negative
);
CREATE INDEX IF NOT EXISTS entries_of_saga ON entries (saga);
"""


def record(db: sqlite3.Connection, job: Job) -> Facts:
    if job.data["merchant"] in CLOSED:
        raise Declined("the merchant's account is closed")
    amount = cents(job.data["total"])
    db.executemany(
        "INSERT INTO entries (saga, entry_id, account, cents) VALUES (?, ?, ?, ?)",
        [
            (job.saga, job.reference, job.data["wallet"], -amount),
            (job.saga, job.reference, job.data["merchant"], amount),
        ],
    )
    return {"entry_id": job.reference, "book": "payments-2026"}


def reverse(db: sqlite3.Connection, saga: str) -> Facts:
    reversal_id = new_id("rv")
    db.execute(
        "INSERT INTO entries (saga, entry_id, account, cents)"
        " SELECT saga, ?, account, -cents FROM entries WHERE saga = ?",
        (reversal_id, saga),
    )
    return {"reversal_id": reversal_id}


BUSINESS = Business(
    SCHEMA,
    {"record-entry": Action("entry_id", "le", lambda data: {"merchant": data["merchant"]}, record, reverse)},
    Mode.STRUCTURED,
)
