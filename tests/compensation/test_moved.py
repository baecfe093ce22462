"""A saga that is not as it was planned: what was agreed to, what came since, and what would be done now."""

import json

from django.utils import timezone

from compensation import repairs
from compensation.batches import deciding, moved, planning
from compensation.batches.deciding import Chosen
from compensation.batches.moved import Look
from compensation.comparing import How, compare
from compensation.models import Batch, BatchSaga
from compensation.plan import Action, Plan, Refusal
from sagas.models import Participant, Saga
from tests.compensation.shop import ANNA, Shop, start, work
from tests.compensation.test_batches import CHARGED, planned

RESERVED = f"{CHARGED} reserve:S reserve:C"


def look(batch: Batch, saga: Saga) -> Look:
    one = BatchSaga.objects.select_related("batch", "saga").get(batch=batch, saga=saga)
    return moved.look(one, timezone.now())


def told(seen: Look) -> list[tuple[str, str, str]]:
    return [(difference.how, difference.action.step, difference.why) for difference in seen.differences]


def test_nothing_has_moved(shop: Shop) -> None:
    saga = shop.saga(RESERVED)
    batch = planned(shop, [saga], step="")
    seen = look(batch, saga)
    assert seen.is_same and seen.events == []
    assert told(seen) == [(How.SAME, "charge", ""), (How.SAME, "reserve", "")]


def test_what_was_undone_meanwhile_would_not_be_done_any_more(shop: Shop) -> None:
    saga = shop.saga(RESERVED)
    then = repairs.preview(saga, "compensate")
    batch = planned(shop, [saga], step="")
    shop.tell(saga.saga_id, "charge:KS charge:K+")
    seen = look(batch, saga)
    # It is what was pinned, to the letter.
    assert seen.then == then.plan and seen.revision == then.revision + 2
    assert [(event.kind, event.step) for event in seen.events] == [
        ("compensation.started", "charge"),
        ("compensation.completed", "charge"),
    ]
    assert told(seen) == [(How.REMOVED, "charge", "It was undone already."), (How.SAME, "reserve", "")]


def test_what_was_done_meanwhile_would_be_undone_too(shop: Shop) -> None:
    saga = shop.saga(CHARGED)
    batch = planned(shop, [saga], step="")
    shop.tell(saga.saga_id, "reserve:S reserve:C")
    seen = look(batch, saga)
    assert (How.SAME, "charge", "") in told(seen) and not seen.is_same
    (difference,) = (one for one in seen.differences if one.action.step == "reserve")
    assert difference.how == How.CHANGED and "explanation" in difference.fields


def test_what_somebody_was_told_meanwhile_would_be_sent(shop: Shop) -> None:
    """A request takes its values from events: those that came since are not in the plan that was pinned."""
    saga = shop.saga("saga.started reserve:S")
    batch = planned(shop, [saga], step="reserve")
    shop.tell(saga.saga_id, "reserve:C")
    (difference,) = look(batch, saga).differences
    assert difference.how == How.CHANGED and "request" in difference.fields
    assert difference.then and difference.then.request and difference.now and difference.now.request
    assert json.loads(difference.then.request.body)["reservation"] is None
    assert json.loads(difference.now.request.body)["reservation"] == "rs_1"


def test_an_action_that_is_new_comes_after_those_that_were_planned() -> None:
    (one, other) = (Action("compensate", step, "", step, "shop", "key", "") for step in ("a", "b"))
    then, now = Plan("compensate", "", (one,)), Plan("compensate", "", (other, one))
    assert [(found.how, found.action.step) for found in compare(then, now)] == [
        (How.SAME, "a"),
        (How.ADDED, "b"),
    ]
    (gone, _) = compare(now, Plan("compensate", "", (one,), refusals=(Refusal("past_pivot", "", "No way."),)))
    assert (gone.how, gone.action.step, gone.why) == (How.REMOVED, "b", "No way.")


def test_a_rival_is_told_of(shop: Shop) -> None:
    saga = shop.saga(CHARGED)
    batch = planned(shop, [saga])
    start(saga, "compensate", "charge")
    (refusal,) = look(batch, saga).now.refusals
    assert refusal.code == "in_repair"


def test_every_question_is_a_new_one_and_no_other(shop: Shop) -> None:
    saga = shop.saga("saga.started charge:S")
    batch = deciding.create(Chosen("one", [saga.pk], {}), "ask", "charge", "OPS-7", ANNA, shop.anna)
    planning.plan(batch.pk)
    shop.tell(saga.saga_id, "saga.note")
    seen = look(batch, saga)
    assert not seen.is_same and told(seen) == [(How.SAME, "charge", "")]


def test_after_an_address_has_changed_nobody_knows_to_the_letter(shop: Shop) -> None:
    saga = shop.saga(CHARGED)
    batch = planned(shop, [saga])
    Participant.objects.filter(name="payment").update(base_url="http://elsewhere.example")
    seen = look(batch, saga)
    assert seen.then is None and seen.differences == [] and seen.events == []
    assert seen.now.can_start


def test_looking_changes_nothing(shop: Shop) -> None:
    saga = shop.saga(CHARGED)
    batch = planned(shop, [saga])
    work(start(saga, "ask", "charge"))
    before = Saga.objects.values().get(pk=saga.pk)
    assert look(batch, saga).events
    assert Saga.objects.values().get(pk=saga.pk) == before
