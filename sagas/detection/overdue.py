"""What should have happened by now: codes that hold when a deadline has passed and nothing was heard."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from sagas import facts
from sagas.definitions import Definition
from sagas.detection.verdict import AT_ONCE, Verdict, default_deadline, proof, skew
from sagas.facts import Moment
from sagas.fold import SECOND, URGENCY, Run, State, Step
from sagas.vocabulary import Code, Status, StepKind, StepState


def step_overdue(state: State, step: Step, run: Run) -> Verdict | None:
    """A step runs past its deadline, and a failed attempt shows that somebody is trying."""
    if run.deadline is None or not _is_awaited(state, step, run) or not _is_retrying(run):
        return None
    return _past(Code.STEP_OVERDUE, step, run, run.deadline, run.asked, run.retried)


def step_in_doubt(state: State, step: Step, run: Run) -> Verdict | None:
    """A step runs past its deadline and nothing was heard since; or somebody said that it timed out."""
    if run.state == StepState.TIMED_OUT and run.timed_out and not _is_idle(state, step):
        since = run.timed_out.stamp.time
        detail = _detail(step, run, since) | {"reason": "timed_out"}
        evidence = proof(run.timed_out, run.asked)
        return Verdict(Code.STEP_IN_DOUBT, step.name, AT_ONCE, since, evidence, detail)
    if run.deadline is None or not _is_awaited(state, step, run) or _is_retrying(run):
        return None
    return _past(Code.STEP_IN_DOUBT, step, run, run.deadline, run.asked)


def attempt_storm(state: State, step: Step, run: Run) -> Verdict | None:
    """A step, or its compensation, is tried more often than anybody means, whatever the deadline."""
    most = (step.definition.attempts if step.definition else None) or int(settings.ATTEMPT_STORM)
    if run.state == StepState.RUNNING:
        tries, newest = run.attempts, run.retried or run.started
    elif run.state == StepState.COMPENSATING:
        tries, newest = facts.count(run.said.back, "attempt_failed") + 1, run.undo_retried
    else:
        return None
    if tries < most or newest is None or _is_idle(state, step):
        return None
    detail = {
        "participant": step.participant,
        "attempts": tries,
        "most": most,
        "error": run.error,
        "undoing": run.state == StepState.COMPENSATING,
    }
    since = newest.stamp.time
    return Verdict(Code.ATTEMPT_STORM, step.name, AT_ONCE, since, proof(run.asked, newest), detail)


def compensation_overdue(state: State, step: Step, run: Run) -> Verdict | None:
    """The saga goes back, or gave up, and what a step did has not been undone in time."""
    if step.kind == StepKind.READONLY:
        return None
    if run.state == StepState.COMPENSATING:
        deadline = run.undo_deadline
        evidence = proof(run.undo_started, run.undo_retried, run.undo_failed, state.went_back)
    elif has_to_be_undone(state, step, run):
        deadline = undo_deadline(state, step, run)
        evidence = proof(run.completed, state.went_back or state.ended)
    else:
        return None
    if deadline is None:
        return None
    detail = {
        "participant": step.participant,
        "allowed": undo_allowance(step) / SECOND,
        "begun": run.state == StepState.COMPENSATING,
        "error": run.error,
    }
    return Verdict(Code.COMPENSATION_OVERDUE, step.name, deadline + 1, deadline, evidence, detail)


def compensation_failed(state: State, step: Step, run: Run) -> Verdict | None:
    """Undoing a step failed for good, and no later word says that it was undone after all."""
    if not is_given_up(run) or run.undo_failed is None:
        return None
    since = run.undo_failed.stamp.time
    detail = {"participant": step.participant, "error": run.error}
    evidence = proof(run.undo_failed, run.undo_started)
    return Verdict(Code.COMPENSATION_FAILED, step.name, AT_ONCE, since, evidence, detail)


def saga_timed_out(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The engine gave the saga up as timed out, and reported neither an end nor that it goes on."""
    if state.timed_out and not state.is_over and not _goes_on(state):
        since = state.timed_out.stamp.time
        yield Verdict(Code.SAGA_TIMED_OUT, "", AT_ONCE, since, proof(state.timed_out, state.started), {})


