"""Customers are told. What was told cannot be untold."""

import sqlite3

from demo.business import Action, Business, Facts, Job
from demo.cloudevents import Mode

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
    saga TEXT PRIMARY KEY,
    notice_id TEXT NOT NULL,
    customer TEXT NOT NULL
);
"""


def notify(db: sqlite3.Connection, job: Job) -> Facts:
    db.execute("INSERT INTO notices VALUES (?, ?, ?)", (job.saga, job.reference, job.data["customer"]["id"]))
    return {"notice_id": job.reference, "channel": "e-mail"}


BUSINESS = Business(
    SCHEMA,
    {"notify-customer": Action("notice_id", "nt", lambda data: {"template": "payment-made"}, notify)},
    Mode.BINARY,
)
