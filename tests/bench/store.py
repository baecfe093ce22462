"""A store with many sagas in it, and how fast the sweep judges those that are due.

Seeded with the facts of a few hundred sagas of the workload, repeated under other ids: one in ten is on
its way, the others have ended, as in a store that has been filled for a while.
"""

import os
import time
from datetime import datetime, timedelta
from multiprocessing import get_context

import django
from django.db import connection
from django.utils import timezone

from sagas import ingest
from sagas.detection import sweep
from sagas.events import read_batch
from sagas.models import Finding, Participant, Saga
from tests.bench import workload

SAGAS = int(os.environ.get("SAGAS", "1000000"))
# Due sagas in one round.
DUE = SAGAS // 50

# Started anew, so that none has the connections of another.
WORKERS = get_context("spawn")

SEED = """
INSERT INTO sagas_saga (
  saga_type, saga_id, definition_id, facts, revision, redeliveries, created_at, status, open_effects,
  unknown_effects, waiting_on, display, started_at, last_event_at, ended_at, condition, has_findings,
  lesson, unmet_version
)
SELECT saga_type, 'seeded-' || number, definition_id, facts, revision, 0, created_at, status, open_effects,
  unknown_effects, waiting_on, display, started_at, last_event_at, ended_at, 'healthy', false,
  lesson, unmet_version
FROM generate_series(1, %(count)s) number
JOIN (
  SELECT *, row_number() OVER (PARTITION BY status <> 'running' ORDER BY id) - 1 AS place,
    count(*) OVER (PARTITION BY status <> 'running') AS of
  FROM sagas_saga WHERE saga_id LIKE 'pattern-%%'
) pattern ON (number %% 10 <> 0) = (pattern.status <> 'running') AND number %% pattern.of = pattern.place
"""

# Sagas on their way: an event has just made them due, or their deadline has passed.
MAKE_DUE = """
INSERT INTO sagas_due (saga_id, at)
SELECT id, %(now)s FROM sagas_saga
WHERE saga_id LIKE 'seeded-%%' AND status = %(status)s AND NOT has_findings
ORDER BY hashint8(id # %(round)s) LIMIT %(most)s
"""


def seed(participant: Participant) -> None:
    """Fill the store, which takes a minute or two for a million sagas."""
    stream = workload.batches("pattern", 1000)
    now = timezone.now()
    for _ in range(4):
        body = workload.encode(next(stream))
        ingest.store(read_batch(body, now=now, largest=10**6, most=1000), participant=participant, now=now)
    with connection.cursor() as cursor:
        cursor.execute(SEED, {"count": SAGAS})
        cursor.execute("DELETE FROM sagas_due")
        cursor.execute("VACUUM (ANALYZE) sagas_saga, sagas_due")
    print(f"seeded {Saga.objects.count():,} sagas", flush=True)


def judge(round_: int, wrong: int, sweepers: int = 1) -> float:
    """Due sagas judged a second, of which `wrong` have come past a deadline, by as many workers."""
    now = timezone.now()
    with connection.cursor() as cursor:
        # Those that the other measures left on their way.
        cursor.execute("DELETE FROM sagas_due")
        cursor.execute(MAKE_DUE, {"now": now, "status": "completed", "most": DUE - wrong, "round": round_})
        cursor.execute(MAKE_DUE, {"now": now, "status": "running", "most": wrong, "round": round_})
    before = Finding.objects.count()
    with WORKERS.Pool(sweepers, initializer=django.setup) as pool:
        # Nothing is due as long ago as that: they connect and read what they remember.
        pool.map(_sweep, [now - timedelta(days=9)] * sweepers, chunksize=1)
        started = time.perf_counter()
        judged = sum(pool.map(_sweep, [now + timedelta(hours=2)] * sweepers, chunksize=1))
        seconds = time.perf_counter() - started
    found = Finding.objects.count() - before
    if judged != DUE or found != wrong:
        raise SystemExit(f"The sweep judged {judged:,} of {DUE:,} sagas and opened {found:,} of {wrong:,}.")
    return judged / seconds


def _sweep(now: datetime) -> int:
    judged = 0
    while taken := sweep.sweep(now):
        judged += taken
    return judged
