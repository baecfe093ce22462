"""One effect has one key: what was sent under it before decides, also where events tell of it late."""

import pytest

from compensation import planner
from compensation.models import Repair
from compensation.subject import Sent
from tests.compensation.participants import Reply
from tests.compensation.shop import Shop, actions, start, work
from tests.compensation.stories import told

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
