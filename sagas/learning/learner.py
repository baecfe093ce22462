"""Learning from sagas that are over, each once, beside everything else. Any number may run at once.

The queue (`Unlearned`) is filled by the statement that writes that a saga is over. A saga leaves it in the
transaction that counts it, so whatever dies wherever, it was either counted or waits still.
"""

import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.db import transaction
from django.utils import timezone

from sagas import definitions, facts, fold, heartbeats
from sagas.learning import memory, normal, statements
from sagas.learning.measuring import KEPT, measure
from sagas.learning.reading import OUTCOMES, Day
from sagas.learning.sketch import Durations
from sagas.mistakes import MISTAKES
from sagas.sql import encode, run
from sagas.vocabulary import ENDED

log = structlog.get_logger()

HEARTBEAT = "learn"

# Sagas in one transaction: days are locked that long, for other learners alone.
CHUNK = 500

# Seconds after which it leaves the rest to the next one: shortly before that one comes (console.settings), so
# that it keeps up with whatever one worker process can learn from, and hardly ever takes a second one.
BUDGET = 4.0

# Names of steps that are counted for one saga type, version and day: as many as a definition may have.
MOST_STEPS = 500


class Key(NamedTuple):
    """What is counted together."""

    saga_type: str
    version: str
    step: str
    day: date


def learn(now: datetime | None = None) -> int:
    """Learn from the sagas that wait for it, say anew what is normal, forget what is old; how many sagas."""
    now = now or timezone.now()
    started = time.monotonic()
    count = 0
    while True:
        taken = _learn_chunk(now)
        count += taken
        if taken < CHUNK or time.monotonic() - started > BUDGET:
            break
    run(statements.FORGET_DAYS, day=now.date() - timedelta(days=KEPT))
    if normal.renew(now):
        memory.forget()
    heartbeats.beat(HEARTBEAT, now)
    return count


@transaction.atomic
def _learn_chunk(now: datetime) -> int:
    rows = run(statements.TAKE, most=CHUNK)
    if not rows:
        return 0
    done, going_on = [], []
    days: dict[Key, Day] = {}
    for row in rows:
        saga, status = row[0], row[-1]
        if status is None or status in ENDED:
            done.append(saga)
            try:
                _count(row, days, now)
            except MISTAKES:
                log.exception("learn: a saga cannot be learned from", saga=saga)
        else:
            going_on.append(saga)
    if days:
        _add(days)
    if going_on:
        # They will be given again when they are over. Who ended meanwhile is not among them, and waits.
        done += [pk for (pk,) in run(statements.REOPEN, sagas=going_on, ended=list(ENDED))]
    run(statements.LEAVE, sagas=done)
    return len(rows)


def _count(row: Sequence[Any], days: dict[Key, Day], now: datetime) -> None:
    _, saga_type, definition_pk, text, status = row
    if status is None:  # the saga itself is gone
        return
    definition = definitions.by_key(definition_pk) if definition_pk else None
    version = definition.version if definition else ""
    # All of them before any is counted: a mistake of ours must not leave half a saga.
    for one in list(measure(fold.derive(facts.decode(text), definition, now), now)):
        if definition and definition.step(one.step) is None:
            continue
        key = Key(saga_type, version, one.step, one.day)
        day = days.setdefault(key, Day(one.day))
        for outcome in filter(None, (one.outcome, one.undoing)):
            setattr(day, outcome, getattr(day, outcome) + 1)
        if one.took is not None:
            day.forward.add(one.took)
        if one.undo_took is not None:
            day.back.add(one.undo_took)


def _add(days: dict[Key, Day]) -> None:
    keys = encode([key._asdict() for key in days])
    run(statements.ADD_DAYS, rows=keys, most=MOST_STEPS)
    written = []
    for pk, saga_type, version, step, day, forward, back in run(statements.LOCK_DAYS, rows=keys):
        new = days[Key(saga_type, version, step, day)]
        new.forward.merge(Durations(packed=forward))
        new.back.merge(Durations(packed=back))
        outcomes = {name: getattr(new, name) for name in OUTCOMES}
        written.append({"id": pk, **outcomes, "forward": new.forward.pack(), "back": new.back.pack()})
    run(statements.UPDATE_DAYS, rows=encode(written))
