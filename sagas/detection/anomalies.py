"""What cannot be right about an execution of a step, whatever the time: facts that contradict each other.

Coordination is not consistency: none of these fails a process, so that no service reports them. Each code is
one function. Order counts only where it is proven (`facts.precedes`): within a source by its own sequence,
across sources by more than the skew allowance. What is missed at the end of a saga is missed only once the
allowance has passed, as the sources' events come separately. What follows a repair that a person started is
meant, and no anomaly.
"""

from collections.abc import Iterator

from sagas import facts
from sagas.detection.overdue import (
    can_be_undone,
    has_to_be_undone,
    is_given_up,
    is_needed,
    undo_deadline,
)
from sagas.detection.stating import is_meant, missed, stated, times, went_on_after
from sagas.detection.verdict import MOST_EVIDENCE, Verdict, proof, skew
from sagas.facts import Moment, Phase, Said
from sagas.fold import Run, State, Step
from sagas.vocabulary import Code, Status, StepKind, StepState


def conflicting_outcome(state: State, step: Step, run: Run) -> Verdict | None:
    """One attempt of a step both completed and failed."""
    if not run.completed or not run.failed:
        return None
    pairs = [
        (completed, failed)
        for completed in _told(run.said.forward, "completed")
        for failed in _told(run.said.forward, "failed")
        if _is_one_attempt(state, run, completed, failed)
    ]
    if not pairs:
        return None
    completed, failed = pairs[0]
    later = max(completed, failed, key=facts.when)
    detail = times(step, completed=completed, failed=failed) | {"error": run.error}
    evidence = [moment for pair in pairs for moment in pair][:MOST_EVIDENCE]
    return stated(Code.CONFLICTING_OUTCOME, step, later, *evidence, **detail)


def duplicate_completion(state: State, step: Step, run: Run) -> Verdict | None:
    """One source told of more completions of a step's execution than there were rounds of it."""
    phase = _repeated(run.said.forward, "completed")
    if phase is None or run.completed is None:
        return None
    source, told = phase
    if told.count <= max(1, _rounds(run.said.forward) - facts.most(run.said.forward, "failed")):
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
    if not facts.precedes(run.undone, run.completed, skew()) or went_on_after(state, run.undone):
        return None
    detail = times(step, undone=run.undone, completed=run.completed)
    return stated(
        Code.LATE_FORWARD_AFTER_COMPENSATION, step, run.completed, run.undone, run.completed, **detail
    )


def late_forward_after_abort(state: State, step: Step, run: Run) -> Verdict | None:
    """A step completed after the saga had begun to go back, and was not undone by its deadline."""
    back = state.went_back
    if not back or not run.completed or run.undo_started or run.undone or is_given_up(run):
        return None
    if not facts.precedes(back, run.completed, skew()) or went_on_after(state, back):
        return None
    if not has_to_be_undone(state, step, run):
        return None
    due = undo_deadline(state, step, run) + 1
    detail = times(step, back=back, completed=run.completed)
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
    return missed(Code.MISSING_COMPENSATION, step, end, run.completed, state.went_back)


def terminal_without_resolution(state: State, step: Step, run: Run) -> Verdict | None:
    """The saga ended while a step was still on its way: nobody knows what it does, or did."""
    if not state.ended or run.state != StepState.RUNNING or step.kind == StepKind.READONLY:
        return None
    if is_needed(step):
        return missed(Code.TERMINAL_WITHOUT_RESOLUTION, step, state.ended, run.started or run.retried)
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
        if not facts.precedes(end, moment, skew()) or is_meant(state, moment):
            continue
        if not went_on_after(state, end):
            word = "completed" if moment is run.completed else "started"
            detail = times(step, ended=end, acted=moment) | {"word": word}
            return stated(Code.ZOMBIE_ACTIVITY, step, moment, end, moment, **detail)
    return None


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


def _is_one_attempt(state: State, run: Run, completed: Moment, failed: Moment) -> bool:
    """Whether both speak of the same attempt: by its number, else unless it began anew in between.

    A time of receipt orders nothing: there only the number of starts tells attempts apart.
    """
    one, other = completed.stamp.attempt, failed.stamp.attempt
    if one and other:
        return one == other
    said = run.said.forward
    if _rounds(said) >= facts.most(said, "completed") + facts.most(said, "failed"):
        return False
    is_redone = facts.precedes(failed, completed, 0)
    early, late = (failed, completed) if is_redone else (completed, failed)
    if any(
        facts.precedes(early, start, 0) and not facts.precedes(late, start, 0)
        for start in _told(said, "started")
    ):
        return False
    return not any(_is_tried_again(state, failed, success) for success in _told(said, "completed"))


def _is_tried_again(state: State, failed: Moment, success: Moment) -> bool:
    """Whoever told a failure without a number, and a success after it, tried again and did not tell."""
    if is_meant(state, success):
        return not facts.precedes(success, failed, 0)
    return facts.precedes(failed, success, 0) and _teller(state, failed) == _teller(state, success)


def _rounds(said: Said) -> int:
    """How often the step was begun for an outcome of its own, as far as one source tells."""
    ended = ("attempt_failed", "timed_out")
    return facts.most(said, "started") - sum(facts.most(said, word) for word in ended)


def _teller(state: State, moment: Moment) -> str:
    """Several instances of a participant may each be a source."""
    return state.facts.participants.get(moment.source, moment.source)


def _twice(code: Code, step: Step, source: str, phase: Phase) -> Verdict:
    first, last = Moment(source, phase.first), Moment(source, phase.newest)
    detail = times(step, first=first, last=last) | {"times": phase.count}
    return stated(code, step, last, first, last, **detail)
