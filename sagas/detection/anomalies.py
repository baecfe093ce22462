"""What cannot be right, whatever the time: facts of one saga that contradict each other, or its end.

Coordination is not consistency: none of these fails a process, so that no service reports them. Each code is
one function. Order counts only where it is proven (`facts.precedes`): within a source by its own sequence,
across sources by more than the skew allowance. What is missed at the end of a saga is missed only once the
allowance has passed, as the sources' events come separately. What follows a repair that a person started is
meant, and no anomaly.
"""

from collections.abc import Iterator
from typing import Any

from sagas import facts
from sagas.definitions import Definition
from sagas.detection.overdue import (
    can_be_undone,
    has_to_be_undone,
    is_given_up,
    is_needed,
    undo_deadline,
)
from sagas.detection.verdict import AT_ONCE, Verdict, iso, proof, skew
from sagas.facts import Moment, Phase, Said
from sagas.fold import Run, State, Step
from sagas.vocabulary import Code, Status, StepKind, StepState

# Ends that mean that nothing, or nothing more, was meant to be done.
NOT_COMPLETED = ("failed", "aborted", "compensated")
# Steps that nobody can have left out.
UNMISSED = frozenset({StepState.RUNNING, StepState.COMPLETED})


def conflicting_outcome(state: State, step: Step, run: Run) -> Verdict | None:
    """One attempt of a step both completed and failed."""
    if not run.completed or not run.failed:
        return None
    for completed in _told(run.said.forward, "completed"):
        for failed in _told(run.said.forward, "failed"):
            if _is_one_attempt(run, completed, failed):
                later = max(completed, failed, key=_when)
                detail = _times(step, completed=completed, failed=failed) | {"error": run.error}
                return _verdict(Code.CONFLICTING_OUTCOME, step, later, completed, failed, **detail)
    return None


def duplicate_completion(state: State, step: Step, run: Run) -> Verdict | None:
    """One source told of more completions of a step's execution than there were rounds of it."""
    phase = _repeated(run.said.forward, "completed")
    if phase is None or run.completed is None:
        return None
    forward = run.said.forward
    rounds = facts.most(forward, "started") - sum(
        facts.most(forward, word) for word in ("attempt_failed", "failed", "timed_out")
    )
    source, told = phase
    if told.count <= max(1, rounds):
        return None
    return _twice(Code.DUPLICATE_COMPLETION, step, source, told)


def double_compensation(state: State, step: Step, run: Run) -> Verdict | None:
    """One source told more often that a step was undone than that it was done."""
    phase = _repeated(run.said.back, "completed")
    if phase is None or run.undone is None:
        return None
    source, told = phase
    # Compensations that name no execution are about all of them.
    runs = [other for other in step.runs if other.undone == run.undone]
    done = sum(facts.most(other.said.forward, "completed") for other in runs)
    completed, undone = facts.first(run.said.forward, "completed"), facts.first(run.said.back, "completed")
    if facts.precedes(undone, completed, skew()):
        # The first undid nothing: it came before what it should undo.
        done += 1
    if told.count <= max(1, done):
        return None
    return _twice(Code.DOUBLE_COMPENSATION, step, source, told)


def late_forward_after_compensation(state: State, step: Step, run: Run) -> Verdict | None:
    """A step was undone, and completed afterwards: what a delayed call leaves behind."""
    if not run.undone or not run.completed or run.state == StepState.COMPENSATED:
        return None
    if not facts.precedes(run.undone, run.completed, skew()) or _went_on_after(state, run.undone):
        return None
    detail = _times(step, undone=run.undone, completed=run.completed)
    return _verdict(
        Code.LATE_FORWARD_AFTER_COMPENSATION, step, run.completed, run.undone, run.completed, **detail
    )


def late_forward_after_abort(state: State, step: Step, run: Run) -> Verdict | None:
    """A step completed after the saga had begun to go back, and was not undone by its deadline."""
    back = state.went_back
    if not back or not run.completed or run.undo_started or run.undone or is_given_up(run):
        return None
    if not facts.precedes(back, run.completed, skew()) or _went_on_after(state, back):
        return None
    if not has_to_be_undone(state, step, run):
        return None
    due = undo_deadline(state, step, run) + 1
    detail = _times(step, back=back, completed=run.completed)
    since = run.completed.stamp.time
    evidence = proof(back, run.completed)
    return Verdict(Code.LATE_FORWARD_AFTER_ABORT, step.name, due, since, evidence, detail)


