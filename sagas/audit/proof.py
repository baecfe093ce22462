"""The proof that a few entries are in the chain: the hashes from the first of them to a known end."""

from collections.abc import Collection
from typing import Any

from sagas import sql
from verifier.chain import check

__all__ = ["check", "of"]

# The first anchor that is past all of the entries, or else the newest entry.
END = """
SELECT coalesce((SELECT min(sequence) FROM sagas_auditanchor WHERE sequence >= %(last)s), head.sequence)
FROM sagas_audithead head
"""

LINKS = """
SELECT
    (SELECT previous_hash FROM sagas_auditentry WHERE sequence = %(first)s),
    array_agg(content_hash ORDER BY sequence),
    (SELECT hash FROM sagas_auditentry WHERE sequence = %(until)s)
FROM sagas_auditentry
WHERE sequence BETWEEN %(first)s AND %(until)s
"""


class NoProofError(ValueError):
    """There are no links from the first of the entries to the end that was asked for."""


def of(sequences: Collection[int], *, until: int | None = None) -> dict[str, Any]:
    """The proof for the entries of these numbers, as a JSON object that `check` takes.

    It ends at entry `until`: by default at the next anchor, or at the newest entry where there is none yet.
    It holds 64 characters for each entry from the first of these to its end. Raises NoProofError where no
    entry is named or one in between is missing.
    """
    if not sequences:
        raise NoProofError("A proof is about at least one entry.")
    first, last = min(sequences), max(sequences)
    end = until if until is not None else sql.run(END, last=last)[0][0]
    ((previous, hashes, hash),) = sql.run(LINKS, first=first, until=end)
    if end < last or hashes is None or len(hashes) != end - first + 1:
        raise NoProofError(f"Not every entry from {first} to {max(end, last)} is there.")
    return {
        "first": first,
        "previous_hash": previous,
        "content_hashes": hashes,
        "end": {"sequence": end, "hash": hash},
    }
