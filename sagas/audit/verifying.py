"""Following the whole chain, in constant memory and without a transaction that stays open."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from sagas import sql
from sagas.audit.values import clean_address
from verifier import chain

# Entries held in memory at a time.
CHUNK = 5000
BELOW_ALL = -(2**63)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode

# One statement, one snapshot: the head and the last row it should name.
HEAD = """
SELECT head.sequence, head.hash, (SELECT max(sequence) FROM sagas_auditentry) FROM sagas_audithead head
"""

BEFORE, AFTER, ADDRESS = map(chain.FIELDS.index, ("before", "after", "address"))

ANCHORS = """
SELECT sequence, hash, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC') FROM sagas_auditanchor
"""

# `chain.FIELDS` in their order, as text where Python would take longer to write it; then the hashes.
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


def verify(
    tell: Callable[[int, int], None] = lambda done, total: None, known: Iterable[tuple[int, str]] = ()
) -> Verified | Broken:
    """Follow the whole chain, past all anchors; entries appended meanwhile are left for the next time.

    `tell` is called with how many entries are done, and of how many, every CHUNK. `known` are anchors that
    were kept elsewhere: a number and the hash that its entry had.
    """
    # Before the head, which is then never behind them.
    anchors = [*sql.run(ANCHORS), *((*anchor, "kept elsewhere") for anchor in known)]
    heads = sql.run(HEAD)
    if not heads:
        return Broken(0, "the head of the chain is missing")
    ((head_sequence, head_hash, last),) = heads
    anchors_at = defaultdict(list)
    for sequence, hash, whose in anchors:
        anchors_at[sequence].append((hash, whose))
    expected, previous = 1, chain.GENESIS
    for row in _rows(until=head_sequence):
        sequence, content_hash, previous_hash, hash = row[0], *row[-3:]
        if sequence < expected:
            return Broken(sequence, "it was written before the first")
        if sequence > expected:
            return Broken(expected, _missing(expected, sequence - 1))
        if not _is_hash_of(content_hash, row):
            return Broken(sequence, "its content is not what its hash was made of")
        if hash != chain.link(previous_hash, content_hash):
            return Broken(sequence, "its hash is not made of its content and the hash before it")
        if previous_hash != previous:
            what = f"entry {sequence} was chained to different content before it"
            return Broken(max(1, sequence - 1), what)
        if whose := _other_anchors(anchors_at.get(sequence, ()), hash):
            return Broken(sequence, f"it is not the entry that was there when it was anchored ({whose})")
        expected, previous = sequence + 1, hash
        if sequence % CHUNK == 0:
            tell(sequence, head_sequence)
    if expected <= head_sequence:
        return Broken(expected, _missing(expected, head_sequence))
    if previous != head_hash:
        return Broken(head_sequence, "the head was chained to different content")
    if last is not None and last > head_sequence:
        return Broken(head_sequence + 1, "it was written past the head of the chain")
    if beyond := [anchor for anchor in anchors if not 1 <= anchor[0] <= head_sequence]:
        sequence, _, whose = min(beyond)
        return Broken(sequence, f"it was anchored ({whose}), and the log ends at {head_sequence}")
    return Verified(head_sequence, head_hash)


def _rows(until: int) -> Iterator[tuple[Any, ...]]:
    # From below the first number, so that an entry which is slipped in there is seen.
    after = BELOW_ALL
    while rows := sql.run(ENTRIES, after=after, until=until, chunk=CHUNK):
        yield from rows
        after = rows[-1][0]


def _other_anchors(anchors: Iterable[tuple[str, str]], hash: str) -> str:
    """Whose anchors name another hash."""
    return ", ".join(whose for named, whose in anchors if named != hash)


def _is_hash_of(content_hash: str, row: tuple[Any, ...]) -> bool:
    """Whether the hash is of this content.

    msgspec is ten times as quick as `json`, and writes some numbers in another way. Where what it writes has
    the hash, that is the text; else `json` has the last word.
    """
    try:
        if sha256(_encode(_content(row, _decode))).hexdigest() == content_hash:
            return True
    except (msgspec.MsgspecError, OverflowError):
        pass
    return chain.content_hash(_content(row, json.loads)) == content_hash


def _content(row: tuple[Any, ...], read: Callable[[str], Any]) -> dict[str, Any]:
    """The row as `content` makes it of an entry."""
    content = dict(zip(chain.FIELDS, row, strict=False))
    if row[BEFORE] is not None:
        content["before"] = read(row[BEFORE])
    if row[AFTER] is not None:
        content["after"] = read(row[AFTER])
    if (address := row[ADDRESS]) and ":" in address:
        # PostgreSQL spells some IPv6 addresses in another way.
        content["address"] = clean_address(address)
    return content


def _missing(first: int, last: int) -> str:
    return "it is missing" if first == last else f"it and all up to {last} are missing"
