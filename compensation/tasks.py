"""What the worker is told to do. A task may be lost, doubled or late: the rows say what is true."""

from celery import shared_task

from compensation import executor, recovery


@shared_task(name="compensation.tasks.execute")  # type: ignore[untyped-decorator]
def execute(action_pk: int) -> None:
    executor.execute(action_pk)


@shared_task(name="compensation.tasks.recover")  # type: ignore[untyped-decorator]
def recover() -> None:
    recovery.recover()
