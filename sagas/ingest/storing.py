"""Storing a batch: the events and their fold in one transaction.

Safe with any number of writers on the same sagas: saga rows are inserted in one order and locked in one
order before anything else, and whoever holds a saga's row is alone with its events and its facts.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial

from django.utils import timezone
from msgspec import Struct
from psycopg.pq.abc import PGresult

from sagas import changes, facts, learning, sql
from sagas.events import Incoming, Reason, Refused
from sagas.ingest import apart, bounding, folding, statements
from sagas.ingest.admitting import Admitted, Admitting, may_report
from sagas.ingest.folding import Folded
from sagas.ingest.holding import Held, hold, settle
from sagas.ingest.keeping import keep
from sagas.ingest.persisting import persist
from sagas.ingest.sending import Sent
from sagas.ingest.statements import EventRow, Identity, RepeatedRow
from sagas.models import Participant


class Outcome(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


# Of an event that became several: what it is said to be.
BEST_FIRST = [Outcome.STORED, Outcome.DUPLICATE, Outcome.QUARANTINED]


class Mapped(Struct, gc=False):
    """What a mapping made of a foreign event, and what became of that."""

    event: Incoming
    outcome: Outcome


class Result(Struct, gc=False):
    """What became of one event.

    `reason` and `detail` tell why it was quarantined. A quarantined one has no `saga_pk`. A foreign one that
    mappings took has `mapped`: it is stored if any of these is; when the mapping of another saga type failed,
    a copy is in quarantine, and there are `reason` and `detail`, too.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    saga_pk: int | None = None
    mapped: Sequence[Mapped] = ()


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
    if participant is None:
        return persist(partial(_store, events, None, scope, now))

    def leave(refused: Refused) -> Result:
        keep([refused], participant=participant, scope=scope, now=now)
        return Result(Outcome.QUARANTINED, refused.reason, refused.detail)

    return apart.take(lambda some: _store(some, participant, scope, now), events, leave)


def take(events: Sequence[Incoming], *, participant: Participant, now: datetime) -> list[Refused | None]:
    """Store events that are in quarantine already, as `store` does; of each that is refused again, why."""

    def work(some: Sequence[Incoming]) -> list[Refused | None]:
        results = _take(list(some), participant, now)
        return [_refusal(event, result) for event, result in zip(some, results, strict=True)]

    return apart.take(work, events, lambda refused: refused)


def _store(
    events: Sequence[Incoming | Refused],
    participant: Participant | None,
    scope: Collection[str],
    now: datetime,
) -> list[Result]:
    admitted = [may_report(event, scope) for event in events] if scope else events
    taken = [event for event in admitted if isinstance(event, Incoming)]
    if len(taken) == len(admitted):
        results = _take(taken, participant, now) if taken else []
        refused = [
            refusal
            for event, result in zip(taken, results, strict=True)
            if (refusal := _refusal(event, result))
        ]
        if refused and participant:
            keep(refused, participant=participant, scope=scope, now=now)
        return results
    admitting = Admitting(now)
    return _store_and_keep([admitting.admit(event, scope) for event in events], participant, scope, now)


def _store_and_keep(
    admitted: Sequence[Admitted], participant: Participant | None, scope: Collection[str], now: datetime
) -> list[Result]:
    """The longer way, for a batch in which something is foreign or refused."""
    refused = [one.refused for one in admitted if one.refused]
    if refused and participant is None:
        raise ValueError(f"Amends' own event was refused: {refused[0].detail}")
    taken = [event for one in admitted for event in one.taken]
    told = iter(_take(taken, participant, now) if taken else [])
    results = [_result(one, [next(told) for _ in one.taken]) for one in admitted]
    # One copy of each, whatever the number of sagas that did not take it.
    refused = [
        refusal
        for one, result in zip(admitted, results, strict=True)
        if (refusal := one.refused or _refusal(one.taken[0], result))
    ]
    if refused and participant:
        keep(refused, participant=participant, scope=scope, now=now)
    return results


