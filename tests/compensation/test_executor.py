"""Claim, call, record against participants that really answer, fail, refuse, accept and go silent."""

import json
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from compensation import executor, recovery, repairs
from compensation.models import ActionAttempt, Repair, RepairAction
from compensation.transports import Answer
from sagas import audit
from sagas.models import AuditEntry, Event, Participant
from sagas.vocabulary import Status, StepState
from tests.compensation import participants
from tests.compensation.participants import Received, Reply
from tests.compensation.shop import BEN, DONE, Shop, actions, make_due, start, state_of, told, work

Intent = Repair.Intent


def states(repair: Repair) -> list[str]:
    return [action.state for action in actions(repair)]


def test_a_whole_saga_is_undone_step_by_step_on_the_participants_word(shop: Shop):
    saga = shop.saga(f"{DONE} ship:S ship:F")
    shop.served.will(Reply(200, {"refund_id": "re_1"}), Reply(204))
    repair = work(start(saga, Intent.COMPENSATE))
    assert repair.state == "done"
    assert [(received.method, received.path) for received in shop.served.received] == [
        ("POST", "/payment/compensations/charge"),
        ("POST", "/inventory/compensations/reserve"),
    ]
    state = state_of(saga)
    assert (state.status, state.open_effects, state.unknown_effects) == (Status.COMPENSATED, [], [])
    saga.refresh_from_db()
    assert (saga.status, saga.open_effects) == ("compensated", [])
    assert told(saga) == [
        ("operator.repair_started", ""),
        ("operator.compensation_completed", "charge"),
        ("operator.compensation_completed", "reserve"),
        ("operator.repair_finished", ""),
    ]
    charge, _ = actions(repair)
    assert charge.result == {"by": "answer", "answer": {"refund_id": "re_1"}}
    (attempt,) = charge.tries.all()
    assert (attempt.number, attempt.status_code, attempt.answer) == (1, 200, '{"refund_id": "re_1"}')
    event = Event.objects.get(saga=saga, source="amends", step="charge")
    assert event.event_id == f"{charge.idempotency_key}/answer"
    assert json.loads(event.data or "") == {
        "repair": str(repair),
        "by": "payment",
        "answer": {"refund_id": "re_1"},
    }
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "repair.started",
        "action.done",
        "repair.done",
    }
    assert isinstance(audit.verify(), audit.Verified)


def test_the_second_is_sent_only_when_the_first_is_confirmed(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE)
    first, second = actions(repair)
    executor.execute(second.pk)
    assert shop.served.received == []
    executor.execute(first.pk)
    assert states(repair) == ["done", "ready"]
    assert len(shop.served.received) == 1


def test_the_answers_word_and_the_participants_event_are_one_compensation(shop: Shop):
    saga = shop.saga()
    work(start(saga, Intent.COMPENSATE, "charge"))
    shop.tell(saga.saga_id, "charge:K+")
    step = state_of(saga).step("charge")
    assert step is not None
    assert step.run is not None
    assert (step.state, step.run.undone_count) == (StepState.COMPENSATED, 1)


@pytest.mark.parametrize("reply", [Reply(503), Reply(500, "boom"), Reply(429), Reply(cut=True), Reply(408)])
def test_what_may_pass_is_sent_again_with_the_same_key(shop: Shop, reply: Reply):
    repair = work(start(shop.saga(), Intent.COMPENSATE, "reserve"))
    assert repair.state == "done"
    saga = shop.saga()
    shop.served.received.clear()
    shop.served.will(reply, reply)
    repair = work(start(saga, Intent.COMPENSATE, "reserve"))
    assert repair.state == "done"
    (action,) = actions(repair)
    assert [received.key for received in shop.served.received] == [action.idempotency_key] * 3
    assert len({received.body for received in shop.served.received}) == 1
    assert shop.served.done[action.idempotency_key] == 1
    assert action.tries.count() == 3


