"""What a plan is to whoever must agree to it."""

import pytest

from compensation import planner, repairs
from compensation.agreement import is_past_pivot
from compensation.plan import Intent
from sagas.audit import Actor
from sagas.definitions import loading
from tests.compensation.shop import Shop, start
from tests.compensation.stories import SHOP_YAML, told

UP_TO_CHARGE = "saga.started check:C reserve:C charge:C"


@pytest.mark.parametrize(
    ("words", "intent", "step", "is_past"),
    [
        (f"{UP_TO_CHARGE} ship:S ship:F", Intent.COMPENSATE, "", False),
        (f"{UP_TO_CHARGE} ship:S", Intent.COMPENSATE, "ship", False),
        (f"{UP_TO_CHARGE} ship:C", Intent.COMPENSATE, "", True),
        (f"{UP_TO_CHARGE} ship:C", Intent.COMPENSATE, "charge", True),
        # The same request as if it were compensated.
        (f"{UP_TO_CHARGE} ship:C ship:KS ship:K-", Intent.RETRY, "ship", True),
        (f"{UP_TO_CHARGE} ship:C ship:KS ship:K-", Intent.RETRY, "", True),
        (f"{UP_TO_CHARGE} ship:C ship:KS ship:K+", Intent.COMPENSATE, "", True),
        (f"{UP_TO_CHARGE} ship:C thank:F", Intent.RETRY, "", False),
        (f"{UP_TO_CHARGE} ship:S", Intent.ASK, "", False),
        (f"{UP_TO_CHARGE} charge:KS charge:K-", Intent.RETRY, "", False),
    ],
)
def test_it_goes_back_past_the_pivot(words: str, intent: Intent, step: str, is_past: bool) -> None:
    subject, now = told(words)
    plan = planner.plan(subject, intent, step, now)
    assert plan.can_start
    assert is_past_pivot(subject, plan) == is_past


def test_nobody_gets_around_it_by_recording_the_pivot_as_undone(shop: Shop) -> None:
    text = SHOP_YAML.replace("approval: []", "approval: [{when: pivot, because: parcels are out}]")
    loading.load(text.replace('version: "1"', 'version: "2"'), "shop.yaml", Actor.system())
    saga = shop.saga(f"{UP_TO_CHARGE} ship:S ship:C")
    before = repairs.preview(saga, Intent.COMPENSATE).requirement
    start(saga, Intent.RECORD, "ship", outcome="compensated", evidence="the carrier said so")
    assert before and repairs.preview(saga, Intent.COMPENSATE).requirement == before
