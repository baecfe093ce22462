"""An entry's row as the content that its hash covers."""

from datetime import UTC, datetime
from typing import Any

from sagas.audit.values import clean_address, plain
from sagas.models import AuditEntry
from verifier import chain


def content(entry: AuditEntry) -> dict[str, Any]:
    """What `chain.content_hash` takes, which is all of the entry but its place in the chain."""
    return {
        "sequence": entry.sequence,
        "at": moment(entry.at),
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
    }


def content_hash(entry: AuditEntry) -> str:
    return chain.content_hash(content(entry))


def is_sound(entry: AuditEntry) -> bool:
    """Whether both of its hashes are made of what it holds; its neighbours are another matter."""
    made = content_hash(entry)
    return entry.content_hash == made and entry.hash == chain.link(entry.previous_hash, made)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
