"""Stock on the shelf is taken off for an order, and put back. A supplier refills what runs low."""

import sqlite3

from demo.business import Action, Business, Declined, Facts, Job
from demo.cloudevents import Mode

DELIVERY = 200  # pieces that a supplier brings at a time
SHELF = 100  # the most that one order can ask of one article

# available + reserved by open reservations = delivered, for each article, at any time.
SCHEMA = """
CREATE TABLE IF NOT EXISTS stock (
    sku TEXT PRIMARY KEY,
    available INTEGER NOT NULL CHECK (available >= 0),
    delivered INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS reservations (
    saga TEXT NOT NULL,
    reservation_id TEXT NOT NULL,
    sku TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    state TEXT NOT NULL,  -- reserved, released
    PRIMARY KEY (saga, sku)
);
"""


def reserve(db: sqlite3.Connection, job: Job) -> Facts:
    for line in job.data["lines"]:
        if line["quantity"] > SHELF:
            raise Declined(f"out of stock: {line['quantity']} × {line['sku']}")
        _refill(db, line["sku"])
        db.execute(
            "UPDATE stock SET available = available - ? WHERE sku = ?", (line["quantity"], line["sku"])
        )
        db.execute(
            "INSERT INTO reservations VALUES (?, ?, ?, ?, 'reserved')",
            (job.saga, job.reference, line["sku"], line["quantity"]),
        )
    return {"reservation_id": job.reference, "warehouse": "AMS-2"}


def _refill(db: sqlite3.Connection, sku: str) -> None:
    db.execute("INSERT OR IGNORE INTO stock VALUES (?, 0, 0)", (sku,))
    db.execute(
        "UPDATE stock SET available = available + ?1, delivered = delivered + ?1"
        " WHERE sku = ?2 AND available < ?3",
        (DELIVERY, sku, SHELF),
    )


def release(db: sqlite3.Connection, saga: str) -> Facts:
    db.execute(
        "UPDATE stock SET available = available + reservations.quantity FROM reservations"
        " WHERE reservations.sku = stock.sku AND saga = ? AND state = 'reserved'",
        (saga,),
    )
    released = db.execute(
        "UPDATE reservations SET state = 'released' WHERE saga = ? AND state = 'reserved'", (saga,)
    )
    return {"released_lines": released.rowcount}


BUSINESS = Business(
    SCHEMA,
    {
        "reserve-stock": Action(
            "reservation_id", "rs", lambda data: {"lines": len(data["lines"])}, reserve, release
        )
    },
    Mode.BATCH,
)
