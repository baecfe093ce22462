"""One effect has one key: what was sent under it before decides, also where events tell of it late."""

from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import executor, planner, recovery
from compensation.models import Repair
from compensation.subject import Sent
from sagas.fold import SECOND
from tests.compensation.participants import Reply
from tests.compensation.shop import Shop, actions, start, states, work
from tests.compensation.stories import told
from tests.sagas.saying import START

Intent = Repair.Intent
CHARGE = "order/o-1/charge"


def keys(words: str, sent: dict[str, Sent], intent: str = Intent.COMPENSATE) -> list[str]:
    subject, now = told(words, sent=sent)
    return [action.idempotency_key for action in planner.plan(subject, intent, "charge", now).actions]


def undone(execution: str = "") -> Sent:
    return Sent("compensate", "charge", execution, 0)


@pytest.mark.parametrize(
    ("words", "sent", "key"),
    [
        ("charge#e1:C", {}, "e1/c1"),
        ("charge#e1:C", {"c1": undone()}, "c1"),
        ("charge#e1:C", {"c1": undone("e1")}, "c1"),
        ("charge#e1:C", {"e1/c1": undone("e1")}, "e1/c1"),
        # It was about another execution.
        ("charge#e1:C", {"c1": undone("e0")}, "e1/c1"),
        # What was sent was confirmed, and the step was done once more.
        ("charge:K+ charge#e1:C", {"c1": undone()}, "e1/c2"),
    ],
)
def test_a_key_stays_that_under_which_the_effect_was_sent(words: str, sent: dict[str, Sent], key: str):
    of_charge = {f"{CHARGE}/{act}": one for act, one in sent.items()}
    assert keys(f"reserve:C {words} ship:S ship:F", of_charge) == [f"{CHARGE}/{key}"]


def test_of_several_executions_each_keeps_its_own():
    words = "reserve:C charge#e1:C charge#e2:C ship:S ship:F"
    assert keys(words, {f"{CHARGE}/c1": undone()}) == [f"{CHARGE}/e2/c1", f"{CHARGE}/e1/c1"]
    # It was the only one when it was sent again.
    assert keys(words, {f"{CHARGE}/c1": undone("e1")}) == [f"{CHARGE}/e2/c1", f"{CHARGE}/c1"]


def test_a_step_that_nobody_had_told_of_is_undone_once(shop: Shop):
    saga = shop.saga("saga.started reserve:C ship:S ship:F")
    shop.served.will(*[Reply(cut=True)] * 6)
    first = work(start(saga, Intent.COMPENSATE, "charge"))
    assert first.state == "stopped"
    # Its events were only late, and name the execution.
    shop.tell(saga.saga_id, "charge#e1:S charge#e1:C", ago=3590)
    second = work(start(saga, Intent.COMPENSATE, "charge"))
    assert (second.state, actions(second)[0].execution) == ("done", "e1")
    assert shop.served.done == {f"order/{saga.saga_id}/charge/c1": 1}


def tried(at: int, execution: str = "") -> Sent:
    """`at`: how many events had happened by then; in these stories one comes every ten seconds."""
    return Sent("retry_step", "charge", execution, START + (at * 10 - 5) * SECOND)


@pytest.mark.parametrize(
    ("words", "sent", "key"),
    [
        ("charge:S", {}, "r1"),
        ("charge:S charge:F", {}, "r2"),
        # Sent after the failure: it is the try that is still to be answered.
        ("charge:S charge:F", {"r2": tried(2)}, "r2"),
        ("charge:S charge:F", {"r1": tried(1)}, "r2"),
        # The failure is older than what was sent, and was only told of later.
        ("charge:S charge:F", {"r1": tried(2)}, "r1"),
        ("charge:S charge:F charge:F", {"r1": tried(1), "r2": tried(3)}, "r2"),
        ("charge:S charge:F charge:F", {"r1": tried(1), "r2": tried(2)}, "r3"),
        ("charge#e1:S charge#e1:F", {"r1": tried(2)}, "r1"),
        ("charge#e1:S charge#e1:F", {"e0/r1": tried(2, "e0")}, "e1/r2"),
    ],
)
def test_a_try_is_a_new_one_only_after_a_failure_that_came_since(words: str, sent: dict[str, Sent], key: str):
    of_charge = {f"{CHARGE}/{act}": one for act, one in sent.items()}
    assert keys(words, of_charge, Intent.RETRY) == [f"{CHARGE}/{key}"]


def test_a_failure_that_is_older_than_the_request_denies_nothing(shop: Shop):
    saga = shop.saga("saga.started reserve:C charge:S")
    shop.served.will(Reply(202, ""), Reply(200, {"outcome": "running"}))
    first = start(saga, Intent.RETRY, "charge")
    executor.execute(actions(first)[0].pk)
    # The first try failed an hour ago, of which we hear only now.
    shop.tell(saga.saga_id, "charge:F", ago=3500)
    recovery.recover()
    assert states(first) == ["awaiting"]
    recovery.recover(timezone.now() + timedelta(seconds=31))
    assert work(first).state == "stopped"
    assert work(start(saga, Intent.RETRY, "charge")).state == "done"
    assert shop.served.done == {f"order/{saga.saga_id}/charge/r1": 1}


def test_a_failure_of_the_request_itself_denies_it_and_the_next_try_is_a_new_one(shop: Shop):
    saga = shop.saga("saga.started reserve:C charge:S")
    shop.served.will(Reply(202, ""))
    first = start(saga, Intent.RETRY, "charge")
    executor.execute(actions(first)[0].pk)
    shop.tell(saga.saga_id, "charge:F")
    recovery.recover()
    assert states(first) == ["refused"]
    (action,) = actions(start(saga, Intent.RETRY, "charge"))
    assert action.idempotency_key == f"order/{saga.saga_id}/charge/r2"
