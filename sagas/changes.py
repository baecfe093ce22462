"""Telling open pages that something changed, without slowing down whoever changed it.

What a process tells within PACE seconds goes out together, from a thread of its own: a NOTIFY inside the
transaction would make all commits of the database wait for one another.
"""

from collections.abc import Iterator

import psycopg
import structlog
from django.db import connection, transaction

from sagas.gathering import Gathering

log = structlog.get_logger()

CHANNEL = "changed"
# Seconds between two notifications of one process, at least.
PACE = 0.25
# Seconds to wait for a connection.
PATIENCE = 2
# PostgreSQL takes 7,999 bytes.
LONGEST = 7000


def tell(*topics: str) -> None:
    """Tell, once the transaction is committed, that these changed: words without spaces, "saga:17"."""
    transaction.on_commit(lambda: _teller.take(topics), robust=True)


def _notify(topics: set[str]) -> None:
    # Outside of the pool, where requests wait; and given up soon, as a process may be waiting to end.
    where = connection.get_connection_params() | {"autocommit": True, "connect_timeout": PATIENCE}
    try:
        with psycopg.connect(**where) as own:
            own.execute(
                "SELECT pg_notify(%s, text) FROM unnest(%s::text[]) text", [CHANNEL, [*_packed(topics)]]
            )
    except psycopg.Error as error:
        # Listeners have lost the database too, and read everything anew when it is back. Or it is a standby,
        # which refuses to notify: nobody writes there either.
        log.warning("changes: nobody could be told", error=str(error))


def _packed(topics: set[str]) -> Iterator[str]:
    """The topics in as few payloads as they fit in."""
    payload = ""
    for topic in sorted(topics):
        if payload and len(payload) + len(topic) >= LONGEST:
            yield payload
            payload = ""
        payload = f"{payload} {topic}" if payload else topic
    yield payload


# A process that ends waits until its last topics are told.
_teller = Gathering("changes", PACE, _notify, is_awaited=True)