def _refusal(event: Incoming, result: Result) -> Refused | None:
    """Where its saga did not take it, or one of several that a mapping made it an event of."""
    if not result.reason:
        return None
    return Refused(Reason(result.reason), result.detail, event.raw, event.id, event.source)


def _result(admitted: Admitted, results: Sequence[Result]) -> Result:
    """Of one event that came, from the results of what it became."""
    failed: Sequence[Refused | Result] = [
        each for each in (admitted.refused, *results) if each and each.reason
    ]
    reason, detail = (failed[0].reason, failed[0].detail) if failed else ("", "")
    if not results:
        return Result(Outcome.QUARANTINED, reason, detail)
    if not admitted.is_mapped:
        return results[0]
    best = min(results, key=lambda each: BEST_FIRST.index(each.outcome))
    mapped = [Mapped(event, each.outcome) for event, each in zip(admitted.taken, results, strict=True)]
    return Result(best.outcome, reason, detail, best.saga_pk, mapped)


def _take(events: list[Incoming], participant: Participant | None, now: datetime) -> list[Result]:
    sagas = hold({(event.saga_type, event.saga_id) for event in events}, now)
    identities = [(sagas[event.saga_type, event.saga_id].pk, event.source, event.id) for event in events]
    # The first of those that are the same.
    distinct = dict(zip(reversed(identities), reversed(events), strict=True))
    for event in events:
        saga = sagas[event.saga_type, event.saga_id]
        saga.arrived += 1
        saga.events.append(event)
    if len(distinct) < len(events):
        for saga in sagas.values():
            saga.events = list({(event.source, event.id): event for event in reversed(saga.events)}.values())
    # What Amends itself records is about what is known, and must not be lost.
    left = bounding.without_room(sagas.values()) if participant else set()
    if left:
        _leave(left, identities, distinct, sagas.values())
    new, folded = _insert(distinct, [saga for saga in sagas.values() if saga.events], participant, now)
    folding.write(folded, now)
    written = {one.saga.pk for one in folded}
    repeated = [
        RepeatedRow(saga.pk, saga.arrived)
        for saga in sagas.values()
        if saga.arrived and saga.pk not in written
    ]
    if repeated:
        sql.run(statements.COUNT_REPEATED, rows=sql.encode(repeated))
    if written:
        changes.tell("sagas", *(f"saga:{pk}" for pk in written))
    results = _results(identities, new)
    if left:
        for place, (identity, event) in enumerate(zip(identities, events, strict=True)):
            if identity in left:
                detail = bounding.explain(event)
                results[place] = Result(Outcome.QUARANTINED, Reason.SAGA_TOO_LARGE, detail)
    return results


def _leave(
    left: set[Identity],
    identities: list[Identity],
    distinct: dict[Identity, Incoming],
    sagas: Collection[Held],
) -> None:
    """Go on as if these events had not come."""
    arrived = Counter(pk for pk, *_ in filter(left.__contains__, identities))
    for saga in sagas:
        saga.arrived -= arrived[saga.pk]
        saga.events = [each for each in saga.events if (saga.pk, each.source, each.id) not in left]
    for identity in left:
        del distinct[identity]


def _results(identities: list[Identity], new: set[Identity]) -> list[Result]:
    stored = {pk: Result(Outcome.STORED, saga_pk=pk) for pk, _, _ in new}
    if len(new) == len(identities):
        return [stored[identity[0]] for identity in identities]
    results = []
    for identity in identities:
        if identity in new:
            # A second one in the same batch is a duplicate.
            new.remove(identity)
            results.append(stored[identity[0]])
        else:
            results.append(Result(Outcome.DUPLICATE, saga_pk=identity[0]))
    return results


def _insert(
    events: dict[Identity, Incoming], sagas: list[Held], participant: Participant | None, now: datetime
) -> tuple[set[Identity], list[Folded]]:
    """Insert and fold the events; the identities of those that are new, and their sagas as they are now."""
    name = participant.name if participant else ""
    outdated = settle(sagas, now)
    for saga in sagas:
        # Known from here on without asking the database, which is busy below.
        _ = saga.definition
    learning.refresh()
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
