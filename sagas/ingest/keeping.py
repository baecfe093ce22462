"""Keeping what was refused, as it came; `sagas.quarantine` reads it again."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sagas import changes
from sagas.events import Refused
from sagas.models import Participant, Quarantined


def keep(
    refused: Sequence[Refused], *, participant: Participant, scope: Collection[str], now: datetime
) -> None:
    """Put events into quarantine, with whose they are and which saga types their key may report on."""
    Quarantined.objects.bulk_create(
        Quarantined(
            participant=participant,
            saga_types=sorted(scope),
            received_at=now,
            body=event.raw,
            reason=event.reason,
            detail=event.detail,
        )
        for event in refused
    )
    changes.tell("quarantine")
