"""kill -9 all over the sweep and the delivery: nothing lost, counted or told twice."""

import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from sagas.alerts import policy
from sagas.alerts.delivery import deliver
from sagas.detection.sweep import sweep
from sagas.models import Alert, Delivery, Finding, Incident, Problem, Saga
from tests.sagas.alerts.receivers import SECRET, Receiver
from tests.sagas.dying import Worker
from tests.sagas.storing import put
from tests.sagas.test_problems import assert_counts_are_true

pytestmark = pytest.mark.django_db(transaction=True)

# More than the jobs have places; the last ones find them finished.
ENOUGH = 300


@pytest.fixture
def worker(transactional_db: None, hooks: Receiver, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("HOOK_URL", hooks.url)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return Worker(str(connection.settings_dict["NAME"]))


def is_told(saga: Saga) -> bool:
    sweep()
    found = Finding.objects.filter(saga=saga, closed_at=None, problem__told_count=1)
    return found.count() == 1


def is_sent(delivery: Delivery) -> bool:
    deliver()
    delivery.refresh_from_db()
    return delivery.state == Delivery.State.SENT


def wait_until(is_so: Callable[[], bool]) -> bool:
    return any(is_so() or time.sleep(0.05) for _ in range(1000))


def test_a_sweep_is_killed_wherever_it_matters(worker: Worker) -> None:
    places = []
    with worker:
        for line in range(1, ENOUGH):
            step = f"step-{line}"
            saga = put(f"saga.started {step}:T", f"o-{line}")
            places.append(worker.work("sweep", die_at=line))
            # PostgreSQL lets go of the dead worker's locks when it has noticed; until then it is left alone.
            assert wait_until(lambda saga=saga: is_told(saga)), places[-1]
            problem = Problem.objects.get(step=step)
            assert (problem.open_count, problem.total_count) == (1, 1), places[-1]
            alert = Alert.objects.get(problem=problem)
            # The next problem is no part of the same storm.
            Incident.objects.update(joined_at=problem.opened_at - policy.STORM)
            assert alert.deliveries.count() == 1, places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert len(places) > 20
    assert {place.partition(":")[0] for place in places} == {
        "detection/sweep.py",
        "detection/problems.py",
        "alerts/intents.py",
        "alerts/writing.py",
        "finished",
    }
    assert_counts_are_true()


def test_a_delivery_is_killed_wherever_it_matters(worker: Worker, hooks: Receiver) -> None:
    places = []
    with worker:
        for line in range(1, ENOUGH):
            put(f"saga.started step-{line}:T", f"o-{line}")
            sweep()
            delivery = Delivery.objects.get(state="pending")
            places.append(worker.work("deliver", die_at=line))
            # Its lease has run out.
            Delivery.objects.filter(state="pending").update(next_attempt_at=timezone.now())
            assert wait_until(lambda delivery=delivery: is_sent(delivery)), places[-1]
            Incident.objects.update(joined_at=timezone.now() - policy.STORM)
            mine = [hook for hook in hooks.hooks if hook.id == str(delivery.message_id)]
            assert 1 <= len(mine) <= 2, places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert len(places) > 12
    came = [hook.id for hook in hooks.hooks]
    assert len(set(came)) == len(places)
    # It did die between sending and recording: some came twice, under the same id.
    assert len(came) > len(set(came))
