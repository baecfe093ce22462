"""Preview, start, cancel: what was looked at is what is started, once, by one person, with a reason."""

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compensation import repairs
from compensation.models import Repair, RepairAction
from compensation.plan import canonical
from compensation.refusals import (
    AlreadyRunningError,
    ChangedError,
    NotRunningError,
    ReasonMissingError,
    RefusedError,
    RepairError,
)
from sagas import audit
from sagas.models import AuditEntry, Event, Participant, Saga
from sagas.vocabulary import StepState
from tests.compensation.participants import Reply
from tests.compensation.shop import ANNA, BEN, DONE, Shop, actions, start, state_of, told, work

Intent = Repair.Intent


def counts() -> tuple[int, int, int, int]:
    return (
        Repair.objects.count(),
        RepairAction.objects.count(),
        Event.objects.count(),
        AuditEntry.objects.count(),
    )


def test_a_preview_changes_nothing_and_sends_nothing(shop: Shop):
    saga = shop.saga()
    before = counts()
    preview = repairs.preview(saga, Intent.COMPENSATE)
    assert preview.plan.can_start
    assert preview.revision == saga.revision
    assert counts() == before
    assert shop.served.received == []


def test_a_start_keeps_what_was_seen_and_who_decided_it_why(shop: Shop):
    saga = shop.saga()
    seen = repairs.preview(saga, Intent.COMPENSATE)
    repair = repairs.start(
        saga, Intent.COMPENSATE, "", "Carrier outage", seen.revision, seen.hash, ANNA, shop.anna
    )
    assert (repair.started_by, repair.started_by_name, repair.reason) == (shop.anna, "anna", "Carrier outage")
    repair.refresh_from_db()
    assert hashlib.sha256(canonical(repair.plan).encode()).hexdigest() == repair.plan_hash == seen.hash
    first, second = actions(repair)
    assert (first.step, first.state) == ("charge", "ready")
    assert (second.step, second.state) == ("reserve", "waiting")
    assert first.request == {
        "method": "POST",
        "url": f"{shop.served.url}/payment/compensations/charge",
        "body": f'{{"saga": "{saga.saga_id}", "amount": 129.90, "repair": "{repair}"}}',
    }
    assert json.loads(second.request["body"])["reason"] == "Carrier outage"
    assert told(saga) == [("operator.repair_started", "")]
    entry = AuditEntry.objects.get(action="repair.started")
    assert (entry.actor, entry.address, entry.reason) == ("anna", "192.0.2.7", "Carrier outage")
    assert entry.after["actions"][0]["request"] == first.request
    assert isinstance(audit.verify(), audit.Verified)


@pytest.mark.parametrize("reason", ["", "   ", "\x00"])
def test_nothing_starts_without_a_reason(shop: Shop, reason: str):
    saga = shop.saga()
    seen = repairs.preview(saga, Intent.COMPENSATE)
    before = counts()
    with pytest.raises(ReasonMissingError):
        repairs.start(saga, Intent.COMPENSATE, "", reason, seen.revision, seen.hash, ANNA, None)
    assert counts() == before


def test_a_reason_is_kept_as_it_can_be(shop: Shop):
    saga = shop.saga()
    seen = repairs.preview(saga, Intent.COMPENSATE)
    reason = " tear\x00 \ud83d — 'ö' {data.x} "
    repair = repairs.start(saga, Intent.COMPENSATE, "", reason, seen.revision, seen.hash, ANNA, None)
    repair.refresh_from_db()
    assert repair.reason == "tear \ufffd\ufffd\ufffd — 'ö' {data.x}"
    assert json.loads(actions(repair)[1].request["body"])["reason"] == repair.reason


def test_a_saga_that_has_changed_refuses_and_shows_what_is_new(shop: Shop):
    saga = shop.saga()
    seen = repairs.preview(saga, Intent.COMPENSATE)
    shop.tell(saga.saga_id, "charge:K+")
    before = counts()
    with pytest.raises(ChangedError, match="1 new event") as refusal:
        repairs.start(saga, Intent.COMPENSATE, "", "why", seen.revision, seen.hash, ANNA, None)
    assert counts() == before
    assert (refusal.value.then, refusal.value.now) == (seen.revision, seen.revision + 1)
    assert [(event.kind, event.step) for event in refusal.value.events] == [
        ("compensation.completed", "charge")
    ]
    assert [action.step for action in refusal.value.plan.actions] == ["reserve"]


@pytest.mark.parametrize("change", ["address", "secret", "deadline"])
def test_a_plan_that_has_changed_without_an_event_refuses_too(shop: Shop, change: str):
    saga = shop.saga(f"{DONE} ship:S", ago=1)
    now = timezone.now()
    seen = repairs.preview(saga, Intent.COMPENSATE, "charge", now=now)
    match change:
        case "address":
            Participant.objects.filter(name="payment").update(base_url="http://127.0.0.1:1/elsewhere")
        case "secret":
            Participant.objects.filter(name="payment").update(signing_secret="")
        case "deadline":
            shop.tell(saga.saga_id, "charge:KS")
            seen = repairs.preview(saga, Intent.COMPENSATE, "charge", now=now)
            now += timedelta(seconds=60)
    before = counts()
    with pytest.raises(ChangedError, match="What would be done has changed") as refusal:
        repairs.start(saga, Intent.COMPENSATE, "charge", "why", seen.revision, seen.hash, ANNA, None, now=now)
    assert refusal.value.events == []
    assert counts() == before


