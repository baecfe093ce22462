"""Entries as lines of a file: CSV for a spreadsheet, JSON for programs. Pure."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from console.models import AuditExport
from sagas import audit
from sagas.models import AuditEntry

# In the order of the CSV's columns. With `saga`, a row's number, an entry's content hash can be made again.
COLUMNS = (
    "sequence",
    "at",
    "actor_kind",
    "actor",
    "address",
    "action",
    "object_kind",
    "object_id",
    "saga",
    "saga_type",
    "saga_id",
    "reason",
    "before",
    "after",
    "content_hash",
    "previous_hash",
    "hash",
)

# A spreadsheet takes a cell that begins so for a formula; some take the wide signs, too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write(entries: Iterable[AuditEntry], format: str, *, is_first: bool) -> bytes:
    """The lines in UTF-8; in front of the first of a CSV its head. Entries come with their sagas."""
    if format == AuditExport.Format.JSONL:
        return "".join(f"{_json(_row(entry))}\n" for entry in entries).encode()
    text = io.StringIO()
    lines = csv.writer(text)
    if is_first:
        lines.writerow(COLUMNS)
    lines.writerows([cell(row[name]) for name in COLUMNS] for row in map(_row, entries))
    return text.getvalue().encode()


def cell(value: Any) -> str | int:
    """What stands in the CSV: nothing of it is ever a formula; JSON values are written as JSON."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else _json(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        **audit.content(entry),
        "saga_type": entry.saga.saga_type if entry.saga else None,
        "saga_id": entry.saga.saga_id if entry.saga else None,
        "content_hash": entry.content_hash,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
