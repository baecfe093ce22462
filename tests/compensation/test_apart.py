"""One that cannot be dealt with, whatever it is, does not take its neighbours along."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from compensation import apart, executor, recovery
from compensation.answers import Meaning
from compensation.batches import runner, waves
from compensation.batches.progress import progress
from compensation.calling import Claim
from compensation.models import ActionAttempt, Batch, RepairAction
from compensation.transports import Answer
from sagas.models import Saga
from tests.compensation.shop import Shop, actions, start, states
from tests.compensation.test_batches import CHARGED, planned, run, started


def spoil(*sagas: Saga) -> None:
    """What is known of it cannot be read any more, whatever it was that nobody has thought of."""
    Saga.objects.filter(pk__in=[saga.pk for saga in sagas]).update(facts='{"steps": 7}')


@pytest.mark.django_db
@pytest.mark.parametrize("bad", [set(), {0}, {6}, {2, 3}, {0, 3, 6}, set(range(7))])
def test_all_but_the_bad_are_done_in_their_order(bad: set[int]) -> None:
    def work(some: Sequence[int]) -> list[int]:
        if bad.intersection(some):
            raise OverflowError("what a payload says")
        return list(some)

    done, left = apart.do(work, range(7), str)
    assert [one for part in done for one in part] == [one for one in range(7) if one not in bad]
    assert left == sorted(bad)


@pytest.mark.django_db
def test_an_error_of_another_kind_is_raised() -> None:
    def work(some: Sequence[int]) -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        apart.do(work, [1, 2], str)


def test_a_saga_that_cannot_be_planned_is_left_alone(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    sagas = [shop.saga(CHARGED) for _ in range(5)]
    spoil(sagas[2])
    batch = planned(shop, sagas)
    found = list(batch.sagas.order_by("position").values_list("state", "code"))
    assert found == [("planned", "")] * 2 + [("left", "unreadable")] + [("planned", "")] * 2
    assert batch.state == Batch.State.PLANNED and batch.summary["sagas"] == 4
    assert f"saga {sagas[2].pk}" in caplog.text


def test_a_saga_that_cannot_be_begun_drops_out(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(5)]
    batch = started(open_shop, sagas)
    spoil(sagas[0], sagas[3])
    batch = run(batch)
    assert batch.state == Batch.State.DONE
    assert (progress(batch).done, progress(batch).dropped) == (3, 2)
    assert set(batch.sagas.filter(state="dropped").values_list("code", flat=True)) == {"unreadable"}
    assert len(open_shop.served.received) == 3


def test_an_action_that_cannot_be_claimed_is_not_in_the_way(shop: Shop) -> None:
    sagas = [shop.saga(CHARGED) for _ in range(4)]
    batch = started(shop, sagas)
    fence = waves.take(batch.pk, timezone.now())
    assert fence
    claims = waves.claim(batch.pk, fence, 4, 4, timezone.now())
    assert claims and len(claims) == 4
    executor.record_all([(claim, Answer(503)) for claim in claims], timezone.now())
    spoil(sagas[1])
    RepairAction.objects.update(next_attempt_at=timezone.now())
    claims = waves.claim(batch.pk, fence, 4, 4, timezone.now())
    assert claims and len(claims) == 3
    left = RepairAction.objects.get(saga=sagas[1])
    assert left.state == "ready" and left.next_attempt_at > timezone.now() + timedelta(seconds=30)


def test_recovery_looks_at_the_others(shop: Shop) -> None:
    repairs = [start(shop.saga(CHARGED), "compensate", "charge") for _ in range(3)]
    for repair in repairs:
        claim = executor.take(actions(repair)[0].pk, timezone.now())
        assert claim
        executor.record(claim, Answer(202), timezone.now())
        shop.tell(repair.saga.saga_id, "charge:KS charge:K+")
    spoil(repairs[1].saga)
    recovery.recover()
    assert [states(repair) for repair in repairs] == [["done"], ["awaiting"], ["done"]]


def test_an_answer_that_cannot_be_kept_counts_by_its_status(shop: Shop) -> None:
    repairs = [start(shop.saga(CHARGED), "compensate", "charge") for _ in range(3)]
    claims = [executor.take(actions(repair)[0].pk, timezone.now()) for repair in repairs]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION refuse_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              RAISE EXCEPTION 'a value of this answer' USING ERRCODE = 'numeric_value_out_of_range';
            END $$;
            CREATE TRIGGER refuse_words BEFORE UPDATE ON compensation_actionattempt
            FOR EACH ROW WHEN (new.answer LIKE '%%odd%%') EXECUTE FUNCTION refuse_words();
            """
        )
    texts = ['{"a": 1}', '{"odd": 2}', '{"a": 3}']
    executor.record_all(
        [(claim, Answer(200, text)) for claim, text in zip(claims, texts, strict=True) if claim],
        timezone.now(),
    )
    assert [states(repair) for repair in repairs] == [["done"]] * 3
    assert [actions(repair)[0].result["answer"] for repair in repairs] == [{"a": 1}, None, {"a": 3}]
    assert set(ActionAttempt.objects.values_list("status_code", flat=True)) == {200}


