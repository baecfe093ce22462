"""What may be done about one execution of a step, and why not (pure)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from compensation.drafting import compensation_key
from compensation.plan import LeftAlone
from compensation.subject import Subject
from sagas import facts
from sagas.facts import Moment
from sagas.fold import SECOND, Run, State, Step
from sagas.vocabulary import Status, StepKind, StepState

# A step that somebody is at work on: whoever acts now would act against them.
BUSY = frozenset({"still_running", "being_compensated"})


@dataclass(frozen=True, slots=True)
class Undo:
    """An execution that may be compensated; `explanation` says what that does and on what it rests.

    `run` None: nobody has told of the step, but what comes after it has begun.
    """

    run: Run | None
    explanation: str
    # Nobody knows whether there is anything to undo.
    is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Redo:
    """An execution that may be done again; None: one that is to begin at last."""

    run: Run | None
    explanation: str


def undo(subject: Subject, step: Step, run: Run | None, now: datetime) -> Undo | LeftAlone:
    """Whether this execution is to be compensated."""
    if step.kind == StepKind.READONLY:
        return left(step, run, "no_effect", "It only reads, so that there is nothing to undo.")
    if run is None or run.state == StepState.PENDING:
        if not is_passed_over(subject, step):
            return left(step, run, "not_started", "It has not started.")
        why = f"Nobody has told of “{step.title}”, but what comes after it has begun"
        return Undo(run, f"{why}. If it was not done, undoing it changes nothing.", is_unknown=True)
    match run.state:
        case StepState.COMPENSATED:
            return left(step, run, "already_compensated", "It was undone already.", since=run.undone)
        case StepState.SKIPPED:
            return left(step, run, "skipped", "It was skipped.")
        case StepState.FAILED:
            return left(step, run, "failed", "It failed, so that there is nothing to undo.", since=run.failed)
        case StepState.RUNNING if not is_late(run, subject.state, now):
            return _running(step, run)
        case StepState.COMPENSATING:
            # Where Amends has sent this very key before, sending it again is no second opinion.
            is_ours = compensation_key(subject, step, run) in subject.sent
            if not is_ours and not _passed(run.undo_deadline, now):
                why = f"{_owner(step)} is undoing it right now."
                return left(step, run, "being_compensated", why, until=run.undo_deadline)
            return Undo(run, f"Undoes “{step.title}”. That was begun before and not confirmed in time.")
        case StepState.COMPENSATION_FAILED:
            return Undo(run, f"Undoes “{step.title}”. The last try failed{_because(run)}.")
        case StepState.COMPLETED:
            return Undo(run, f"Undoes “{step.title}”.")
    return Undo(
        run,
        f"Undoes “{step.title}”, if it was done at all: nobody knows. Undoing what never happened "
        f"changes nothing, and {_owner(step)} then refuses the step if it comes late.",
        is_unknown=True,
    )


def redo(subject: Subject, step: Step, run: Run | None, now: datetime) -> Redo | LeftAlone:
    """Whether this execution is to be done again, forward."""
    state = subject.state
    if run is None or run.state == StepState.PENDING:
        return _begin(subject, step, run, now)
    match run.state:
        case StepState.COMPLETED:
            return left(step, run, "already_completed", "It has completed.", since=run.completed)
        case StepState.SKIPPED:
            return left(step, run, "skipped", "It was skipped.")
        case StepState.COMPENSATED | StepState.COMPENSATING | StepState.COMPENSATION_FAILED:
            why = "It has been undone, or its undoing has begun; it does not go forward again."
            return left(step, run, "gone_back", why, since=run.undone or run.undo_started)
        case StepState.RUNNING if not is_late(run, state, now):
            return _running(step, run)
    if _has_gone_back(state) and step.kind != StepKind.RETRIABLE:
        why = "The saga has gone back: doing this step now would leave an effect that nobody expects."
        return left(step, run, "gone_back", why, since=state.went_back)
    if run.state == StepState.FAILED:
        return Redo(run, f"Does “{step.title}” again. The last try failed{_because(run)}.")
    return Redo(
        run,
        f"Does “{step.title}”, which was not answered, again. "
        f"If {_owner(step)} has done it, it answers so and does nothing twice.",
    )


def is_passed_over(subject: Subject, step: Step) -> bool:
    """Whether a required step that nobody has told of was probably done: what waits for it was begun.

    Its events may only be late; a plan made meanwhile must not leave its effect standing.
    """
    if subject.definition is None or step.definition is None or not step.definition.required:
        return False
    if subject.state.engine_says == Status.COMPLETED:
        return True
    after = [*subject.definition.successors.get(step.name, ())]
    for name in after:
        after += [later for later in subject.definition.successors.get(name, ()) if later not in after]
    begun = (subject.state.step(name) for name in after)
    return any(known and known.state not in {StepState.PENDING, StepState.SKIPPED} for known in begun)


def is_late(run: Run, state: State, now: datetime) -> bool:
    """Whether a running execution is past its deadline, or its saga has ended without it."""
    return state.ended is not None or _passed(run.deadline, now)


def is_doubtful(run: Run, now: datetime) -> bool:
    """Whether the participant should be asked what became of it."""
    if run.state == StepState.COMPENSATING:
        return _passed(run.undo_deadline, now)
    if run.state == StepState.RUNNING:
        return run.is_unknown or _passed(run.deadline, now)
    return run.is_unknown or run.state in {StepState.TIMED_OUT, StepState.COMPENSATION_FAILED}


def left(
    step: Step,
    run: Run | None,
    code: str,
    why: str,
    *,
    since: Moment | None = None,
    until: int | None = None,
) -> LeftAlone:
    return LeftAlone(
        step=step.name,
        execution=run.execution if run else "",
        title=step.title,
        code=code,
        why=why,
        since=since.stamp.time if since else 0,
        until=until or 0,
    )


def _begin(subject: Subject, step: Step, run: Run | None, now: datetime) -> Redo | LeftAlone:
    """A step whose turn has come and that never started: its saga has stalled before it."""
    state, definition = subject.state, subject.definition
    before = definition.predecessors.get(step.name, ()) if definition else ()
    missing = [
        name
        for name in before
        if (other := state.step(name)) and other.state not in {StepState.COMPLETED, StepState.SKIPPED}
    ]
    if is_passed_over(subject, step):
        why = "Nobody has told of it, but what comes after it has begun. Its events may be late: ask."
        return left(step, run, "untold", why)
    if state.is_over or _has_gone_back(state) or missing:
        return left(step, run, "not_started", "It has not started, and its turn has not come.")
    seconds = (step.definition.deadline if step.definition else None) or settings.DEFAULT_DEADLINE
    due = state.last + int(seconds * SECOND)
    if not _passed(due, now):
        why = "It has not started yet; who drives the saga may be about to start it."
        return left(step, run, "not_started", why, until=due)
    return Redo(run, f"Starts “{step.title}”, which should have begun and never did.")


def _running(step: Step, run: Run) -> LeftAlone:
    return left(step, run, "still_running", f"{_owner(step)} is still at work on it.", until=run.deadline)


def _has_gone_back(state: State) -> bool:
    return state.went_back is not None


def _passed(deadline: int | None, now: datetime) -> bool:
    return deadline is not None and facts.microseconds(now) > deadline


def _owner(step: Step) -> str:
    return step.participant or "its participant"


def _because(run: Run) -> str:
    return f": {run.error}" if run.error else ""
