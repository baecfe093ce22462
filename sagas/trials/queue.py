"""Nudging a worker. The row is the truth: a lost message costs a second, until beat's next tick."""

from celery import current_app
from django.db import transaction

WORK = "sagas.tasks.work_on_trials"

# Seconds. A message that nobody has taken for so long is dropped: beat has sent others.
PATIENCE = 60


def nudge() -> None:
    """Once the transaction is committed. A broker that is down is logged and does no harm."""

    def send() -> None:
        current_app.send_task(WORK, expires=PATIENCE, retry=False, ignore_result=True)

    transaction.on_commit(send, robust=True)