def test_what_even_so_cannot_be_kept_is_left_to_its_lease(shop: Shop) -> None:
    repairs = [start(shop.saga(CHARGED), "compensate", "charge") for _ in range(3)]
    claims = [executor.take(actions(repair)[0].pk, timezone.now()) for repair in repairs]
    spoil(repairs[0].saga)
    executor.record_all([(claim, Answer(200)) for claim in claims if claim], timezone.now())
    assert [states(repair) for repair in repairs] == [["sending"], ["done"], ["done"]]


@pytest.mark.parametrize("part", ["a call", "the claims", "the watch", "a judge"])
def test_an_error_in_one_part_of_a_runner_costs_no_answer(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """It ends the run; what was under way is heard out and written down, and nothing is sent twice."""
    batch = started(open_shop, [open_shop.saga(CHARGED) for _ in range(40)])
    open_shop.served.during = lambda _: time.sleep(0.05)
    monkeypatch.setattr(runner, "LOOK", 0.05)
    went: list[object] = []

    def break_after(place: Any, name: str, times: int) -> None:
        real = getattr(place, name)

        def broken(*given: Any) -> Any:
            went.append(given)
            if len(went) == times:
                raise OperationalError("the database is away")
            return real(*given)

        monkeypatch.setattr(place, name, broken)

    match part:
        case "a call":
            break_after(runner.executor, "meaning_of", 3)
        case "the claims":
            break_after(waves, "claim", 2)
        case "the watch":
            break_after(waves, "renew", 4)
        case "a judge":
            break_after(waves, "judge", 2)
    with pytest.raises(ExceptionGroup):
        runner.run(batch.pk)
    monkeypatch.undo()
    open_shop.served.during = None
    sent = len(open_shop.served.received)
    assert sent and not RepairAction.objects.filter(state="sending").exists()
    assert ActionAttempt.objects.filter(status_code=200).count() == sent
    Batch.objects.update(lease_until=None)
    assert run(batch).state == Batch.State.DONE
    assert len(open_shop.served.received) == 40 == len(open_shop.served.done)


def test_answers_are_written_down_over_another_connection(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = started(open_shop, [open_shop.saga(CHARGED) for _ in range(3)])
    real, broken = executor.record_all, list[int]()

    def record_all(*given: Any) -> None:
        if not broken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                broken.extend(cursor.fetchone())
            with pytest.raises(OperationalError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        real(*given)

    monkeypatch.setattr(executor, "record_all", record_all)
    with pytest.raises(ExceptionGroup):
        runner.run(batch.pk)
    assert broken
    assert set(RepairAction.objects.values_list("state", flat=True)) == {"done"}


def test_an_answer_that_cannot_be_understood_is_left_to_its_lease(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(6)]
    batch = started(open_shop, sagas)
    odd = f"order/{sagas[2].saga_id}/charge/c1"
    real = executor.meaning_of

    def meaning_of(claim: Claim, answer: Any) -> Meaning:
        if claim.idempotency_key == odd:
            raise OverflowError
        return real(claim, answer)

    monkeypatch.setattr(executor, "meaning_of", meaning_of)
    with pytest.raises(ExceptionGroup):
        runner.run(batch.pk)
    found = dict(RepairAction.objects.values_list("idempotency_key", "state"))
    assert found.pop(odd) == "sending" and set(found.values()) == {"done"}
