"""Which events a saga has no room for.

A saga is read and written as a whole, so that one which takes up everybody's events (the same correlationid
for all) would make each of them slower than the one before. What there is to tell apart in one is bounded;
which event is the first to be refused depends on the order of arrival, as nothing else does.
"""

from collections.abc import Iterable

from django.conf import settings

from sagas import facts, sql
from sagas.events import Incoming
from sagas.facts import WHOLE, Part
from sagas.ingest import statements
from sagas.ingest.holding import Held
from sagas.ingest.statements import Identity, IdentityRow


def without_room(sagas: Iterable[Held]) -> set[Identity]:
    """Of the events that locked sagas are to take, those that are too much and that nobody knows yet."""
    most = settings.SAGA_MAX_EXECUTIONS
    found = {
        (saga.pk, event.source, event.id)
        for saga in sagas
        # Too little text to hold so many: nearly always, and then nothing is counted.
        if len(saga.text) // facts.LEAST + len(saga.events) > most
        for event in beyond(saga, most)
    }
    if found:
        rows = sql.encode([IdentityRow(*identity) for identity in found])
        found.difference_update(sql.run(statements.KNOWN_EVENTS, rows=rows))
    return found


def beyond(saga: Held, most: int) -> list[Incoming]:
    """Those that tell of another step execution than `most` known ones, told apart by who speaks of them.

    More sources may speak of what is known already, up to twice that number, so that what has begun can end.
    """
    known = facts.speakers(saga.facts)
    number = sum(map(len, known.values()))
    left = []
    for event in saga.events:
        part = _part(event)
        sources = known.get(part, set())
        if event.source in sources:
            continue
        if number >= (2 * most if part in known else most):
            left.append(event)
            continue
        known[part] = sources | {event.source}
        number += 1
    return left


def explain(event: Incoming) -> str:
    return (
        f"The saga {event.saga_type} {event.saga_id} has the most step executions that one may have, "
        f"{settings.SAGA_MAX_EXECUTIONS:,} (SAGA_MAX_EXECUTIONS), and this event tells of one more. "
        "Look whether correlationid is the same for several sagas."
    )


def _part(event: Incoming) -> Part:
    return (event.step, event.execution) if event.kind.needs_step else WHOLE
