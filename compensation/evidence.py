"""What a saga's own events say about an action: confirmed, denied, or overtaken (pure)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from compensation import witnesses
from compensation.plan import Kind
from sagas import facts
from sagas.facts import SECOND, Moment, Said
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
    confirmed = confirmation(kind, state, step, run)
    if confirmed or run is None:
        return confirmed
    if kind == Kind.COMPENSATE and run.state in {StepState.FAILED, StepState.SKIPPED}:
        # The state is the event's own word.
        undone = _told(state, step, run, run.said.forward, run.state.value)
        if undone:
            why = "It has turned out that the step was not done: there is nothing to undo."
            return Confirmed(undone, why)
    if kind == Kind.RETRY_STEP and state.went_back:
        known = state.step(step)
        if known is None or known.kind != StepKind.RETRIABLE:
            return Overtaken("The saga has begun to go back, so the step was not done again.")
    return None


def confirmation(kind: str, state: State, step: str, run: Run | None) -> Confirmed | None:
    """The event that says that it is done, if there is one from somebody whose word counts."""
    if run and kind == Kind.COMPENSATE and run.state == StepState.COMPENSATED:
        undone = _told(state, step, run, run.said.back, "completed")
        return Confirmed(undone, "The event that it was undone has come.") if undone else None
    if run and kind == Kind.RETRY_STEP and run.state == StepState.COMPLETED:
        completed = _told(state, step, run, run.said.forward, "completed")
        return Confirmed(completed, "The event that it has completed has come.") if completed else None
    return None


def denial(kind: str, state: State, step: str, run: Run | None) -> Denied | None:
    """The newest event that says that it could not be done, from somebody whose word counts."""
    if run is None:
        return None
    said = run.said.back if kind == Kind.COMPENSATE else run.said.forward
    moment = witnesses.newest(state, step, said, "failed")
    return Denied(moment, run.error or "The participant says that it failed.") if moment else None


def _told(state: State, step: str, run: Run, said: Said, word: str) -> Moment | None:
    """The newest event with this word that counts; None where the step has gone on since."""
    moment = witnesses.newest(state, step, said, word)
    if moment is None or moment == facts.last(said, word):
        return moment
    # Others have said so later, after what the state may rest on.
    after = [run.started, run.completed] if said is run.said.back else [run.started]
    skew = int(settings.SKEW_ALLOWANCE * SECOND)
    return None if any(facts.precedes(moment, other, skew) for other in after) else moment


def is_since(moment: Moment, sent: int) -> bool:
    """Whether an event may be about what was sent at `sent` (microseconds), by clocks that may disagree."""
    return moment.stamp.time >= sent - int(settings.SKEW_ALLOWANCE * SECOND)


def no_earlier(now: datetime, run: Run | None) -> datetime:
    """The time to give to what follows this execution, even if its participant's clock is ahead of ours."""
    return max(now, facts.moment(run.newest)) if run else now


def name(moment: Moment | None) -> dict[str, str] | None:
    """An event's identity, as it is kept with a result."""
    return {"source": moment.source, "id": moment.stamp.event_id} if moment else None
