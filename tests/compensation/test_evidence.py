"""What a saga's own events say of an action: confirmed, denied, overtaken."""

from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import executor, recovery, repairs
from compensation.models import Repair
from sagas.vocabulary import StepState
from tests.compensation.participants import Reply
from tests.compensation.shop import DONE, Shop, actions, start, state_of, states, told, work

Intent = Repair.Intent


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


def test_an_accepted_request_that_nobody_confirms_is_in_doubt(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE)
    shop.served.will(Reply(202, ""))
    executor.execute(actions(repair)[0].pk)
    recovery.recover(timezone.now() + timedelta(seconds=29))
    assert states(repair) == ["awaiting", "waiting"]
    recovery.recover(timezone.now() + timedelta(seconds=31))
    assert states(repair) == ["ready", "waiting"] and actions(repair)[0].is_in_doubt


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
