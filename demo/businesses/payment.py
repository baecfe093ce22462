"""Cards are charged, refunded, and settled at the end of the order."""

import sqlite3

from demo.business import Action, Business, Declined, Facts, Job, cents, new_id
from demo.cloudevents import Mode

SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    saga TEXT PRIMARY KEY,
    charge_id TEXT NOT NULL,
    cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,  -- charged, settled, refunded
    settlement_id TEXT,
    refund_id TEXT
);
"""


def charge(db: sqlite3.Connection, job: Job) -> Facts:
    if job.data["card"] == "declined":
        raise Declined("card declined: do not honour")
    total = job.data["total"]
    db.execute(
        "INSERT INTO charges (saga, charge_id, cents, currency, state) VALUES (?, ?, ?, ?, 'charged')",
        (job.saga, job.reference, cents(total), total["currency"]),
    )
    return {"charge_id": job.reference, "charged": total, "receipt_to": job.data["customer"]["email"]}


def refund(db: sqlite3.Connection, saga: str) -> Facts:
    refund_id = new_id("re")
    db.execute("UPDATE charges SET state = 'refunded', refund_id = ? WHERE saga = ?", (refund_id, saga))
    return {"refund_id": refund_id}


def settle(db: sqlite3.Connection, job: Job) -> Facts:
    settled = db.execute(
        "UPDATE charges SET state = 'settled', settlement_id = ? WHERE saga = ? AND state = 'charged'",
        (job.reference, job.saga),
    )
    if not settled.rowcount:
        raise Declined("there is no charge to settle")
    return {"settlement_id": job.reference}


BUSINESS = Business(
    SCHEMA,
    {
        "charge-card": Action(
            "charge_id", "ch", lambda data: {"amount": data["total"], "gateway": "acme-pay"}, charge, refund
        ),
        "finalise-payment": Action("settlement_id", "st", lambda data: {"gateway": "acme-pay"}, settle),
    },
    Mode.STRUCTURED,
)
