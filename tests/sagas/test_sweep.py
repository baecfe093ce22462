"""The sweep: finds what is due, only that, set by set, side by side with others and with writers."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from sagas.detection import difference, problems, refused, tally, transitions
from sagas.detection import sweep as sweeping
from sagas.detection.difference import Key
from sagas.detection.sweep import sweep
from sagas.models import Alert, Due, Finding, Heartbeat, Problem, Saga
from sagas.sql import run
from tests.blocking import PATIENCE, wait_until_somebody_waits
from tests.sagas.storing import define, due_at, make_due, put

pytestmark = pytest.mark.django_db

# Seconds since `charge` began, which may take ten.
NOT_LATE, LATE = 5, 11


def test_a_step_that_never_answered_is_found_with_its_evidence() -> None:
    define()
    saga = put("saga.started charge:S charge:C ship:S", ago=31)
    assert due_at(saga) <= timezone.now()
    assert sweep() == 1
    finding = Finding.objects.get()
    assert (finding.saga, finding.code, finding.step) == (saga, "step_in_doubt", "ship")
    assert (finding.condition, finding.severity, finding.closed_at) == ("in_doubt", "error", None)
    assert finding.evidence == [{"source": "shop", "id": "3"}]
    assert finding.detail["allowed"] == 30.0
    assert finding.since == saga.last_event_at + timedelta(seconds=30)
    saga.refresh_from_db()
    assert (saga.condition, saga.status, saga.unknown_effects) == ("in_doubt", "running", ["ship"])
    assert due_at(saga) is None
    problem = finding.problem
    assert (problem.saga_type, problem.step, problem.code) == ("order", "ship", "step_in_doubt")
    assert (problem.open_count, problem.total_count, problem.owner) == (1, 1, "orders@shop.example")
    assert (problem.title, problem.participant) == ("ship parcel never answered", "shipping")
    assert problem.explanation == "shipping was asked, then nothing for more than 30 s"


def test_the_longest_words_that_are_taken_can_be_written() -> None:
    name, owner = "s" * 200, "o" * 500
    define(
        f'{{type: order, version: "1", owner: {owner}, steps: [{{name: {name}, kind: retriable,'
        f" participant: {'p' * 200}}}]}}"
    )
    put(f"saga.started {name}:T", "i" * 500)
    assert sweep() == 1
    assert Problem.objects.get().owner == owner


def test_what_is_not_due_is_not_looked_at() -> None:
    define()
    put("saga.started charge:S", ago=5)
    put("saga.started charge:C ship:C", "o-2", ago=500)
    assert sweep() == 0
    assert sweep(timezone.now() + timedelta(seconds=6)) == 1


def test_a_finding_closes_by_itself_when_the_facts_change() -> None:
    define()
    put("saga.started charge:S charge:C ship:S", ago=31)
    sweep()
    saga = put("ship:C", first=4)
    assert sweep() == 1
    saga.refresh_from_db()
    assert (saga.condition, saga.status, saga.unknown_effects) == ("healthy", "completed", [])
    assert Finding.objects.get().closed_at is not None
    problem = Problem.objects.get()
    assert (problem.open_count, problem.total_count) == (0, 1)
    assert problem.closed_at is not None


def test_one_finding_closes_and_another_opens() -> None:
    define()
    put("saga.started charge:S charge:R", ago=20)
    sweep()
    put("charge:F", ago=0, first=3)
    sweep(timezone.now() + timedelta(seconds=60))
    found = {(finding.code, finding.closed_at is None) for finding in Finding.objects.all()}
    assert found == {("step_overdue", False), ("saga_stalled", True)}


def test_an_open_finding_follows_its_facts() -> None:
    define()
    put("saga.started charge:S charge:R", ago=20)
    sweep()
    before = Finding.objects.get()
    put("charge:R charge:R", first=3)
    sweep()
    after = Finding.objects.get()
    assert (before.detail["attempts"], after.detail["attempts"]) == (1, 3)
    assert after.evidence != before.evidence
    assert (after.opened_at, after.problem) == (before.opened_at, before.problem)


def test_an_effect_becomes_unknown_by_time_alone() -> None:
    saga = put("saga.started charge:S charge:KS")
    assert saga.unknown_effects == []
    sweep(timezone.now() + timedelta(seconds=895))
    saga.refresh_from_db()
    assert saga.unknown_effects == ["charge"]
    assert not Finding.objects.exists()
    sweep(timezone.now() + timedelta(seconds=901))
    assert Finding.objects.get().code == "compensation_overdue"


def test_a_definition_that_comes_later_is_judged_by() -> None:
    put("saga.started charge:S", ago=20)
    assert sweep() == 0
    define()
    assert sweep() == 1
    assert Finding.objects.get().detail["allowed"] == 10.0


def test_sagas_of_one_problem_are_counted_in_it() -> None:
    for number in range(12):
        put("saga.started charge:T", f"o-{number}")
    put("saga.started charge:C charge:K-", "o-12")
    assert sweep() == 13
    counts = {problem.code: problem.open_count for problem in Problem.objects.all()}
    assert counts == {"step_in_doubt": 12, "compensation_failed": 1}


def test_the_number_of_queries_does_not_depend_on_the_number_of_sagas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put("saga.started charge:T", "first")
    sweep()
    ours: list[str] = []

    def counting(statement: str, **parameters):
        ours.append(statement)
        return run(statement, **parameters)

    for module in (sweeping, problems, difference, tally, transitions):
        monkeypatch.setattr(module, "run", counting)
    queries = []
    for count in (1, 8):
        for number in range(count):
            put("saga.started charge:T", f"o-{count}-{number}")
        ours.clear()
        with CaptureQueriesContext(connection) as theirs:
            assert sweep() == count
        queries.append(len(ours) + len(theirs))
    assert queries[0] == queries[1] < 30


def test_several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "CHUNK", 3)
    for number in range(7):
        put("saga.started charge:T", f"o-{number}")
    assert sweep() == 7
    assert Problem.objects.get().open_count == 7


def test_a_long_sweep_leaves_the_rest_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "CHUNK", 3)
    monkeypatch.setattr(sweeping, "BUDGET", 0)
    for number in range(7):
        put("saga.started charge:T", f"o-{number}")
    assert [sweep(), sweep(), sweep(), sweep()] == [3, 3, 1, 0]


def test_the_sweep_leaves_a_sign_of_life() -> None:
    now = timezone.now()
    sweep(now - timedelta(seconds=1))
    sweep(now)
    assert Heartbeat.objects.get(name="sweep").at == now


def test_a_saga_that_cannot_be_judged_does_not_stop_the_others() -> None:
    bad, good = put("saga.started charge:T"), put("saga.started charge:T", "o-2")
    Saga.objects.filter(pk=bad.pk).update(facts='{"steps": 5}')
    now = timezone.now()
    with capture_logs() as logs:
        assert sweep(now) == 2
    assert Finding.objects.get().saga == good
    bad.refresh_from_db()
    assert due_at(bad) == now + sweeping.PUT_OFF
    assert [(line["event"], line["saga"]) for line in logs] == [("sweep: a saga cannot be judged", bad.pk)]


def test_a_mistake_in_our_own_code_is_put_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = put("saga.started charge:T"), put("saga.started charge:T", "o-2")
    judge = sweeping.judge.prospects
    broken = iter([True])

    def prospects(*given):
        if next(broken, False):
            raise KeyError("a bug")
        return judge(*given)

    monkeypatch.setattr(sweeping.judge, "prospects", prospects)
    sweep()
    assert Finding.objects.get().saga in {bad, good}


def test_a_saga_that_cannot_be_written_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses one title: no column of text holds a NUL."""
    sagas = [put(f"saga.started step-{number}:T", f"o-{number}") for number in range(7)]
    bad, now = sagas[2], timezone.now()
    title = problems.story.title
    monkeypatch.setattr(
        problems.story,
        "title",
        lambda code, step, *more: "\0" if step == "step-2" else title(code, step, *more),
    )
    with capture_logs() as logs:
        assert sweep(now) == 7
    assert set(Finding.objects.values_list("saga__saga_id", flat=True)) == {
        f"o-{n}" for n in (0, 1, 3, 4, 5, 6)
    }
    assert {saga.pk: due_at(saga) for saga in sagas} == {
        saga.pk: now + sweeping.PUT_OFF if saga == bad else None for saga in sagas
    }
    assert Alert.objects.count() == 1, "people are told of the others"
    [told] = [line for line in logs if line["log_level"] == "error"]
    assert (told["event"], told["saga"]) == ("sweep: a saga cannot be written", bad.pk)
    assert [line["sagas"] for line in logs if line["log_level"] == "warning"] == [7, 3, 2]
    monkeypatch.undo()
    assert sweep(now + sweeping.PUT_OFF) == 1
    assert Finding.objects.filter(saga=bad).exists()


