"""Parcels are handed to a carrier, and recalled from it."""

import sqlite3

from demo.business import Action, Business, Declined, Facts, Job, new_id
from demo.cloudevents import Mode

SERVED = {"NL", "DE", "FR", "BE", "AT"}

SCHEMA = """
CREATE TABLE IF NOT EXISTS shipments (
    saga TEXT PRIMARY KEY,
    shipment_id TEXT NOT NULL,
    country TEXT NOT NULL,
    state TEXT NOT NULL,  -- handed_over, recalled
    recall_id TEXT
);
"""


def hand_over(db: sqlite3.Connection, job: Job) -> Facts:
    country = job.data["address"]["country"]
    if country not in SERVED:
        raise Declined(f"the carrier does not deliver to {country}")
    db.execute(
        "INSERT INTO shipments (saga, shipment_id, country, state) VALUES (?, ?, ?, 'handed_over')",
        (job.saga, job.reference, country),
    )
    return {"shipment_id": job.reference, "carrier": "DHL", "country": country}


def recall(db: sqlite3.Connection, saga: str) -> Facts:
    recall_id = new_id("rc")
    db.execute("UPDATE shipments SET state = 'recalled', recall_id = ? WHERE saga = ?", (recall_id, saga))
    return {"recall_id": recall_id}


BUSINESS = Business(
    SCHEMA,
    {
        "ship-parcel": Action(
            "shipment_id", "sh", lambda data: {"carrier": "DHL", "parcels": 1}, hand_over, recall
        )
    },
    Mode.BINARY,
)
