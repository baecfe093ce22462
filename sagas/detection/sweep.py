"""Finding what is due: its cost goes with what is due, not with what is open. Any number may run at once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog
from django.db import transaction
from django.utils import timezone

from sagas import changes, definitions, facts, fold, heartbeats, learning
from sagas.alerts import intents
from sagas.alerts.people import digest, watching
from sagas.detection import beyond, deadlines, judge, links, problems, refused, statements
from sagas.detection.difference import Judged
from sagas.detection.sight import Sight
from sagas.detection.silence import watch
from sagas.detection.silence.veil import Silences, veil
from sagas.mistakes import MISTAKES
from sagas.sql import encode, run
from sagas.vocabulary import Condition

log = structlog.get_logger()

HEARTBEAT = "sweep"

# Sagas in one transaction: enough that statements are cheap, few enough that writers hardly wait for it.
CHUNK = 500

# Seconds after which a sweep leaves the rest to the next one, so that few run side by side.
BUDGET = 2.0

# For how long a saga is put off that cannot be judged or written, which is a mistake of ours.
PUT_OFF = timedelta(minutes=10)


# A due saga as it was read (statements.SAGAS).
Row = tuple[Any, ...]


class Chunk(NamedTuple):
    """Numbers of sagas. What was taken and not judged is being written, and due again when that is done."""

    taken: int
    judged: int


class Standing(NamedTuple):
    """What lists find a saga by, in the order of its row."""

    status: str
    open_effects: list[str]
    unknown_effects: list[str]
    waiting_on: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A due saga, looked at: what is wrong with it, what its row will hold and what it held before.

    Of its state nothing else is kept: the next saga's then takes the same, warm memory.
    """

    judged: Judged
    stands: Standing
    stood: Standing
    condition: str  # as it was
    keys: dict[str, str]
    due_at: datetime | None
    version: str  # of its row

    @property
    def is_calm(self) -> bool:
        """Whether there is nothing to be written but when to look again."""
        return not self.judged.verdicts and not self.judged.had_findings and self.stands == self.stood


def sweep(now: datetime | None = None) -> int:
    """Judge what is due at `now`, write findings, problems and alerts; how many sagas were looked at."""
    now = now or timezone.now()
    started = time.monotonic()
    count = 0
    watch.watch(now, HEARTBEAT)
    links.pass_on(now)
    while True:
        taken, judged = _sweep_chunk(now)
        count += judged
        intents.tell(now)
        if taken < CHUNK or time.monotonic() - started > BUDGET:
            break
    watching.tell(now)
    digest.tell(now)
    heartbeats.beat(HEARTBEAT, now)
    return count


def _sweep_chunk(now: datetime) -> Chunk:
    return _sweep_taken(partial(run, statements.TAKE_DUE, now=now, most=CHUNK), now)


def _sweep_taken(take: Callable[[], list[tuple[int]]], now: datetime) -> Chunk:
    """Judge the sagas that are taken. Those that cannot be written together are halved.

    Each half has a transaction of its own, so that locks are still taken in one order.
    """
    taken: list[int] = []
    try:
        with transaction.atomic():
            taken = [saga for (saga,) in take()]
            return Chunk(len(taken), _judge(taken, now) if taken else 0)
    except refused.FAILURES as error:
        if not taken or not refused.is_refused(error):
            raise
        failure = error
    if len(taken) == 1:
        log.error("sweep: a saga cannot be written", saga=taken[0], again_in=str(PUT_OFF), exc_info=failure)
        run(statements.PUT_OFF, sagas=taken, until=now + PUT_OFF)
        return Chunk(1, 1)
    log.warning("sweep: sagas cannot be written together", sagas=len(taken), error=type(failure).__name__)
    middle = len(taken) // 2
    halves = [
        partial(run, statements.TAKE_DUE_OF, now=now, sagas=half) for half in (taken[:middle], taken[middle:])
    ]
    return Chunk(len(taken), sum(_sweep_taken(half, now).judged for half in halves))


