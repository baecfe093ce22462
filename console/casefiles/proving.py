"""Proofs that the entries of a case are in the chain, of a bounded size however far apart they are."""

from collections.abc import Iterable
from typing import Any

from sagas.audit import proof

# Links in all, of about 70 bytes each.
MOST_LINKS = 200_000
# Entries that are further apart are proven by themselves, each to the next anchor behind it.
GAP = 5000
# Anchors are no further apart (AUDIT_ANCHOR_ENTRIES' default).
TAIL = 10_000


def proofs(sequences: Iterable[int]) -> list[dict[str, Any]]:
    """Of these entries, as `verifier.chain.check` takes them; of too many the oldest have none."""
    return [proof.of(run) for run in runs(sequences)]


def runs(sequences: Iterable[int]) -> list[list[int]]:
    """Entries that one proof reaches over, oldest first. Pure."""
    newest_first = sorted(set(sequences), reverse=True)
    found = [[newest_first[0]]] if newest_first else []
    links = 1
    for sequence in newest_first[1:]:
        gap = found[-1][-1] - sequence
        links += min(gap, TAIL)
        if links > MOST_LINKS:
            break
        if gap > GAP:
            found.append([])
        found[-1].append(sequence)
    return [run[::-1] for run in reversed(found)]
