"""What a saga's own events say about an action: confirmed, denied, or overtaken (pure)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from compensation.plan import Kind
from sagas import facts
from sagas.facts import SECOND, Moment
from sagas.fold import Run, State
from sagas.vocabulary import StepKind, StepState


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The effect is there. `moment` is the event that says so; None: there was nothing to do."""

    moment: Moment | None
    detail: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The participant has said that it could not."""

    moment: Moment
    detail: str


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The saga has moved on in a way that makes the action wrong."""

    detail: str


def find_run(state: State, step: str, execution: str) -> Run | None:
    """The execution an action is about; for a step that had none yet, whichever began since."""
    known = state.step(step)
    if known is None:
        return None
    exact = next((run for run in known.runs if run.execution == execution), None)
    return exact or (None if execution else known.run)


def before_sending(kind: str, state: State, step: str, execution: str) -> Confirmed | Overtaken | None:
    """Whether an action still has to be sent. None: it does."""
    run = find_run(state, step, execution)
    confirmed = confirmation(kind, run)
    if confirmed or run is None:
        return confirmed
    if kind == Kind.COMPENSATE and run.state in {StepState.FAILED, StepState.SKIPPED}:
        return Confirmed(
            run.failed, "It has turned out that the step was not done: there is nothing to undo."
        )
    if kind == Kind.RETRY_STEP and state.went_back:
        known = state.step(step)
        if known is None or known.kind != StepKind.RETRIABLE:
            return Overtaken("The saga has begun to go back, so the step was not done again.")
    return None


def confirmation(kind: str, run: Run | None) -> Confirmed | None:
    """The event that says that it is done, if there is one."""
    if run and kind == Kind.COMPENSATE and run.state == StepState.COMPENSATED:
        return Confirmed(run.undone, "The event that it was undone has come.")
    if run and kind == Kind.RETRY_STEP and run.state == StepState.COMPLETED:
        return Confirmed(run.completed, "The event that it has completed has come.")
    return None


def denial(kind: str, run: Run | None) -> Denied | None:
    """The newest event that says that it could not be done, if there is one."""
    if run is None:
        return None
    moment = run.undo_failed if kind == Kind.COMPENSATE else run.failed
    return Denied(moment, run.error or "The participant says that it failed.") if moment else None


def is_since(moment: Moment, sent: int) -> bool:
    """Whether an event may be about what was sent at `sent` (microseconds), by clocks that may disagree."""
    return moment.stamp.time >= sent - int(settings.SKEW_ALLOWANCE * SECOND)


def no_earlier(now: datetime, run: Run | None) -> datetime:
    """The time to give to what follows this execution, even if its participant's clock is ahead of ours."""
    return max(now, facts.moment(run.newest)) if run else now


def name(moment: Moment | None) -> dict[str, str] | None:
    """An event's identity, as it is kept with a result."""
    return {"source": moment.source, "id": moment.stamp.event_id} if moment else None
