"""Keeping what was refused, as it came; `sagas.quarantine` reads it again.

Only the newest are kept, of each participant and reason, and of each foreign type (which somebody else's
systems publish, and nobody has mapped): so that whoever forwards a whole bus, or sends the same mistake for
ever, fills no disk. All are counted, and what made room is told.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from django.conf import settings
from msgspec import Struct

from sagas import changes, sql
from sagas.events import Foreign, Reason, Refused
from sagas.ingest import statements
from sagas.models import Participant, Quarantined

# Looking for what is beyond the newest goes over all of them: done once in so many hundredths of these.
SHARE = 100
# Where the bound was lowered, or there was none before: few enough for a batch to wait for.
GOING_AT_ONCE = 2000

# Foreign types that are told apart, of one participant; the others are counted together, under "".
MOST_TYPES = 500
OTHERS = ""


class ForeignTypeRow(Struct, gc=False):
    type: str
    number: int


class RefusalRow(Struct, gc=False):
    reason: str
    number: int


def keep(
    refused: Sequence[Refused], *, participant: Participant, scope: Collection[str], now: datetime
) -> None:
    """Put events into quarantine, with whose they are and which saga types their key may report on."""
    known = count_types([event.type for event in refused if isinstance(event, Foreign)], participant, now)
    Quarantined.objects.bulk_create(
        Quarantined(
            participant=participant,
            saga_types=sorted(scope),
            received_at=now,
            body=event.raw,
            reason=event.reason,
            detail=event.detail,
            is_plain=event.is_plain,
            foreign_type_id=known[event.type] if isinstance(event, Foreign) else None,
        )
        for event in refused
    )
    if known:
        most = settings.FOREIGN_EVENTS_KEPT
        sql.run(statements.MAKE_ROOM, types=sorted(set(known.values())), most=most)
    _bound_reasons(Counter(event.reason for event in refused if not isinstance(event, Foreign)), participant)
    changes.tell("quarantine")


def _bound_reasons(numbers: Counter[Reason], participant: Participant) -> None:
    if not numbers:
        return
    most = settings.REFUSED_EVENTS_KEPT
    step = max(most // SHARE, 1)
    rows = sql.encode([RefusalRow(reason, number) for reason, number in numbers.items()])
    counted = sql.run(statements.COUNT_REFUSALS, rows=rows, participant=participant.pk)
    due = [pk for reason, pk, count in counted if count // step > (count - numbers[reason]) // step]
    if due:
        at_once = max(GOING_AT_ONCE, 2 * numbers.total())
        sql.run(statements.MAKE_ROOM_OF_REASONS, refusals=due, most=most, at_once=at_once)


def count_types(types: Sequence[str], participant: Participant, now: datetime) -> dict[str, int]:
    """Count events by their types; the key of each type's row. Whoever calls it keeps these events.

    A type that there is no room for is counted as one of OTHERS.
    """
    if not types:
        return {}
    known = {name for (name,) in sql.run(statements.FOREIGN_TYPES, participant=participant.pk)}
    room = MOST_TYPES - len(known - {OTHERS})
    told_apart = known | set(sorted(set(types) - known)[: max(room, 0)])
    numbers = Counter(name if name in told_apart else OTHERS for name in types)
    rows = sql.encode([ForeignTypeRow(name, number) for name, number in numbers.items()])
    found = dict(sql.run(statements.COUNT_FOREIGN_TYPES, rows=rows, participant=participant.pk, now=now))
    return {name: found[name if name in told_apart else OTHERS] for name in set(types)}