def missing_compensation(state: State, step: Step, run: Run) -> Verdict | None:
    """The saga went back and ended, and what a step did was never undone.

    Without a definition nobody knows what needed undoing: then only where it was given up.
    """
    end = state.ended
    if not end or run.undo_started or run.undone or not has_to_be_undone(state, step, run):
        return None
    is_given_up_after_going_back = state.engine_says == Status.FAILED and state.went_back
    is_said_to_be_undone = state.engine_says == Status.COMPENSATED and step.definition
    if not (is_given_up_after_going_back or is_said_to_be_undone) or not can_be_undone(step):
        return None
    # Where a compensation failed for good, the others were left because of it: that is what to mend.
    if any(is_given_up(other) for each in state.steps for other in each.runs):
        return None
    return _missed(Code.MISSING_COMPENSATION, step, end, run.completed, state.went_back)


def terminal_without_resolution(state: State, step: Step, run: Run) -> Verdict | None:
    """The saga ended while a step was still on its way: nobody knows what it does, or did."""
    if not state.ended or run.state != StepState.RUNNING or step.kind == StepKind.READONLY:
        return None
    if is_needed(step):
        return _missed(Code.TERMINAL_WITHOUT_RESOLUTION, step, state.ended, run.started or run.retried)
    # What a saga is complete without may well answer later, in its own time.
    return None


def zombie_activity(state: State, step: Step, run: Run) -> Verdict | None:
    """A step started, or completed, after the saga had ended."""
    end = state.end_said
    if not end or step.kind == StepKind.READONLY or not is_needed(step):
        return None
    for moment in (run.completed, run.started):
        # Nearly always false, and asked of every step of every saga that ended.
        if not moment or (moment.source != end.source and moment.stamp.time <= end.stamp.time):
            continue
        if not facts.precedes(end, moment, skew()) or _is_meant(state, moment):
            continue
        if not _went_on_after(state, end):
            word = "completed" if moment is run.completed else "started"
            detail = _times(step, ended=end, acted=moment) | {"word": word}
            return _verdict(Code.ZOMBIE_ACTIVITY, step, moment, end, moment, **detail)
    return None