def test_a_saga_whose_words_cannot_be_made_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    put("saga.started a:T")
    put("saga.started b:T", "o-2")
    title = problems.story.title

    def broken(code, step, *more):
        if step == "a":
            raise KeyError("a bug")
        return title(code, step, *more)

    monkeypatch.setattr(problems.story, "title", broken)
    assert sweep() == 2
    assert Finding.objects.get().step == "b"


@pytest.mark.parametrize(
    ("statement", "is_given"),
    [
        ("SELECT '9999-99-99'::date", True),
        ("SELECT repeat('a', 2000000000)", True),
        ("DO $$ BEGIN RAISE SQLSTATE '53200'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '57014'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '23505'; END $$", True),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", False),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", False),
        ("DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$", False),
        ("SELECT no_such_column FROM sagas_saga", False),
    ],
)
def test_what_the_database_refuses_because_of_what_it_was_given(statement: str, is_given: bool) -> None:
    with pytest.raises(DatabaseError) as raised, transaction.atomic():
        run(statement)
    assert refused.is_refused(raised.value) is is_given


def test_what_is_no_sagas_fault_puts_none_off(monkeypatch: pytest.MonkeyPatch) -> None:
    saga = put("saga.started charge:T")

    def lost(*given):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(sweeping.problems, "settle", lost)
    with pytest.raises(OperationalError):
        sweep()
    saga.refresh_from_db()
    assert due_at(saga) <= timezone.now()
    assert not Heartbeat.objects.exists()


