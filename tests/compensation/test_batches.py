"""Repairs of many sagas: planned, started as planned, run at a pace, stopped in time."""

import threading
import time
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.utils import timezone

from compensation import recovery, repairs
from compensation.batches import deciding, kinds, lanes, planning, runner, waves
from compensation.batches.deciding import Care, Chosen
from compensation.batches.progress import progress, progress_of
from compensation.batches.refusals import (
    CountMissingError,
    NothingChosenError,
    NotSoError,
    OtherPlanError,
    TooManyError,
)
from compensation.models import Batch, BatchSaga, Pace, Repair, RepairAction
from compensation.refusals import ReasonMissingError
from sagas import audit, sql
from sagas.definitions import loading
from sagas.models import AuditEntry, Event, Participant, Saga
from sagas.threads import hangs_up
from tests.blocking import PATIENCE
from tests.compensation.participants import Received, Reply
from tests.compensation.shop import ANNA, BEN, PAYLOADS, Shop, start, state_of
from tests.compensation.stories import SHOP_YAML

State = Batch.State
CHARGED = "saga.started charge:S charge:C ship:S ship:F"
ALL = Care(canary=0)


def planned(shop: Shop, sagas: list[Saga], *, care: Care = ALL, step: str = "charge") -> Batch:
    chosen = Chosen("charged and not shipped", [saga.pk for saga in sagas], {"by": "hand"})
    batch = deciding.create(chosen, "compensate", step, "OPS-7", ANNA, shop.anna, care=care)
    planning.plan(batch.pk)
    batch.refresh_from_db()
    return batch


def started(shop: Shop, sagas: list[Saga], *, care: Care = ALL, step: str = "charge") -> Batch:
    batch = planned(shop, sagas, care=care, step=step)
    return deciding.start(batch, batch.plan_hash, ANNA, typed=len(sagas))


def run(batch: Batch, *, rounds: int = 10) -> Batch:
    """Do what workers and the beat do, pauses skipped, until nobody is to run it any more."""
    for _ in range(rounds):
        runner.run(batch.pk)
        batch.refresh_from_db()
        if batch.state != State.RUNNING:
            break
        past = timezone.now() - timedelta(seconds=1)
        RepairAction.objects.filter(repair__batch=batch, state="ready").update(next_attempt_at=past)
        Pace.objects.update(closed_until=None)
        recovery.recover()
    return batch


def acts() -> list[str]:
    return list(
        AuditEntry.objects.filter(object_kind="batch").order_by("sequence").values_list("action", flat=True)
    )


def test_each_saga_is_planned_by_itself_and_the_whole_is_pinned(shop: Shop) -> None:
    charged, busy, healthy = shop.saga(CHARGED), shop.saga("charge:S", ago=1), shop.saga("check:S check:C")
    batch = planned(shop, [charged, busy, healthy], step="")
    assert batch.state == State.PLANNED and len(batch.plan_hash) == 64
    assert [(one.state, one.code) for one in batch.sagas.order_by("position")] == [
        ("planned", ""),
        ("left", "busy"),
        ("left", "nothing_to_do"),
    ]
    seen = repairs.preview(charged, "compensate")
    one = batch.sagas.get(saga=charged)
    assert (one.revision, one.plan_hash) == (seen.revision, seen.hash)
    assert batch.summary["sagas"] == 1
    assert batch.summary["actions"] == [
        {"kind": "compensate", "participant": "payment", "step": "charge", "count": 1},
        {"kind": "compensate", "participant": "inventory", "step": "reserve", "count": 1},
    ]
    assert {left["code"]: left["count"] for left in batch.summary["left_alone"]} == {
        "busy": 1,
        "nothing_to_do": 1,
    }
    assert not shop.served.received and not Repair.objects.exists()
    assert acts() == ["batch.created", "batch.planned"]


