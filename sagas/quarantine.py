"""Events that could not be taken, read again once the cause is mended."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from sagas import audit, changes, events, ingest, sql
from sagas.events import Foreign, Incoming, Reason, Refused, plain
from sagas.mistakes import MISTAKES
from sagas.models import Participant, Quarantined

# Events in one transaction.
AT_ONCE = 100

# Few enough for one transaction, and by the minute more than people replay.
FORGOTTEN_AT_ONCE = 1000

FORGET_REPLAYED = """
DELETE FROM sagas_quarantined WHERE id IN (
  SELECT id FROM sagas_quarantined
  WHERE state = 'replayed' AND replayed_at < %(before)s
  ORDER BY replayed_at LIMIT %(most)s
  FOR UPDATE SKIP LOCKED
)
RETURNING id
"""

COUNT_REPLAYED = """
UPDATE sagas_foreigntype type SET kept = kept - given.number
FROM json_to_recordset(%(rows)s::json) AS given (id bigint, number int)
WHERE type.id = given.id
"""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a replay. `gone`: not there, or replayed by somebody else in the meantime."""

    taken: int
    refused: int
    gone: int

    def __str__(self) -> str:
        told = [f"{self.taken:,} taken"]
        if self.refused:
            told.append(f"{self.refused:,} refused again")
        if self.gone:
            told.append(f"{self.gone:,} replayed already")
        return ", ".join(told) + "."


def replay(ids: Sequence[int], by: audit.Actor) -> Replayed:
    """Read these events again, each with what the key it came with could do.

    An event that is refused again stays open, with the reason of today. Each event is taken once, however
    often and by however many people a replay is asked for at the same time.
    """
    taken = refused = 0
    asked = sorted(set(ids))
    for start in range(0, len(asked), AT_ONCE):
        chunk = asked[start : start + AT_ONCE]
        chunk_taken, chunk_refused = ingest.persist(partial(_replay, chunk, by))
        taken += chunk_taken
        refused += chunk_refused
    return Replayed(taken, refused, len(asked) - taken - refused)


def _replay(ids: list[int], by: audit.Actor) -> tuple[int, int]:
    return read_again(hold(Quarantined.objects.filter(pk__in=ids)), by, timezone.now())


def hold(found: QuerySet[Quarantined]) -> list[Quarantined]:
    """Those of them that are open, locked: whoever comes second waits, and then finds them replayed."""
    rows = found.filter(state=Quarantined.State.OPEN).select_related("participant").order_by("pk")
    return list(rows.select_for_update(of=("self",), no_key=True))


def read_again(rows: Sequence[Quarantined], by: audit.Actor, now: datetime) -> tuple[int, int]:
    """Of locked rows: how many were taken, and how many refused again. The last thing in a transaction."""
    admitting = ingest.Admitting(now)
    accepted: dict[Participant, list[tuple[Quarantined, Incoming]]] = {}
    refused: dict[Quarantined, Refused] = {}
    for row in rows:
        admitted = _admit(row, admitting, now)
        row.replays += 1
        row.replayed_at = now
        if admitted.taken:
            accepted.setdefault(row.participant, []).extend((row, event) for event in admitted.taken)
        if admitted.refused:
            refused[row] = admitted.refused
    for participant, several in accepted.items():
        again = ingest.take([event for _, event in several], participant=participant, now=now)
        refused |= {row: each for (row, _), each in zip(several, again, strict=True) if each}
    for row in rows:
        if row not in refused:
            row.state = Quarantined.State.REPLAYED
    _tell_reasons(refused.items(), now)
    Quarantined.objects.bulk_update(
        rows,
        ["replays", "replayed_at", "state", "reason", "detail", "foreign_type", "body", "is_plain"],
    )
    _count_replayed(rows)
    if rows:
        changes.tell("quarantine")
        _record(rows, by)
    return len(rows) - len(refused), len(refused)


def forget_replayed(now: datetime) -> int:
    """Remove the oldest of what was replayed REPLAYED_EVENTS_DAYS ago; how many. Their events are stored, and
    who replayed them stands in the audit log.
    """
    before = now - timedelta(days=settings.REPLAYED_EVENTS_DAYS)
    return len(sql.run(FORGET_REPLAYED, before=before, most=FORGOTTEN_AT_ONCE))


def _admit(row: Quarantined, admitting: ingest.Admitting, now: datetime) -> ingest.Admitted:
    try:
        return admitting.admit(_read(row, now), row.saga_types)
    except MISTAKES as error:
        as_kept = Refused(Reason.NOT_STORABLE, "", bytes(row.body), is_plain=row.is_plain)
        return ingest.Admitted([], ingest.refuse(as_kept, error))


def _read(row: Quarantined, now: datetime) -> Incoming | Refused:
    body = bytes(row.body)
    if not row.is_plain:
        return events.read(body, now=now, largest=settings.INGEST_MAX_EVENT_BYTES)
    if row.participant.plain_json is None:
        detail = f"It is plain JSON, and {row.participant.name} has no defaults any more to read it by."
        return Refused(Reason.MAPPING_FAILED, detail, body, is_plain=True)
    defaults = msgspec.convert(row.participant.plain_json, plain.Defaults)
    return plain.read_one(body, defaults, now=now, largest=settings.INGEST_MAX_EVENT_BYTES)


def _tell_reasons(refused: Iterable[tuple[Quarantined, Refused]], now: datetime) -> None:
    """The reasons of today; what turns out to be of a foreign type is from now on counted as such."""
    foreign: dict[Participant, list[tuple[Quarantined, Foreign]]] = {}
    for row, event in refused:
        row.reason, row.detail = event.reason, event.detail
        row.body, row.is_plain = event.raw, event.is_plain
        if isinstance(event, Foreign) and row.foreign_type_id is None:
            foreign.setdefault(row.participant, []).append((row, event))
    for participant, several in foreign.items():
        known = ingest.count_types([event.type for _, event in several], participant, now)
        for row, event in several:
            row.foreign_type_id = known[event.type]


def _count_replayed(rows: Sequence[Quarantined]) -> None:
    replayed = Counter(
        row.foreign_type_id
        for row in rows
        if row.state == Quarantined.State.REPLAYED and row.foreign_type_id is not None
    )
    if replayed:
        numbers = [{"id": pk, "number": number} for pk, number in sorted(replayed.items())]
        sql.run(COUNT_REPLAYED, rows=sql.encode(numbers))


def _record(rows: Sequence[Quarantined], by: audit.Actor) -> None:
    name = str(rows[0].pk) if len(rows) == 1 else f"{len(rows)} events"
    outcome = {
        str(row.pk): row.state if row.state == Quarantined.State.REPLAYED else row.reason for row in rows
    }
    audit.record(by, "quarantine.replayed", ("quarantined", name), after=outcome)
