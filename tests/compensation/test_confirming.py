"""A 202 that no event confirms in time: the participant is asked, once, and what it answers decides."""

from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import confirming, executor, recovery, repairs
from compensation.answers import Became
from compensation.models import ActionAttempt, Repair, RepairAction
from sagas import audit
from sagas.fold import Run
from sagas.models import AuditEntry, Saga
from sagas.vocabulary import StepState
from tests.compensation.dying import Worker
from tests.compensation.participants import Reply
from tests.compensation.shop import (
    BEN,
    DONE,
    Shop,
    actions,
    make_due,
    start,
    state_of,
    states,
    told,
    work,
)
from tests.compensation.stories import told as story

Intent = Repair.Intent
ACCEPTED = Reply(202, "")


def accepted(shop: Shop, saga: Saga, *, step: str = "charge", intent: str = Intent.COMPENSATE) -> Repair:
    """A repair whose one request was accepted, and whose time to be confirmed is up."""
    repair = start(saga, intent, step)
    shop.served.will(ACCEPTED)
    executor.execute(actions(repair)[0].pk)
    make_due(repair)
    RepairAction.objects.filter(repair=repair).update(confirm_by=timezone.now() - timedelta(seconds=1))
    recovery.recover()
    return repair


def sent(shop: Shop) -> list[tuple[str, str]]:
    return [(received.method, received.path.partition("?")[0]) for received in shop.served.received]


def test_the_plan_says_what_would_be_asked(shop: Shop) -> None:
    saga = shop.saga()
    seen = repairs.preview(saga, Intent.COMPENSATE, "charge")
    (planned,) = seen.plan.actions
    assert planned.question and planned.question.request.method == "GET"
    url = f"{shop.served.url}/payment/steps/charge?saga={saga.saga_id}"
    assert planned.question.request.url == url
    assert planned.question.idempotency_key == f"order/{saga.saga_id}/charge/a{seen.revision}"
    (asked,) = repairs.preview(saga, Intent.ASK, "charge").plan.actions
    assert asked.question is None


def test_it_is_asked_once_and_nothing_is_sent_again(shop: Shop) -> None:
    saga = shop.saga()
    repair = accepted(shop, saga)
    (action,) = actions(repair)
    assert action.is_in_doubt and (action.state, action.asked_after, action.confirm_by) == ("ready", 1, None)
    shop.served.will(Reply(200, {"outcome": "compensated", "detail": "refunded at 10:02"}))
    work(repair)
    assert repair.state == "done"
    assert sent(shop) == [("POST", "/payment/compensations/charge"), ("GET", "/payment/steps/charge")]
    (action,) = actions(repair)
    assert (action.state, action.result["by"], action.result["outcome"]) == (
        "done",
        "question",
        "compensated",
    )
    assert not action.is_in_doubt
    assert [attempt.is_question for attempt in action.tries.order_by("number")] == [False, True]
    assert state_of(saga).step("charge").state == StepState.COMPENSATED
    assert told(saga) == [
        ("operator.repair_started", "charge"),
        ("operator.asked", "charge"),
        ("operator.compensation_completed", "charge"),
        ("operator.repair_finished", "charge"),
    ]
    acts = AuditEntry.objects.filter(object_id=str(repair)).order_by("sequence")
    assert list(acts.values_list("action", flat=True)) == [
        "repair.started",
        "action.in_doubt",
        "action.done",
        "repair.done",
    ]
    assert isinstance(audit.verify(), audit.Verified)


def test_what_comes_after_it_goes_on(shop: Shop) -> None:
    repair = accepted(shop, shop.saga(), step="")
    shop.served.will(Reply(200, {"outcome": "compensated"}))
    work(repair)
    assert states(repair) == ["done", "done"]
    assert sent(shop)[2:] == [("POST", "/inventory/compensations/reserve")]


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([Reply(200, {"outcome": "completed"})], 1),
        ([Reply(200, {"outcome": "running"})], 1),
        ([Reply(200, {"outcome": "unknown"})], 1),
        ([Reply(200, "<html>")], 1),
        ([Reply(404, {"detail": "never heard of it"})], 1),
        ([Reply(503), Reply(429), Reply(503)], 3),
    ],
    ids=["not undone", "still at work", "unknown", "no JSON", "refused", "not now"],
)
def test_an_answer_that_settles_nothing_leaves_it_to_a_person(
    shop: Shop, answers: list[Reply], asked: int
) -> None:
    repair = accepted(shop, shop.saga(), step="")
    shop.served.will(*answers)
    work(repair)
    assert repair.state == "stopped" and states(repair) == ["exhausted", "cancelled"]
    assert sent(shop) == [
        ("POST", "/payment/compensations/charge"),
        *[("GET", "/payment/steps/charge")] * asked,
    ]
    assert set(shop.served.done.values()) == {1}