def test_attempts_wait_longer_each_time_and_end(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE)
    (action, _) = actions(repair)
    RepairAction.objects.filter(pk=action.pk).update(
        retries={"attempts": 3, "first": 10.0, "most": 15.0, "deadline": 30.0}
    )
    shop.served.will(*[Reply(503, {"detail": "maintenance"}) for _ in range(3)])
    for least, most in [(5, 10), (7.5, 15)]:
        make_due(repair)
        executor.execute(action.pk)
        action.refresh_from_db()
        assert action.state == "ready"
        assert action.next_attempt_at is not None
        wait = (action.next_attempt_at - timezone.now()).total_seconds()
        assert least - 1 < wait <= most
        # Nobody sends it before its time.
        executor.execute(action.pk)
        recovery.recover()
    assert len(shop.served.received) == 2
    work(repair)
    assert repair.state == "stopped"
    assert states(repair) == ["exhausted", "cancelled"]
    assert actions(repair)[0].result == {"detail": "503: maintenance"}


def test_a_participant_that_asks_for_time_gets_it(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE)
    shop.served.will(Reply(429, headers={"retry-after": "120"}))
    (action, _) = actions(repair)
    executor.execute(action.pk)
    action.refresh_from_db()
    assert action.next_attempt_at is not None
    assert 118 < (action.next_attempt_at - timezone.now()).total_seconds() <= 120


def test_a_refusal_comes_back_to_the_operator_and_stops_what_follows(shop: Shop):
    saga = shop.saga()
    shop.served.will(Reply(409, {"detail": "the charge is under dispute"}))
    repair = work(start(saga, Intent.COMPENSATE))
    assert repair.state == "stopped"
    assert states(repair) == ["refused", "cancelled"]
    assert actions(repair)[0].result == {"detail": "409: the charge is under dispute"}
    assert told(saga) == [
        ("operator.repair_started", ""),
        ("operator.refused", "charge"),
        ("operator.repair_finished", ""),
    ]
    assert len(shop.served.received) == 1
    assert state_of(saga).open_effects == ["reserve", "charge"]


def test_a_redirect_is_not_followed(shop: Shop):
    shop.served.will(Reply(307, "", {"location": "/elsewhere"}))
    assert work(start(shop.saga(), Intent.COMPENSATE)).state == "stopped"
    assert len(shop.served.received) == 1


def test_an_accepted_request_waits_for_the_event(shop: Shop):
    saga = shop.saga()
    shop.served.will(Reply(202, ""))
    repair = start(saga, Intent.COMPENSATE)
    first, _ = actions(repair)
    executor.execute(first.pk)
    first.refresh_from_db()
    assert first.state == "awaiting"
    assert first.confirm_by is not None
    assert 28 < (first.confirm_by - timezone.now()).total_seconds() <= 30
    assert recovery.recover() == 0
    assert states(repair) == ["awaiting", "waiting"]
    # Something else happens to the saga: looked at once, and not again before it moves once more.
    shop.tell(saga.saga_id, "charge:KS")
    assert recovery.recover() == 1
    assert recovery.recover() == 0
    shop.tell(saga.saga_id, "charge:K+")
    recovery.recover()
    assert states(repair) == ["done", "ready"]
    first.refresh_from_db()
    assert first.result["event"]["source"] == "charge"
    assert work(repair).state == "done"
    assert ("operator.compensation_completed", "charge") not in told(saga)


def test_an_accepted_request_can_be_denied_by_the_event(shop: Shop):
    saga = shop.saga(f"{DONE} charge:KS charge:K-")
    shop.served.will(Reply(202, ""), Reply(202, ""))
    repair = start(saga, Intent.RETRY)
    (action,) = actions(repair)
    executor.execute(action.pk)
    # The failure that was there before does not count against it.
    shop.tell(saga.saga_id, "reserve:R")
    recovery.recover()
    assert states(repair) == ["awaiting"]
    shop.tell(saga.saga_id, "charge:K-")
    recovery.recover()
    assert states(repair) == ["refused"]
    repair.refresh_from_db()
    assert repair.state == "stopped"


def test_an_accepted_request_that_nobody_confirms_runs_out(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE)
    shop.served.will(Reply(202, ""))
    executor.execute(actions(repair)[0].pk)
    recovery.recover(timezone.now() + timedelta(seconds=29))
    assert states(repair) == ["awaiting", "waiting"]
    recovery.recover(timezone.now() + timedelta(seconds=31))
    assert states(repair) == ["exhausted", "cancelled"]