def _judge(taken: Sequence[int], now: datetime) -> int:
    """How many of these sagas were judged."""
    rows = {row[0]: row for row in run(statements.SAGAS, sagas=taken)}
    looked, failed = _look_at([rows[saga] for saga in taken if saga in rows], now)
    if failed:
        run(statements.PUT_OFF, sagas=failed, until=now + PUT_OFF)
    # Most are as they were. Nothing of those is written, nor are they locked, which the database writes, too.
    left = _write([one for one in looked if not one.is_calm], now)
    due: list[dict[str, Any]] = [
        {"id": one.judged.saga, "at": one.due_at} for one in looked if one.judged.saga not in left
    ]
    due += [{"id": saga, "at": None} for saga in taken if saga not in rows]
    run(statements.UPDATE_DUE, rows=encode(due))
    return len(taken) - len(left)


def _look_at(rows: Sequence[Row], now: datetime) -> tuple[list[Looked], list[int]]:
    """Also the keys of those that cannot be judged."""
    learning.refresh()
    silences = watch.known()
    looked, failed = [], []
    linked = links.fetch({pk: definition for pk, _, _, definition, *_ in rows if definition})
    for row in rows:
        try:
            looked.append(_look(row, linked.get(row[0], ()), now, silences))
        except MISTAKES:
            log.exception("sweep: a saga cannot be judged", saga=row[0], again_in=str(PUT_OFF))
            failed.append(row[0])
    return looked, failed


def _look(row: Row, linked: Sequence[links.Row], now: datetime, silences: Silences) -> Looked:
    pk, saga_type, saga_id, definition_pk, text, had_findings, condition, *stood, version = row
    definition = definitions.by_key(definition_pk) if definition_pk else None
    known = facts.decode(text)
    state = fold.derive(known, definition, now)
    moment = facts.microseconds(now)
    prospects = judge.prospects(state, definition, learning.known(saga_type, definition))
    verdicts = judge.holding(prospects, moment)
    if definition and definition.looks_beyond:
        mine = Sight(saga_type, saga_id, known, state, definition)
        further = beyond.prospects(mine, [links.sight(other, now) for other in linked])
        prospects += further
        verdicts += [verdict for verdict in further if verdict.due <= moment]
    verdicts = veil(verdicts, state, silences, known.participants)
    return Looked(
        judged=Judged(pk, saga_type, definition, verdicts, had_findings, state.stake),
        stands=Standing(
            state.status, state.open_effects, state.unknown_effects, state.waiting_on, state.ended_at
        ),
        stood=Standing(*stood),
        condition=condition,
        keys=state.keys,
        due_at=deadlines.next_after(state, prospects, moment),
        version=version,
    )


def _write(looked: Sequence[Looked], now: datetime) -> set[int]:
    """Write findings, problems and the sagas' rows; which sagas are left alone, as somebody writes them."""
    if not looked:
        return set()
    read = encode([{"id": one.judged.saga, "version": one.version} for one in looked])
    held = {saga for (saga,) in run(statements.LOCK_SAGAS, rows=read)}
    left = {one.judged.saga for one in looked} - held
    looked = [one for one in looked if one.judged.saga in held]
    settled = problems.settle([one.judged for one in looked], now)
    conditions = [judge.worst(settled.waiting(one.judged)) for one in looked]
    changed = [
        _row(one, condition)
        for one, condition in zip(looked, conditions, strict=True)
        if (one.stood, one.condition, one.judged.had_findings)
        != (one.stands, condition, bool(one.judged.verdicts))
    ]
    if changed:
        run(statements.UPDATE_SAGAS, rows=encode(changed))
    # Where time alone changed what is known of its effects, others may be looking.
    links.nudge(
        (one.judged.saga, one.keys)
        for one in looked
        if one.stands.unknown_effects != one.stood.unknown_effects
    )
    _tell(looked, conditions, settled.touched)
    return left


def _row(one: Looked, condition: Condition) -> dict[str, Any]:
    return {
        "id": one.judged.saga,
        "condition": condition,
        "has_findings": bool(one.judged.verdicts),
        **one.stands._asdict(),
    }


def _tell(looked: Sequence[Looked], conditions: Sequence[Condition], touched: set[int]) -> None:
    changed = touched | {
        one.judged.saga
        for one, condition in zip(looked, conditions, strict=True)
        if (one.stood.status, one.condition) != (one.stands.status, condition)
    }
    if changed:
        changes.tell("sagas", *(f"saga:{saga}" for saga in changed))
    if touched:
        changes.tell("problems")
