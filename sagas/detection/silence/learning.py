"""From the moments at which participants were heard to their rhythms. Any number may run at once."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sagas import heartbeats
from sagas.detection.silence import rhythm, statements
from sagas.detection.silence.rhythm import Deaf, Rhythm
from sagas.hearing import MOST_TICKS
from sagas.learning import Durations
from sagas.mistakes import MISTAKES
from sagas.sql import encode, run

log = structlog.get_logger()

HEARTBEAT = "rhythms"

# A rhythm is written when there is this much to learn, or after this long.
ENOUGH = 20
WAIT = timedelta(seconds=30)
# Participants in one transaction.
CHUNK = 100


def learn(now: datetime | None = None) -> int:
    """Learn from what was heard; of how many participants."""
    now = now or timezone.now()
    count = 0
    while taken := _learn_chunk(now):
        count += taken
    heartbeats.beat(HEARTBEAT, now)
    return count


@transaction.atomic
def _learn_chunk(now: datetime) -> int:
    rows = run(statements.TAKE_TICKS, enough=ENOUGH, waited_since=now - WAIT, most=CHUNK)
    if not rows:
        return 0
    learned = []
    for row in rows:
        try:
            learned.append(_row(row[0], _learned(row)))
        except MISTAKES:
            # Its moments are gone, its rhythm stays: a gap in what is learned is no lie.
            log.exception("silence: a rhythm cannot be learned", participant=row[0])
    run(statements.KEEP_RHYTHMS, rows=encode(learned))
    run(statements.CLEAR_TICKS, participants=[row[0] for row in rows])
    return len(rows)


def _learned(row: Sequence[Any]) -> Rhythm:
    _, ticks, since, until, period_since, pauses, before, *deaf = row
    if since is None:
        known = rhythm.begin(ticks)
    else:
        known = Rhythm(since, until, period_since, Durations(packed=pauses), Durations(packed=before))
    known.listen(ticks, Deaf(*deaf) if all(deaf) else None, is_cut=len(ticks) >= MOST_TICKS)
    return known


def _row(participant: int, known: Rhythm) -> dict[str, Any]:
    return {
        "participant_id": participant,
        "since": known.since,
        "until": known.until,
        "period_since": known.period_since,
        "pauses": b64encode(known.pauses.pack()).decode(),
        "before": b64encode(known.before.pack()).decode(),
        "usual": known.usual,
        "patience": known.patience(settings.SILENCE_FLOOR),
    }
