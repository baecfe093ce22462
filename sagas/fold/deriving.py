"""Where the saga stands, from its steps and from what its engine says."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from sagas import facts as facts_
from sagas.definitions import Definition
from sagas.facts import SECOND, Facts, Moment, Said, precedes
from sagas.fold.state import URGENCY, Run, State, Step
from sagas.fold.steps import tell_steps
from sagas.stakes import Stake
from sagas.vocabulary import Status, StepKind, StepState

# Members of an enumeration are looked up slowly, and these for each step of each saga of a batch.
RUNNING, COMPENSATING = StepState.RUNNING, StepState.COMPENSATING

# How an engine may say that a saga is over; of two whose order nobody knows, the later word here counts.
ENDINGS = {
    "completed": Status.COMPLETED,
    "compensated": Status.COMPENSATED,
    "aborted": Status.FAILED,
    "failed": Status.FAILED,
}


def derive(facts: Facts, definition: Definition | None, now: datetime) -> State:
    """The state at `now`; `now` matters only for effects whose deadline has passed."""
    skew = int(settings.SKEW_ALLOWANCE * SECOND)
    marks = facts.marks
    backs = [run.back for executions in facts.steps.values() for run in executions.values() if run.back]
    went_back, going_back = _back(marks, backs)
    said, ended, end_said = _ending(marks, backs, skew)
    steps = tell_steps(facts, definition, going_back, skew)
    state = State(
        status=Status.RUNNING,
        engine_says=said,
        steps=steps,
        open_effects=[],
        unknown_effects=[],
        started=facts_.first(marks, "started"),
        went_back=went_back,
        ended=ended,
        end_said=end_said,
        timed_out=facts_.last(marks, "timed_out"),
        suspended=_suspended(marks, skew) if "suspended" in marks else None,
        resumed=facts_.last(marks, "resumed"),
        deadline=_saga_deadline(facts, definition),
        first=facts.first,
        last=facts.last,
        waiting_on="",
        keys={name: text.value for name, text in sorted(facts.keys.items())},
        display=_display(facts, definition),
        stake=_stake(facts, definition),
        version=facts.version.value if facts.version else "",
        trace=facts.trace.value if facts.trace else "",
        facts=facts,
    )
    _judge_effects(state, definition, facts_.microseconds(now))
    state.status = _status(state, definition)
    if state.status == Status.COMPLETED:
        state.open_effects = []
    state.waiting_on = _waiting_on(state)
    return state


def _back(marks: Said, backs: list[Said]) -> tuple[Moment | None, Moment | None]:
    """The first and the newest sign of going back."""
    asked = facts_.first(marks, "compensating")
    if not backs:
        return asked, asked
    first = [asked, *(facts_.first(back, *back) for back in backs)]
    last = [asked, *(facts_.last(back, *back) for back in backs)]
    return facts_.earliest([*filter(None, first)]), max(filter(None, last), key=facts_.when, default=None)


def _ending(marks: Said, backs: list[Said], skew: int) -> tuple[Status | None, Moment | None, Moment | None]:
    """What the engine last said of the end; the end itself unless something provably followed; the saying."""
    word, ended = "", None
    for candidate in ENDINGS:
        said = facts_.last(marks, candidate) if candidate in marks else None
        if said and not precedes(said, ended, skew):
            word, ended = candidate, said
    if not ended:
        return None, None, None
    status = ENDINGS[word]
    if precedes(ended, facts_.last(marks, "resumed"), skew):
        return status, None, ended
    if status == Status.COMPLETED and any(
        precedes(ended, facts_.last(back, "started", "completed", "failed"), skew) for back in backs
    ):
        return status, None, ended
    return status, ended, ended


def _suspended(marks: Said, skew: int) -> Moment | None:
    suspended, resumed = facts_.last(marks, "suspended"), facts_.last(marks, "resumed")
    return None if resumed and not precedes(resumed, suspended, skew) else suspended


def _saga_deadline(facts: Facts, definition: Definition | None) -> int | None:
    """The engine's own deadline, else the definition's; the default counts per step (detection)."""
    started = facts_.last(facts.marks, "started")
    if started and started.stamp.deadline:
        return started.stamp.deadline
    if definition and definition.deadline and facts.first:
        return (started.stamp.time if started else facts.first) + int(definition.deadline * SECOND)
    return None


def _judge_effects(state: State, definition: Definition | None, now: int) -> None:
    """Fill open_effects and unknown_effects."""
    # Without a definition nobody knows which steps needed undoing: there, the engine's word settles it.
    is_settled = definition is None and state.ended is not None and state.engine_says == Status.COMPENSATED
    for step in state.steps:
        if not step.runs or step.kind == StepKind.READONLY:
            continue
        is_open = is_unknown = False
        for run in step.runs:
            is_late = run.deadline is not None and now > run.deadline
            is_running = run.state is RUNNING or run.state is COMPENSATING
            if is_running and not run.completed and not run.failed and (state.ended or is_late):
                run.is_unknown = True
            is_open = is_open or (run.has_effect and not (is_settled and _is_left(run)))
            is_unknown = is_unknown or run.is_unknown
        if is_open:
            state.open_effects.append(step.name)
        elif is_unknown:
            state.unknown_effects.append(step.name)


def _is_left(run: Run) -> bool:
    """Whether nobody ever spoke of undoing it."""
    return run.state == StepState.COMPLETED and run.undone is None


def _status(state: State, definition: Definition | None) -> Status:
    if state.ended and state.engine_says:
        is_undone = not (state.open_effects or state.unknown_effects)
        return Status.COMPENSATED if state.engine_says == Status.FAILED and is_undone else state.engine_says
    if state.suspended:
        return Status.SUSPENDED
    is_moving = any(step.state in URGENCY for step in state.steps)
    if state.went_back:
        is_back = not (is_moving or state.open_effects or state.unknown_effects)
        return Status.COMPENSATED if is_back else Status.COMPENSATING
    if definition and not is_moving and _all_done(state.steps):
        return Status.COMPLETED
    return Status.RUNNING


def _all_done(steps: Iterable[Step]) -> bool:
    required = [step for step in steps if step.definition and step.definition.required]
    done = {StepState.COMPLETED, StepState.SKIPPED}
    return bool(required) and all(step.state in done for step in required)


def _waiting_on(state: State) -> str:
    if state.is_over:
        return ""
    moving = [step for step in state.steps if step.state in URGENCY]
    if moving:
        return moving[-1].name
    if state.went_back:
        return next((step.name for step in reversed(state.steps) if step.name in state.open_effects), "")
    return next((step.name for step in state.steps if step.state == StepState.PENDING), "")


def _stake(facts: Facts, definition: Definition | None) -> Stake | None:
    at_stake = definition.at_stake if definition else None
    if at_stake and at_stake.weight:
        return Stake(Decimal(at_stake.weight))
    return Stake.read(facts.stake.value) if facts.stake else None


def _display(facts: Facts, definition: Definition | None) -> dict[str, str]:
    """In the order in which the definition names them."""
    named = [name for name in definition.display if name in facts.display] if definition else []
    others = sorted(facts.display.keys() - set(named))
    return {name: facts.display[name].value for name in (*named, *others)}