def saga_stalled(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga has not ended, and nothing is on its way that could end it; or its whole time is over."""
    if state.is_over:
        return
    if state.timed_out and not _goes_on(state):
        return
    if state.suspended:
        deadline = state.deadline or state.suspended.stamp.time + default_deadline()
        yield _stalled("", deadline, "suspended", state.suspended)
    elif not is_moving(state):
        newest = _newest(state)
        last = newest.stamp.time if newest else state.first
        step, reason = _awaited(state, definition)
        deadline = _patience(step, last, state.deadline)
        if not any(has_to_be_undone(state, step, run) for step in state.steps for run in step.runs):
            yield _stalled(step.name if step else "", deadline, reason, newest, step)
    if state.deadline is not None:
        yield _stalled("", state.deadline, "late", state.started)


def is_moving(state: State) -> bool:
    return any(step.state in URGENCY for step in state.steps)


def is_given_up(run: Run) -> bool:
    """Whether its compensation failed for good and was not confirmed afterwards."""
    if run.undo_failed is None or run.state == StepState.COMPENSATED:
        return False
    return not facts.precedes(run.undo_failed, run.undone, skew())


def has_to_be_undone(state: State, step: Step, run: Run) -> bool:
    """Whether its effect should be gone. Going back leaves steps without a compensation as they are."""
    if not run.has_effect or run.state != StepState.COMPLETED or step.name not in state.open_effects:
        return False
    word = state.engine_says if state.ended else None
    is_back = state.went_back or word == Status.COMPENSATED
    return bool(word == Status.FAILED or (is_back and can_be_undone(step)))


def can_be_undone(step: Step) -> bool:
    described = step.definition
    return not described or bool(described.compensation) or described.kind == StepKind.COMPENSATABLE


def undo_deadline(state: State, step: Step, run: Run) -> int:
    """Until when an effect that has to go may wait for its compensation; one that came late, from then on."""
    allowance = undo_allowance(step)
    given_up = state.ended.stamp.time + allowance if state.ended else 0
    done = run.completed.stamp.time + allowance if run.completed else 0
    return max(done, given_up if run.undo_deadline is None else run.undo_deadline)


def undo_allowance(step: Step) -> int:
    compensation = step.definition.compensation if step.definition else None
    seconds = compensation.deadline if compensation else None
    return int(seconds * SECOND) if seconds else default_deadline()


def _goes_on(state: State) -> bool:
    return facts.precedes(state.timed_out, state.resumed, skew())


def _awaited(state: State, definition: Definition | None) -> tuple[Step | None, str]:
    """What should have come next where nothing runs, and why it is missed."""
    if state.went_back:
        return None, "halfway_back"
    failed = [step for step in state.steps if step.state == StepState.FAILED and is_needed(step)]
    if failed:
        return failed[-1], "failed"
    pending = [step for step in state.steps if step.state == StepState.PENDING]
    before = definition.predecessors if definition else {}
    settled = {step.name for step in state.steps if step.state in {StepState.COMPLETED, StepState.SKIPPED}}
    ready = [step for step in pending if is_needed(step) and settled.issuperset(before.get(step.name, ()))]
    chosen = (ready or pending)[:1]
    if chosen:
        return chosen[0], "not_started"
    return None, "no_end" if any(step.runs for step in state.steps) else "nothing"


def is_needed(step: Step) -> bool:
    return step.definition is None or step.definition.required


def _is_awaited(state: State, step: Step, run: Run) -> bool:
    """Whether a result is still to come that matters to anybody."""
    return run.state == StepState.RUNNING and not _is_idle(state, step)


def _is_retrying(run: Run) -> bool:
    return run.retried is not None and not facts.precedes(run.retried, run.asked, skew())


def _is_idle(state: State, step: Step) -> bool:
    """A step that only reads has nothing to tell once its saga is over."""
    return state.is_over and step.kind == StepKind.READONLY


def _patience(step: Step | None, last: int, saga_deadline: int | None) -> int:
    """Until when the next sign may take: the step's own time, else the saga's, else the default."""
    if step and step.definition and step.definition.deadline:
        return last + int(step.definition.deadline * SECOND)
    return saga_deadline or last + default_deadline()


def _newest(state: State) -> Moment | None:
    """The last sign of the saga itself; notes and what people only looked at are none."""
    moments = [state.started, state.went_back, state.resumed]
    for step in state.steps:
        for run in step.runs:
            moments += (run.started, run.retried, run.completed, run.failed, run.timed_out)
            moments += (run.undo_started, run.undo_retried, run.undone, run.undo_failed)
    return max(filter(None, moments), key=facts.when, default=None)


def _past(code: Code, step: Step, run: Run, deadline: int, *evidence: Moment | None) -> Verdict:
    return Verdict(code, step.name, deadline + 1, deadline, proof(*evidence), _detail(step, run, deadline))


def _detail(step: Step, run: Run, until: int) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "participant": step.participant,
        "attempts": run.attempts,
        "error": run.error,
    }
    if run.asked:
        detail["asked"] = facts.moment(run.asked.stamp.time).isoformat()
        detail["allowed"] = max(0, until - run.asked.stamp.time) / SECOND
    return detail


def _stalled(
    name: str, since: int, reason: str, evidence: Moment | None, step: Step | None = None
) -> Verdict:
    detail: dict[str, Any] = {"reason": reason, "participant": step.participant if step else ""}
    if evidence:
        detail["allowed"] = max(0, since - evidence.stamp.time) / SECOND
    return Verdict(Code.SAGA_STALLED, name, since + 1, since, proof(evidence), detail)
