"""What is wrong with one saga: pure functions, one a code, from its state to verdicts.

A verdict may lie in the future: `due` is the moment from which it holds unless the facts change before.
So one table answers both questions: what is wrong now (`judge`), and when to look again
(`sagas.detection.deadlines`). Codes and guards are those of DOMAIN.md, "Findings" (docs/findings.md).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from sagas import facts
from sagas.definitions import Definition
from sagas.facts import Moment
from sagas.fold import SECOND, URGENCY, Run, State, Step
from sagas.vocabulary import FAULTS, Code, Condition, Status, StepKind, StepState

# Where nothing can be wrong with a step as long as its saga goes forward.
DONE = frozenset({StepState.COMPLETED, StepState.FAILED, StepState.SKIPPED})

# `due` of what holds from the first moment on, whatever the sender's clock says.
AT_ONCE = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One code for one step (empty: the whole saga). Times are microseconds, as in facts."""

    code: Code
    step: str
    due: int
    since: int
    evidence: tuple[Moment, ...]
    # What the sentence needs (sagas.story): plain JSON.
    detail: dict[str, Any]

    @property
    def since_at(self) -> datetime:
        return facts.moment(self.since)

    @property
    def proof(self) -> list[dict[str, str]]:
        """The events that prove it, by the identity that senders gave them."""
        return [{"source": moment.source, "id": moment.stamp.event_id} for moment in self.evidence]


def judge(state: State, definition: Definition | None, now: datetime) -> list[Verdict]:
    """What is wrong with the saga at `now`, at most one verdict for each code and step."""
    moment = facts.microseconds(now)
    return holding(prospects(state, definition), moment)


def holding(verdicts: list[Verdict], moment: int) -> list[Verdict]:
    """Those that hold at this moment. That a saga is late as a whole counts only where nothing says why."""
    held = [verdict for verdict in verdicts if verdict.due <= moment]
    if len(held) > 1:
        held = [verdict for verdict in held if verdict.detail.get("reason") != "late"]
    return held


def prospects(state: State, definition: Definition | None) -> list[Verdict]:
    """All that is wrong or will be if nothing more is heard; for each code and step what comes first."""
    if state.is_over and not (state.open_effects or state.unknown_effects or _is_moving(state)):
        return []
    found: dict[tuple[Code, str], Verdict] = {}
    for verdict in _all(state, definition):
        key = verdict.code, verdict.step
        known = found.get(key)
        if known is None or (verdict.due, verdict.since) < (known.due, known.since):
            found[key] = verdict
    return list(found.values())


def worst(verdicts: list[Verdict]) -> Condition:
    """What the saga is shown as."""
    if not verdicts:
        return Condition.HEALTHY
    conditions = {FAULTS[verdict.code].condition for verdict in verdicts}
    return max(conditions, key=lambda condition: condition.rank) if len(conditions) > 1 else conditions.pop()


def _all(state: State, definition: Definition | None) -> Iterator[Verdict]:
    is_forward = not state.went_back and not state.ended
    for step in state.steps:
        for run in step.runs:
            if is_forward and run.state in DONE:
                continue
            for code in OF_A_RUN:
                if verdict := code(state, step, run):
                    yield verdict
    yield from saga_stalled(state, definition)


def step_overdue(state: State, step: Step, run: Run) -> Verdict | None:
    """It runs past its deadline, and a failed attempt shows that somebody is trying."""
    if run.deadline is None or not _is_awaited(state, step, run) or not _is_retrying(run):
        return None
    return _past(Code.STEP_OVERDUE, step, run, run.deadline, run.asked, run.retried)


def step_in_doubt(state: State, step: Step, run: Run) -> Verdict | None:
    """It runs past its deadline and nothing was heard since; or somebody said that it timed out."""
    if run.state == StepState.TIMED_OUT and run.timed_out and not _is_idle(state, step):
        since = run.timed_out.stamp.time
        detail = _detail(step, run, since) | {"reason": "timed_out"}
        proof = _proof(run.timed_out, run.asked)
        return Verdict(Code.STEP_IN_DOUBT, step.name, AT_ONCE, since, proof, detail)
    if run.deadline is None or not _is_awaited(state, step, run) or _is_retrying(run):
        return None
    return _past(Code.STEP_IN_DOUBT, step, run, run.deadline, run.asked)


def compensation_overdue(state: State, step: Step, run: Run) -> Verdict | None:
    """The saga goes back, or gave up, and what this step did has not been undone in time."""
    if step.kind == StepKind.READONLY:
        return None
    deadline = run.undo_deadline
    if run.state == StepState.COMPENSATING:
        proof = _proof(run.undo_started, run.undo_retried, run.undo_failed, state.went_back)
    elif _has_to_be_undone(state, step, run):
        if deadline is None and state.ended:
            deadline = state.ended.stamp.time + _undo_allowance(step)
        proof = _proof(run.completed, state.went_back or state.ended)
    else:
        return None
    if deadline is None:
        return None
    detail = {
        "participant": step.participant,
        "allowed": _undo_allowance(step) / SECOND,
        "begun": run.undo_started is not None,
        "error": run.error,
    }
    return Verdict(Code.COMPENSATION_OVERDUE, step.name, deadline + 1, deadline, proof, detail)


def compensation_failed(state: State, step: Step, run: Run) -> Verdict | None:
    """Undoing it failed for good, and no later word says that it was undone after all."""
    is_undone = run.state == StepState.COMPENSATED or facts.precedes(run.undo_failed, run.undone, _skew())
    if run.undo_failed is None or is_undone:
        return None
    since = run.undo_failed.stamp.time
    detail = {"participant": step.participant, "error": run.error}
    proof = _proof(run.undo_failed, run.undo_started)
    return Verdict(Code.COMPENSATION_FAILED, step.name, AT_ONCE, since, proof, detail)


