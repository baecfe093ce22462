"""Nudging a worker. The row is the truth: a lost message costs a second, until `recover` finds the row."""

from datetime import timedelta

from celery import current_app
from django.db import transaction

EXECUTE = "compensation.tasks.execute"

# A message that nobody has taken for so long is dropped; after it the row is found, and nudged, again.
PATIENCE = timedelta(seconds=10)


def nudge(action_pk: int) -> None:
    """Once the transaction is committed. A broker that is down is logged and does no harm."""

    def send() -> None:
        current_app.send_task(
            EXECUTE, args=[action_pk], expires=PATIENCE.total_seconds(), retry=False, ignore_result=True
        )

    transaction.on_commit(send, robust=True)
