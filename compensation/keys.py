"""Idempotency keys: the name of an effect, the same over retries, restarts, crashes and later repairs.

A key is at most 255 printable ASCII characters without full stop, so that it fits a header, a column of a
participant's table, and Standard Webhooks, where the stop separates the id from what follows.
"""

import hashlib
from urllib.parse import quote

LONGEST = 255


def of_effect(saga_type: str, saga_id: str, step: str, execution: str, act: str) -> str:
    """`type/saga/step[/execution]/act`, each part percent-encoded; `act` is like c1, r2 or a17."""
    parts = [saga_type, saga_id, step, *([execution] if execution else []), act]
    key = "/".join(_encode(part) for part in parts)
    if len(key) <= LONGEST:
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}/{_encode(act)}"


def _encode(part: str) -> str:
    return quote(part, safe="").replace(".", "%2E")
