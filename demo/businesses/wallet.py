"""Wallets are debited and refunded. A standing order pays in when one runs low."""

import sqlite3

from demo.business import Action, Business, Declined, Facts, Job, cents, new_id
from demo.cloudevents import Mode

STANDING_ORDER = 1_000_00  # cents, paid in when a wallet holds less than LOW
LOW = 500_00

# balance + open debits = paid_in, for each wallet, at any time.
SCHEMA = """
CREATE TABLE IF NOT EXISTS wallets (
    wallet TEXT PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0),
    paid_in INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS debits (
    saga TEXT PRIMARY KEY,
    debit_id TEXT NOT NULL,
    wallet TEXT NOT NULL,
    cents INTEGER NOT NULL,
    state TEXT NOT NULL,  -- debited, refunded
    refund_id TEXT
);
"""


def debit(db: sqlite3.Connection, job: Job) -> Facts:
    wallet, amount = job.data["wallet"], cents(job.data["total"])
    db.execute("INSERT OR IGNORE INTO wallets VALUES (?, 0, 0)", (wallet,))
    db.execute(
        "UPDATE wallets SET balance = balance + ?1, paid_in = paid_in + ?1"
        " WHERE wallet = ?2 AND balance < ?3",
        (STANDING_ORDER, wallet, LOW),
    )
    paid = db.execute(
        "UPDATE wallets SET balance = balance - ?1 WHERE wallet = ?2 AND balance >= ?1 RETURNING balance",
        (amount, wallet),
    ).fetchone()
    if paid is None:
        raise Declined("insufficient funds")
    db.execute(
        "INSERT INTO debits (saga, debit_id, wallet, cents, state) VALUES (?, ?, ?, ?, 'debited')",
        (job.saga, job.reference, wallet, amount),
    )
    return {"debit_id": job.reference, "balance_after": f"{paid['balance'] / 100:.2f}"}


def refund(db: sqlite3.Connection, saga: str) -> Facts:
    refund_id = new_id("wr")
    db.execute(
        "UPDATE wallets SET balance = balance + debits.cents FROM debits"
        " WHERE debits.wallet = wallets.wallet AND saga = ? AND state = 'debited'",
        (saga,),
    )
    db.execute("UPDATE debits SET state = 'refunded', refund_id = ? WHERE saga = ?", (refund_id, saga))
    return {"refund_id": refund_id}


BUSINESS = Business(
    SCHEMA,
    {
        "debit-wallet": Action(
            "debit_id",
            "db",
            lambda data: {"wallet": data["wallet"], "amount": data["total"]},
            debit,
            refund,
        )
    },
    Mode.BATCH,
)