def test_the_hash_covers_every_saga_and_how_it_is_gone_about(shop: Shop) -> None:
    one, other = shop.saga(CHARGED), shop.saga(CHARGED)
    hashes = [
        planning.digest(planning._content(batch, rows))
        for batch in (Batch(pk=1, intent="compensate", canary=0), Batch(pk=1, intent="compensate", canary=1))
        for rows in (
            [("order", one.saga_id, 5, "a")],
            [("order", one.saga_id, 6, "a")],
            [("order", other.saga_id, 5, "a")],
        )
    ]
    assert len(set(hashes)) == len(hashes)


def test_what_is_done_is_told_in_the_order_in_which_it_is_done(shop: Shop) -> None:
    """Also where few sagas come as far as what they undo first."""
    reserved = [shop.saga("reserve:S reserve:C saga.failed") for _ in range(2)]
    batch = planned(shop, [*reserved, shop.saga(CHARGED)], step="")
    assert [(one["step"], one["count"]) for one in batch.summary["actions"]] == [
        ("charge", 1),
        ("reserve", 3),
    ]


def test_of_some_nobody_knows_what_is_at_stake(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little the others come to, what cannot be decided is agreed to."""
    text = SHOP_YAML.replace("approval: []", "approval: [{when: stake.EUR > 1000, because: much}]")
    text = text.replace('version: "1"', 'version: "2"') + "stake: {amount: amount, currency: EUR}"
    loading.load(text, "shop.yaml", audit.Actor.system())
    known = shop.saga(CHARGED)
    monkeypatch.setitem(PAYLOADS, ("charge", "step.completed"), '{"amount": "a lot"}')
    unknown = shop.saga(CHARGED)
    assert planned(shop, [known], step="reserve").requirement is None
    for sagas in ([unknown], [known, unknown]):
        assert "Nobody can tell" in str(planned(shop, sagas, step="").requirement)


def test_names_may_hold_spaces(shop: Shop) -> None:
    text = SHOP_YAML.replace("participant: payment", "participant: pay ment")
    text = text.replace("approval: []", "approval: [{when: \"'pay ment' in participants\", because: money}]")
    loading.load(text.replace('version: "1"', 'version: "2"'), "shop.yaml", audit.Actor.system())
    Participant.objects.filter(name="payment").update(name="pay ment")
    batch = planned(shop, [shop.saga(CHARGED)])
    assert batch.summary["actions"] == [
        {"kind": "compensate", "participant": "pay ment", "step": "charge", "count": 1}
    ]
    assert batch.requirement


def test_what_was_planned_before_is_read_as_what_is_planned_now(shop: Shop) -> None:
    batch = planned(shop, [shop.saga(CHARGED)], step="")
    is_now = batch.sagas.get().actions
    migration = import_module("compensation.migrations.0006_planned_kinds")
    sql.run(f"{migration.TO_WORDS} RETURNING id")
    assert batch.sagas.get().actions == ["compensate payment charge", "compensate inventory reserve"]
    sql.run(f"{migration.TO_JSON} RETURNING id")
    assert [kinds.read(text) for text in batch.sagas.get().actions] == [kinds.read(text) for text in is_now]


def test_planning_twice_or_side_by_side_plans_once(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(3)]
    chosen = Chosen("three", [saga.pk for saga in sagas], {})
    batch = deciding.create(chosen, "compensate", "", "OPS-7", ANNA, open_shop.anna)
    threads = [threading.Thread(target=hangs_up(planning.plan), args=[batch.pk]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batch.refresh_from_db()
    assert batch.summary["sagas"] == 3
    assert acts() == ["batch.created", "batch.planned"]


@pytest.mark.parametrize(
    ("reason", "count", "error"), [("", 1, ReasonMissingError), ("OPS-7", 0, NothingChosenError)]
)
def test_what_cannot_be_planned_is_refused(shop: Shop, reason: str, count: int, error: type) -> None:
    sagas = [shop.saga(CHARGED).pk for _ in range(count)]
    with pytest.raises(error):
        deciding.create(Chosen("some", sagas, {}), "compensate", "", reason, ANNA, shop.anna)
    assert not Batch.objects.exists() and acts() == []


def test_more_than_a_batch_takes_is_refused_before_anything_is_written(shop: Shop) -> None:
    with pytest.raises(TooManyError):
        deciding.create(Chosen("all", range(deciding.MOST + 1), {}), "ask", "", "why", ANNA, shop.anna)
    with pytest.raises(ValueError, match="cannot record"):
        deciding.create(Chosen("all", [1], {}), "record", "", "why", ANNA, shop.anna)
    assert not Batch.objects.exists()


def test_only_what_was_looked_at_is_started(shop: Shop) -> None:
    batch = planned(shop, [shop.saga(CHARGED)])
    with pytest.raises(OtherPlanError):
        deciding.start(batch, "0" * 64, ANNA)
    batch.refresh_from_db()
    assert batch.state == State.PLANNED
    deciding.start(batch, batch.plan_hash, ANNA)
    with pytest.raises(NotSoError, match="running now"):
        deciding.start(batch, batch.plan_hash, BEN)


def test_many_are_started_by_typing_how_many(shop: Shop) -> None:
    batch = planned(shop, [shop.saga("charge:C", ago=3600) for _ in range(deciding.TYPED_FROM)])
    for typed in (None, 24):
        with pytest.raises(CountMissingError):
            deciding.start(batch, batch.plan_hash, ANNA, typed=typed)
    assert deciding.start(batch, batch.plan_hash, ANNA, typed=25).state == State.RUNNING


def test_every_saga_is_undone_once_and_confirmed_by_the_participants_word(open_shop: Shop) -> None:
    sagas = [open_shop.saga("saga.started reserve:C charge:C ship:S ship:F") for _ in range(12)]
    batch = run(started(open_shop, sagas, step=""))
    assert batch.state == State.DONE and batch.finished_at
    assert progress(batch).done == 12
    assert set(open_shop.served.done.values()) == {1} and len(open_shop.served.done) == 24
    for saga in sagas:
        state = state_of(saga)
        assert state.open_effects == []
        received = [one.path for one in open_shop.served.received if f'"{saga.saga_id}"' in one.body]
        assert received == ["/payment/compensations/charge", "/inventory/compensations/reserve"]
    assert acts() == ["batch.created", "batch.planned", "batch.started", "batch.done"]
    told = AuditEntry.objects.filter(saga=sagas[0]).order_by("sequence").values_list("action", flat=True)
    assert list(told) == ["repair.started", "action.done", "action.done", "repair.done"]
    assert isinstance(audit.verify(), audit.Verified)


def test_a_saga_that_has_moved_drops_out(open_shop: Shop) -> None:
    moved, busy, same = (open_shop.saga(CHARGED) for _ in range(3))
    batch = started(open_shop, [moved, busy, same])
    open_shop.tell(moved.saga_id, "charge:KS charge:K+")
    start(busy, "compensate", "charge", by=BEN)
    batch = run(batch)
    found = {one.saga_id: (one.state, one.why) for one in batch.sagas.all()}
    assert found[moved.pk] == ("dropped", "2 new events came since it was planned.")
    assert found[busy.pk][0] == "dropped" and "by ben is at work on it" in found[busy.pk][1]
    assert found[same.pk][0] == "begun"
    assert [one.key for one in open_shop.served.received] == [f"order/{same.saga_id}/charge/c1"]
    assert batch.state == State.DONE


def test_the_canary_goes_first_and_waits_for_a_person(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(5)]
    batch = run(started(open_shop, sagas, care=Care(canary=2)))
    assert (batch.state, batch.because) == (
        State.HOLDING,
        "The first 2 sagas are done: look at them, then go on.",
    )
    assert len(open_shop.served.done) == 2
    runner.run(batch.pk)
    assert len(open_shop.served.received) == 2
    batch = run(deciding.resume(batch, BEN))
    assert batch.state == State.DONE and len(open_shop.served.done) == 5


def test_a_canary_that_need_not_be_looked_at_lets_the_others_go(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(5)]
    batch = run(started(open_shop, sagas, care=Care(canary=2, holds=False)))
    assert batch.state == State.DONE and len(open_shop.served.done) == 5
    assert acts() == ["batch.created", "batch.planned", "batch.started", "batch.released", "batch.done"]
    released = AuditEntry.objects.get(action="batch.released")
    assert (released.actor, released.after) == ("Amends", {"begun": 2, "done": 2, "stopped": 0})


def test_a_canary_that_fails_stops_it(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(5)]
    open_shop.served.will(Reply(409, {"detail": "no such payment"}))
    batch = run(started(open_shop, sagas, care=Care(canary=2, holds=False)))
    assert (batch.state, batch.because) == (State.PAUSED, "It stopped by itself: 1 of 2 need a person.")
    assert len(open_shop.served.received) == 2
    # Whoever resumes has seen that one.
    batch = run(deciding.resume(batch, BEN))
    assert batch.state == State.DONE and len(open_shop.served.done) == 4


def test_it_stops_by_itself_past_its_failure_rate(open_shop: Shop) -> None:
    sagas = [open_shop.saga("charge:C", ago=3600) for _ in range(60)]
    open_shop.served.will(*[Reply(409)] * 60)
    batch = run(started(open_shop, sagas, care=Care(canary=0, most_failures=0.1)))
    assert batch.state == State.PAUSED and "stopped by itself" in batch.because
    assert len(open_shop.served.received) < 60
    assert acts()[-1] == "batch.paused"


def test_it_has_ended_where_nothing_is_left_to_be_stopped(open_shop: Shop) -> None:
    sagas = [open_shop.saga("charge:C", ago=3600) for _ in range(20)]
    open_shop.served.will(*[Reply(409)] * 20)
    batch = run(started(open_shop, sagas))
    assert batch.state == State.DONE and progress(batch).stopped == 20


@pytest.mark.parametrize(
    ("care", "refused", "state"),
    [
        (ALL, 0, State.DONE),
        (Care(canary=3, holds=False), 0, State.DONE),
        (Care(canary=3), 0, State.HOLDING),
        (Care(canary=0, most_failures=0.1), 60, State.PAUSED),
    ],
    ids=["its end", "a canary to be passed", "a canary to be looked at", "too many failed"],
)
def test_what_matters_is_seen_at_once_however_seldom_it_is_judged(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch, care: Care, refused: int, state: State
) -> None:
    sagas = [open_shop.saga("charge:C", ago=3600) for _ in range(60)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=4)
    open_shop.served.will(*[Reply(409)] * refused)
    batch = started(open_shop, sagas, care=care)
    judged: list[object] = []
    judge = waves.judge

    def judge_and_count(*given: Any) -> Any:
        judged.append(given)
        return judge(*given)

    monkeypatch.setattr(waves, "judge", judge_and_count)
    monkeypatch.setattr(runner, "LOOK", 60.0)
    runner.run(batch.pk)
    batch.refresh_from_db()
    assert batch.state == state
    if refused:
        # What was on its way when the twentieth failed was heard out, and nothing more was sent.
        assert 20 <= len(open_shop.served.received) <= 20 + 2 * 8
    else:
        assert len(judged) <= 4


def test_transient_answers_are_tried_again_with_the_same_key(open_shop: Shop) -> None:
    saga = open_shop.saga(CHARGED)
    open_shop.served.will(Reply(503), Reply(cut=True))
    batch = run(started(open_shop, [saga]))
    assert batch.state == State.DONE
    assert [one.key for one in open_shop.served.received] == [f"order/{saga.saga_id}/charge/c1"] * 3
    assert set(open_shop.served.done.values()) == {1}


def test_absurd_answers_and_events_hold_up_nobody(open_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(6)]
    open_shop.served.will(
        Reply(429, {}, {"retry-after": "Sat, 28 Nov 99999999999999999999 10:00:00 GMT"}),
        Reply(200, '{"x": 1e999999999999999999999}'),
        Reply(200, "[" * 700 + "]" * 700),
        Reply(200, '{"x": "a\\u0000b", "y\\u0000": 1e200000}'),
    )
    batch = started(open_shop, sagas)
    monkeypatch.setitem(PAYLOADS, ("charge", "step.completed"), '{"amount": 1e999999999999999999999}')
    open_shop.tell(sagas[3].saga_id, "charge:C")
    batch = run(batch)
    assert batch.state == State.DONE
    assert (progress(batch).done, progress(batch).dropped) == (5, 1)
    assert set(open_shop.served.done.values()) == {1} and len(open_shop.served.received) == 6
    # It can be looked at, too: what cannot be read says nothing.
    assert repairs.preview(sagas[3], "compensate", "charge").plan.can_start


def test_what_is_accepted_waits_for_its_event(open_shop: Shop) -> None:
    saga = open_shop.saga(CHARGED)
    open_shop.served.will(Reply(202))
    batch = run(started(open_shop, [saga]), rounds=2)
    assert batch.state == State.RUNNING
    open_shop.tell(saga.saga_id, "charge:KS charge:K+")
    recovery.recover()
    assert run(batch).state == State.DONE


def test_no_more_is_accepted_than_past_ends_vouch_for(open_shop: Shop) -> None:
    """Else all would be sent before it was known that the participant does nothing of it."""
    sagas = [open_shop.saga("charge:C", ago=3600) for _ in range(60)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=12)
    open_shop.served.will(*[Reply(202)] * 60)
    batch = run(started(open_shop, sagas, care=Care(canary=0, most_failures=0.1)), rounds=3)
    assert len(open_shop.served.received) == 24
    assert progress(batch).running == 24
    # Four are confirmed, for which others are begun.
    confirmed = [one.saga for one in batch.repairs.select_related("saga").order_by("pk")[:4]]
    for saga in confirmed:
        open_shop.tell(saga.saga_id, "charge:KS charge:K+")
    recovery.recover()
    batch = run(batch, rounds=1)
    assert len(open_shop.served.received) == 28
    # What fails by its event counts before any other is begun.
    failed = batch.repairs.filter(state="running").select_related("saga").order_by("pk")[:20]
    for saga in [one.saga for one in failed]:
        open_shop.tell(saga.saga_id, "charge:KS charge:K-")
    recovery.recover()
    batch = run(batch, rounds=1)
    assert (batch.state, batch.because) == (
        State.PAUSED,
        "It stopped by itself: 20 of 24 need a person.",
    )
    assert len(open_shop.served.received) == 28


def test_what_nobody_confirms_is_asked_about_at_the_batchs_pace(open_shop: Shop) -> None:
    undone, unknown = open_shop.saga(CHARGED), open_shop.saga(CHARGED)
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=1)
    open_shop.served.will(Reply(202), Reply(202))
    batch = run(started(open_shop, [undone, unknown], care=Care(canary=0, most_failures=1.0)), rounds=1)
    past = timezone.now() - timedelta(seconds=1)
    RepairAction.objects.filter(state="awaiting").update(confirm_by=past, next_attempt_at=past)
    recovery.recover()
    # The runner asks, as whoever sends for a batch keeps to its pace and its pauses.
    assert len(open_shop.served.received) == 2
    open_shop.served.will(Reply(200, {"outcome": "compensated"}), Reply(200, {"outcome": "unknown"}))
    batch = run(batch)
    assert batch.state == State.DONE
    assert (progress(batch).done, progress(batch).stopped) == (1, 1)
    assert [one.method for one in open_shop.served.received] == ["POST", "POST", "GET", "GET"]
    assert set(open_shop.served.done.values()) == {1}


def test_pausing_sends_nothing_more_within_two_seconds(open_shop: Shop) -> None:
    sagas = [open_shop.saga("charge:C", ago=3600) for _ in range(60)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=2)
    is_paused = threading.Event()

    def answer_in_a_while(_: Received) -> None:
        if len(open_shop.served.received) > 4:
            is_paused.wait(PATIENCE)
        time.sleep(0.1)

    open_shop.served.during = answer_in_a_while
    batch = started(open_shop, sagas)
    running = threading.Thread(target=hangs_up(runner.run), args=[batch.pk])
    running.start()
    while len(open_shop.served.received) < 4:
        time.sleep(0.01)
    deciding.pause(batch, BEN, "have a look")
    before = len(open_shop.served.received)
    is_paused.set()
    running.join()
    # Two at once for a tenth of a second each: no more go out within two seconds.
    assert len(open_shop.served.received) - before <= 40
    assert set(RepairAction.objects.values_list("state", flat=True)) <= {"done", "ready"}
    # What was claimed and not sent is as if it had not been claimed.
    assert not RepairAction.objects.filter(state="ready", attempts__gt=0).exists()
    open_shop.served.during = None
    batch = run(deciding.resume(batch, BEN))
    assert batch.state == State.DONE and set(open_shop.served.done.values()) == {1}
    assert len(open_shop.served.received) == 60


def test_cancelling_begins_no_other_saga_and_hears_out_what_is_under_way(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(4)]
    batch = run(started(open_shop, sagas, care=Care(canary=1)))
    open_shop.served.will(Reply(202))
    deciding.resume(batch, ANNA)
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=1)
    runner.run(batch.pk)
    deciding.cancel(batch, BEN, "wrong day")
    batch.refresh_from_db()
    assert batch.state == State.CANCELLED
    assert not BatchSaga.objects.filter(state="planned").exists()
    assert not Repair.objects.filter(state="running").exists()
    sent = len(open_shop.served.received)
    runner.run(batch.pk)
    recovery.recover()
    assert len(open_shop.served.received) == sent
    with pytest.raises(NotSoError):
        deciding.resume(batch, ANNA)


def test_two_runners_never_run_one_batch(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(20)]
    batch = started(open_shop, sagas)
    threads = [threading.Thread(target=hangs_up(runner.run), args=[batch.pk]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(open_shop.served.received) == 20
    assert run(batch).state == State.DONE


def test_a_pace_is_kept(open_shop: Shop) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(9)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), per_second=10, at_once=4)
    begin = time.monotonic()
    batch = run(started(open_shop, sagas))
    assert batch.state == State.DONE
    assert time.monotonic() - begin >= 0.8


def test_a_participant_that_asks_for_rest_gets_it(open_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    sagas = [open_shop.saga(CHARGED) for _ in range(3)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=1)
    open_shop.served.will(Reply(429, {"detail": "card 4111"}, {"retry-after": "1"}))
    batch = started(open_shop, sagas)
    begin = time.monotonic()
    runner.run(batch.pk)
    assert time.monotonic() - begin >= 1
    pace = Pace.objects.get()
    assert pace.closed_until and "429" in pace.because
    # Its words may quote what is masked, and logs are for everybody.
    assert "'status': 429" in caplog.text and "4111" not in caplog.text
    assert run(batch).state == State.DONE


def test_a_participant_that_is_down_is_left_alone(open_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A circuit breaker: after five failures in a row nothing is sent for a while."""
    monkeypatch.setattr(lanes, "FIRST", 60.0)
    sagas = [open_shop.saga("charge:C", ago=3600) for _ in range(40)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=1)
    open_shop.served.will(*[Reply(503)] * 40)
    batch = started(open_shop, sagas)
    running = threading.Thread(target=hangs_up(runner.run), args=[batch.pk])
    running.start()
    while not Pace.objects.filter(closed_until__isnull=False).exists():
        time.sleep(0.01)
    # Long enough for many more.
    time.sleep(0.3)
    assert len(open_shop.served.received) == 5
    deciding.pause(batch, ANNA)
    running.join()


def test_after_a_rest_one_call_tells_whether_others_follow(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another run had closed it."""
    past = timezone.now() - timedelta(seconds=1)
    payment = Participant.objects.get(name="payment")
    Pace.objects.create(participant=payment, at_once=8, closed_until=past, because="503")
    open_shop.served.will(*[Reply(503)] * 8)
    batch = started(open_shop, [open_shop.saga("charge:C", ago=3600) for _ in range(20)])
    monkeypatch.setattr(runner, "BUDGET", 1.0)
    monkeypatch.setattr(lanes, "FIRST", 60.0)
    # On a busy machine a second may be over before anything was sent.
    while not open_shop.served.received:
        runner.run(batch.pk)
    assert len(open_shop.served.received) == 1
    assert Pace.objects.get().closed_until > timezone.now()
    open_shop.served.replies.clear()
    monkeypatch.undo()
    assert run(batch).state == State.DONE


def test_events_close_what_the_repair_was_for(open_shop: Shop) -> None:
    saga = open_shop.saga(CHARGED)
    run(started(open_shop, [saga]))
    kinds = Event.objects.filter(saga=saga, source="amends").order_by("time").values_list("kind", flat=True)
    assert list(kinds) == [
        "operator.repair_started",
        "operator.compensation_completed",
        "operator.repair_finished",
    ]


def test_a_claim_that_waited_too_long_is_given_back_and_not_sent(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease may run out while it is on its way, and another would send the same."""
    sagas = [open_shop.saga(CHARGED) for _ in range(3)]
    Pace.objects.create(participant=Participant.objects.get(name="payment"), at_once=2)
    monkeypatch.setattr(runner, "FRESH", 0.2)
    open_shop.served.will(Reply(slow=0.5), Reply(slow=0.5))
    batch = run(started(open_shop, sagas))
    assert batch.state == State.DONE
    assert len(open_shop.served.received) == 3 and set(open_shop.served.done.values()) == {1}
    assert set(RepairAction.objects.values_list("attempts", flat=True)) == {1}


def test_a_participant_that_asks_for_a_long_rest_is_waited_for_by_the_next_runner(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BUDGET", 1.0)
    open_shop.served.will(Reply(503, headers={"retry-after": "900"}))
    batch = started(open_shop, [open_shop.saga(CHARGED)])
    runner.run(batch.pk)
    runner.run(batch.pk)
    assert len(open_shop.served.received) == 1
    assert (Pace.objects.get().closed_until - timezone.now()).total_seconds() > 800
    batch.refresh_from_db()
    assert batch.state == State.RUNNING and batch.lease_until is None


def test_the_progress_of_several_is_told_apart(shop: Shop) -> None:
    batches = [planned(shop, [shop.saga(CHARGED) for _ in range(count)]) for count in (1, 2)]
    found = progress_of(batches)
    assert [found[batch.pk].planned for batch in batches] == [1, 2]
    assert progress_of([]) == {}


def test_many_under_way_are_cancelled_a_part_at_a_time(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "PART", 2)
    open_shop.served.will(*[Reply(202)] * 3)
    batch = started(open_shop, [open_shop.saga(CHARGED) for _ in range(3)])
    runner.run(batch.pk)
    deciding.cancel(batch, BEN, "wrong day")
    assert Repair.objects.filter(state="running").count() == 1
    assert recovery.recover() == 1
    assert not Repair.objects.filter(state="running").exists()
    assert recovery.recover() == 0
