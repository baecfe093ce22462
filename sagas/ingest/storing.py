"""Storing a batch: the events and their fold in one transaction.

Safe with any number of writers on the same sagas: saga rows are inserted in one order and locked in one
order before anything else, and whoever holds a saga's row is alone with its events and its facts.
"""

import random
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from msgspec import Struct
from psycopg import errors

from sagas import changes, definitions, facts
from sagas.definitions import Definition
from sagas.events import Incoming, Reason, Refused
from sagas.facts import Observed, Text
from sagas.ingest import folding, statements
from sagas.ingest.folding import Held
from sagas.ingest.keeping import keep
from sagas.ingest.observing import observe
from sagas.ingest.statements import EventRow, RepeatedRow, SagaName
from sagas.models import Participant

# Times that a transaction is tried when PostgreSQL ended it in favour of another.
MOST_TRIES = 6

T = TypeVar("T")


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
    sagas = _hold({(event.saga_type, event.saga_id) for event in events}, now)
    new = _insert(events, sagas, participant, now)
    results: list[Result] = []
    fresh: dict[int, list[Incoming]] = {}
    for event in events:
        saga = sagas[event.saga_type, event.saga_id]
        identity = saga.pk, event.source, event.id
        if identity in new:
            # A second one in the same batch is a duplicate.
            new.discard(identity)
            fresh.setdefault(saga.pk, []).append(event)
            saga.added += 1
            results.append(Result(Outcome.STORED, saga_pk=saga.pk))
        else:
            saga.repeated += 1
            results.append(Result(Outcome.DUPLICATE, saga_pk=saga.pk))
    changed = [saga for saga in sagas.values() if saga.added]
    _fold(changed, fresh, participant, now)
    repeated = [RepeatedRow(saga.pk, saga.repeated) for saga in sagas.values() if not saga.added]
    if repeated:
        statements.run(statements.COUNT_REPEATED, rows=statements.encode(repeated))
    if changed:
        changes.tell("sagas", *(f"saga:{saga.pk}" for saga in changed))
    return results


def _hold(names: set[tuple[str, str]], now: datetime) -> dict[tuple[str, str], Held]:
    """Make the sagas that are not there, and lock all of them."""
    rows = statements.encode([SagaName(*name) for name in sorted(names)])
    statements.run(statements.INSERT_SAGAS, rows=rows, now=now)
    held = [Held.of(row) for row in statements.run(statements.LOCK_NAMED_SAGAS, rows=rows)]
    return {(saga.saga_type, saga.saga_id): saga for saga in held}


def _insert(
    events: list[Incoming], sagas: dict[tuple[str, str], Held], participant: Participant | None, now: datetime
) -> set[tuple[int, str, str]]:
    """Insert those that are not there; their identities."""
    rows = [
        EventRow(
            saga_id=sagas[event.saga_type, event.saga_id].pk,
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
        for event in events
    ]
    inserted = statements.run(
        statements.INSERT_EVENTS,
        rows=statements.encode(rows),
        participant=participant.pk if participant else None,
        now=now,
    )
    return set(inserted)


def _fold(
    sagas: list[Held], fresh: dict[int, list[Incoming]], participant: Participant | None, now: datetime
) -> None:
    """Take the fresh events into their sagas' facts, and write what follows from them."""
    if not sagas:
        return
    known = definitions.versions({saga.saga_type for saga in sagas})
    name = participant.name if participant else ""
    outdated: list[Held] = []
    for saga in sagas:
        new = fresh[saga.pk]
        versions = [
            Text(facts.microseconds(event.time or now), event.source, event.id, str(version))
            for event in new
            if (version := event.attributes.get("sagaversion"))
        ]
        if folding.settle(saga, versions, known.get(saga.saga_type, [])):
            # Its events, the new ones among them, are read from the database below.
            outdated.append(saga)
            continue
        definition = saga.definition
        facts.merge(saga.facts, [_observe(event, name, definition, now) for event in new])
    folding.refill(outdated)
    folding.write(sagas, now)


def _observe(event: Incoming, participant: str, definition: Definition | None, now: datetime) -> Observed:
    return observe(
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
        participant=participant,
        definition=definition,
    )
