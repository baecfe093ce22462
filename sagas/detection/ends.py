"""What cannot be right about a whole saga, whatever the time: its end, its going back, its id.

Guards as in `sagas.detection.anomalies`, which looks at single executions.
"""

from collections.abc import Iterator

from sagas import facts
from sagas.definitions import Definition
from sagas.detection.stating import is_meant, missed, stated, times, went_on_after
from sagas.detection.verdict import AT_ONCE, Verdict, iso, proof, skew
from sagas.facts import Moment
from sagas.fold import Run, State
from sagas.vocabulary import Code, Status, StepKind, StepState

# Ends that mean that nothing, or nothing more, was meant to be done.
NOT_COMPLETED = ("failed", "aborted", "compensated")
# Steps that nobody can have left out.
UNMISSED = frozenset({StepState.RUNNING, StepState.COMPLETED})


def missing_step(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga completed without a step that it requires."""
    if not definition or not state.ended or state.engine_says != Status.COMPLETED:
        return
    for step in state.steps:
        if step.state in UNMISSED or not step.definition or not step.definition.required:
            continue
        if not any(run.completed or "skipped" in run.said.forward for run in step.runs):
            yield missed(Code.MISSING_STEP, step, state.ended)


def compensation_after_commit(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """A step was undone although the saga had completed before; lawful for a part of another saga."""
    commit = _commit(state)
    if not commit or not state.went_back or (definition and definition.nested):
        return
    is_stray = "compensating" not in state.facts.marks
    for step in state.steps:
        for run in step.runs:
            undone = run.undo_started or run.undone
            if not undone or is_meant(state, undone) or went_on_after(state, commit):
                continue
            if facts.precedes(commit, undone, skew()):
                detail = times(step, ended=commit, undone=undone) | {"stray": is_stray}
                yield stated(Code.COMPENSATION_AFTER_COMMIT, step, undone, commit, undone, **detail)


def rollback_past_pivot(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga went back after its pivot, the point of no return; lawful for a part of another saga."""
    back = state.went_back
    if not definition or definition.nested or not back or is_meant(state, back):
        return
    for step in state.steps:
        if step.kind != StepKind.PIVOT:
            continue
        for run in step.runs:
            passed = facts.first(run.said.forward, "completed")
            if passed and facts.precedes(passed, back, skew()):
                detail = times(step, completed=passed, back=back)
                yield stated(Code.ROLLBACK_PAST_PIVOT, step, back, passed, back, **detail)


def commit_after_abort(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """The saga was reported as completed although it had begun to go back."""
    commit, back = _commit(state), state.went_back
    if commit and back and facts.precedes(back, commit, skew()) and not went_on_after(state, back):
        detail = {"back": iso(back), "ended": iso(commit)}
        since = commit.stamp.time
        yield Verdict(Code.COMMIT_AFTER_ABORT, "", AT_ONCE, since, proof(back, commit), detail)


def outcome_mismatch(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """What the engine says of the end is not what the steps show, and no other code says why."""
    end = state.ended
    if not end or is_meant(state, end):
        return
    reason, other = "", None
    if state.engine_says == Status.COMPLETED:
        other = facts.last(state.facts.marks, *NOT_COMPLETED)
        if other:
            reason = "" if went_on_after(state, other) else "both"
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


def _is_gone(run: Run) -> bool:
    return run.state == StepState.COMPENSATED and run.completed is not None


def _is_complete(state: State) -> bool:
    required = [step for step in state.steps if step.definition and step.definition.required]
    return bool(required) and all(step.state in {StepState.COMPLETED, StepState.SKIPPED} for step in required)