def test_what_the_saga_has_settled_meanwhile_is_not_sent(shop: Shop):
    saga = shop.saga()
    repair = start(saga, Intent.COMPENSATE)
    shop.tell(saga.saga_id, "charge:K+")
    work(repair)
    assert [received.path for received in shop.served.received] == ["/inventory/compensations/reserve"]
    first, _ = actions(repair)
    assert (first.state, first.result["by"], first.attempts) == ("done", "event", 0)
    assert repair.state == "done"


def test_an_unknown_effect_that_turns_out_to_be_none_is_not_undone(shop: Shop):
    saga = shop.saga(f"{DONE} ship:S")
    repair = start(saga, Intent.COMPENSATE, "ship")
    shop.tell(saga.saga_id, "ship:F")
    assert work(repair).state == "done"
    assert shop.served.received == []


def test_a_step_is_not_done_again_once_the_saga_goes_back(shop: Shop):
    saga = shop.saga(f"{DONE} ship:S ship:F")
    repair = start(saga, Intent.RETRY, "ship")
    shop.tell(saga.saga_id, "charge:KS")
    assert work(repair).state == "stopped"
    assert shop.served.received == []
    assert "go back" in actions(repair)[0].result["detail"]


def test_a_failed_step_is_done_again(shop: Shop):
    saga = shop.saga(f"{DONE} ship:S ship:F")
    assert work(start(saga, Intent.RETRY, "ship")).state == "done"
    step = state_of(saga).step("ship")
    assert step is not None
    assert step.state == StepState.COMPLETED
    assert shop.served.received[0].path == "/shipping/steps/ship/retry"


def test_a_stalled_step_that_was_started_is_one_effect_whoever_tells_of_it(shop: Shop):
    saga = shop.saga()
    assert work(start(saga, Intent.RETRY, "ship")).state == "done"
    # The participant tells of it too, under an execution that nobody had named before.
    shop.tell(saga.saga_id, "ship#7:S ship#7:C")
    plan = repairs.preview(saga, Intent.COMPENSATE, "ship").plan
    assert [(action.execution, action.step) for action in plan.actions] == [("7", "ship")]


@pytest.mark.parametrize("ago", [3600, -300])
def test_an_answer_counts_even_where_the_participants_clock_is_ahead(shop: Shop, ago: float):
    saga = shop.saga(f"{DONE} ship:S ship:F", ago=ago)
    work(start(saga, Intent.RETRY, "ship"))
    assert work(start(saga, Intent.COMPENSATE)).state == "done"
    assert state_of(saga).open_effects == []


@pytest.mark.parametrize(
    ("answer", "state", "event"),
    [
        ({"outcome": "completed"}, StepState.COMPLETED, "operator.step_completed"),
        ({"outcome": "failed", "detail": "no carrier"}, StepState.FAILED, "operator.step_failed"),
        ({"outcome": "compensated"}, StepState.COMPENSATED, "operator.compensation_completed"),
        ({"outcome": "running"}, StepState.RUNNING, None),
        ({"outcome": "not_started"}, StepState.RUNNING, None),
        ({"outcome": "unknown"}, StepState.RUNNING, None),
        ({"outcome": "eaten"}, StepState.RUNNING, None),
        ("<html>", StepState.RUNNING, None),
    ],
)
def test_asking_settles_what_the_participant_knows(
    shop: Shop, answer: object, state: StepState, event: str | None
):
    saga = shop.saga(f"{DONE} ship:S")
    shop.served.will(Reply(200, answer))
    repair = work(start(saga, Intent.ASK))
    assert repair.state == "done"
    (received,) = shop.served.received
    assert (received.method, received.path) == ("GET", f"/shipping/steps/ship?saga={saga.saga_id}")
    step = state_of(saga).step("ship")
    assert step is not None
    assert step.state == state
    outcome = [("ship", event)] if event else []
    assert [(step, kind) for kind, step in told(saga) if kind != "operator.asked"] == [
        ("", "operator.repair_started"),
        *outcome,
        ("", "operator.repair_finished"),
    ]
    (action,) = actions(repair)
    expected = answer.get("outcome") if isinstance(answer, dict) and answer["outcome"] != "eaten" else None
    assert action.result["outcome"] == expected


