"""What an orchestrator decides: the next step, or the way back. Pure; orders.py keeps and sends it.

It heals what it understands: a step that says no is answered by undoing the steps before it, in reverse.
It waits, for ever, where it does not know: a step that never answers, a compensation that is refused.
A step that somebody else takes back meanwhile is noted, and the rest is left to them.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from demo.steps import SagaType

COMPLETED, FAILED, COMPENSATED, REFUSED = "completed", "failed", "compensated", "refused"
OUTCOMES = frozenset({COMPLETED, FAILED, COMPENSATED, REFUSED})


@dataclass(frozen=True)
class Run:
    """One saga, as its orchestrator sees it."""

    saga_type: SagaType
    # running → completed, compensating, compensated; compensating → compensated, failed; running → failed
    status: str
    # Steps that were asked for: asked, completed, failed, undoing, compensated, refused
    steps: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether nobody has to do anything about it any more."""
        ended = self.status in {"completed", "compensated", "failed"}
        return ended and (self.status == "completed" or not self.effects)

    @property
    def effects(self) -> list[str]:
        """Steps that may have left something behind, in their order."""
        left = {"asked", "completed", "undoing", "refused"}
        return [step.name for step in self.saga_type.steps if self.steps.get(step.name) in left]


@dataclass(frozen=True)
class Decision:
    """What the run becomes, and what follows from it."""

    run: Run
    event: str | None = None  # a saga.* kind, for Amends
    do: str | None = None  # a step to ask for
    undo: str | None = None  # a step to compensate


def begin(saga_type: SagaType) -> Decision:
    first = saga_type.steps[0].name
    return Decision(Run(saga_type, "running", {first: "asked"}), event="saga.started", do=first)


def hear(run: Run, step: str, outcome: str, reason: str = "") -> Decision:
    """What follows from a participant's word about a step. Hearing it twice changes nothing."""
    before = run.steps.get(step)
    if outcome == COMPLETED and before in {"asked", "failed"}:
        return _forward(_with(run, step, COMPLETED))
    if outcome == FAILED and before == "asked":
        run = _with(run, step, FAILED)
        return _turn_back(run, reason) if run.status == "running" else Decision(run)
    if outcome == COMPENSATED and before != COMPENSATED:
        run = _with(run, step, COMPENSATED)
        if run.status == "compensating":
            return _back(run) if before == "undoing" else Decision(run)
        if run.status == "running" and not run.effects:
            return Decision(replace(run, status="compensated"), event="saga.compensated")
        return Decision(run)
    if outcome == REFUSED and before == "undoing":
        return _back(replace(_with(run, step, REFUSED), reason=f"{step} could not be undone: {reason}"))
    return Decision(run)


def _with(run: Run, step: str, state: str) -> Run:
    return replace(run, steps={**run.steps, step: state})


def _forward(run: Run) -> Decision:
    if run.status != "running" or COMPENSATED in run.steps.values():
        return Decision(run)
    following = next((step.name for step in run.saga_type.steps if step.name not in run.steps), None)
    if following is None:
        return Decision(replace(run, status="completed"), event="saga.completed")
    return Decision(_with(run, following, "asked"), do=following)


def _turn_back(run: Run, reason: str) -> Decision:
    run = replace(run, reason=reason)
    if not run.effects:
        return Decision(replace(run, status="failed"), event="saga.failed")
    return replace(_back(replace(run, status="compensating")), event="saga.compensating")


def _back(run: Run) -> Decision:
    """Undo the last step that is still done; when none is left, the saga is over."""
    last = next((step for step in reversed(run.effects) if run.steps[step] == COMPLETED), None)
    if last is not None:
        return Decision(_with(run, last, "undoing"), undo=last)
    if run.effects:
        return Decision(replace(run, status="failed"), event="saga.failed")
    return Decision(replace(run, status="compensated"), event="saga.compensated")


def describe(run: Run) -> dict[str, Any]:
    return {"status": run.status, "steps": run.steps, "reason": run.reason, "settled": run.is_settled}
