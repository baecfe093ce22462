"""The Celery application. Tasks are nudges: rows are the truth and the sweeps are the guarantee."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init, worker_ready

from console import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

app = Celery("amends")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def sweep_at_once(**kwargs: Any) -> None:
    """What became due while no worker ran is found now, and not only at the scheduler's next tick."""
    app.send_task("sagas.tasks.sweep")


def refuse_unsafe_settings(**kwargs: Any) -> None:
    checks.refuse_unsafe_settings()


worker_init.connect(refuse_unsafe_settings)
beat_init.connect(refuse_unsafe_settings)
worker_ready.connect(sweep_at_once)
