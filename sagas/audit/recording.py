"""Appending to the audit log: one lock of the head and one INSERT, for one entry as for thousands."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

from django.db import connection
from django.utils import timezone

from sagas import sql
from sagas.audit.content import moment
from sagas.audit.values import clean_address, plain, storable
from sagas.models import AuditEntry, AuditHead, Saga
from verifier import chain

APPEND = """
INSERT INTO sagas_auditentry (
    sequence, at, actor_kind, actor, action, object_kind, object_id, saga_id, reason, before, after, address,
    content_hash, previous_hash, hash
)
SELECT
    sequence, at, actor_kind, actor, action, object_kind, object_id, saga, reason, before, after, address,
    content_hash, previous_hash, hash
FROM json_to_recordset(%(rows)s) AS row (
    sequence bigint, at timestamptz, actor_kind text, actor text, action text, object_kind text,
    object_id text, saga bigint, reason text, before jsonb, after jsonb, address inet, content_hash text,
    previous_hash text, hash text
)
"""


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
class Entry:
    """An act to be recorded.

    `action` is "<what>.<past tense>" ("repair.started"), `object` its kind and id; `before` and `after` are
    JSON values (dates, UUIDs and decimals are written as text).
    """

    actor: Actor
    action: str
    object: tuple[str, str]
    saga: Saga | None = None
    reason: str = ""
    before: Any = None
    after: Any = None


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
    """Append one entry, of the fields of `Entry`, as `record_all` does."""
    (entry,) = record_all([Entry(actor, action, object, saga, reason, before, after)])
    return entry


def record_all(entries: Iterable[Entry]) -> list[AuditEntry]:
    """Append entries, in their order, in the transaction of the acts.

    Appends wait for one another until commit, so call it as the last thing in the transaction, after every
    other lock has been taken. Raises NotInTransactionError outside of a transaction, and TypeError or
    ValueError for what is no JSON; nothing is appended then.
    """
    contents = [_content(entry) for entry in entries]
    if not connection.in_atomic_block:
        acts = ", ".join(sorted({str(content["action"]) for content in contents})) or "an act"
        raise NotInTransactionError(f"{acts} must be recorded in the transaction of the act")
    if not contents:
        return []
    head = AuditHead.objects.select_for_update().get()
    # Taken while the head is held, so that times follow the order of the sequence.
    at = timezone.now()
    written, sequence, previous = moment(at), head.sequence, head.hash
    rows = []
    for content in contents:
        sequence += 1
        content |= {"sequence": sequence, "at": written}
        made = chain.content_hash(content)
        hash = chain.link(previous, made)
        rows.append({**content, "content_hash": made, "previous_hash": previous, "hash": hash})
        previous = hash
    sql.run(APPEND, rows=json.dumps(rows, ensure_ascii=False, separators=(",", ":")))
    AuditHead.objects.update(sequence=sequence, hash=previous)
    return [AuditEntry(saga_id=row.pop("saga"), **{**row, "at": at}) for row in rows]


def _content(entry: Entry) -> dict[str, Any]:
    """What the hash covers, but for the place in the log."""
    return {
        "actor_kind": entry.actor.kind,
        "actor": storable(entry.actor.name),
        "action": entry.action,
        "object_kind": entry.object[0],
        "object_id": storable(entry.object[1]),
        "saga": entry.saga.pk if entry.saga else None,
        "reason": storable(entry.reason),
        "before": plain(entry.before),
        "after": plain(entry.after),
        "address": clean_address(entry.actor.address),
    }