def test_a_retry_is_done_or_refused_as_its_participant_says(shop: Shop) -> None:
    for outcome, state in (("completed", "done"), ("failed", "refused")):
        repair = accepted(shop, shop.saga("reserve:C charge:F"), intent=Intent.RETRY)
        shop.served.will(Reply(200, {"outcome": outcome, "detail": "no cover"}))
        work(repair)
        (action,) = actions(repair)
        assert (action.state, action.result["outcome"]) == (state, outcome)


@pytest.mark.parametrize(
    ("kind", "became", "words", "state"),
    [
        ("compensate", Became.COMPENSATED, "charge:C", "done"),
        ("compensate", Became.FAILED, "charge:S", "done"),
        ("compensate", Became.FAILED, "charge:C", "exhausted"),
        ("compensate", Became.COMPLETED, "charge:C", "exhausted"),
        ("compensate", Became.NOT_STARTED, "charge:C", "exhausted"),
        ("compensate", None, "charge:C", "exhausted"),
        ("retry_step", Became.COMPLETED, "charge:F", "done"),
        ("retry_step", Became.FAILED, "charge:F", "refused"),
        ("retry_step", Became.COMPENSATED, "charge:F", "refused"),
        ("retry_step", Became.RUNNING, "charge:F", "exhausted"),
    ],
)
def test_what_an_answer_makes_of_an_action(kind: str, became: Became | None, words: str, state: str) -> None:
    subject, _ = story(words)
    run: Run | None = subject.state.step("charge").run
    assert confirming.decided(kind, became, run) == state


def test_an_event_that_comes_before_the_question_is_enough(shop: Shop) -> None:
    saga = shop.saga()
    repair = accepted(shop, saga)
    shop.tell(saga.saga_id, "charge:KS charge:K+")
    work(repair)
    assert sent(shop) == [("POST", "/payment/compensations/charge")]
    assert actions(repair)[0].result["by"] == "event"


def test_an_event_that_comes_while_it_is_asked_outweighs_no_verdict(open_shop: Shop) -> None:
    saga = open_shop.saga()
    repair = accepted(open_shop, saga)
    open_shop.served.during = lambda _: open_shop.tell(saga.saga_id, "charge:KS charge:K+")
    open_shop.served.will(Reply(200, {"outcome": "running"}))
    executor.execute(actions(repair)[0].pk)
    assert (states(repair), actions(repair)[0].result["by"]) == (["done"], "event")


def test_nobody_is_asked_where_nobody_knows_how(shop: Shop) -> None:
    saga = shop.saga(f"{DONE} ship:C thank:F")
    repair = accepted(shop, saga, step="thank", intent=Intent.RETRY)
    assert states(repair) == ["exhausted"] and actions(repair)[0].asked_after is None
    work(repair)
    assert sent(shop) == [("POST", "/mail/steps/thank/retry")]


def test_what_is_in_doubt_is_nobody_elses(shop: Shop) -> None:
    saga = shop.saga()
    accepted(shop, saga)
    (refusal,) = repairs.preview(saga, Intent.COMPENSATE, "charge").plan.refusals
    assert refusal.code == "in_repair"


def test_cancelling_asks_nothing_any_more(shop: Shop) -> None:
    repair = accepted(shop, shop.saga())
    repairs.cancel(repair, BEN, "stop")
    work(repair)
    assert states(repair) == ["cancelled"] and len(shop.served.received) == 1


@pytest.mark.parametrize(
    "reply", [Reply(200, {"outcome": "compensated"}), Reply(cut=True)], ids=["told", "cut"]
)
def test_whoever_asks_may_die_at_any_line(open_shop: Shop, worker: Worker, reply: Reply) -> None:
    """The question is asked again, and what it is about never is."""
    places = []
    for die_at in range(1, 1000, 2):
        open_shop.served.received.clear()
        open_shop.served.done.clear()
        open_shop.served.replies.clear()
        saga = open_shop.saga()
        repair = accepted(open_shop, saga)
        (action,) = actions(repair)
        # Whoever comes after the dead is told the same.
        open_shop.served.will(reply, *[Reply(200, {"outcome": "compensated"})] * 2)
        places.append(place := worker.execute(action.pk, die_at=die_at))
        work(repair)
        assert (repair.state, states(repair)) == ("done", ["done"]), place
        assert open_shop.served.done == {action.idempotency_key: 1}, place
        assert sent(open_shop)[:1] == [("POST", "/payment/compensations/charge")], place
        assert {method for method, _ in sent(open_shop)[1:]} == {"GET"}, place
        assert told(saga).count(("operator.compensation_completed", "charge")) == 1, place
        if place == "finished":
            break
    assert place == "finished" and len(places) > 5
    assert {place.partition(":")[0] for place in places} >= {"compensation/executor.py"}
    assert not ActionAttempt.objects.filter(action__repair__state="running").exists()
    assert isinstance(audit.verify(), audit.Verified)