def test_what_is_known_already_is_not_told_twice(shop: Shop):
    saga = shop.saga(f"{DONE} charge:KS charge:K-")
    shop.served.will(Reply(200, {"outcome": "completed"}))
    work(start(saga, Intent.ASK))
    assert ("operator.step_completed", "charge") not in told(saga)


def test_questions_do_not_wait_for_each_other(shop: Shop):
    saga = shop.saga(f"{DONE} charge:KS charge:K- ship:S")
    shop.served.will(Reply(404), Reply(200, {"outcome": "completed"}))
    repair = work(start(saga, Intent.ASK))
    assert states(repair) == ["refused", "done"]
    assert repair.state == "stopped"


def test_what_an_answer_told_serves_the_next_request(shop: Shop):
    saga = shop.saga("saga.started reserve:S")
    shop.served.will(Reply(200, {"outcome": "completed", "data": {"reservation_id": "rs_9"}}))
    work(start(saga, Intent.ASK))
    work(start(saga, Intent.COMPENSATE, "reserve"))
    assert json.loads(shop.served.received[-1].body)["reservation"] == "rs_9"


def test_an_answer_that_cannot_be_stored_as_it_is_is_stored_as_it_can_be(shop: Shop):
    saga = shop.saga()
    shop.served.will(
        Reply(200, '{"note": "a\\u0000b", "amount": 49.90, "n": 123456789012345678901234567890}')
    )
    repair = work(start(saga, Intent.COMPENSATE, "charge"))
    assert repair.state == "done"
    assert actions(repair)[0].result["answer"] == {
        "note": "a\ufffdb",
        "amount": "49.90",
        "n": 123456789012345678901234567890,
    }
    event = Event.objects.get(saga=saga, kind="operator.compensation_completed")
    assert '"amount":49.90' in (event.data or "")


def test_workers_at_once_make_one_call(open_shop: Shop, monkeypatch: pytest.MonkeyPatch):
    look = executor.evidence.before_sending

    def look_slowly(*what: Any) -> Any:
        """Between the look and the claim all the others get their chance."""
        time.sleep(0.2)
        return look(*what)

    monkeypatch.setattr(executor.evidence, "before_sending", look_slowly)
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    together = threading.Barrier(6)
    went_well: list[bool] = []

    def execute() -> None:
        together.wait()
        try:
            executor.execute(action.pk)
            went_well.append(True)
        finally:
            connection.close()

    threads = [threading.Thread(target=execute) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever lost has lost the claim, and not run into a constraint.
    assert len(went_well) == 6
    assert len(open_shop.served.received) == 1
    assert states(repair) == ["done"]
    assert ActionAttempt.objects.filter(action=action).count() == 1


def test_who_comes_back_after_the_lease_records_only_its_attempt(open_shop: Shop):
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE, "charge")
    (action,) = actions(repair)

    def overtake(request: Received) -> None:
        open_shop.served.during = None
        make_due(repair)
        recovery.recover()
        executor.execute(action.pk)
        connection.close()

    open_shop.served.during = overtake
    executor.execute(action.pk)
    first, second = action.tries.order_by("number")
    assert first.started_at < second.started_at < second.finished_at < first.finished_at
    assert (first.status_code, second.status_code) == (200, 200)
    action.refresh_from_db()
    assert (action.state, action.attempts, action.fence) == ("done", 2, 2)
    assert open_shop.served.done == {action.idempotency_key: 1}
    assert told(saga).count(("operator.compensation_completed", "charge")) == 1
    assert AuditEntry.objects.filter(action="action.done").count() == 1


@pytest.mark.parametrize("reply", [Reply(409), Reply(503), Reply(202, ""), Reply(200)])
def test_who_is_overtaken_changes_nothing_while_the_other_is_at_work(open_shop: Shop, reply: Reply):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    claims: list[executor.Claim | None] = []

    def overtake(request: Received) -> None:
        make_due(repair)
        recovery.recover()
        claims.append(executor.take(action.pk, timezone.now()))
        connection.close()

    open_shop.served.during = overtake
    open_shop.served.will(reply)
    executor.execute(action.pk)
    assert states(repair) == ["sending"]
    (claim,) = claims
    assert claim is not None
    executor.record(claim, Answer(200, "{}"), timezone.now())
    assert states(repair) == ["done"]


