"""kill -9 all over a trial, and workers at once: it ends, and counts every saga once."""

import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sagas import trials
from sagas.models import Trial
from sagas.trials import looking, working
from sagas.trials.statements import FINDINGS_OF
from tests.sagas.dying import Worker
from tests.sagas.storing import put
from tests.sagas.trying import ADA, HASTY, finish, found, put_slow, try_out

pytestmark = pytest.mark.django_db(transaction=True)

# More than the job has places; the last ones find it finished.
ENOUGH = 250


def test_a_trial_is_killed_wherever_it_matters() -> None:
    for number in range(3):
        put_slow(f"slow-{number}", pause=9)
        put("saga.started pack:T charge:F", f"o-{number}")
    _, expected = try_out()
    places = []
    with Worker(str(connection.settings_dict["NAME"])) as worker:
        for line in range(1, ENOUGH):
            trial = trials.ask(HASTY, "draft", ADA)
            places.append(worker.work("try", die_at=line))
            # Its lease has run out.
            Trial.objects.filter(pk=trial.pk).exclude(lease_until=None).update(lease_until=timezone.now())
            finish_patiently(trial)
            assert trial.state == "done", places[-1]
            assert found(trial) == expected, places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert {place.partition(":")[0] for place in places} == {
        "trials/working.py",
        "trials/looking.py",
        "finished",
    }


def finish_patiently(trial: Trial) -> None:
    """PostgreSQL lets go of the dead worker's locks when it has noticed."""
    for _ in range(1000):
        trials.work()
        trial.refresh_from_db()
        if not trial.is_at_work:
            return
        time.sleep(0.05)


def test_it_goes_on_where_the_dead_worker_had_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "SAGAS_AT_ONCE", 2)
    for number in range(6):
        put_slow(f"slow-{number}", pause=9)
    trial = trials.ask(HASTY, "draft", ADA)
    dead = working.take(timezone.now())
    assert dead
    working.look(dead)
    # Nobody else gets it while the lease lasts.
    assert working.take(timezone.now()) is None
    heir = working.take(timezone.now() + 2 * working.LEASE)
    assert heir
    assert (heir.trial.looked_at, heir.trial.fence) == (2, 2)
    working.look(heir)
    # The dead one was only slow. What it finds now counts no more.
    working.look(dead)
    assert dead.is_lost
    working.leave(heir)
    finish(trial)
    assert (trial.looked_at, found(trial).flags["step_in_doubt ship"].count) == (6, 6)


def test_what_kills_every_worker_is_given_up() -> None:
    put("saga.started")
    trial = trials.ask(HASTY, "draft", ADA)
    for _ in range(working.MOST_FRUITLESS):
        assert working.take(timezone.now())
        Trial.objects.update(lease_until=timezone.now())
    assert working.take(timezone.now()) is None
    trial.refresh_from_db()
    assert trial.state == "failed"
    # The next one has its turn.
    other, _ = try_out(HASTY + "# another\n")
    assert other.state == "done"


def test_workers_at_once_count_each_saga_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "SAGAS_AT_ONCE", 1)
    monkeypatch.setattr(working, "BUDGET", 0)
    for number in range(12):
        put_slow(f"slow-{number}", pause=9)
    trial = trials.ask(HASTY, "draft", ADA)
    together = threading.Barrier(4)
    looked: list[int] = []

    def run() -> None:
        together.wait()
        try:
            looked.extend(trials.work() for _ in range(40))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finish(trial)
    assert sum(looked) <= 12
    assert (trial.looked_at, found(trial).flags["step_in_doubt ship"].count) == (12, 12)


def test_ingest_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the reading transaction its sagas take events."""
    put("saga.started charge:S")
    run = looking.sql.run
    stored: list[int] = []

    def store() -> None:
        stored.append(put("charge:C", first=5).revision)
        connection.close()

    def run_and_store(statement: str, **parameters: Any) -> Any:
        rows = run(statement, **parameters)
        if statement == FINDINGS_OF:
            writer = threading.Thread(target=store)
            writer.start()
            writer.join(60)
        return rows

    trial = trials.ask(HASTY, "draft", ADA)
    monkeypatch.setattr(looking.sql, "run", run_and_store)
    finish(trial)
    assert stored == [3]
    # As it was when the chunk was begun.
    assert (trial.state, found(trial).events) == ("done", 2)
