"""Keeping what was refused, as it came; `sagas.quarantine` reads it again.

Of foreign types (which somebody else's systems publish, and nobody has mapped) only the newest are kept, so
that a participant who forwards a whole bus fills no disk; all are counted, and what made room is told.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from django.conf import settings
from msgspec import Struct

from sagas import changes, sql
from sagas.events import Foreign, Refused
from sagas.ingest import statements
from sagas.models import Participant, Quarantined

# Foreign types that are told apart, of one participant; the others are counted together, under "".
MOST_TYPES = 500
OTHERS = ""


class ForeignTypeRow(Struct, gc=False):
    type: str
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
    changes.tell("quarantine")


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
