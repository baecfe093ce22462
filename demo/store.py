"""One participant's durable state: a SQLite file, changed in transactions that wake who waits for work."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


class Store:
    """Used from one event loop: a transaction never awaits, so no two of them ever overlap."""

    def __init__(self, path: Path, *schemas: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        # A commit outlives kill -9 of the process with NORMAL; only a power cut could take the last ones.
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        for schema in schemas:
            self.db.executescript(schema)
        self._listeners: list[asyncio.Event] = []

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        for listener in self._listeners:
            listener.set()

    def listen(self) -> "Listener":
        event = asyncio.Event()
        self._listeners.append(event)
        return Listener(event)


class Listener:
    """Tells that something was committed since it was last asked."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> None:
        """Return on the next commit, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()
