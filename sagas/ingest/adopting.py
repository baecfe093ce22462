"""Giving a definition to the sagas that wait for it: in chunks, first by who loaded it, then by workers.

The row is the truth: each chunk is one transaction, which reads sagas anew and moves the row's position, so
that a worker may die anywhere, and several may be at work.

A writer that asked for the definitions before this one was there may commit its saga after that was looked
for. All who write sagas hold a lock on their table from before they ask until they end. So those that hold
one are noted at the beginning, and when they have ended all is looked through once more: CREATE INDEX
CONCURRENTLY waits for writers in the same way.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.utils import timezone

from sagas import changes, sql
from sagas.apart import UNEXPECTED, where
from sagas.ingest.persisting import persist
from sagas.ingest.refolding import AT_ONCE, resettle
from sagas.models import Adoption, Definition

log = structlog.get_logger()

TASK = "sagas.tasks.go_on_with_adoptions"
# Seconds after which the rest is left to the next task, so that no worker is taken for long.
BUDGET = 2.0
# Seconds that whoever loads a definition waits for it to reach its sagas.
PATIENCE = 1.0
# Seconds until it is looked again whether writers have ended.
PAUSE = 0.02
# How far apart the clocks of those who load and those who store may be.
CLOCKS = timedelta(minutes=1)

# Transactions of others that write sagas, or are about to.
WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'sagas_saga'::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND mode IN ('RowShareLock', 'RowExclusiveLock') AND pid <> pg_backend_pid()
"""

# Keys grow with the time at which a saga was first heard of, but for what clocks differ.
SINCE = """
SELECT id FROM sagas_saga WHERE saga_type = %(saga_type)s AND created_at < %(moment)s
ORDER BY saga_type, id DESC LIMIT 1
"""

# Those without a definition, and those that named this version in vain; each by the index of these.
_WAITING = """
(
  SELECT id FROM sagas_saga
  WHERE saga_type = %(saga_type)s AND unmet_version = '' AND id > %(position)s {few}
) UNION ALL (
  SELECT id FROM sagas_saga
  WHERE saga_type = %(saga_type)s AND unmet_version = %(version)s AND id > %(position)s {few}
)
"""
# Those that should have taken it when they were first heard of, but their writer did not know of it.
_UNAWARE = """
SELECT id FROM sagas_saga
WHERE saga_type = %(saga_type)s AND id > %(since)s AND created_at >= %(loaded_at)s
  AND definition_id IN (
    SELECT id FROM sagas_definition WHERE saga_type = %(saga_type)s AND id < %(definition)s
  )
  AND (unmet_version IS NULL OR unmet_version NOT IN ('', %(version)s))
"""
FEW = f"ORDER BY id LIMIT {AT_ONCE}"
WAITING = f"{_WAITING.format(few=FEW)} {FEW}"
UNAWARE = f"{_UNAWARE} {FEW}"
# Put together of our own constants.
COUNT = f"SELECT count(*) FROM ({_WAITING.format(few='')} UNION ALL {_UNAWARE}) found"  # noqa: S608  (as said)


def adopt(definition: Definition, now: datetime | None = None, patience: float | None = None) -> Adoption:
    """Give a definition to the sagas that wait for it, here as far as `patience` (PATIENCE) lets it.

    How far it has come: workers go on with the rest. To be called when its load is committed; any number of
    times, and where nobody does workers begin.
    """
    until = time.monotonic() + (PATIENCE if patience is None else patience)
    adoption = definition.adoption
    adoption.refresh_from_db()
    while adoption.is_running:
        looked_at = persist(partial(_go_on, adoption.pk, now or timezone.now()))
        adoption.refresh_from_db()
        if time.monotonic() > until:
            break
        if looked_at is None:
            time.sleep(PAUSE)
    if adoption.is_running:
        nudge()
    return adoption


def nudge() -> None:
    """Once the transaction is committed. A lost message costs a second, until beat's."""

    def send() -> None:
        current_app.send_task(TASK, expires=10, retry=False, ignore_result=True)

    transaction.on_commit(send, robust=True)


