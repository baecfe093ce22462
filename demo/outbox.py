"""The transactional outbox: what is to be told is written with the work, and sent until acknowledged.

So a participant that dies between its work and the telling tells it after its restart, and nothing is
lost while the other side is down. The receiver may hear the same twice: event ids and idempotency keys
are for that.
"""

import asyncio
import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp

from demo import cloudevents, signatures
from demo.cloudevents import Mode
from demo.credentials import Credentials
from demo.steps import SagaType
from demo.store import Store

log = logging.getLogger(__name__)

SCHEMA = """
-- For Amends, in order; a row's number is its event's sequence, so numbers are never used twice.
CREATE TABLE IF NOT EXISTS outbox_events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL
);
-- For other services, in no order.
CREATE TABLE IF NOT EXISTS outbox_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    destination TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS outbox_messages_due ON outbox_messages (due);
"""

BATCH = 100  # events in one request, for a participant that sends batches
AT_ONCE = 16  # messages under way to other services
PATIENCE = aiohttp.ClientTimeout(total=20)
TRANSIENT = {408, 425, 429}


def add_event(
    db: sqlite3.Connection,
    participant: str,
    kind: str,
    saga_type: SagaType,
    saga: str,
    data: dict[str, Any],
    *,
    step: str | None = None,
    attempt: int | None = None,
    at: datetime | None = None,
) -> None:
    (sequence,) = db.execute("INSERT INTO outbox_events (event) VALUES ('') RETURNING sequence").fetchone()
    event = cloudevents.make(
        participant, sequence, kind, saga_type, saga, data, step=step, attempt=attempt, time=at
    )
    db.execute("UPDATE outbox_events SET event = ? WHERE sequence = ?", (json.dumps(event), sequence))


def add_message(
    db: sqlite3.Connection, destination: str, path: str, body: dict[str, Any], *, key: str | None = None
) -> None:
    """`key` is the idempotency key; None: the message gets one of its own."""
    db.execute(
        "INSERT INTO outbox_messages (key, destination, path, body, due) VALUES (?, ?, ?, ?, ?)",
        (key or str(uuid.uuid4()), destination, path, json.dumps(body), time.time()),
    )


def backlog(db: sqlite3.Connection) -> int:
    """How many events Amends has not acknowledged yet."""
    (count,) = db.execute("SELECT count(*) FROM outbox_events").fetchone()
    return int(count)


def pause(tries: int, longest: float) -> float:
    """Seconds to wait after so many failed tries: half a second, doubled each time."""
    return min(longest, 0.5 * 2.0 ** min(tries - 1, 10))


async def deliver_events(store: Store, http: aiohttp.ClientSession, url: str, key: str, mode: Mode) -> None:
    """Send the events to Amends in their order, for ever; `url` is the ingest endpoint, `key` the API key."""
    news = store.listen()
    tries = 0
    while True:
        rows = store.db.execute(
            "SELECT sequence, event FROM outbox_events ORDER BY sequence LIMIT ?",
            (BATCH if mode is Mode.BATCH else 1,),
        ).fetchall()
        if not rows:
            await news.wait(60)
            continue
        headers, body = cloudevents.render(mode, [json.loads(row["event"]) for row in rows])
        status, text = await _post(http, url, body, headers | {"authorization": f"Bearer {key}"})
        if 200 <= status < 300:
            tries = 0
            with store.transaction() as db:
                db.execute("DELETE FROM outbox_events WHERE sequence <= ?", (rows[-1]["sequence"],))
        else:
            tries += 1
            if tries in {1, 10, 100}:
                log.warning("%d events wait for Amends: %d %r", backlog(store.db), status, text[:300])
            await asyncio.sleep(pause(tries, longest=3))


async def _post(
    http: aiohttp.ClientSession, url: str, body: str | bytes, headers: Mapping[str, str]
) -> tuple[int, str]:
    """Status and text of the answer; 503 and what happened where there was none."""
    try:
        async with http.post(url, data=body, headers=headers, timeout=PATIENCE) as answer:
            return answer.status, await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        return 503, repr(error)


async def deliver_messages(
    store: Store, http: aiohttp.ClientSession, services: Mapping[str, Credentials]
) -> None:
    """Send the messages to the other services, for ever, each until it is answered for good."""
    news = store.listen()
    under_way: set[int] = set()
    async with asyncio.TaskGroup() as group:
        while True:
            for row in _due(store, under_way):
                under_way.add(row["id"])
                group.create_task(_deliver(store, http, services[row["destination"]], row, under_way))
            await news.wait(_seconds_to_next(store, under_way))


def _due(store: Store, under_way: set[int]) -> list[sqlite3.Row]:
    rows = store.db.execute(
        "SELECT * FROM outbox_messages WHERE due <= ? ORDER BY due LIMIT ?",
        (time.time(), AT_ONCE + len(under_way)),
    ).fetchall()
    return [row for row in rows if row["id"] not in under_way][: AT_ONCE - len(under_way)]


def _seconds_to_next(store: Store, under_way: set[int]) -> float:
    rows = store.db.execute("SELECT id, due FROM outbox_messages ORDER BY due LIMIT ?", (len(under_way) + 1,))
    waits = [row["due"] - time.time() for row in rows if row["id"] not in under_way]
    # A finished delivery commits, and so wakes the loop: with all hands full there is nothing to wait for.
    return max(0.0, min([*waits, 60.0])) if len(under_way) < AT_ONCE else 60.0


async def _deliver(
    store: Store,
    http: aiohttp.ClientSession,
    service: Credentials,
    row: sqlite3.Row,
    under_way: set[int],
) -> None:
    headers = signatures.sign(service.secret, row["key"], row["body"])
    status, text = await _post(http, service.url + row["path"], row["body"], headers)
    # From here to the end nothing awaits: whoever the commit wakes sees the row free again.
    under_way.discard(row["id"])
    with store.transaction() as db:
        if status >= 500 or status in TRANSIENT:
            tries = row["tries"] + 1
            db.execute(
                "UPDATE outbox_messages SET tries = ?, due = ? WHERE id = ?",
                (tries, time.time() + pause(tries, longest=20), row["id"]),
            )
        else:
            db.execute("DELETE FROM outbox_messages WHERE id = ?", (row["id"],))
            if status >= 300:
                log.info("%s%s refused: %d %s", service.name, row["path"], status, text[:200])
