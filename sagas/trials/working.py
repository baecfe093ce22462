"""Claim → look → record, chunk by chunk. Who dies in between leaves a lease that runs out.

What a chunk found and how far it came are recorded by one UPDATE, which counts only while the fence is still
its own and nobody has cancelled the trial: a chunk is counted once, however often it is looked at.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from django.utils import timezone

from sagas import changes, definitions, sql
from sagas.definitions import Definition
from sagas.models import Trial
from sagas.trials import looking, queue, statements
from sagas.trials.results import Results

log = structlog.get_logger()

State = Trial.State

# Much longer than a chunk takes: where it runs out, the worker has died or the database was away.
LEASE = timedelta(seconds=60)
# Seconds after which a worker leaves the rest to the next task, so that the sweep has its turn.
BUDGET = 2.0
# A trial that was taken so often without anything coming of it kills its workers, and is given up.
MOST_FRUITLESS = 5
# How long finished trials are kept, and how many at most.
KEPT = timedelta(days=7)
MOST_KEPT = 200


@dataclass(slots=True)
class Claim:
    """The right to work on a trial and to record what was found, until it is `lost`."""

    trial: Trial
    found: Results
    is_lost: bool = False


def work() -> int:
    """Go on with the oldest trial that is not finished, for some seconds; how many sagas were looked at.

    Safe to run twice at once, late or never.
    """
    sql.run(statements.REMOVE_OLD, before=timezone.now() - KEPT, most=MOST_KEPT)
    claim = take(timezone.now())
    if claim is None:
        return 0
    before, started = claim.found.looked_at, time.monotonic()
    look(claim)
    while not claim.is_lost and claim.trial.is_at_work and time.monotonic() - started < BUDGET:
        look(claim)
    if not claim.is_lost:
        leave(claim)
    return claim.found.looked_at - before


def take(now: datetime) -> Claim | None:
    """Claim the trial whose turn it is; None where there is none, or somebody else is at work on it."""
    taken = sql.run(statements.TAKE, now=now, lease=now + LEASE)
    if not taken:
        return None
    trial = Trial.objects.get(pk=taken[0][0])
    claim = Claim(trial, found(trial))
    if trial.fruitless > MOST_FRUITLESS:
        log.error("trials: one is given up, as nothing comes of it", trial=trial.pk)
        _record(claim, now, state=State.FAILED, finished_at=now)
        return None
    return claim


def look(claim: Claim) -> None:
    """Look at the next sagas and record what was found."""
    trial = claim.trial
    cursor = looking.look(draft(trial), trial.cursor, claim.found, trial.began_at or timezone.now())
    now = timezone.now()
    recorded: dict[str, Any] = {
        "looked_at": claim.found.looked_at,
        "results": msgspec.to_builtins(claim.found),
        "fruitless": 0,
        "lease_until": now + LEASE,
    }
    if cursor is None or claim.found.looked_at >= trial.of:
        recorded |= {"state": State.DONE, "finished_at": now}
    if cursor is not None:
        recorded["cursor"] = cursor
    _record(claim, now, **recorded)


def leave(claim: Claim) -> None:
    """Let the next task go on with what is left, at once, or with the next trial."""
    _mine(claim).update(lease_until=None)
    queue.nudge()


@lru_cache(maxsize=4)
def _parsed(digest: str, text: str) -> Definition:
    return definitions.parse(text, digest)


def draft(trial: Trial) -> Definition:
    """What is tried; read once, as a worker comes back to it every few seconds."""
    return _parsed(trial.digest, trial.text)


def found(trial: Trial) -> Results:
    """What it has found so far."""
    return msgspec.convert(trial.results, Results)


def _record(claim: Claim, now: datetime, **columns: Any) -> None:
    if not _mine(claim).filter(state=State.RUNNING).update(**columns):
        claim.is_lost = True
        return
    for name, value in columns.items():
        setattr(claim.trial, name, value)
    changes.tell("trials", f"trial:{claim.trial.pk}")


def _mine(claim: Claim) -> Any:
    return Trial.objects.filter(pk=claim.trial.pk, fence=claim.trial.fence)
