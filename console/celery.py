"""The Celery application. Tasks are nudges: rows are the truth and the sweeps are the guarantee."""

import os
import sys
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, task_postrun, task_prerun, worker_init, worker_ready
from django.db import connections

from console import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

app = Celery("amends")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery would end the pool of connections before and after each task, so that each connects anew and starts
# threads for it: a third of what an idle worker does. `give_back` does what is needed.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


def give_back(sender: Task, **kwargs: Any) -> None:
    """Each task takes a connection from the pool, which looks whether it still works."""
    # One that is done in place, not by a worker, shares its caller's.
    if not sender.request.is_eager:
        connections.close_all()


def sweep_at_once(**kwargs: Any) -> None:
    """What became due while no worker ran is found now, and not only at the scheduler's next tick."""
    app.send_task("sagas.tasks.sweep")


def refuse_unsafe_settings(**kwargs: Any) -> None:
    checks.refuse_unsafe_settings()


task_prerun.connect(give_back)
task_postrun.connect(give_back)
worker_init.connect(refuse_unsafe_settings)
beat_init.connect(refuse_unsafe_settings)
worker_ready.connect(sweep_at_once)
