"""Events that could not be taken, read again once the cause is mended."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.utils import timezone

from sagas import audit, changes, events, ingest
from sagas.events import Incoming
from sagas.models import Participant, Quarantined

# Events in one transaction.
AT_ONCE = 100


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
    now = timezone.now()
    # Whoever comes second waits here, and then finds them replayed.
    rows = list(
        Quarantined.objects.select_for_update(of=("self",), no_key=True)
        .select_related("participant")
        .filter(pk__in=ids, state=Quarantined.State.OPEN)
        .order_by("pk")
    )
    accepted: dict[Participant, list[Incoming]] = {}
    for row in rows:
        event = events.read(bytes(row.body), now=now, largest=settings.INGEST_MAX_EVENT_BYTES)
        event = ingest.admit(event, row.saga_types)
        row.replays += 1
        row.replayed_at = now
        if isinstance(event, Incoming):
            accepted.setdefault(row.participant, []).append(event)
            row.state = Quarantined.State.REPLAYED
        else:
            row.reason, row.detail = event.reason, event.detail
    for participant, taken in accepted.items():
        ingest.store(taken, participant=participant, now=now)
    Quarantined.objects.bulk_update(rows, ["replays", "replayed_at", "state", "reason", "detail"])
    if rows:
        changes.tell("quarantine")
        _record(rows, by)
    count = sum(len(taken) for taken in accepted.values())
    return count, len(rows) - count


def _record(rows: list[Quarantined], by: audit.Actor) -> None:
    name = str(rows[0].pk) if len(rows) == 1 else f"{len(rows)} events"
    outcome = {
        str(row.pk): row.state if row.state == Quarantined.State.REPLAYED else row.reason for row in rows
    }
    audit.record(by, "quarantine.replayed", ("quarantined", name), after=outcome)
