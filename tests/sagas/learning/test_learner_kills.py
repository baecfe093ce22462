"""kill -9 all over learning: whatever dies, each saga is counted once."""

import time
from datetime import timedelta

import pytest
from django.db import connection

from sagas.learning.learner import learn
from sagas.learning.sketch import Durations
from sagas.models import StepDay, StepNorm, Unlearned
from tests.sagas.dying import NOW, Worker
from tests.sagas.learning.runs import store, whole

pytestmark = pytest.mark.django_db(transaction=True)

# More than the job has places; the last one finds it finished.
ENOUGH = 250


def test_learning_is_killed_wherever_it_matters() -> None:
    places = []
    with Worker(str(connection.settings_dict["NAME"])) as worker:
        for line in range(1, ENOUGH):
            # A day that is known, and a step that is new.
            ended = NOW - timedelta(minutes=1)
            store([*whole(f"a-{line}", 2, ended), *whole(f"b-{line}", 2, ended, f"step-{line}")], NOW)
            places.append(worker.work("learn", die_at=line))
            # PostgreSQL lets go of the dead worker's locks when it has noticed.
            assert any(is_learned(line) or time.sleep(0.05) for _ in range(1000)), places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert len(places) > 10
    died_in = {place.partition(":")[0] for place in places}
    assert died_in == {"learning/learner.py", "learning/normal.py", "finished"}


def is_learned(line: int) -> bool:
    learn(NOW)
    if Unlearned.objects.exists():
        return False
    counted = {row.step: (row.completed, len(Durations(packed=bytes(row.forward)))) for row in days()}
    assert counted == {"pack": (line, line)} | {f"step-{number}": (1, 1) for number in range(1, line + 1)}
    return StepNorm.objects.count() == len(counted)


def days() -> list[StepDay]:
    return list(StepDay.objects.all())
