"""How an entry is hashed, how one is chained to the one before it, and whether a few are in the chain.

Two levels, so that a few entries can be proven without the others: of those in between the content's hash is
enough. The standard library alone: it is taken along to check entries elsewhere.
"""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

# The hash that the first entry is chained to.
GENESIS = "0" * 64

# What the hash of an entry's content covers.
FIELDS = (
    "sequence",
    "at",
    "actor_kind",
    "actor",
    "action",
    "object_kind",
    "object_id",
    "saga",
    "reason",
    "before",
    "after",
    "address",
)

_is_hash = re.compile("[0-9a-f]{64}", re.ASCII).fullmatch
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of an entry's content as JSON in UTF-8 with sorted keys and no spaces.

    `at` is UTC to the microsecond. Raises ValueError for an infinite or undefined number.
    """
    return sha256(_encode(content).encode()).hexdigest()


def link(previous_hash: str, content_hash: str) -> str:
    """An entry's hash: SHA-256, in hex, of the hash before it, a colon, and its content's hash."""
    return sha256(f"{previous_hash}:{content_hash}".encode("ascii")).hexdigest()


def check(proof: Any, entries: Sequence[Any]) -> list[str]:
    """What is wrong with these entries or with the proof that they are in the chain; nothing where all holds.

    Takes both as JSON gives them, from whomever they come. `proof` is what `sagas.audit.proof.of` makes:
    {"first": sequence, "previous_hash": hash, "content_hashes": [hash of each from the first on],
    "end": {"sequence": sequence, "hash": hash}}; `entries` are objects of FIELDS. That it holds proves as
    much as the end is worth: compare it with an anchor that was kept where nobody could rewrite it.
    """
    if what := _form(proof):
        return [what]
    first, hashes, end = proof["first"], proof["content_hashes"], proof["end"]
    wrong = []
    if first + len(hashes) - 1 != end["sequence"]:
        wrong.append(f"the proof has {len(hashes)} links from entry {first}, and ends at {end['sequence']}")
    if first == 1 and proof["previous_hash"] != GENESIS:
        wrong.append("the proof begins with entry 1, and chains it to something before")
    hash = proof["previous_hash"]
    for made in hashes:
        hash = link(hash, made)
    if hash != end["hash"]:
        wrong.append(f"the links do not lead to the hash of entry {end['sequence']}")
    seen = set()
    for place, entry in enumerate(entries, start=1):
        sequence = entry.get("sequence") if isinstance(entry, dict) else None
        if type(sequence) is not int:
            wrong.append(f"the entry in place {place} has no number")
            continue
        if sequence in seen:
            wrong.append(f"entry {sequence} is there twice")
        elif what := _fault(entry, hashes[sequence - first] if 0 <= sequence - first < len(hashes) else None):
            wrong.append(f"entry {sequence} {what}")
        seen.add(sequence)
    return wrong


def hash_at(proof: Any, sequence: int) -> str | None:
    """The hash of an entry as the links of a proof lead to it; None where they do not reach it.

    `proof` is one in which `check` found nothing wrong.
    """
    hash: str = proof["previous_hash"]
    place = sequence - proof["first"]
    if not 0 <= place < len(proof["content_hashes"]):
        return None
    for made in proof["content_hashes"][: place + 1]:
        hash = link(hash, made)
    return hash


def _form(proof: Any) -> str:
    """What keeps the proof from being read as one."""
    match proof:
        case {
            "first": int(first),
            "previous_hash": str(previous),
            "content_hashes": [_, *_] as hashes,
            "end": {"sequence": int(), "hash": str(end)},
        } if first > 0:
            texts = [previous, *hashes, end]
            is_whole = all(isinstance(text, str) and _is_hash(text) for text in texts)
            return "" if is_whole else "the proof holds something that is no SHA-256 in hex"
    return "the proof is not of the form that Amends writes"


def _fault(entry: dict[str, Any], expected: str | None) -> str:
    if expected is None:
        return "is not among those that the proof is about"
    if missing := set(FIELDS) - entry.keys():
        return f"has no {min(missing)}"
    if unknown := entry.keys() - set(FIELDS):
        return f"has a field that no hash covers: {min(unknown)}"
    try:
        made = content_hash(entry)
    except (TypeError, ValueError, RecursionError):
        return "cannot be hashed: it holds what is no JSON"
    return "" if made == expected else "is not what was written: its content has another hash"
