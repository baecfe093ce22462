"""Reading recorded sagas, some hundreds at a time, and trying a definition on them. Nothing is written."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from django.db import connection, transaction

from sagas import facts, sql
from sagas.definitions import Definition
from sagas.detection import links
from sagas.detection.deciding import MOST_LINKED
from sagas.facts import Facts
from sagas.ingest.observing import observe_kept
from sagas.ingest.statements import EVENTS_OF_SAGAS
from sagas.mistakes import MISTAKES
from sagas.trials import comparing, statements
from sagas.trials.recorded import Arrival, Found, Recorded
from sagas.trials.results import Results
from sagas.vocabulary import Code

log = structlog.get_logger()

# Sagas that a definition is tried on, the newest ones.
MOST = 10_000
# Sagas, and events of theirs, that are read in one go.
SAGAS_AT_ONCE = 200
EVENTS_AT_ONCE = 20_000
# Seconds after which those that are left of them are read again later: a definition may have costly rules.
LONGEST = 5.0


class Extent(NamedTuple):
    """How many sagas there are to look at, and an id above theirs."""

    of: int
    cursor: int


def extent(saga_type: str) -> Extent:
    """Of the newest sagas of the type, as there are now."""
    ((of, cursor),) = sql.run(statements.EXTENT, saga_type=saga_type, most=MOST)
    return Extent(of, cursor)


def look(definition: Definition, cursor: int, found: Results, now: datetime) -> int | None:
    """Try it on the next sagas whose id is below `cursor`; the new cursor, None where none were left."""
    started, last = time.monotonic(), None
    for saga, linked in _read(definition, cursor, min(SAGAS_AT_ONCE, MOST - found.looked_at)):
        found.looked_at += 1
        try:
            sights = [links.sight(row, now) for row in linked]
            comparing.take(found, saga, sights, definition, facts.microseconds(now))
        except MISTAKES:
            log.exception("trials: a saga cannot be judged", saga=saga.pk)
            found.unread.add(saga.pk)
        last = saga.pk
        if time.monotonic() - started > LONGEST:
            break
    return last


def _read(definition: Definition, cursor: int, most: int) -> list[tuple[Recorded, list[links.Row]]]:
    # One snapshot, and a promise: whatever a definition brings about, it cannot change what is stored.
    with transaction.atomic(durable=True):
        with connection.cursor() as database:
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = sql.run(
            statements.NEXT_SAGAS,
            saga_type=definition.type,
            cursor=cursor,
            most=most,
            events=EVENTS_AT_ONCE,
        )
        sagas = [row[0] for row in rows]
        if not sagas:
            return []
        arrivals = _arrivals(sagas, definition)
        linked = _linked(arrivals, definition)
        found = _found(sagas)
    return [
        (Recorded(pk, saga_id, definition_pk, status, arrivals[pk], found[pk]), linked[pk])
        for pk, saga_id, definition_pk, status in rows
    ]


def _arrivals(sagas: Sequence[int], definition: Definition) -> dict[int, list[Arrival]]:
    arrivals: dict[int, list[Arrival]] = {pk: [] for pk in sagas}
    for pk, received_at, *event in sql.run(EVENTS_OF_SAGAS, sagas=list(sagas)):
        arrivals[pk].append(Arrival(facts.microseconds(received_at), observe_kept(event, definition)))
    return arrivals


def _found(sagas: Sequence[int]) -> dict[int, dict[tuple[Code, str], Found]]:
    found: dict[int, dict[tuple[Code, str], Found]] = {pk: {} for pk in sagas}
    for pk, code, step, title, is_open in sql.run(statements.FINDINGS_OF, sagas=list(sagas)):
        found[pk][Code(code), step] = Found(title, is_open)
    return found


def _linked(arrivals: Mapping[int, Sequence[Arrival]], definition: Definition) -> dict[int, list[links.Row]]:
    """By the business keys that the definition would have found, which need not be those that were."""
    linked: dict[int, list[links.Row]] = {pk: [] for pk in arrivals}
    rows = []
    for pk, events in arrivals.items() if definition.linking else ():
        keys = facts.merge(Facts(), (arrival.event for arrival in events)).keys
        rows += [
            {"id": pk, "name": name, "value": keys[name].value} for name in definition.linking & keys.keys()
        ]
    if rows:
        for pk, *row in sql.run(statements.LINKED_BY, rows=sql.encode(rows), most=MOST_LINKED + 1):
            linked[pk].append(row)
    return linked
