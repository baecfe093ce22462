"""What is wrong with one saga: pure functions, one a code, from its state to verdicts.

One table answers both questions: what is wrong now (`judge`), and when to look again
(`sagas.detection.deadlines`), as a verdict carries the moment from which it holds. Codes and guards are
those of DOMAIN.md, "Findings" (docs/anomalies.md).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sagas import facts
from sagas.definitions import Definition
from sagas.detection import anomalies, ends, learned, overdue, quality
from sagas.detection.verdict import MOST_EVIDENCE, Verdict
from sagas.facts import Moment
from sagas.fold import Run, State, Step
from sagas.learning.memory import NONE
from sagas.learning.normal import StepNorms
from sagas.vocabulary import FAULTS, TOLD, Code, Condition, Status, StepState

# Where nothing can be late with a step as long as its saga goes forward.
DONE = frozenset({StepState.COMPLETED, StepState.FAILED, StepState.SKIPPED})

OfARun = Callable[[State, Step, Run], Verdict | None]
OfASaga = Callable[[State, Definition | None], Iterator[Verdict]]

# What is late with one execution of a step.
LATE: tuple[OfARun, ...] = (
    overdue.step_overdue,
    overdue.step_in_doubt,
    overdue.attempt_storm,
    overdue.compensation_overdue,
    overdue.compensation_failed,
)

# What cannot be right about one execution of a step.
WRONG: tuple[OfARun, ...] = (
    anomalies.conflicting_outcome,
    anomalies.duplicate_completion,
    anomalies.double_compensation,
    anomalies.late_forward_after_compensation,
    anomalies.late_forward_after_abort,
    anomalies.missing_compensation,
    anomalies.terminal_without_resolution,
    anomalies.zombie_activity,
    quality.clock_skew,
)

OF_A_RUN = (*LATE, *WRONG)

OF_A_SAGA: tuple[OfASaga, ...] = (
    overdue.saga_timed_out,
    overdue.saga_stalled,
    ends.missing_step,
    ends.outcome_mismatch,
    ends.saga_id_reused,
    quality.unknown_step,
    quality.sequence_gap,
)

# What only a saga that goes back, or went back, can have.
GONE_BACK: tuple[OfASaga, ...] = (
    ends.compensation_after_commit,
    ends.rollback_past_pivot,
    ends.commit_after_abort,
)

# One cause, one problem: a code that says nothing more where one of those beside it holds for the same step.
TOLD_BY: dict[Code, frozenset[Code]] = {
    Code.STEP_OVERDUE: frozenset({Code.TERMINAL_WITHOUT_RESOLUTION, Code.ATTEMPT_STORM}),
    Code.STEP_IN_DOUBT: frozenset({Code.TERMINAL_WITHOUT_RESOLUTION}),
    Code.COMPENSATION_OVERDUE: frozenset(
        {
            Code.ATTEMPT_STORM,
            Code.MISSING_COMPENSATION,
            Code.LATE_FORWARD_AFTER_ABORT,
            Code.LATE_FORWARD_AFTER_COMPENSATION,
        }
    ),
    Code.LATE_FORWARD_AFTER_ABORT: frozenset(
        {Code.MISSING_COMPENSATION, Code.LATE_FORWARD_AFTER_COMPENSATION}
    ),
    Code.MISSING_COMPENSATION: frozenset({Code.LATE_FORWARD_AFTER_COMPENSATION}),
}


def judge(
    state: State, definition: Definition | None, now: datetime, norms: Mapping[str, StepNorms] = NONE
) -> list[Verdict]:
    """What is wrong with the saga at `now`, at most one verdict for each code and step."""
    moment = facts.microseconds(now)
    return holding(prospects(state, definition, norms), moment)


def holding(verdicts: list[Verdict], moment: int) -> list[Verdict]:
    """Those that hold at this moment and are not told by another; one for each code and step."""
    held = learned.give_way([verdict for verdict in verdicts if verdict.due <= moment])
    if len(held) < 2:
        return held
    held = _together(held)
    found = {(verdict.code, verdict.step) for verdict in held}
    is_stray = any(verdict.detail.get("stray") for verdict in held)
    needs_people = [verdict for verdict in held if verdict.severity in TOLD]
    return [
        verdict
        for verdict in held
        if not any((code, verdict.step) in found for code in TOLD_BY.get(verdict.code, ()))
        and not (is_stray and _seems_to_go_back(verdict))
        # That a saga is late as a whole counts only where nothing says why.
        and not (verdict.detail.get("reason") == "late" and len(needs_people) > 1)
    ]


def _together(held: Iterable[Verdict]) -> list[Verdict]:
    """What is wrong with several executions of a step is told by the first, and proven by all of them."""
    found: dict[tuple[Code, str], list[Verdict]] = {}
    for verdict in held:
        found.setdefault((verdict.code, verdict.step), []).append(verdict)
    return [_one(alike) if len(alike) > 1 else alike[0] for alike in found.values()]


def _one(alike: list[Verdict]) -> Verdict:
    first, *others = sorted(alike, key=lambda verdict: (verdict.due, verdict.since))
    proven = dict.fromkeys(moment for verdict in (first, *others) for moment in verdict.evidence)
    return replace(
        first,
        evidence=tuple(proven)[:MOST_EVIDENCE],
        detail=first.detail | {"executions": len(alike)},
    )


def _seems_to_go_back(verdict: Verdict) -> bool:
    """Whether it takes a step that was undone behind a completed saga for the saga going back."""
    is_unbegun = verdict.code == Code.COMPENSATION_OVERDUE and not verdict.detail["begun"]
    is_halfway = verdict.detail.get("reason") == "halfway_back"
    return is_unbegun or is_halfway or verdict.code == Code.ROLLBACK_PAST_PIVOT


def prospects(
    state: State, definition: Definition | None, norms: Mapping[str, StepNorms] = NONE
) -> list[Verdict]:
    """All that is wrong or will be if nothing more is heard: of each step for each of its executions, of
    the whole saga for each code what comes first.

    What only was learned (`norms`, by step) stands beside it, until it gives way (`holding`).
    """
    found: list[Verdict] = []
    places: dict[Code, int] = {}
    for verdict in _all(state, definition):
        place = len(found) if verdict.step else places.setdefault(verdict.code, len(found))
        if place == len(found):
            found.append(verdict)
        elif (verdict.due, verdict.since) < (found[place].due, found[place].since):
            found[place] = verdict
    return [*found, *learned.prospects(state, definition, norms)]


def worst(verdicts: list[Verdict]) -> Condition:
    """What the saga is shown as."""
    if not verdicts:
        return Condition.HEALTHY
    conditions = {FAULTS[verdict.code].condition for verdict in verdicts}
    return max(conditions, key=lambda condition: condition.rank) if len(conditions) > 1 else conditions.pop()


def _all(state: State, definition: Definition | None) -> Iterator[Verdict]:
    end = state.end_said
    is_forward = not state.went_back and (not state.ended or state.engine_says is Status.COMPLETED)
    is_calm = is_forward and (not end or (state.ended is not None and state.last <= end.stamp.time))
    for step in state.steps:
        for run in step.runs:
            codes = WRONG if is_forward and run.state in DONE else OF_A_RUN
            if is_calm and _is_plain(run, end):
                if run.state in DONE:
                    continue
                codes = codes if end else LATE
            for code in codes:
                if verdict := code(state, step, run):
                    yield verdict
    for whole in (*OF_A_SAGA, *GONE_BACK) if state.went_back else OF_A_SAGA:
        yield from whole(state, definition)


def _is_plain(run: Run, end: Moment | None) -> bool:
    """Whether nothing can be wrong with it; by the numbers of one source it may have followed its end,
    whatever the clock says."""
    if not run.is_plain or not end or not end.stamp.sequence:
        return run.is_plain
    started, completed = run.started, run.completed
    return not ((started and started.source == end.source) or (completed and completed.source == end.source))
