"""Recorded sagas to try definitions on, and what tests ask of a trial."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from sagas import trials
from sagas.audit import Actor
from sagas.models import Saga, Trial
from sagas.trials import Results, found
from tests.sagas.storing import ORDER, put

ADA = Actor("person", "ada", "10.0.3.7")

# As ORDER, but shipping has 5 s in place of 30, and a new name of its version.
HASTY = ORDER.replace('version: "1"', 'version: "2"').replace(
    "participant: shipping, deadline: 30s", "participant: shipping, deadline: 5s"
)


def put_slow(saga_id: str, pause: float) -> Saga:
    """A saga that completed well, an hour ago: shipping answered after so many seconds."""
    began = timezone.now() - timedelta(hours=1)
    put("saga.started charge:S charge:C ship:S", saga_id, now=began)
    return put("ship:C", saga_id, now=began + timedelta(seconds=pause), first=10)


def try_out(text: str = HASTY) -> tuple[Trial, Results]:
    """Ask for a trial, and do what the worker does until it has ended."""
    trial = trials.ask(text, "draft", ADA)
    finish(trial)
    return trial, found(trial)


def finish(trial: Trial) -> None:
    while trial.is_at_work:
        trials.work()
        trial.refresh_from_db()


def stored(*but: str) -> dict[str, Any]:
    """Every row of every table of sagas, as a digest, but for these tables."""
    tables = [
        name
        for name in connection.introspection.table_names()
        if name.startswith("sagas_") and name not in {"sagas_trial", *but}
    ]
    rows = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" t')
            rows[table] = cursor.fetchone()
    return rows
