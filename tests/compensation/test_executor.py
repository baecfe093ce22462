"""Claim, call, record: what each answer of a participant leads to."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import executor, recovery
from compensation.models import Repair, RepairAction
from sagas import audit
from sagas.models import AuditEntry, Event, Participant
from sagas.vocabulary import Status, StepState
from tests.compensation import participants
from tests.compensation.participants import Reply
from tests.compensation.shop import DONE, Shop, actions, make_due, start, state_of, states, told, work

Intent = Repair.Intent


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


def test_what_is_tried_again_is_nudged_as_soon_as_it_is_due(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE, "charge")
    shop.served.will(Reply(503))
    executor.execute(actions(repair)[0].pk)
    due = actions(repair)[0].next_attempt_at
    assert due is not None and due > timezone.now()
    assert recovery.recover(due - timedelta(milliseconds=1)) == 0
    assert recovery.recover(due) == 1
    assert recovery.recover(due + timedelta(seconds=1)) == 0


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


def test_each_refusal_is_told_of(shop: Shop):
    saga = shop.saga()
    shop.served.will(Reply(409, {"detail": "in dispute"}), Reply(409, {"detail": "still in dispute"}))
    for _ in range(2):
        assert work(start(saga, Intent.COMPENSATE, "charge")).state == "stopped"
    refused = Event.objects.filter(saga=saga, kind="operator.refused").order_by("time")
    assert ["still" in (event.data or "") for event in refused] == [False, True]


def test_a_redirect_is_not_followed(shop: Shop):
    shop.served.will(Reply(307, "", {"location": "/elsewhere"}))
    assert work(start(shop.saga(), Intent.COMPENSATE)).state == "stopped"
    assert len(shop.served.received) == 1


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