def test_a_late_answer_counts_while_nobody_else_has_claimed(open_shop: Shop):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)

    def expire(request: Received) -> None:
        make_due(repair)
        recovery.recover()
        connection.close()

    open_shop.served.during = expire
    executor.execute(action.pk)
    assert states(repair) == ["done"]


def test_the_participants_word_is_kept_even_where_it_comes_too_late_for_its_action(open_shop: Shop):
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE, "charge")
    (action,) = actions(repair)

    def give_up(request: Received) -> None:
        make_due(repair)
        recovery.recover()
        repairs.cancel(repair, BEN, "it takes too long")
        connection.close()

    open_shop.served.during = give_up
    executor.execute(action.pk)
    assert states(repair) == ["cancelled"]
    assert state_of(saga).open_effects == ["reserve"]


def test_an_operator_who_cancels_hears_what_was_on_its_way(open_shop: Shop):
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE)
    first, _ = actions(repair)
    seen: list[str] = []

    def cancel(request: Received) -> None:
        repairs.cancel(repair, BEN, "stop")
        # Until it was heard out, nobody else starts.
        seen.extend(refusal.code for refusal in repairs.preview(saga, Intent.COMPENSATE).plan.refusals)
        connection.close()

    open_shop.served.during = cancel
    executor.execute(first.pk)
    assert seen == ["in_repair"]
    assert states(repair) == ["done", "cancelled"]
    repair.refresh_from_db()
    assert repair.state == "cancelled"
    assert state_of(saga).open_effects == ["reserve"]
    assert repairs.preview(saga, Intent.COMPENSATE).plan.can_start


@pytest.mark.parametrize("reply", [Reply(503), Reply(202, ""), Reply(cut=True)])
def test_a_cancelled_repair_sends_nothing_again(open_shop: Shop, reply: Reply):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")

    def cancel(request: Received) -> None:
        repairs.cancel(repair, BEN, "stop")
        connection.close()

    open_shop.served.during = cancel
    open_shop.served.will(reply)
    executor.execute(actions(repair)[0].pk)
    assert states(repair) == ["cancelled"]
    assert actions(repair)[0].result["detail"]
    assert work(repair).state == "cancelled"
    assert len(open_shop.served.received) == 1


def test_a_death_in_a_cancelled_repair_is_told_and_not_repeated(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    assert executor.take(action.pk, timezone.now()) is not None
    repairs.cancel(repair, BEN, "stop")
    assert states(repair) == ["sending"]
    make_due(repair)
    recovery.recover()
    assert states(repair) == ["cancelled"]
    assert "Ask to be sure" in actions(repair)[0].result["detail"]


def test_a_request_that_kills_every_worker_is_not_sent_for_ever(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    for _ in range(recovery.MOST_DEATHS):
        make_due(repair)
        recovery.recover()
        assert executor.take(action.pk, timezone.now()) is not None
    make_due(repair)
    recovery.recover()
    assert states(repair) == ["exhausted"]


@pytest.mark.parametrize("change", ["elsewhere", "unsigned", "unreadable"])
def test_nothing_is_sent_to_an_address_or_with_a_secret_that_changed(shop: Shop, change: str):
    repair = start(shop.saga(), Intent.COMPENSATE, "charge")
    values = {
        "elsewhere": {"base_url": "http://127.0.0.1:1"},
        "unsigned": {"signing_secret": ""},
        "unreadable": {"signing_secret": "gAAAA"},
    }
    Participant.objects.filter(name="payment").update(**values[change])
    assert work(repair).state == "stopped"
    assert shop.served.received == []
    (action,) = actions(repair)
    assert action.state == "refused"
    assert participants.SECRET not in json.dumps(action.result)


def test_due_actions_are_nudged_once_in_a_while(shop: Shop):
    start(shop.saga(), Intent.COMPENSATE)
    now = timezone.now()
    # The start has nudged; the beat waits for that before it nudges again.
    assert recovery.recover(now) == 0
    assert recovery.recover(now + timedelta(seconds=11)) == 1
    assert recovery.recover(now + timedelta(seconds=12)) == 0
    assert recovery.recover(now + timedelta(seconds=22)) == 1