def test_a_plan_with_nothing_to_do_cannot_be_started(shop: Shop):
    saga = shop.saga(f"{DONE} charge:K+ reserve:K+")
    with pytest.raises(RefusedError, match="nothing left to undo"):
        start(saga, Intent.COMPENSATE)
    assert Repair.objects.count() == 0


def test_the_second_operator_is_told_who_was_first(shop: Shop):
    saga = shop.saga()
    first, second = (repairs.preview(saga, Intent.COMPENSATE) for _ in "ab")
    repair = repairs.start(saga, Intent.COMPENSATE, "", "a", first.revision, first.hash, ANNA, None)
    with pytest.raises(AlreadyRunningError, match="anna has R-") as refusal:
        repairs.start(saga, Intent.COMPENSATE, "", "b", second.revision, second.hash, BEN, None)
    assert (refusal.value.repair_pk, refusal.value.by) == (repair.pk, "anna")
    assert refusal.value.since == repair.started_at
    assert [refusal.code for refusal in repairs.preview(saga, Intent.COMPENSATE).plan.refusals] == [
        "in_repair"
    ]


def test_the_database_itself_keeps_one_repair_a_saga(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE)
    with pytest.raises(IntegrityError, match="repair_one_running"), transaction.atomic():
        Repair.objects.create(
            saga=repair.saga, intent="ask", revision=1, plan={}, plan_hash="", started_at=timezone.now()
        )


@pytest.mark.parametrize("round", range(10))
def test_of_operators_at_once_one_wins_and_each_other_is_told_who(open_shop: Shop, round: int):
    saga = open_shop.saga()
    seen = repairs.preview(saga, Intent.COMPENSATE)
    together = threading.Barrier(4)
    results: list[Repair | RepairError] = []

    def press(by: audit.Actor) -> None:
        together.wait()
        try:
            results.append(
                repairs.start(saga, Intent.COMPENSATE, "", "now", seen.revision, seen.hash, by, None)
            )
        except RepairError as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(by,)) for by in (ANNA, BEN, ANNA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (result for result in results if isinstance(result, Repair))
    losers = [result for result in results if isinstance(result, AlreadyRunningError)]
    assert len(losers) == 3
    assert {(loser.repair_pk, loser.by) for loser in losers} == {(winner.pk, winner.started_by_name)}
    assert isinstance(audit.verify(), audit.Verified)


def test_recording_is_done_at_once_on_the_persons_word(shop: Shop):
    saga = shop.saga(f"{DONE} ship:S")
    with pytest.raises(ReasonMissingError, match="what shows"):
        start(saga, Intent.RECORD, "ship", outcome="completed", evidence=" ")
    repair = start(saga, Intent.RECORD, "ship", outcome="completed", evidence="DHL says delivered")
    assert repair.state == "done"
    assert shop.served.received == []
    step = state_of(saga).step("ship")
    assert step is not None
    assert step.state == StepState.COMPLETED
    assert told(saga) == [
        ("operator.repair_started", "ship"),
        ("operator.step_completed", "ship"),
        ("operator.repair_finished", "ship"),
    ]
    (action,) = actions(repair)
    assert action.result["evidence"] == "DHL says delivered"
    assert json.loads(Event.objects.get(saga=saga, kind="operator.step_completed").data or "")["by"] == "anna"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("completed", StepState.COMPLETED),
        ("failed", StepState.FAILED),
        ("compensated", StepState.COMPENSATED),
    ],
)
def test_what_is_recorded_counts_even_where_a_participants_clock_is_ahead(
    shop: Shop, outcome: str, state: StepState
):
    saga = shop.saga(f"{DONE} ship:S ship:T", ago=-300)
    start(saga, Intent.RECORD, "ship", outcome=outcome, evidence="seen")
    step = state_of(saga).step("ship")
    assert step is not None
    assert step.state == state


def test_a_saga_without_a_definition_can_be_recorded(shop: Shop):
    shop.tell("x", DONE)
    saga = Saga.objects.get(saga_id="x")
    Saga.objects.filter(pk=saga.pk).update(definition=None)
    with pytest.raises(RefusedError, match="No definition"):
        start(saga, Intent.COMPENSATE)
    assert start(saga, Intent.RECORD, "charge", outcome="compensated", evidence="by hand").state == "done"


def test_cancelling_sends_nothing_more(shop: Shop):
    saga = shop.saga()
    repair = start(saga, Intent.COMPENSATE)
    with pytest.raises(ReasonMissingError):
        repairs.cancel(repair, BEN, "")
    repairs.cancel(repair, BEN, "wrong saga")
    repair.refresh_from_db()
    assert repair.state == "cancelled"
    assert {action.state for action in actions(repair)} == {"cancelled"}
    entry = AuditEntry.objects.get(action="repair.cancelled")
    assert (entry.actor, entry.reason, entry.after) == ("ben", "wrong saga", {"not_done": [1, 2]})
    work(repair)
    assert shop.served.received == []
    with pytest.raises(NotRunningError, match="cancelled already"):
        repairs.cancel(repair, ANNA, "me too")
    # The saga is free again.
    assert work(start(saga, Intent.COMPENSATE)).state == "done"


def test_a_repair_that_was_stopped_can_be_started_again_with_the_same_keys(shop: Shop):
    saga = shop.saga()
    shop.served.will(Reply(409, {"detail": "not yet"}))
    first = work(start(saga, Intent.COMPENSATE))
    assert first.state == "stopped"
    second = work(start(saga, Intent.COMPENSATE))
    assert second.state == "done"
    assert [action.idempotency_key for action in actions(first)] == [
        action.idempotency_key for action in actions(second)
    ]
    assert set(shop.served.done.values()) == {1}
