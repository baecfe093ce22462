"""What the worker is told to do. A task may be lost, doubled or late: the rows say what is true."""

from celery import shared_task

from compensation import executor, recovery
from compensation.batches import planning, runner


@shared_task(name="compensation.tasks.execute")  # type: ignore[untyped-decorator]  # Celery has none
def execute(action_pk: int) -> None:
    executor.execute(action_pk)


@shared_task(name="compensation.tasks.recover")  # type: ignore[untyped-decorator]  # Celery has none
def recover() -> None:
    recovery.recover()


@shared_task(name="compensation.tasks.plan")  # type: ignore[untyped-decorator]  # Celery has none
def plan(batch_pk: int) -> None:
    planning.plan(batch_pk)


@shared_task(name="compensation.tasks.run")  # type: ignore[untyped-decorator]  # Celery has none
def run(batch_pk: int) -> None:
    runner.run(batch_pk)
