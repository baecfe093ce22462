"""Parcels are packed, and unpacked again."""

import sqlite3

from demo.business import Action, Business, Facts, Job
from demo.cloudevents import Mode

SCHEMA = """
CREATE TABLE IF NOT EXISTS parcels (
    saga TEXT PRIMARY KEY,
    parcel_id TEXT NOT NULL,
    pieces INTEGER NOT NULL,
    state TEXT NOT NULL  -- packed, unpacked
);
"""


def pack(db: sqlite3.Connection, job: Job) -> Facts:
    pieces = sum(line["quantity"] for line in job.data["lines"])
    db.execute("INSERT INTO parcels VALUES (?, ?, ?, 'packed')", (job.saga, job.reference, pieces))
    return {"parcel_id": job.reference, "pieces": pieces}


def unpack(db: sqlite3.Connection, saga: str) -> Facts:
    db.execute("UPDATE parcels SET state = 'unpacked' WHERE saga = ?", (saga,))
    return {"parcel_state": "unpacked"}


BUSINESS = Business(
    SCHEMA,
    {"prepare-parcel": Action("parcel_id", "pk", lambda data: {"station": "pack-07"}, pack, unpack)},
    Mode.BATCH,
)