def test_locks_are_few_however_many_problems_a_chunk_has() -> None:
    problems.lock(Key("order", f"step-{number}", "step_in_doubt") for number in range(20_000))
    ((held,),) = run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
    assert held == problems.SLOTS


@pytest.mark.django_db(transaction=True)
def test_locks_of_the_same_problems_in_another_order_do_not_wait_in_a_circle() -> None:
    keys = [Key("order", f"step-{number}", "step_in_doubt") for number in range(3000)]
    orders = iter([keys[:2000], keys[:0:-1], keys[1000:], keys[::-7]] * 2)

    def take() -> int:
        order = next(orders)
        with transaction.atomic():
            problems.lock(order)
        return len(order)

    assert sorted(_side_by_side(take, 8)) == sorted([2000, 2999, 2000, 429] * 2)


@pytest.mark.django_db(transaction=True)
def test_a_sweep_that_dies_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    saga = put("saga.started charge:T")

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sweeping, "_row", die)
        with pytest.raises(KeyboardInterrupt):
            sweep()
    assert not Finding.objects.exists()
    assert not Problem.objects.exists()
    assert sweep() == 1
    assert Finding.objects.get().saga == saga


@pytest.mark.django_db(transaction=True)
def test_sweeps_side_by_side_judge_each_saga_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "CHUNK", 5)
    for number in range(60):
        put("saga.started charge:T" if number % 2 else "saga.started charge:C charge:K-", f"o-{number}")
    counts = _side_by_side(sweep, 4)
    assert sum(counts) == 60
    assert Finding.objects.count() == 60
    assert {problem.open_count for problem in Problem.objects.all()} == {30}
    assert Problem.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_event_that_comes_while_its_saga_is_judged_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define()
    saga = put("saga.started charge:S charge:C ship:S", ago=31)
    settle = problems.settle
    rivals = []

    def overtaken(judged, now):
        if not rivals:
            rival = threading.Thread(target=_and_close(lambda: put("ship:C", first=4)))
            rivals.append(rival)
            rival.start()
            # The writer must wait for whoever judges.
            wait_until_somebody_waits()
        return settle(judged, now)

    monkeypatch.setattr(sweeping.problems, "settle", overtaken)
    sweep()
    rivals[0].join()
    saga.refresh_from_db()
    assert (saga.status, saga.condition) == ("completed", "in_doubt")
    assert sweep() == 1
    saga.refresh_from_db()
    assert saga.condition == "healthy"


