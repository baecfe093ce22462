"""Following the whole chain, in constant memory and without a transaction that stays open."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sagas import sql
from sagas.audit import chain
from sagas.audit.values import clean_address

# Entries held in memory at a time.
CHUNK = 5000
BELOW_ALL = -(2**63)

# One statement, one snapshot: the head and the last row it should name.
HEAD = """
SELECT head.sequence, head.hash, (SELECT max(sequence) FROM sagas_auditentry) FROM sagas_audithead head
"""

# As text where Python would take longer to write it.
ENTRIES = """
SELECT
    sequence, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'), actor_kind, actor, action,
    object_kind, object_id, saga_id, reason, before::text, after::text, host(address),
    content_hash, previous_hash, hash
FROM sagas_auditentry
WHERE sequence > %(after)s AND sequence <= %(until)s
ORDER BY sequence
LIMIT %(chunk)s
"""


@dataclass(frozen=True, slots=True)
class Verified:
    """The chain holds from the first entry to the head."""

    entries: int
    head: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the chain does not hold."""

    sequence: int
    what: str


@dataclass(frozen=True, slots=True)
class _Link:
    """An entry's hashes as they are written, and the one that its content really has."""

    sequence: int
    made: str
    content_hash: str
    previous_hash: str
    hash: str


def verify() -> Verified | Broken:
    """Follow the whole chain; entries appended meanwhile are left for the next time."""
    heads = sql.run(HEAD)
    if not heads:
        return Broken(0, "the head of the chain is missing")
    ((head_sequence, head_hash, last),) = heads
    expected, previous = 1, chain.GENESIS
    for link in _links(until=head_sequence):
        if link.sequence < expected:
            return Broken(link.sequence, "it was written before the first")
        if link.sequence > expected:
            return Broken(expected, _missing(expected, link.sequence - 1))
        if what := _own_fault(link):
            return Broken(link.sequence, what)
        if link.previous_hash != previous:
            what = f"entry {link.sequence} was chained to different content before it"
            return Broken(max(1, link.sequence - 1), what)
        expected, previous = link.sequence + 1, link.hash
    if expected <= head_sequence:
        return Broken(expected, _missing(expected, head_sequence))
    if previous != head_hash:
        return Broken(head_sequence, "the head was chained to different content")
    if last is not None and last > head_sequence:
        return Broken(head_sequence + 1, "it was written past the head of the chain")
    return Verified(head_sequence, head_hash)


def _links(until: int) -> Iterator[_Link]:
    # From below the first number, so that an entry which is slipped in there is seen.
    after = BELOW_ALL
    while rows := sql.run(ENTRIES, after=after, until=until, chunk=CHUNK):
        yield from map(_link, rows)
        after = rows[-1][0]


def _link(row: tuple[Any, ...]) -> _Link:
    (sequence, at, actor_kind, actor, action, object_kind, object_id, saga, reason, before, after, address,
     content_hash, previous_hash, hash) = row  # fmt: skip
    content = {
        "sequence": sequence,
        "at": at,
        "actor_kind": actor_kind,
        "actor": actor,
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id,
        "saga": saga,
        "reason": reason,
        "before": None if before is None else json.loads(before),
        "after": None if after is None else json.loads(after),
        # PostgreSQL spells some IPv6 addresses in another way.
        "address": clean_address(address) if address and ":" in address else address,
    }
    return _Link(sequence, chain.content_hash(content), content_hash, previous_hash, hash)


def _own_fault(link: _Link) -> str:
    if link.content_hash != link.made:
        return "its content is not what its hash was made of"
    if link.hash != chain.link(link.previous_hash, link.content_hash):
        return "its hash is not made of its content and the hash before it"
    return ""


def _missing(first: int, last: int) -> str:
    return "it is missing" if first == last else f"it and all up to {last} are missing"
