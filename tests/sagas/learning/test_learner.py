"""Learning from stored sagas: each once, whatever arrives late, dies or runs beside it; and forgetting."""

import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from sagas import definitions, ingest, learning
from sagas.audit import Actor
from sagas.detection.sweep import sweep
from sagas.learning import learner, statements
from sagas.learning.learner import learn
from sagas.learning.measuring import KEPT
from sagas.learning.normal import FEWEST, FLOOR, WINDOW
from sagas.learning.sketch import ACCURACY, Durations
from sagas.models import Heartbeat, Saga, StepDay, StepNorm, Unlearned
from sagas.vocabulary import Kind
from tests.sagas.learning.runs import TYPE, event, store, whole
from tests.sagas.storing import make_due

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def days() -> list[tuple]:
    """Every day row, as it is."""
    fields = ("version", "step", "day", "completed", "failed", "unanswered", "compensated", "forward", "back")
    return [
        tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
        for row in StepDay.objects.order_by("version", "step", "day").values_list(*fields)
    ]


def counts(step: str = "pack") -> tuple[int, int]:
    """How many completed, and of how many it is known how long they took."""
    rows = StepDay.objects.filter(step=step)
    return sum(row.completed for row in rows), sum(len(Durations(packed=bytes(row.forward))) for row in rows)


def put(number: int, took: float = 2, ended: datetime = NOW - timedelta(minutes=1)) -> Saga:
    return store(whole(f"p-{number}", took, ended), NOW)


def put_many(number: int, took: float = 2, ended: datetime = NOW - timedelta(minutes=1)) -> None:
    store([one for n in range(number) for one in whole(f"p-{ended:%j}-{took}-{n}", took, ended)], NOW)


def test_a_saga_is_learned_from_when_it_is_over() -> None:
    saga = store(whole("p-1", 2, NOW)[:3], NOW)
    assert (learn(NOW), counts()) == (0, (0, 0))
    store([event(4, Kind.SAGA_COMPLETED, NOW)], NOW)
    assert Unlearned.objects.get().saga == saga
    assert learn(NOW) == 1
    row = StepDay.objects.get()
    assert (row.saga_type, row.version, row.step, row.day) == (TYPE, "", "pack", NOW.date())
    assert (row.completed, row.failed, row.unanswered, row.compensated, row.compensation_failed) == (
        (1, 0, 0, 0, 0)
    )
    assert Durations(packed=bytes(row.forward)) == Durations([2])
    assert not Unlearned.objects.exists()
    assert Heartbeat.objects.get(name="learn").at == NOW


def test_what_comes_late_counts_no_second_time() -> None:
    put(1)
    learn(NOW)
    before = days()
    store([event(5, Kind.STEP_COMPLETED, NOW, step="pack"), event(6, Kind.SAGA_NOTE, NOW)], NOW)
    ingest.refold([Saga.objects.get().pk], NOW)
    assert (learn(NOW), days()) == (0, before)


def test_what_comes_before_it_is_learned_counts_in_it() -> None:
    put(1)
    store([event(5, Kind.STEP_STARTED, NOW, step="wrap"), event(6, Kind.STEP_FAILED, NOW, step="wrap")], NOW)
    assert learn(NOW) == 1
    assert {row.step: row.failed for row in StepDay.objects.all()} == {"pack": 0, "wrap": 1}


def test_a_saga_that_goes_on_is_learned_from_at_its_new_end() -> None:
    store(whole("p-1", 2, NOW), NOW)
    later = NOW + timedelta(seconds=30)
    store([event(5, Kind.SAGA_RESUMED, later), event(6, Kind.STEP_STARTED, later, step="wrap")], later)
    assert (learn(later), counts(), Unlearned.objects.count()) == (1, (0, 0), 0)
    end = later + timedelta(seconds=4)
    store([event(7, Kind.STEP_COMPLETED, end, step="wrap"), event(8, Kind.SAGA_COMPLETED, end)], end)
    assert (learn(end), counts("wrap"), counts()) == (1, (1, 1), (1, 1))
    assert learn(end) == 0


def test_a_saga_that_ends_by_the_passing_of_time_is_learned_from_too() -> None:
    definitions.load(
        "{type: parcel, version: '1', steps: [{name: pack, kind: readonly}]}", "parcel.yaml", Actor.system()
    )
    saga = store([event(1, Kind.SAGA_STARTED, NOW), event(2, Kind.STEP_STARTED, NOW, step="pack")], NOW)
    # Its row says that it goes on, though its facts say that it is over: the sweep finds out.
    ended = facts_of_a_completed_saga(saga)
    Saga.objects.filter(pk=saga.pk).update(facts=ended)
    make_due(NOW)
    assert not Unlearned.objects.exists()
    sweep(NOW)
    assert Saga.objects.get().status == "completed"
    assert (learn(NOW), StepDay.objects.get().version, counts()) == (1, "1", (1, 1))