def missing_step(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga completed without a step that it requires."""
    if not definition or not state.ended or state.engine_says != Status.COMPLETED:
        return
    for step in state.steps:
        if step.state in UNMISSED or not step.definition or not step.definition.required:
            continue
        if not any(run.completed or "skipped" in run.said.forward for run in step.runs):
            yield _missed(Code.MISSING_STEP, step, state.ended)


def compensation_after_commit(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """A step was undone although the saga had completed before; lawful for a part of another saga."""
    commit = _commit(state)
    if not commit or not state.went_back or (definition and definition.nested):
        return
    is_stray = "compensating" not in state.facts.marks
    for step in state.steps:
        for run in step.runs:
            undone = run.undo_started or run.undone
            if not undone or _is_meant(state, undone) or _went_on_after(state, commit):
                continue
            if facts.precedes(commit, undone, skew()):
                detail = _times(step, ended=commit, undone=undone) | {"stray": is_stray}
                yield _verdict(Code.COMPENSATION_AFTER_COMMIT, step, undone, commit, undone, **detail)


def rollback_past_pivot(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga went back after its pivot, the point of no return; lawful for a part of another saga."""
    back = state.went_back
    if not definition or definition.nested or not back or _is_meant(state, back):
        return
    for step in state.steps:
        if step.kind != StepKind.PIVOT:
            continue
        for run in step.runs:
            passed = facts.first(run.said.forward, "completed")
            if passed and facts.precedes(passed, back, skew()):
                detail = _times(step, completed=passed, back=back)
                yield _verdict(Code.ROLLBACK_PAST_PIVOT, step, back, passed, back, **detail)


def commit_after_abort(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga was reported as completed although it had begun to go back."""
    commit, back = _commit(state), state.went_back
    if commit and back and facts.precedes(back, commit, skew()) and not _went_on_after(state, back):
        detail = {"back": iso(back), "ended": iso(commit)}
        since = commit.stamp.time
        yield Verdict(Code.COMMIT_AFTER_ABORT, "", AT_ONCE, since, proof(back, commit), detail)


def outcome_mismatch(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """What the engine says of the end is not what the steps show, and no other code says why."""
    end = state.ended
    if not end or _is_meant(state, end):
        return
    reason, other = "", None
    if state.engine_says == Status.COMPLETED:
        other = facts.last(state.facts.marks, *NOT_COMPLETED)
        if other:
            reason = "" if _went_on_after(state, other) else "both"
        elif state.went_back and not facts.precedes(state.went_back, end, skew()):
            other = next((run.undone for step in state.steps for run in step.runs if _is_gone(run)), None)
            reason = "undone" if other else ""
    elif state.engine_says == Status.FAILED:
        commit = _commit(state)
        if commit and not state.went_back:
            reason, other = "both", commit
        elif definition and not state.went_back and _is_complete(state):
            reason = "complete"
    if reason:
        due = end.stamp.time + skew() + 1
        detail = {"reason": reason, "says": state.engine_says, "ended": iso(end)}
        yield Verdict(Code.OUTCOME_MISMATCH, "", due, end.stamp.time, proof(end, other), detail)


def saga_id_reused(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """Two starts of the saga name different business keys: two transactions share one id."""
    for name, births in sorted(state.facts.births.items()):
        if len(births) < 2:
            continue
        stamps = {
            (source, stamp.event_id): Moment(source, stamp)
            for source, phase in state.facts.marks.get("started", {}).items()
            for stamp in (phase.first, phase.newest)
        }
        found = [stamps.get((birth.source, birth.event_id)) for birth in births]
        since = max((moment.stamp.time for moment in found if moment), default=state.last)
        detail = {"key": name, "values": [birth.value for birth in births]}
        yield Verdict(Code.SAGA_ID_REUSED, "", AT_ONCE, since, proof(*found), detail)
        return


def _commit(state: State) -> Moment | None:
    return facts.last(state.facts.marks, "completed")


def _went_on_after(state: State, moment: Moment) -> bool:
    """Whether the engine said afterwards that the saga goes on, or started it anew."""
    return facts.precedes(moment, facts.last(state.facts.marks, "resumed", "started"), skew())


def _is_meant(state: State, moment: Moment) -> bool:
    """Whether a person had started a repair before: what it does is no surprise."""
    repair = facts.first(state.facts.marks, "repair_started")
    return repair is not None and not facts.precedes(moment, repair, 0)


def _is_gone(run: Run) -> bool:
    return run.state == StepState.COMPENSATED and run.completed is not None


def _is_complete(state: State) -> bool:
    required = [step for step in state.steps if step.definition and step.definition.required]
    return bool(required) and all(step.state in {StepState.COMPLETED, StepState.SKIPPED} for step in required)


def _told(said: Said, word: str) -> Iterator[Moment]:
    """The first and the last time that each source said it, in one order."""
    for source, phase in sorted(said.get(word, {}).items()):
        yield Moment(source, phase.first)
        if phase.last:
            yield Moment(source, phase.last)


def _repeated(said: Said, word: str) -> tuple[str, Phase] | None:
    """Of the sources that said it more than once the one that said it most; None where none did."""
    by_source = said.get(word)
    if by_source is None or all(phase.count == 1 for phase in by_source.values()):
        return None
    source, phase = max(by_source.items(), key=lambda item: (item[1].count, item[0]))
    return source, phase


def _is_one_attempt(run: Run, completed: Moment, failed: Moment) -> bool:
    """Whether both speak of the same attempt: by its number, else unless it began anew in between."""
    one, other = completed.stamp.attempt, failed.stamp.attempt
    if one and other:
        return one == other
    early, late = sorted((completed, failed), key=_when)
    starts = [start for start in _told(run.said.forward, "started") if start.stamp.time > early.stamp.time]
    # A failure that says nothing of attempts, and a success after it: tried again without telling so.
    is_retried = early is failed and not facts.precedes(late, early, 0) and late.stamp.time > early.stamp.time
    return not is_retried and not any(start.stamp.time <= late.stamp.time for start in starts)


def _when(moment: Moment) -> tuple[int, str, str]:
    return moment.stamp.time, moment.source, moment.stamp.event_id


def _times(step: Step, **moments: Moment) -> dict[str, Any]:
    return {"participant": step.participant} | {name: iso(moment) for name, moment in moments.items()}


def _verdict(code: Code, step: Step, since: Moment, *evidence: Moment, **detail: Any) -> Verdict:
    return Verdict(code, step.name, AT_ONCE, since.stamp.time, proof(*evidence), detail)


def _twice(code: Code, step: Step, source: str, phase: Phase) -> Verdict:
    first, last = Moment(source, phase.first), Moment(source, phase.newest)
    detail = _times(step, first=first, last=last) | {"times": phase.count}
    return _verdict(code, step, last, first, last, **detail)


def _missed(code: Code, step: Step, end: Moment, *evidence: Moment | None) -> Verdict:
    """What should have been there when the saga ended; its events may come a little later than the end."""
    since = end.stamp.time
    detail = _times(step, ended=end)
    return Verdict(code, step.name, since + skew() + 1, since, proof(end, *evidence), detail)