@pytest.mark.django_db(transaction=True)
def test_a_saga_that_is_being_written_is_left_for_the_next_sweep() -> None:
    put("saga.started charge:T")
    put("saga.started charge:T", "o-2")
    held, done = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Saga.objects.select_for_update().get(saga_id="o-1")
            held.set()
            done.wait(PATIENCE)

    writer = threading.Thread(target=_and_close(write))
    writer.start()
    assert held.wait(PATIENCE)
    assert sweep() == 1
    done.set()
    writer.join()
    assert sweep() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("began", [NOT_LATE, LATE], ids=["of which nothing is to be written", "that is late"])
def test_an_event_that_waits_for_the_sweep_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch, began: float
) -> None:
    define()
    now = timezone.now()
    saga, undisturbed = (put("saga.started charge:S", name, ago=began, now=now) for name in ("o-1", "o-2"))
    put("charge:C ship:S", "o-2", first=2, now=now)
    Due.objects.filter(saga=saga).update(at=now)
    write = sweeping._write
    event = threading.Thread(target=_and_close(lambda: put("charge:C ship:S", first=2, now=now)))

    def overtaken(*given):
        event.start()
        # It has written the saga, and waits to say when that is due.
        wait_until_somebody_waits()
        return write(*given)

    monkeypatch.setattr(sweeping, "_write", overtaken)
    assert sweep(now) == (0 if began == LATE else 1)
    event.join()
    assert not Finding.objects.exists(), "what was read of it is no longer so"
    monkeypatch.undo()
    assert sweep(now) == 0
    assert due_at(saga) == due_at(undisturbed)


@pytest.mark.django_db(transaction=True)
def test_a_saga_that_is_as_it_was_is_not_written() -> None:
    put("saga.started charge:S", ago=NOT_LATE)
    version = run("SELECT xmin, xmax FROM sagas_saga")
    make_due(timezone.now())
    assert sweep() == 1
    assert run("SELECT xmin, xmax FROM sagas_saga") == version, "nor locked"


def test_a_saga_with_the_same_fault_as_before_is_not_written() -> None:
    saga = put("saga.started charge:T")
    sweep()
    place = run("SELECT ctid::text FROM sagas_saga")
    make_due(timezone.now())
    assert (sweep(), due_at(saga)) == (1, None)
    assert run("SELECT ctid::text FROM sagas_saga") == place


def test_what_is_due_and_has_gone_is_forgotten() -> None:
    put("saga.started charge:T")
    Saga.objects.all()._raw_delete("default")
    assert (sweep(), Due.objects.count()) == (1, 0)


def _side_by_side(work, times: int) -> list[int]:
    results: list[int] = []
    threads = [threading.Thread(target=_and_close(lambda: results.append(work()))) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _and_close(work):
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run
