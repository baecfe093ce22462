"""What takes longer than is normal, where nobody declared how long it may take: it only warns.

A learned deadline lies before the default one. Once that has passed too, the ordinary codes say so, and this
says nothing more. A definition may let it page, or switch it off (`learned`).
"""

from collections.abc import Iterator, Mapping
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
    """At most one for each code and step: of several executions the one that is due first."""
    if not norms or state.is_over or state.suspended:
        return
    for step in state.steps:
        known = norms.get(step.name)
        mode = how(step, definition)
        if known is None or mode == Learned.OFF:
            continue
        weight = Severity.WARNING if mode == Learned.WARN else None
        for code in (_step_overdue, _compensation_overdue):
            found = [verdict for run in step.runs if (verdict := code(step, run, known, weight))]
            if found:
                yield min(found, key=lambda verdict: (verdict.due, verdict.since))


def give_way(held: list[Verdict]) -> list[Verdict]:
    """Leave out what was learned where an ordinary code says as much of the same step."""
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
    if norm is None or asked is None or run.state != StepState.RUNNING or is_declared(step, run):
        return None
    detail = {"attempts": run.attempts, "asked": facts.moment(asked.stamp.time).isoformat()}
    begun = asked.stamp.time
    return _verdict(Code.STEP_OVERDUE, step, run, norm, begun, weight, detail, asked, run.retried)


def _compensation_overdue(step: Step, run: Run, known: StepNorms, weight: Severity | None) -> Verdict | None:
    norm = known.back
    if norm is None or run.undo_deadline is None or run.undo_started is None:
        return None
    if run.state != StepState.COMPENSATING or step.kind == StepKind.READONLY or is_undo_declared(step, run):
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
    if norm.limit * SECOND >= default_deadline():
        return None
    limit = begun + int(norm.limit * SECOND)
    known = {
        "reason": REASON,
        "participant": step.participant,
        "error": run.error,
        "allowed": norm.limit,
        "normal": {"samples": norm.samples, "p50": norm.p50, "p95": norm.p95, "p99": norm.p99},
    }
    return Verdict(code, step.name, limit + 1, limit, proof(*evidence), known | detail, weight)
