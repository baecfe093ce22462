"""Nudging a worker. The row is the truth: a lost message costs a second, until `recover` finds the row."""

from datetime import timedelta

from celery import current_app
from django.db import transaction

from compensation.models import Batch

EXECUTE = "compensation.tasks.execute"
WORK = {Batch.State.PLANNING: "compensation.tasks.plan", Batch.State.RUNNING: "compensation.tasks.run"}

# A message that nobody has taken for so long is dropped; after it the row is found, and nudged, again.
PATIENCE = timedelta(seconds=10)


def nudge(action_pk: int) -> None:
    """Once the transaction is committed. A broker that is down is logged and does no harm."""
    _send(EXECUTE, action_pk)


def nudge_batch(batch: Batch) -> None:
    """Have it planned or run, whichever it waits for."""
    _send(WORK[Batch.State(batch.state)], batch.pk)


def _send(task: str, pk: int) -> None:
    def send() -> None:
        current_app.send_task(
            task, args=[pk], expires=PATIENCE.total_seconds(), retry=False, ignore_result=True
        )

    transaction.on_commit(send, robust=True)