def go_on(now: datetime | None = None, budget: float = BUDGET) -> int:
    """Work on what runs, a chunk of each adoption in turn; how many sagas were looked at."""
    started = time.monotonic()
    count = 0
    # Those that another worker holds, or that wait for writers.
    left: set[int] = set()
    while time.monotonic() - started <= budget:
        running = Adoption.objects.filter(state=Adoption.State.RUNNING).exclude(pk__in=left).order_by("pk")
        pks = list(running.values_list("pk", flat=True))
        if not pks:
            break
        for pk in pks:
            looked_at = persist(partial(_go_on, pk, now or timezone.now()))
            if looked_at is None:
                left.add(pk)
            else:
                count += looked_at
    return count


def _go_on(pk: int, now: datetime) -> int | None:
    """Look at one chunk; None where another worker has it, or where it waits for writers to end."""
    adoptions = Adoption.objects.select_related("definition").defer("definition__source", "definition__body")
    held = adoptions.select_for_update(of=("self",), no_key=True, skip_locked=True)
    adoption = held.filter(pk=pk, state=Adoption.State.RUNNING).first()
    if adoption is None:
        return None
    if adoption.writers is None:
        # Before the first saga is looked for.
        adoption.writers = _writers()
        _start_pass(adoption)
    elif adoption.position is None:
        # Those that are gone have committed: the next statement sees what they wrote.
        if not set(adoption.writers).isdisjoint(_writers()):
            return None
        adoption.writers = []
        _start_pass(adoption)
    count = _look_at_some(adoption, now)
    adoption.save()
    changes.tell(f"adoption:{adoption.definition_id}")
    return count


def _start_pass(adoption: Adoption) -> None:
    definition = adoption.definition
    moment = definition.loaded_at - CLOCKS
    adoption.position = adoption.failed = 0
    adoption.since = next((pk for (pk,) in sql.run(SINCE, saga_type=definition.saga_type, moment=moment)), 0)
    [(left,)] = sql.run(COUNT, **_wanted(adoption))
    adoption.total = adoption.looked_at + left


def _look_at_some(adoption: Adoption, now: datetime) -> int:
    waiting = [pk for (pk,) in sql.run(WAITING, **_wanted(adoption))]
    unaware = [pk for (pk,) in sql.run(UNAWARE, **_wanted(adoption))] if len(waiting) < AT_ONCE else []
    sagas = waiting + unaware
    if sagas:
        _look_at(adoption, sagas, now)
    is_through = len(waiting) < AT_ONCE and len(unaware) < AT_ONCE
    if is_through and not adoption.writers:
        adoption.state = Adoption.State.DONE
        adoption.finished_at = now
    elif is_through:
        adoption.position = None
    else:
        adoption.position = waiting[-1] if waiting else adoption.position
        adoption.since = unaware[-1] if unaware else adoption.since
    return len(sagas)


def _look_at(adoption: Adoption, sagas: Sequence[int], now: datetime) -> None:
    try:
        with transaction.atomic():
            adoption.adopted += resettle(sagas, now)
    except UNEXPECTED:
        for pk in sagas:
            _look_at_one(adoption, pk, now)
    adoption.looked_at += len(sagas)


def _look_at_one(adoption: Adoption, pk: int, now: datetime) -> None:
    try:
        with transaction.atomic():
            adoption.adopted += resettle([pk], now)
    except UNEXPECTED as error:
        definition = str(adoption.definition)
        log.error("adoption: a saga cannot be read anew", saga=pk, definition=definition, **where(error))
        adoption.failed += 1


def _writers() -> list[str]:
    return [writer for (writer,) in sql.run(WRITERS)]


def _wanted(adoption: Adoption) -> dict[str, Any]:
    """The parameters of the statements that find sagas."""
    definition = adoption.definition
    return {
        "saga_type": definition.saga_type,
        "version": definition.version,
        "definition": definition.pk,
        "loaded_at": definition.loaded_at,
        "position": adoption.position,
        "since": adoption.since,
    }
