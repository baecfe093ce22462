"""What PostgreSQL itself can do: COPY into a temporary table, then INSERT … ON CONFLICT DO NOTHING."""

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg

COLUMNS = (
    "saga_id, source, event_id, participant_id, kind, step, execution, attempt, time, time_given, sequence,"
    " received_at, attributes, data"
)


class CopyTarget:
    """A table with the columns and the index of `sagas_event`, and the numbers of the sagas in it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.numbers: dict[str, int] = {}
        connection.execute("DROP TABLE IF EXISTS bench_copied")
        connection.execute("CREATE TABLE bench_copied (LIKE sagas_event INCLUDING ALL)")
        connection.execute("CREATE TEMP TABLE incoming (LIKE sagas_event) ON COMMIT DELETE ROWS")

    def _rows(self, batch: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
        for event in batch:
            yield (
                self.numbers.setdefault(event["correlationid"], len(self.numbers) + 1),
                event["source"],
                event["id"],
                1,
                event["type"],
                event.get("sagastep", ""),
                event.get("sagaexecution", ""),
                event.get("sagaattempt"),
                event["time"],
                True,
                event["sequence"],
                event["time"],
                json.dumps({"sagaversion": "1", "datacontenttype": "application/json"}),
                json.dumps(event["data"], separators=(",", ":")),
            )

    def text(self, batch: list[dict[str, Any]]) -> bytes:
        """The rows in COPY's own text format, so that no client's formatting is measured."""
        return b"".join(
            b"\t".join(b"\\N" if value is None else _escape(value) for value in row) + b"\n"
            for row in self._rows(batch)
        )

    def store(self, text: bytes) -> float:
        """Seconds that one batch took, its commit included."""
        started = time.perf_counter()
        with self.connection.transaction(), self.connection.cursor() as cursor:
            with cursor.copy(f"COPY incoming ({COLUMNS}) FROM STDIN") as copy:
                copy.write(text)
            cursor.execute(
                f"INSERT INTO bench_copied ({COLUMNS}) SELECT {COLUMNS} FROM incoming ON CONFLICT DO NOTHING"
            )
        return time.perf_counter() - started


def _escape(value: object) -> bytes:
    text = "t" if value is True else str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").encode()