def facts_of_a_completed_saga(saga: Saga) -> str:
    with transaction.atomic():
        store([event(3, Kind.STEP_COMPLETED, NOW + timedelta(seconds=2), step="pack")], NOW)
        text: str = Saga.objects.get(pk=saga.pk).facts
        transaction.set_rollback(True)
    return text


def test_a_saga_that_is_gone_leaves_the_queue() -> None:
    put(1)
    Saga.objects.all()._raw_delete("default")
    assert (learn(NOW), Unlearned.objects.count(), days()) == (1, 0, [])


def test_a_mistake_in_our_own_code_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    put(1)
    put(2)
    measure = learner.measure
    broken = iter([True])

    def measures(*given):
        if next(broken, False):
            raise KeyError("a bug")
        return measure(*given)

    monkeypatch.setattr(learner, "measure", measures)
    assert (learn(NOW), counts(), Unlearned.objects.count()) == (2, (1, 1), 0)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(0.01, 3000), min_size=1, max_size=8), st.randoms(), st.integers(1, 3))
def test_any_order_and_split_gives_the_same_days(taken, random, chunk) -> None:
    # The example before may have been given up in the middle, where hypothesis let it draw no more.
    for table in (Saga, StepDay, StepNorm):
        table.objects.all()._raw_delete("default")
    sagas = [whole(f"p-{n}", took, NOW - timedelta(days=n % 3)) for n, took in enumerate(taken)]
    random.shuffle(sagas)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "CHUNK", chunk)
        for one in sagas:
            store(one, NOW)
            if random.random() < 0.5:
                learn(NOW)
        learn(NOW)
    learn(NOW)
    split = days()
    Saga.objects.all().update(lesson=0)
    StepDay.objects.all().delete()
    ingest.refold(list(Saga.objects.values_list("pk", flat=True)), NOW)
    learn(NOW)
    assert days() == split
    exact = sorted(taken)
    norm = StepNorm.objects.get()
    assert norm.samples == len(exact)
    assert norm.p50 == pytest.approx(exact[(len(exact) - 1) // 2], rel=ACCURACY * 1.001)


@pytest.mark.django_db(transaction=True)
def test_two_learners_lose_nothing_and_count_nothing_twice() -> None:
    put_many(60)
    put_many(60, ended=NOW - timedelta(days=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "CHUNK", 7)
        learned: list[int] = []
        threads = [threading.Thread(target=_learn_and_close, args=[learned]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(learned), sum(learned)) == (4, 120)
    learn(NOW)
    assert (counts(), Unlearned.objects.count()) == ((120, 120), 0)
    assert StepNorm.objects.get().samples == 120


def _learn_and_close(learned: list[int]) -> None:
    try:
        learned.append(learn(NOW))
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_who_is_being_learned_from_is_passed_by() -> None:
    put(1)
    put(2)
    with transaction.atomic():
        assert learner._learn_chunk(NOW) == 2
        learned: list[int] = []
        rival = threading.Thread(target=_learn_and_close, args=[learned])
        rival.start()
        rival.join(60)
        assert learned == [0]
        transaction.set_rollback(True)
    assert (learn(NOW), counts()) == (2, (2, 2))


@pytest.mark.django_db(transaction=True)
def test_a_saga_that_ends_again_while_it_is_looked_at_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    store(whole("p-1", 2, NOW), NOW)
    later = NOW + timedelta(seconds=30)
    store([event(5, Kind.SAGA_RESUMED, later), event(6, Kind.STEP_STARTED, later, step="wrap")], later)
    end = later + timedelta(seconds=4)
    given_back = learner.run

    def end_it() -> None:
        try:
            store([event(7, Kind.STEP_COMPLETED, end, step="wrap"), event(8, Kind.SAGA_COMPLETED, end)], end)
        finally:
            connection.close()

    def with_a_rival(statement: str, **parameters):
        if statement == statements.REOPEN:
            rival = threading.Thread(target=end_it)
            rival.start()
            rival.join(60)
            assert not rival.is_alive()
        return given_back(statement, **parameters)

    with monkeypatch.context() as patched:
        patched.setattr(learner, "run", with_a_rival)
        learn(later)
    assert (counts(), Unlearned.objects.count()) == ((0, 0), 1)
    assert (learn(end), counts("wrap"), counts()) == (1, (1, 1), (1, 1))
    assert learn(end) == 0


def test_nothing_is_normal_before_enough_was_seen() -> None:
    put_many(FEWEST - 1)
    learn(NOW)
    assert learning.norm(TYPE, "", "pack") is None
    learning.refresh()
    assert learning.known(TYPE, None) == {}
    put(1)
    learn(NOW)
    norm = learning.norm(TYPE, "", "pack")
    assert norm is not None
    assert norm.samples == FEWEST
    assert norm.p50 == pytest.approx(2, rel=ACCURACY)
    assert norm.limit == pytest.approx(6, rel=0.02)
    assert learning.norms(TYPE, "")["pack"].back is None
    learning.refresh()
    assert learning.known(TYPE, None) == learning.norms(TYPE, "")


def test_a_learned_deadline_is_never_shorter_than_the_floor() -> None:
    put_many(FEWEST, took=0.02)
    learn(NOW)
    assert learning.norm(TYPE, "", "pack").limit == FLOOR


def test_what_was_normal_long_ago_is_forgotten() -> None:
    put_many(FEWEST, took=2)
    learn(NOW)
    last = NOW + timedelta(days=WINDOW - 1)
    learn(last)
    assert learning.norm(TYPE, "", "pack").samples == FEWEST
    learn(NOW + timedelta(days=WINDOW))
    assert learning.norm(TYPE, "", "pack") is None
    assert StepDay.objects.exists()
    learn(NOW + timedelta(days=KEPT))
    assert not StepDay.objects.exists()


def test_newer_days_take_the_place_of_older_ones() -> None:
    old, new = NOW - timedelta(days=WINDOW - 1), NOW - timedelta(days=1)
    put_many(FEWEST, took=2, ended=old)
    put_many(FEWEST, took=20, ended=new)
    learn(NOW)
    norm = learning.norm(TYPE, "", "pack")
    assert (norm.samples, norm.p99) == (2 * FEWEST, pytest.approx(20, rel=ACCURACY))
    assert norm.p50 == pytest.approx(2, rel=ACCURACY)
    learn(NOW + timedelta(days=1))
    norm = learning.norm(TYPE, "", "pack")
    assert (norm.samples, norm.p50) == (FEWEST, pytest.approx(20, rel=ACCURACY))


def test_days_are_told_by_step() -> None:
    put_many(3, took=2)
    put_many(2, took=4, ended=NOW - timedelta(days=1))
    store(
        [
            event(1, Kind.STEP_STARTED, NOW, saga_id="p-f", step="pack"),
            event(2, Kind.STEP_FAILED, NOW, saga_id="p-f", step="pack"),
            event(3, Kind.SAGA_FAILED, NOW, saga_id="p-f"),
        ],
        NOW,
    )
    learn(NOW)
    told = learning.days(TYPE, now=NOW)
    assert [day.day.day for day in told["pack"]] == [1, 2]
    yesterday, today = told["pack"]
    assert (yesterday.count, today.count, today.failure_rate) == (2, 4, 0.25)
    assert today.p50 == pytest.approx(2, rel=ACCURACY)
    assert yesterday.p99 == pytest.approx(4, rel=ACCURACY)
    assert today.compensation_rate == 0
    assert learning.days(TYPE, "1", now=NOW) == {}
    assert [day.day.day for day in learning.days(TYPE, "", days=1, now=NOW)["pack"]] == [2]


def test_steps_that_a_definition_does_not_know_are_not_learned() -> None:
    definitions.load(
        "{type: parcel, version: '1', steps: [{name: pack, kind: pivot}]}", "parcel.yaml", Actor.system()
    )
    put(1)
    store(whole("p-2", 2, NOW, "invented"), NOW)
    learn(NOW)
    assert [(row.version, row.step) for row in StepDay.objects.all()] == [("1", "pack")]


def test_invented_names_do_not_fill_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "MOST_STEPS", 3)
    for number in range(6):
        store(whole(f"p-{number}", 2, NOW, f"step-{number}"), NOW)
        assert learn(NOW) == 1
    assert StepDay.objects.count() == 3
    store(whole("p-7", 2, NOW, "step-1"), NOW)
    learn(NOW)
    assert counts("step-1") == (2, 2)


def test_learning_costs_the_same_however_many_sagas(django_assert_max_num_queries) -> None:
    put_many(100)
    with django_assert_max_num_queries(5):  # beside what sagas.sql sends past Django
        learn(NOW)
    assert counts() == (100, 100)


def test_sagas_that_were_there_before_are_learned_from() -> None:
    with time_machine.travel(NOW, tick=False):
        put(1)
        store(whole("p-2", 2, NOW)[:3], NOW)
    # As the migration finds them.
    migration = import_module("sagas.migrations.0010_learning")
    Saga.objects.update(lesson=migration.GIVEN)
    Unlearned.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sagas_saga SET ended_at = now() WHERE ended_at IS NOT NULL")
        cursor.execute(migration.LEARN_FROM_WHAT_IS_THERE)
    assert {saga.saga_id: saga.lesson for saga in Saga.objects.all()} == {"p-1": 2, "p-2": 0}
    assert (learn(NOW), counts()) == (1, (1, 1))
    store([event(4, Kind.SAGA_COMPLETED, NOW, saga_id="p-2"), event(5, Kind.SAGA_NOTE, NOW)], NOW)
    assert (learn(NOW), counts()) == (1, (2, 2))
