"""What takes longer than is normal, where nobody declared how long it may take: it only warns.

A learned deadline lies before the default one. Once that has passed too, the ordinary codes say so, and this
says nothing more. A definition may let it page, or switch it off (`learned`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sagas import facts
from sagas.definitions import Definition
from sagas.detection.verdict import Verdict, default_deadline, proof
from sagas.facts import Moment
from sagas.fold import SECOND, Run, State, Step
from sagas.learning.normal import Norm, StepNorms
from sagas.vocabulary import Code, Learned, Severity, StepKind, StepState

REASON = "learned"

# What it is to be told by: of the same step, they say as much or more.
SAID_BY = frozenset(
    {Code.STEP_OVERDUE, Code.STEP_IN_DOUBT, Code.COMPENSATION_OVERDUE, Code.COMPENSATION_FAILED}
)


def prospects(
    state: State, definition: Definition | None, norms: Mapping[str, StepNorms]
) -> Iterator[Verdict]:
    """Of each step for each of its executions that is under way."""
    if not norms or state.is_over or state.suspended:
        return
    for step in state.steps:
        for run in step.runs:
            # Of most sagas that a batch touches no more than one step is under way.
            judge = UNDER_WAY.get(run.state)
            known = norms.get(step.name) if judge else None
            mode = how(step, definition) if known else Learned.OFF
            if judge is None or known is None or mode == Learned.OFF:
                continue
            verdict = judge(step, run, known, Severity.WARNING if mode == Learned.WARN else None)
            if verdict:
                yield verdict


def give_way(held: list[Verdict]) -> list[Verdict]:
    """Leave out what was learned where an ordinary code says as much of the same step."""
    if len(held) < 2:
        return held
    said = {verdict.step for verdict in held if verdict.code in SAID_BY and not is_learned(verdict)}
    return [verdict for verdict in held if not (is_learned(verdict) and verdict.step in said)]


def is_learned(verdict: Verdict) -> bool:
    return verdict.detail.get("reason") == REASON


def how(step: Step, definition: Definition | None) -> Learned:
    """What a learned deadline of this step may do: its own word, else the definition's, else warn."""
    own = step.definition.learned if step.definition else None
    return own or (definition.learned if definition else Learned.WARN)


def is_declared(step: Step, run: Run) -> bool:
    """Whether somebody said until when this execution should have answered."""
    return bool(
        (run.started and run.started.stamp.deadline) or (step.definition and step.definition.deadline)
    )


def is_undo_declared(step: Step, run: Run) -> bool:
    compensation = step.definition.compensation if step.definition else None
    told = run.undo_started and run.undo_started.stamp.deadline
    return bool(told or (compensation and compensation.deadline))


def _step_overdue(step: Step, run: Run, known: StepNorms, weight: Severity | None) -> Verdict | None:
    norm, asked = known.forward, run.asked
    if norm is None or asked is None or is_declared(step, run):
        return None
    detail = {"attempts": run.attempts, "asked": facts.moment(asked.stamp.time).isoformat()}
    begun = asked.stamp.time
    return _verdict(Code.STEP_OVERDUE, step, run, norm, begun, weight, detail, asked, run.retried)


def _compensation_overdue(step: Step, run: Run, known: StepNorms, weight: Severity | None) -> Verdict | None:
    norm = known.back
    if norm is None or run.undo_deadline is None or run.undo_started is None:
        return None
    if step.kind == StepKind.READONLY or is_undo_declared(step, run):
        return None
    begun = run.undo_deadline - default_deadline()
    detail = {"begun": True}
    return _verdict(
        Code.COMPENSATION_OVERDUE, step, run, norm, begun, weight, detail, run.undo_started, run.undo_retried
    )


def _verdict(
    code: Code,
    step: Step,
    run: Run,
    norm: Norm,
    begun: int,
    weight: Severity | None,
    detail: dict[str, Any],
    *evidence: Moment | None,
) -> Verdict | None:
    allowed = norm.limit
    if allowed * SECOND >= default_deadline():
        return None
    limit = begun + int(allowed * SECOND)
    known = {
        "reason": REASON,
        "participant": step.participant,
        "error": run.error,
        "allowed": allowed,
        "normal": {"samples": norm.samples, "p50": norm.p50, "p95": norm.p95, "p99": norm.p99},
    }
    return Verdict(code, step.name, limit + 1, limit, proof(*evidence), known | detail, weight)


UNDER_WAY: dict[StepState, Callable[[Step, Run, StepNorms, Severity | None], Verdict | None]] = {
    StepState.RUNNING: _step_overdue,
    StepState.COMPENSATING: _compensation_overdue,
}
