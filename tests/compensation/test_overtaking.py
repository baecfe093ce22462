"""Actions of a running repair whose saga moves on before they are sent."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compensation import executor, overtaking, planner, recovery
from compensation.batches import deciding, runner
from compensation.models import Repair, RepairAction
from compensation.plan import Action
from compensation.subject import Sent
from sagas import facts
from sagas.audit import Actor
from sagas.definitions import loading
from sagas.ingest import adopt
from sagas.models import AuditEntry, Participant
from tests.compensation.participants import Received, Reply
from tests.compensation.shop import ANNA, DONE, Shop, actions, start, states, work
from tests.compensation.stories import SHOP_YAML, told
from tests.compensation.test_batches import started

Intent = Repair.Intent
BACK = f"{DONE} ship:S ship:F"


def row(action: Action, state: str) -> RepairAction:
    request = action.request
    return RepairAction(
        kind=action.kind,
        step=action.step,
        execution=action.execution,
        request={"method": request.method, "url": request.url, "body": request.body} if request else {},
        idempotency_key=action.idempotency_key,
        state=state,
    )


@pytest.mark.parametrize(
    ("words", "then", "intent", "why"),
    [
        # The first action is done; what is asked about is the second.
        (BACK, "charge:K+", Intent.COMPENSATE, ""),
        (BACK, "charge:KS charge:K+ saga.compensating", Intent.COMPENSATE, ""),
        (BACK, "charge:K+ thank:N", Intent.COMPENSATE, ""),
        (
            BACK,
            "ship:C saga.completed charge:K+",
            Intent.COMPENSATE,
            "“recall parcel” would have to come first",
        ),
        (BACK, "charge:K+ ship:S", Intent.COMPENSATE, "shipping is still at work on it"),
        (BACK, "charge:K+ reserve:KS", Intent.COMPENSATE, "inventory is undoing it right now"),
        (BACK, "charge:K+ reserve:K+", Intent.COMPENSATE, "It was undone already"),
        (BACK, "charge:K+ charge:S charge:C", Intent.COMPENSATE, "“refund card” would have to come first"),
        (
            BACK,
            "charge:K+ charge#e2:S charge#e2:C",
            Intent.COMPENSATE,
            "“refund card” would have to come first",
        ),
        (
            BACK,
            "charge:K+ reserve#e2:S reserve#e2:C",
            Intent.COMPENSATE,
            "“release stock” would have to come first",
        ),
        # Begun again before it was heard that there was nothing to undo.
        ("reserve:C charge:T ship:F", "charge:KS charge:F", Intent.COMPENSATE, ""),
        # Nobody had told of it, and now it has a name.
        ("charge:C ship:F", "charge:K+ reserve#e1:C", Intent.COMPENSATE, "but of execution e1"),
        ("reserve:F charge:F", "reserve:C", Intent.RETRY, ""),
        ("reserve:F charge:F", "reserve:C thank:N saga.note", Intent.RETRY, ""),
        ("reserve:F charge:F", "reserve:C charge:S", Intent.RETRY, "payment is still at work on it"),
        ("reserve:F charge:F", "reserve:C charge:S charge:C", Intent.RETRY, "It has completed"),
        ("reserve:F charge:F", "reserve:C charge:S charge:F", Intent.RETRY, "by somebody else since"),
        ("reserve:F charge:F", "reserve:C saga.compensating", Intent.RETRY, "The saga has gone back"),
    ],
)
def test_what_makes_a_later_action_be_overtaken(words: str, then: str, intent: str, why: str):
    before, at = told(words)
    first, second = (
        row(action, state)
        for action, state in zip(planner.plan(before, intent, "", at).actions, ("done", "ready"), strict=True)
    )
    sent = {first.idempotency_key: Sent(first.kind, first.step, first.execution, facts.microseconds(at))}
    subject, now = told(f"{words} {then}", after=1, sent=sent)
    plan = planner.plan(subject, intent, "", now)
    found = overtaking.other_request(second, plan) or overtaking.why_not(
        second, [first, second], plan, subject.state
    )
    assert why in found and bool(found) == bool(why)


def accepted(shop: Shop, words: str = BACK) -> Repair:
    """A repair whose first action was accepted and waits for its event."""
    repair = start(shop.saga(words), Intent.COMPENSATE)
    shop.served.will(Reply(202, ""))
    executor.execute(actions(repair)[0].pk)
    return repair


def paths(shop: Shop) -> list[str]:
    return [received.path for received in shop.served.received]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("ship:S ship:C saga.completed charge:KS charge:K+", "“recall parcel” would have to come first"),
        ("charge:KS charge:K+ reserve:KS", "inventory is undoing it right now"),
    ],
)
def test_what_is_overtaken_is_not_sent_and_says_why(shop: Shop, words: str, why: str):
    repair = accepted(shop)
    shop.tell(repair.saga.saga_id, words)
    assert work(repair).state == "stopped"
    assert states(repair) == ["done", "refused"]
    assert paths(shop) == ["/payment/compensations/charge"]
    result = actions(repair)[1].result
    assert result["by"] == "saga" and why in result["detail"]
    entry = AuditEntry.objects.get(action="action.refused", object_id=str(repair))
    assert entry.after["result"] == result


def test_the_events_of_what_was_sent_itself_do_not_stop_it(shop: Shop):
    repair = accepted(shop)
    shop.tell(repair.saga.saga_id, "charge:KS charge:K+")
    assert work(repair).state == "done"
    assert paths(shop) == ["/payment/compensations/charge", "/inventory/compensations/reserve"]


def test_what_amends_itself_tells_does_not_stop_it(shop: Shop):
    """Its own events make the saga one that has just moved, and one that has not ended."""
    saga = shop.saga("saga.started check:C reserve:C charge:S saga.completed", ago=5)
    # Not the deadline of the charge, but the end of the saga makes it one that nobody knows of.
    repair = start(saga, Intent.COMPENSATE)
    assert [action.step for action in actions(repair)] == ["ship", "charge", "reserve"]
    assert work(repair).state == "done"


def test_a_point_of_no_return_that_is_passed_meanwhile_stops_what_comes_before_it(shop: Shop):
    # Charging is the point of no return here, and comes between what is undone last and first.
    text = SHOP_YAML.replace('version: "1"', 'version: "2"').replace("kind: pivot", "kind: compensatable")
    head, tail = text.split("- name: charge")
    loading.load(
        f"{head}- name: charge{tail.replace('compensatable', 'pivot', 1)}", "shop.yaml", Actor.system()
    )
    words = "saga.started check:C reserve:C charge:S charge:F ship#1:S ship#1:C ship#2:S ship#2:C"
    for then, state in (("thank:N", "done"), ("charge:C", "stopped")):
        repair = start(shop.saga(words), Intent.COMPENSATE)
        assert [action.step for action in actions(repair)] == ["ship", "ship", "reserve"]
        executor.execute(actions(repair)[0].pk)
        shop.tell(repair.saga.saga_id, then)
        assert work(repair).state == state
    assert states(repair) == ["done", "refused", "cancelled"]
    assert "point of no return was passed since" in actions(repair)[1].result["detail"]


def test_what_was_behind_the_point_of_no_return_from_the_start_goes_on(shop: Shop):
    repair = accepted(shop, f"{DONE} ship:S ship:C")
    assert len(actions(repair)) == 3
    shop.tell(repair.saga.saga_id, "ship:KS ship:K+ thank:N")
    assert work(repair).state == "done"


def test_the_first_action_too_is_looked_at_where_something_was_told_since_the_start(shop: Shop):
    repair = start(shop.saga(BACK), Intent.COMPENSATE)
    shop.tell(repair.saga.saga_id, "reserve:KS")
    assert work(repair).state == "stopped"
    assert (states(repair), paths(shop)) == (["refused", "cancelled"], [])


def test_what_is_asked_is_asked_whatever_has_happened(shop: Shop):
    saga = shop.saga("saga.started reserve:S charge:S")
    repair = start(saga, Intent.ASK)
    shop.served.will(*[Reply(200, {"outcome": "running"})] * 2)
    executor.execute(actions(repair)[0].pk)
    shop.tell(saga.saga_id, "reserve:C charge:C saga.compensating")
    assert work(repair).state == "done"
    assert len(shop.served.received) == 2


def test_retries_go_on_past_what_does_not_concern_them(shop: Shop):
    saga = shop.saga("saga.started reserve:S reserve:F charge:S charge:F")
    repair = start(saga, Intent.RETRY)
    executor.execute(actions(repair)[0].pk)
    shop.tell(saga.saga_id, "thank:N")
    assert work(repair).state == "done"
    assert paths(shop) == ["/inventory/steps/reserve/retry", "/payment/steps/charge/retry"]


def test_another_definition_or_address_stops_what_was_agreed_to(shop: Shop):
    repair = accepted(shop)
    text = SHOP_YAML.replace('version: "1"', 'version: "2"')
    adopt(
        loading.load(text.replace("/compensations/reserve", "/v2/release"), "shop.yaml", Actor.system()).row
    )
    other = accepted(shop)
    Participant.objects.filter(name="inventory").update(base_url=f"{shop.served.url}/elsewhere")
    for one in (repair, other):
        shop.tell(one.saga.saga_id, "charge:KS charge:K+")
        assert work(one).state == "stopped"
        assert "Something else would be sent by now" in actions(one)[1].result["detail"]
    assert paths(shop) == ["/payment/compensations/charge"] * 2


def test_what_is_told_while_the_first_request_is_under_way_is_seen(open_shop: Shop):
    repair = start(saga := open_shop.saga(BACK), Intent.COMPENSATE)

    def tell(request: Received) -> None:
        open_shop.served.during = None
        open_shop.tell(saga.saga_id, "reserve:KS")

    open_shop.served.during = tell
    assert work(repair).state == "stopped"
    assert paths(open_shop) == ["/payment/compensations/charge"]


def test_a_batch_that_was_paused_sends_nothing_that_was_overtaken(open_shop: Shop):
    moved, still = open_shop.saga(BACK), open_shop.saga(BACK)
    batch = started(open_shop, [moved, still], step="")
    open_shop.served.will(Reply(202, ""), Reply(202, ""))
    runner.run(batch.pk)
    deciding.pause(batch, ANNA)
    open_shop.tell(moved.saga_id, "charge:KS charge:K+ reserve:KS")
    open_shop.tell(still.saga_id, "charge:KS charge:K+")
    recovery.recover()
    deciding.resume(batch, ANNA)
    runner.run(batch.pk)
    assert paths(open_shop)[2:] == ["/inventory/compensations/reserve"]
    assert states(Repair.objects.get(saga=moved)) == ["done", "refused"]
    assert states(Repair.objects.get(saga=still)) == ["done", "done"]


def test_all_that_is_claimed_at_once_is_read_at_once(shop: Shop):
    def queries(count: int) -> int:
        repairs = [accepted(shop) for _ in range(count)]
        for repair in repairs:
            shop.tell(repair.saga.saga_id, "charge:KS charge:K+ thank:N")
        recovery.recover()
        due = [actions(repair)[1].pk for repair in repairs]
        looking = CaptureQueriesContext(connection)
        with executor.outcomes.turns(due, timezone.now()) as found, looking as seen:
            assert len(executor.claim(found)) == count
        return len(seen)

    assert queries(1) == queries(4)
