"""The audit log: one function appends, one verifies. Rows are dense, chained by hash, and never changed.

The database refuses UPDATE, DELETE and TRUNCATE of entries by triggers (migration 0002). Whoever can switch
triggers off is found out by `verify`: each entry's hash covers its content and the hash before it, and the
head, which is locked by every append, names the last one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal, Self
from uuid import UUID

from django.db import connection
from django.utils import timezone

from sagas.models import AuditEntry, AuditHead, Saga

# The hash that the first entry is chained to.
GENESIS = "0" * 64

# Entries held in memory at a time while verifying.
CHUNK = 2000


class NotInTransactionError(RuntimeError):
    """An audit entry is written in the transaction of the act it tells of, and there was none."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, by the name that stays in the log when the account is gone; `address` is an IP or nothing."""

    kind: Literal["person", "token", "key", "system"]
    name: str
    address: str | None = None

    @classmethod
    def system(cls) -> Self:
        """Amends itself."""
        return cls("system", "Amends")


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


def record(
    actor: Actor,
    action: str,
    object: tuple[str, str],
    *,
    saga: Saga | None = None,
    reason: str = "",
    before: Any = None,
    after: Any = None,
) -> AuditEntry:
    """Append one entry in the transaction of the act itself; raises NotInTransactionError outside of one.

    `action` is "<what>.<past tense>" ("repair.started"), `object` its kind and id; `before` and `after` are
    JSON values (dates, UUIDs and decimals are written as text). Appends wait for one another until commit,
    so call it as the last thing in the transaction, after every other lock has been taken.
    """
    if not connection.in_atomic_block:
        raise NotInTransactionError(f"{action} must be recorded in the transaction of the act")
    head = AuditHead.objects.select_for_update().get()
    entry = AuditEntry(
        sequence=head.sequence + 1,
        # Taken while the head is held, so that times follow the order of the sequence.
        at=timezone.now(),
        actor_kind=actor.kind,
        actor=storable(actor.name),
        action=action,
        object_kind=object[0],
        object_id=storable(object[1]),
        saga=saga,
        reason=storable(reason),
        before=plain(before),
        after=plain(after),
        address=clean_address(actor.address),
        previous_hash=head.hash,
    )
    entry.hash = digest(entry)
    entry.save(force_insert=True)
    AuditHead.objects.update(sequence=entry.sequence, hash=entry.hash)
    return entry


def verify() -> Verified | Broken:
    """Follow the whole chain in constant memory; entries appended meanwhile are left for the next time."""
    with connection.cursor() as cursor:
        # One statement, one snapshot: the head and the last row it should name.
        cursor.execute(
            "SELECT head.sequence, head.hash, (SELECT max(sequence) FROM sagas_auditentry)"
            " FROM sagas_audithead head"
        )
        row = cursor.fetchone()
    if row is None:
        return Broken(0, "the head of the chain is missing")
    head_sequence, head_hash, last = row
    expected, previous = 1, GENESIS
    entries = AuditEntry.objects.filter(sequence__lte=head_sequence).order_by("sequence")
    for entry in entries.iterator(chunk_size=CHUNK):
        if entry.sequence != expected:
            return Broken(expected, _missing(expected, entry.sequence - 1))
        if entry.hash != digest(entry):
            return Broken(entry.sequence, "its content is not what its hash was made of")
        if entry.previous_hash != previous:
            what = f"entry {entry.sequence} was chained to different content before it"
            return Broken(max(1, entry.sequence - 1), what)
        expected, previous = entry.sequence + 1, entry.hash
    if expected <= head_sequence:
        return Broken(expected, _missing(expected, head_sequence))
    if previous != head_hash:
        return Broken(head_sequence, "the head was chained to different content")
    if last is not None and last > head_sequence:
        return Broken(head_sequence + 1, "it was written past the head of the chain")
    return Verified(head_sequence, head_hash)


def digest(entry: AuditEntry) -> str:
    """SHA-256, in hex, of the entry as canonical JSON: sorted keys, no spaces, UTC to the microsecond."""
    content = {
        "sequence": entry.sequence,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor_kind": entry.actor_kind,
        "actor": entry.actor,
        "action": entry.action,
        "object_kind": entry.object_kind,
        "object_id": entry.object_id,
        "saga": entry.saga_id,
        "reason": entry.reason,
        "before": plain(entry.before),
        "after": plain(entry.after),
        # PostgreSQL spells some IPv6 addresses in another way.
        "address": clean_address(entry.address),
        "previous_hash": entry.previous_hash,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plain(value: Any) -> Any:
    """The value as `jsonb` gives it back, so that a hash made before storing holds afterwards.

    Raises TypeError for what is no JSON value, ValueError for an infinite or undefined number.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            # jsonb keeps numbers as decimals: 1e3 comes back as the integer 1000.
            return int(Decimal(repr(value))) if value.is_integer() else value
        case str():
            return storable(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case UUID() | Decimal():
            return str(value)
        case Mapping():
            return {storable(str(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return [plain(item) for item in sorted(value)]
    raise TypeError(f"{type(value).__name__} cannot be written to the audit log")


def storable(text: str) -> str:
    """Without what PostgreSQL cannot keep as text: NUL and lone surrogates become the replacement sign."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def clean_address(text: str | None) -> str | None:
    """One spelling for each IP address; None for what is none, as behind a Unix socket."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _missing(first: int, last: int) -> str:
    return "it is missing" if first == last else f"it and all up to {last} are missing"
