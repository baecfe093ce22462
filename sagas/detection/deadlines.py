"""When somebody has to look at a saga again. Pure, and run for every saga that a batch touched."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sagas import facts
from sagas.definitions import Definition
from sagas.detection import judge
from sagas.detection.verdict import Verdict
from sagas.fold import State
from sagas.learning.memory import NONE
from sagas.learning.normal import StepNorms
from sagas.vocabulary import StepState


def next_due(
    state: State,
    definition: Definition | None,
    now: datetime,
    norms: Mapping[str, StepNorms] = NONE,
    beyond: Sequence[Verdict] = (),
) -> datetime | None:
    """`now` where something is wrong already, else the earliest moment at which it may be; None: never.

    `beyond`: verdicts of rules and conflicts, where its definition has any (`sagas.detection.beyond`).
    """
    moment = facts.microseconds(now)
    found = [*judge.prospects(state, definition, norms), *beyond]
    if any(verdict.due <= moment for verdict in found):
        return now
    return next_after(state, found, moment)


def next_after(state: State, verdicts: list[Verdict], moment: int) -> datetime | None:
    """The earliest time after `moment` (microseconds) at which a verdict holds or the state changes."""
    dues = [verdict.due for verdict in verdicts if verdict.due > moment]
    # While it is being undone, a step without a result becomes an unknown effect at its own deadline.
    dues += [
        run.deadline + 1
        for step in state.steps
        if step.state == StepState.COMPENSATING
        for run in step.runs
        if run.deadline is not None and run.deadline >= moment and not run.is_unknown
    ]
    return facts.moment(min(dues)) if dues else None
