"""Finding what is due: its cost goes with what is due, not with what is open. Any number may run at once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

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
from sagas.vocabulary import Condition, Status

log = structlog.get_logger()

HEARTBEAT = "sweep"

# Sagas in one transaction: enough that statements are cheap, few enough that writers hardly wait for it.
CHUNK = 500

# Seconds after which a sweep leaves the rest to the next one, so that few run side by side.
BUDGET = 2.0

# For how long a saga is put off that cannot be judged or written, which is a mistake of ours.
PUT_OFF = timedelta(minutes=10)


# A due saga as it is taken (statements.TAKE_DUE).
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """A due saga, looked at: what is wrong with it, what its row will hold and what it held before.

    Of its state nothing else is kept: the next saga's then takes the same, warm memory.
    """

    judged: Judged
    status: Status
    row: dict[str, Any]
    was: tuple[str, str]  # status, condition
    # Its keys, where time alone changed what is known of its effects: others may be looking.
    nudging: dict[str, str] | None


def sweep(now: datetime | None = None) -> int:
    """Judge what is due at `now`, write findings, problems and alerts; how many sagas were looked at."""
    now = now or timezone.now()
    started = time.monotonic()
    count = 0
    watch.watch(now, HEARTBEAT)
    links.pass_on(now)
    while True:
        taken = _sweep_chunk(now)
        count += taken
        intents.tell(now)
        if taken < CHUNK or time.monotonic() - started > BUDGET:
            break
    watching.tell(now)
    digest.tell(now)
    heartbeats.beat(HEARTBEAT, now)
    return count


def _sweep_chunk(now: datetime) -> int:
    return _sweep_taken(partial(run, statements.TAKE_DUE, now=now, most=CHUNK), now)


def _sweep_taken(take: Callable[[], list[Row]], now: datetime) -> int:
    """Judge the sagas that are taken; how many. Those that cannot be written together are halved.

    Each half has a transaction of its own, so that locks are still taken in one order.
    """
    taken: list[int] = []
    try:
        with transaction.atomic():
            rows = take()
            taken = [row[0] for row in rows]
            if rows:
                _judge(rows, now)
    except refused.FAILURES as error:
        if not taken or not refused.is_refused(error):
            raise
        failure = error
    else:
        return len(taken)
    if len(taken) == 1:
        log.error("sweep: a saga cannot be written", saga=taken[0], again_in=str(PUT_OFF), exc_info=failure)
        run(statements.PUT_OFF, sagas=taken, until=now + PUT_OFF)
        return 1
    log.warning("sweep: sagas cannot be written together", sagas=len(taken), error=type(failure).__name__)
    middle = len(taken) // 2
    for half in (taken[:middle], taken[middle:]):
        _sweep_taken(partial(run, statements.TAKE_DUE_OF, now=now, sagas=half), now)
    return len(taken)


def _judge(rows: Sequence[Row], now: datetime) -> None:
    learning.refresh()
    silences = watch.known()
    looked, failed = [], []
    linked = links.fetch({row[0]: row[2] for row in rows if row[2]})
    for row in rows:
        try:
            looked.append(_look(row, linked.get(row[0], ()), now, silences))
        except MISTAKES:
            log.exception("sweep: a saga cannot be judged", saga=row[0], again_in=str(PUT_OFF))
            failed.append(row[0])
    if failed:
        run(statements.PUT_OFF, sagas=failed, until=now + PUT_OFF)
    if looked:
        settled = problems.settle([one.judged for one in looked], now)
        conditions = [judge.worst(settled.waiting(one.judged)) for one in looked]
        written = [_row(one, condition) for one, condition in zip(looked, conditions, strict=True)]
        run(statements.UPDATE_SAGAS, rows=encode(written))
        links.nudge((one.judged.saga, one.nudging) for one in looked if one.nudging is not None)
        _tell(looked, conditions, settled.touched)


def _look(row: Row, linked: Sequence[links.Row], now: datetime, silences: Silences) -> Looked:
    pk, saga_type, definition_pk, text, condition, had_findings, status, saga_id, unknown = row
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
        status=state.status,
        row={
            "id": pk,
            "status": state.status,
            "open_effects": state.open_effects,
            "unknown_effects": state.unknown_effects,
            "waiting_on": state.waiting_on,
            "ended_at": state.ended_at,
            "due_at": deadlines.next_after(state, prospects, moment),
        },
        was=(status, condition),
        nudging=state.keys if unknown != state.unknown_effects else None,
    )


def _row(one: Looked, condition: Condition) -> dict[str, Any]:
    return one.row | {"condition": condition, "has_findings": bool(one.judged.verdicts)}


def _tell(looked: Sequence[Looked], conditions: Sequence[Condition], touched: set[int]) -> None:
    changed = touched | {
        one.judged.saga
        for one, condition in zip(looked, conditions, strict=True)
        if one.was != (one.status, condition)
    }
    if changed:
        changes.tell("sagas", *(f"saga:{saga}" for saga in changed))
    if touched:
        changes.tell("problems")
