"""What a saga says by now of actions that ended without being confirmed (pure)."""

from compensation import evidence
from compensation.evidence import Confirmed
from compensation.models import RepairAction
from sagas.fold import State as SagaState

State = RepairAction.State

UNCONFIRMED = frozenset({State.REFUSED, State.EXHAUSTED, State.CANCELLED})


def confirmed_since(action: RepairAction, state: SagaState) -> Confirmed | None:
    """The event by which its effect is there after all. Its repair stays as it ended: that is what it did."""
    if action.state not in UNCONFIRMED:
        return None
    run = evidence.find_run(state, action.step, action.execution)
    return evidence.confirmation(action.kind, state, action.step, run)
