"""How an entry is hashed, and how one is chained to the one before it.

Two levels, so that a few entries can be proven without the others: of those in between the content's hash is
enough. The standard library alone, and no other module of ours: it is taken along to check entries elsewhere.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

# The hash that the first entry is chained to.
GENESIS = "0" * 64

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of an entry's content as JSON in UTF-8 with sorted keys and no spaces.

    `at` is UTC to the microsecond. Raises ValueError for an infinite or undefined number.
    """
    return sha256(_encode(content).encode()).hexdigest()


def link(previous_hash: str, content_hash: str) -> str:
    """An entry's hash: SHA-256, in hex, of the hash before it, a colon, and its content's hash."""
    return sha256(f"{previous_hash}:{content_hash}".encode("ascii")).hexdigest()
