"""What the worker is told to do for people. A task may be lost, doubled or late: the rows say what is due."""

from celery import shared_task

from console import exports, watchdog
from console.exports.asking import TASK


@shared_task(name=TASK)  # type: ignore[untyped-decorator]  # Celery has none
def work_on_exports() -> None:
    exports.work()


@shared_task(name="console.tasks.tell_watchdog")  # type: ignore[untyped-decorator]  # Celery has none
def tell_watchdog() -> None:
    watchdog.tell()