OF_A_RUN: tuple[Callable[[State, Step, Run], Verdict | None], ...] = (
    step_overdue,
    step_in_doubt,
    compensation_overdue,
    compensation_failed,
)


def saga_stalled(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """It has not ended, and nothing is on its way that could end it; or its whole time is over."""
    if state.is_over:
        return
    if state.timed_out and not facts.precedes(state.timed_out, state.resumed, _skew()):
        yield _stalled("", AT_ONCE, state.timed_out.stamp.time, "timed_out", state.timed_out)
    elif state.suspended:
        deadline = state.deadline or state.suspended.stamp.time + _default()
        yield _stalled("", deadline + 1, deadline, "suspended", state.suspended)
    elif not _is_moving(state):
        newest = _newest(state)
        last = newest.stamp.time if newest else state.first
        step, reason = _awaited(state, definition)
        deadline = _patience(step, last, state.deadline)
        if not any(_has_to_be_undone(state, step, run) for step in state.steps for run in step.runs):
            yield _stalled(step.name if step else "", deadline + 1, deadline, reason, newest, step)
    if state.deadline is not None:
        yield _stalled("", state.deadline + 1, state.deadline, "late", state.started)


def _awaited(state: State, definition: Definition | None) -> tuple[Step | None, str]:
    """What should have come next where nothing runs, and why it is missed."""
    if state.went_back:
        return None, "halfway_back"
    failed = [step for step in state.steps if step.state == StepState.FAILED and _is_needed(step)]
    if failed:
        return failed[-1], "failed"
    pending = [step for step in state.steps if step.state == StepState.PENDING]
    before = definition.predecessors if definition else {}
    settled = {step.name for step in state.steps if step.state in {StepState.COMPLETED, StepState.SKIPPED}}
    ready = [step for step in pending if _is_needed(step) and settled.issuperset(before.get(step.name, ()))]
    chosen = (ready or pending)[:1]
    if chosen:
        return chosen[0], "not_started"
    return None, "no_end" if any(step.runs for step in state.steps) else "nothing"


def _is_moving(state: State) -> bool:
    return any(step.state in URGENCY for step in state.steps)


def _is_needed(step: Step) -> bool:
    return step.definition is None or step.definition.required


def _is_awaited(state: State, step: Step, run: Run) -> bool:
    """Whether a result is still to come that matters to anybody."""
    return run.state == StepState.RUNNING and not _is_idle(state, step)


def _is_retrying(run: Run) -> bool:
    return run.retried is not None and not facts.precedes(run.retried, run.asked, _skew())


def _is_idle(state: State, step: Step) -> bool:
    """A step that only reads has nothing to tell once its saga is over."""
    return state.is_over and step.kind == StepKind.READONLY


def _has_to_be_undone(state: State, step: Step, run: Run) -> bool:
    """Whether its effect should be gone. Going back leaves steps without a compensation as they are."""
    if not run.has_effect or run.state != StepState.COMPLETED or step.name not in state.open_effects:
        return False
    word = state.engine_says if state.ended else None
    described = step.definition
    can_be = not described or described.compensation or described.kind == StepKind.COMPENSATABLE
    is_back = state.went_back or word == Status.COMPENSATED
    return bool(word == Status.FAILED or (is_back and can_be))


def _undo_allowance(step: Step) -> int:
    compensation = step.definition.compensation if step.definition else None
    return int(compensation.deadline * SECOND) if compensation and compensation.deadline else _default()


def _patience(step: Step | None, last: int, saga_deadline: int | None) -> int:
    """Until when the next sign may take: the step's own time, else the saga's, else the default."""
    if step and step.definition and step.definition.deadline:
        return last + int(step.definition.deadline * SECOND)
    return saga_deadline or last + _default()


def _default() -> int:
    return int(settings.DEFAULT_DEADLINE * SECOND)


def _skew() -> int:
    return int(settings.SKEW_ALLOWANCE * SECOND)


def _newest(state: State) -> Moment | None:
    """The last sign of the saga itself; notes and what people only looked at are none."""
    moments = [state.started, state.went_back, state.resumed]
    for step in state.steps:
        for run in step.runs:
            moments += (run.started, run.retried, run.completed, run.failed, run.timed_out)
            moments += (run.undo_started, run.undo_retried, run.undone, run.undo_failed)
    return max(filter(None, moments), key=_when, default=None)


def _when(moment: Moment) -> tuple[int, str, str]:
    return moment.stamp.time, moment.source, moment.stamp.event_id


def _past(code: Code, step: Step, run: Run, deadline: int, *evidence: Moment | None) -> Verdict:
    return Verdict(code, step.name, deadline + 1, deadline, _proof(*evidence), _detail(step, run, deadline))


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
    name: str, due: int, since: int, reason: str, proof: Moment | None, step: Step | None = None
) -> Verdict:
    detail: dict[str, Any] = {"reason": reason, "participant": step.participant if step else ""}
    if proof and due != AT_ONCE:
        detail["allowed"] = max(0, since - proof.stamp.time) / SECOND
    return Verdict(Code.SAGA_STALLED, name, due, since, _proof(proof), detail)


def _proof(*moments: Moment | None) -> tuple[Moment, ...]:
    return tuple(dict.fromkeys(moment for moment in moments if moment))
