"""What the worker is told to do. A task may be lost, doubled or late: the rows say what is due."""

from celery import shared_task
from django.utils import timezone

from sagas import quarantine, replays, trials
from sagas.alerts import delivery, renewing
from sagas.audit import anchors
from sagas.detection import sweep as sweeping
from sagas.detection.silence import learning
from sagas.ingest import adopting
from sagas.learning import learner


@shared_task(name="sagas.tasks.sweep")  # type: ignore[untyped-decorator]  # Celery has none
def sweep() -> None:
    sweeping.sweep()


@shared_task(name="sagas.tasks.learn_rhythms")  # type: ignore[untyped-decorator]  # Celery has none
def learn_rhythms() -> None:
    learning.learn()


@shared_task(name="sagas.tasks.deliver_alerts")  # type: ignore[untyped-decorator]  # Celery has none
def deliver_alerts() -> None:
    delivery.deliver()


@shared_task(name="sagas.tasks.renew_alerts")  # type: ignore[untyped-decorator]  # Celery has none
def renew_alerts() -> None:
    renewing.renew(timezone.now())


@shared_task(name="sagas.tasks.work_on_trials")  # type: ignore[untyped-decorator]  # Celery has none
def work_on_trials() -> None:
    trials.work()


@shared_task(name=replays.TASK)  # type: ignore[untyped-decorator]  # Celery has none
def go_on_with_replays() -> None:
    replays.go_on()


@shared_task(name="sagas.tasks.forget_replayed")  # type: ignore[untyped-decorator]  # Celery has none
def forget_replayed() -> None:
    quarantine.forget_replayed(timezone.now())


@shared_task(name=adopting.TASK)  # type: ignore[untyped-decorator]  # Celery has none
def go_on_with_adoptions() -> None:
    adopting.go_on()


@shared_task(name="sagas.tasks.learn")  # type: ignore[untyped-decorator]  # Celery has none
def learn() -> None:
    learner.learn()


@shared_task(name="sagas.tasks.anchor_audit")  # type: ignore[untyped-decorator]  # Celery has none
def anchor_audit() -> None:
    anchors.work()
