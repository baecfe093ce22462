"""Storing a batch: the events and their fold in one transaction.

Safe with any number of writers on the same sagas: saga rows are inserted in one order and locked in one
order before anything else, and whoever holds a saga's row is alone with its events and its facts.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from msgspec import Struct
from psycopg import errors
from psycopg.pq.abc import PGresult

from sagas import changes, facts, sql
from sagas.events import Incoming, Reason, Refused
from sagas.ingest import folding, statements
from sagas.ingest.folding import Folded
from sagas.ingest.holding import Held, hold, settle
from sagas.ingest.keeping import keep
from sagas.ingest.sending import Sent
from sagas.ingest.statements import EventRow, RepeatedRow
from sagas.models import Participant

# Times that a transaction is tried when PostgreSQL ended it in favour of another.
MOST_TRIES = 6

T = TypeVar("T")

# Of an event: the key of its saga, source, id.
Identity = tuple[int, str, str]


class Outcome(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class Result(Struct, gc=False):
    """What became of one event. Only a quarantined one has `reason` and `detail`, and no `saga_pk`."""

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    saga_pk: int | None = None


def store(
    events: Sequence[Incoming | Refused],
    *,
    participant: Participant | None,
    scope: Collection[str] = (),
    now: datetime | None = None,
) -> list[Result]:
    """Store new events, count repeated ones, quarantine refused ones; a result for each, in order.

    The one way in, also for what Amends itself records (`participant` None; nothing of that may be refused).
    `scope`: saga types that the sender may report on; empty: all. One transaction, or part of the caller's.
    Raises `django.db.OperationalError` when the database is away; then nothing was stored.
    """
    now = now or timezone.now()
    return persist(lambda: _store(events, participant, scope, now))


def persist(work: Callable[[], T]) -> T:
    """Run `work` in a transaction, again when it lost against another one.

    Inside of a transaction of the caller it runs once: only the caller could try again.
    """
    if connection.in_atomic_block:
        return work()
    for tried in range(1, MOST_TRIES):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure):
                raise
            time.sleep(random.uniform(0, 0.02 * 2**tried))  # noqa: S311  (it only has to differ)
    with transaction.atomic():
        return work()


def _store(
    events: Sequence[Incoming | Refused],
    participant: Participant | None,
    scope: Collection[str],
    now: datetime,
) -> list[Result]:
    results: list[Result | None] = [None] * len(events)
    taken: list[tuple[int, Incoming]] = []
    refused: list[Refused] = []
    for place, event in enumerate(events):
        event = admit(event, scope)
        if isinstance(event, Incoming):
            taken.append((place, event))
        else:
            refused.append(event)
            results[place] = Result(Outcome.QUARANTINED, event.reason, event.detail)
    if taken:
        for (place, _), result in zip(
            taken, _take([event for _, event in taken], participant, now), strict=True
        ):
            results[place] = result
    if refused:
        if participant is None:
            raise ValueError(f"Amends' own event was refused: {refused[0].detail}")
        keep(refused, participant=participant, scope=scope, now=now)
    return [result for result in results if result]


def admit(event: Incoming | Refused, scope: Collection[str]) -> Incoming | Refused:
    """The event, refused where its saga type is outside of the scope (empty: all types are inside)."""
    if not scope or isinstance(event, Refused) or event.saga_type in scope:
        return event
    detail = f"This key may not report on sagas of type {event.saga_type}."
    return Refused(Reason.NOT_ALLOWED, detail, event.raw, event.id, event.source)


def _take(events: list[Incoming], participant: Participant | None, now: datetime) -> list[Result]:
    sagas = hold({(event.saga_type, event.saga_id) for event in events}, now)
    identities: list[Identity] = []
    distinct: dict[Identity, Incoming] = {}
    for event in events:
        saga = sagas[event.saga_type, event.saga_id]
        saga.arrived += 1
        identity = saga.pk, event.source, event.id
        identities.append(identity)
        if identity not in distinct:
            distinct[identity] = event
            saga.events.append(event)
    new, folded = _insert(distinct, list(sagas.values()), participant, now)
    folding.write(folded, now)
    written = {one.saga.pk for one in folded}
    repeated = [RepeatedRow(saga.pk, saga.arrived) for saga in sagas.values() if saga.pk not in written]
    if repeated:
        sql.run(statements.COUNT_REPEATED, rows=sql.encode(repeated))
    if written:
        changes.tell("sagas", *(f"saga:{pk}" for pk in written))
    return [_result(identity, new) for identity in identities]


def _result(identity: Identity, new: set[Identity]) -> Result:
    if identity not in new:
        return Result(Outcome.DUPLICATE, saga_pk=identity[0])
    # A second one in the same batch is a duplicate.
    new.remove(identity)
    return Result(Outcome.STORED, saga_pk=identity[0])


def _insert(
    events: dict[Identity, Incoming], sagas: list[Held], participant: Participant | None, now: datetime
) -> tuple[set[Identity], list[Folded]]:
    """Insert and fold the events; the identities of those that are new, and their sagas as they are now."""
    name = participant.name if participant else ""
    outdated = settle(sagas, now)
    for saga in sagas:
        # Known from here on without asking the database, which is busy below.
        _ = saga.definition
    with Sent(
        statements.INSERT_EVENTS,
        sql.encode_bytes([_row(identity[0], event, now) for identity, event in events.items()]),
        str(participant.pk).encode() if participant else None,
        now.isoformat().encode(),
    ) as sent:
        # They are taken for new until the server says otherwise.
        folded = {saga.pk: folding.take(saga, name, now) for saga in sagas if saga not in outdated}
        inserted = sent.result()
    if inserted.ntuples == len(events):
        new = set(events)
    else:
        new = set(_identities(inserted))
        for saga in sagas:
            fresh = [event for event in saga.events if (saga.pk, event.source, event.id) in new]
            if len(fresh) < len(saga.events):
                saga.events, saga.facts = fresh, facts.decode(saga.text)
                folded.pop(saga.pk, None)
                if fresh and saga not in outdated:
                    folded[saga.pk] = folding.take(saga, name, now)
    return new, [*folded.values(), *folding.take_anew(outdated, now)]


def _row(saga_pk: int, event: Incoming, now: datetime) -> EventRow:
    return EventRow(
        saga_id=saga_pk,
        source=event.source,
        event_id=event.id,
        kind=event.kind,
        step=event.step,
        execution=event.execution,
        attempt=event.attempt,
        time=event.time or now,
        time_given=event.time is not None,
        sequence=event.sequence,
        attributes=event.attributes,
        data=event.data,
    )


def _identities(inserted: PGresult) -> Iterator[Identity]:
    for row in range(inserted.ntuples):
        saga, source, event_id = (inserted.get_value(row, column) or b"" for column in range(3))
        yield int(saga), source.decode(), event_id.decode()
