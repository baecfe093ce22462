"""Batches in each state that a button wants, as a policy and a worker would have left them."""

from datetime import timedelta

from django.utils import timezone

from compensation import policy
from compensation.models import Batch, BatchSaga
from compensation.policy import Demand, Requirement
from sagas.models import Saga

HASH = "5" * 64
# What the form sends besides what is to be done.
CARE = {"canary": "0", "most_failures": "5"}
STATES = {
    "ask": Batch.State.PLANNED,
    "start": Batch.State.PLANNED,
    "agree": Batch.State.ASKING,
    "deny": Batch.State.ASKING,
    "break-glass": Batch.State.ASKING,
    "pause": Batch.State.RUNNING,
    "resume": Batch.State.PAUSED,
    "cancel": Batch.State.PLANNED,
}
AGREED_BY = {"ask", "agree", "deny", "break-glass"}


def batch_for(button: str) -> Batch:
    """One on which this button works, planned by somebody who is none of the cast."""
    must = (
        Requirement((Demand(1, ("approver", "admin"), "Because."),), 3600.0) if button in AGREED_BY else None
    )
    return Batch.objects.create(
        intent="compensate",
        title="every order",
        selection={},
        reason="OPS-1",
        state=STATES[button],
        plan_hash=HASH,
        summary={
            "sagas": 1,
            "past_pivot": 0,
            "types": ["order"],
            "actions": [],
            "left_alone": [],
            "warnings": [],
            "stakes": {},
        },
        requirement=policy.to_json(must),
        expires_at=timezone.now() + timedelta(hours=1) if must else None,
        planned_by_name="nora",
        planned_at=timezone.now(),
    )


def dropped_from(batch: Batch, saga: Saga) -> BatchSaga:
    """Its first saga, which was not as it had been planned."""
    return BatchSaga.objects.create(
        batch=batch, position=1, saga=saga, state="dropped", revision=1, plan_hash=HASH, why="It has moved."
    )
