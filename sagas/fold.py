"""The state of a saga as a function of its set of events.

`derive` is pure: from merged facts (sagas.facts), the definition where there is one, and the time now, it
tells where each step and the saga stand. What the engine says (`engine_says`) is kept apart from what the
steps show. Where two facts contradict each other and nothing proves their order, the reading that leaves
more to look at wins: an effect is open rather than gone, an outcome unknown rather than fine.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from sagas import facts as facts_
from sagas.definitions import Definition, StepDefinition
from sagas.events import OURSELVES
from sagas.facts import Execution, Facts, Moment, Said, precedes
from sagas.vocabulary import ENDED, Status, StepKind, StepState

SECOND = 1_000_000

# Of several executions of a step, the one that needs a person most speaks for the step.
URGENCY = {
    StepState.COMPENSATION_FAILED: 4,
    StepState.TIMED_OUT: 3,
    StepState.COMPENSATING: 2,
    StepState.RUNNING: 1,
}

# How an engine may say that a saga is over; of two whose order nobody knows, the later word here counts.
ENDINGS = {
    "completed": Status.COMPLETED,
    "compensated": Status.COMPENSATED,
    "aborted": Status.FAILED,
    "failed": Status.FAILED,
}


@dataclass(slots=True)
class Run:
    """One execution of a step. Moments are None where nothing of the kind was said."""

    execution: str
    state: StepState
    attempts: int
    started: Moment | None
    retried: Moment | None  # the newest failed attempt
    completed: Moment | None
    failed: Moment | None
    timed_out: Moment | None
    undo_started: Moment | None
    undo_retried: Moment | None
    undone: Moment | None
    undo_failed: Moment | None
    # How many definite failures and completed compensations there were; several sources may tell of one.
    failed_count: int
    undone_count: int
    has_effect: bool  # completed and not undone
    is_unknown: bool  # nobody knows whether it has an effect
    asked: Moment | None  # the start that the deadline counts from
    deadline: int | None  # microseconds; when it should have answered, while it runs
    undo_deadline: int | None  # likewise for its compensation, once the saga goes back
    error: str  # what the newest failure gave as its reason

    @property
    def newest(self) -> int:
        """When something was last heard of it; microseconds."""
        moments = (self.started, self.retried, self.completed, self.failed, self.timed_out)
        return max((moment.stamp.time for moment in moments if moment), default=0)


@dataclass(slots=True)
class Step:
    """A step and its executions, oldest first; `runs` is empty for a step that is still expected."""

    name: str
    definition: StepDefinition | None
    participant: str
    state: StepState
    runs: list[Run] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.definition.title if self.definition else self.name

    @property
    def kind(self) -> StepKind | None:
        return self.definition.kind if self.definition else None

    @property
    def attempts(self) -> int:
        return max((run.attempts for run in self.runs), default=0)

    @property
    def run(self) -> Run | None:
        """The execution that speaks for the step."""
        return max(self.runs, key=_urgency, default=None)


@dataclass(slots=True)
class State:
    """Where a saga stands. Names in `open_effects` and `unknown_effects` are step names, in step order."""

    status: Status
    engine_says: Status | None
    steps: list[Step]
    open_effects: list[str]
    unknown_effects: list[str]
    started: Moment | None
    went_back: Moment | None  # the first sign of going back
    ended: Moment | None  # the engine's end, where it still holds
    timed_out: Moment | None
    suspended: Moment | None
    resumed: Moment | None
    deadline: int | None  # microseconds; when the whole saga should have ended
    first: int  # microseconds; its earliest and latest event
    last: int
    waiting_on: str  # the step that runs or comes next; empty once ended
    keys: dict[str, str]
    display: dict[str, str]
    version: str
    trace: str

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def is_over(self) -> bool:
        return self.status in ENDED

    @property
    def started_at(self) -> datetime | None:
        moment = self.started.stamp.time if self.started else self.first
        return facts_.moment(moment) if moment else None

    @property
    def last_event_at(self) -> datetime | None:
        return facts_.moment(self.last) if self.last else None

    @property
    def ended_at(self) -> datetime | None:
        if not self.is_over:
            return None
        return facts_.moment(self.ended.stamp.time if self.ended else self.last)


def derive(facts: Facts, definition: Definition | None, now: datetime) -> State:
    """The state at `now`; `now` matters only for effects whose deadline has passed."""
    skew = int(settings.SKEW_ALLOWANCE * SECOND)
    marks = facts.marks
    went_back, going_back = _back(facts)
    said, ended = _ending(marks, facts, skew)
    steps = _steps(facts, definition, going_back, skew)
    state = State(
        status=Status.RUNNING,
        engine_says=said,
        steps=steps,
        open_effects=[],
        unknown_effects=[],
        started=facts_.first(marks, "started"),
        went_back=went_back,
        ended=ended,
        timed_out=facts_.last(marks, "timed_out"),
        suspended=_suspended(marks, skew),
        resumed=facts_.last(marks, "resumed"),
        deadline=_saga_deadline(facts, definition),
        first=facts.first,
        last=facts.last,
        waiting_on="",
        keys={name: text.value for name, text in sorted(facts.keys.items())},
        display=_display(facts, definition),
        version=facts.version.value if facts.version else "",
        trace=facts.trace.value if facts.trace else "",
    )
    _judge_effects(state, definition, facts_.microseconds(now))
    state.status = _status(state, definition)
    if state.status == Status.COMPLETED:
        state.open_effects = []
    state.waiting_on = _waiting_on(state)
    return state


def _back(facts: Facts) -> tuple[Moment | None, Moment | None]:
    """The first and the newest sign of going back."""
    asked = facts_.first(facts.marks, "compensating")
    backs = [run.back for executions in facts.steps.values() for run in executions.values() if run.back]
    if not backs:
        return asked, asked
    first = [asked, *(facts_.first(back, *back) for back in backs)]
    last = [asked, *(facts_.last(back, *back) for back in backs)]
    return min(filter(None, first), key=_when, default=None), max(filter(None, last), key=_when, default=None)


def _when(moment: Moment) -> tuple[int, str, str]:
    return moment.stamp.time, moment.source, moment.stamp.event_id


def _ending(marks: Said, facts: Facts, skew: int) -> tuple[Status | None, Moment | None]:
    """What the engine last said of the end, and the end itself unless something provably followed it."""
    word, ended = "", None
    for candidate in ENDINGS:
        said = facts_.last(marks, candidate) if candidate in marks else None
        if said and not precedes(said, ended, skew):
            word, ended = candidate, said
    if not ended:
        return None, None
    status = ENDINGS[word]
    if precedes(ended, facts_.last(marks, "resumed"), skew):
        return status, None
    if status == Status.COMPLETED and any(
        precedes(ended, facts_.last(run.back, "started", "completed", "failed"), skew)
        for executions in facts.steps.values()
        for run in executions.values()
    ):
        return status, None
    return status, ended


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


def _steps(facts: Facts, definition: Definition | None, going_back: Moment | None, skew: int) -> list[Step]:
    """In the definition's order; steps that it does not know follow in the order they were first seen."""
    described = definition.steps if definition else []
    steps = [
        _step(part.name, part, facts.steps.get(part.name, {}), facts, going_back, skew) for part in described
    ]
    known = {part.name for part in described}
    others = [
        _step(name, None, executions, facts, going_back, skew)
        for name, executions in facts.steps.items()
        if name not in known
    ]
    return steps + sorted(others, key=lambda step: (_first_seen(facts, step.name), step.name))


def _first_seen(facts: Facts, name: str) -> int:
    moments = (
        facts_.first(said, *said) for run in facts.steps[name].values() for said in (run.forward, run.back)
    )
    return min((moment.stamp.time for moment in moments if moment), default=0)


def _step(
    name: str,
    definition: StepDefinition | None,
    executions: dict[str, Execution],
    facts: Facts,
    going_back: Moment | None,
    skew: int,
) -> Step:
    runs = [
        _run(execution, run, definition, going_back, skew) for execution, run in _pair(executions).items()
    ]
    if len(runs) > 1:
        runs.sort(key=lambda run: (run.started.stamp.time if run.started else run.newest, run.execution))
        state = max(runs, key=_urgency).state
    else:
        state = runs[0].state if runs else StepState.PENDING
    participant = definition.participant if definition else ""
    return Step(name, definition, participant or _participant(executions, facts), state, runs)


def _urgency(run: Run) -> tuple[int, int, str]:
    return URGENCY.get(run.state, 0), run.newest, run.execution


def _pair(executions: dict[str, Execution]) -> dict[str, Execution]:
    """Give compensations that name no known execution to the executions that have none of their own."""
    if len(executions) < 2:
        return executions
    executions = _join_ours(executions)
    forward = {key: run for key, run in executions.items() if run.forward}
    loose = [run for key, run in sorted(executions.items()) if key not in forward]
    if not forward or not loose:
        return executions
    back: Said = {}
    for run in loose:
        for word, by_source in run.back.items():
            back[word] = back.get(word, {}) | by_source
    return {key: run if run.back else Execution(run.forward, back, run.error) for key, run in forward.items()}


def _join_ours(executions: dict[str, Execution]) -> dict[str, Execution]:
    """What Amends was told of a step before anybody had named its execution is about the one named since."""
    ours = executions.get("")
    if ours is None or not ours.forward or len(executions) != 2:
        return executions
    if any(by_source.keys() != {OURSELVES} for by_source in ours.forward.values()):
        return executions
    ((key, named),) = (item for item in executions.items() if item[0])
    forward = {
        word: ours.forward.get(word, {}) | named.forward.get(word, {})
        for word in ours.forward.keys() | named.forward.keys()
    }
    joined = {key: Execution(forward, named.back, named.error)}
    return joined | {"": Execution({}, ours.back)} if ours.back else joined


def _run(
    execution: str,
    run: Execution,
    definition: StepDefinition | None,
    going_back: Moment | None,
    skew: int,
) -> Run:
    forward, back = run.forward, run.back
    said, unsaid = facts_.newest(forward), facts_.newest(back)
    started, completed, failed = said.get("started"), said.get("completed"), said.get("failed")
    timed_out, retried = said.get("timed_out"), said.get("attempt_failed")
    undo_started, undone, undo_failed = unsaid.get("started"), unsaid.get("completed"), unsaid.get("failed")
    forward_state = state = _forward_state(said, skew)
    is_undone = bool(undone and not precedes(undone, completed, skew) and not precedes(undone, started, skew))
    if is_undone:
        state = StepState.COMPENSATED
    elif undo_failed and not undone:
        is_tried_again = precedes(undo_failed, undo_started, skew)
        state = StepState.COMPENSATING if is_tried_again else StepState.COMPENSATION_FAILED
    elif back and not undone and "skipped" not in back:
        state = StepState.COMPENSATING
    answered = completed or failed or timed_out
    asked = _asked(forward, said, skew)
    return Run(
        execution=execution,
        state=state,
        attempts=_attempts(forward),
        started=started,
        retried=retried,
        completed=completed,
        failed=failed,
        timed_out=timed_out,
        undo_started=undo_started,
        undo_retried=unsaid.get("attempt_failed"),
        undone=undone,
        undo_failed=undo_failed,
        failed_count=facts_.most(forward, "failed"),
        undone_count=facts_.most(back, "completed"),
        has_effect=bool(completed) and not is_undone,
        is_unknown=not completed
        and not is_undone
        and (forward_state == StepState.TIMED_OUT or undo_failed is not None),
        asked=asked,
        deadline=_deadline(asked, started, definition)
        if state == StepState.RUNNING or not answered
        else None,
        undo_deadline=_undo_deadline(back, unsaid, definition, going_back, skew),
        error=run.error.value if run.error else "",
    )


def _forward_state(said: dict[str, Moment], skew: int) -> StepState:
    """Where the step itself stands, its compensation aside. A completion stays one: its effect is there."""
    started, retried = said.get("started"), said.get("attempt_failed")
    begun = started or retried
    if started and retried and retried.stamp.time > started.stamp.time:
        begun = retried
    failed, timed_out = said.get("failed"), said.get("timed_out")
    if completed := said.get("completed"):
        return StepState.RUNNING if _starts_again(completed, started, skew) else StepState.COMPLETED
    if failed:
        if _starts_again(failed, begun, skew):
            return StepState.RUNNING
        return StepState.TIMED_OUT if precedes(failed, timed_out, skew) else StepState.FAILED
    if timed_out:
        return StepState.RUNNING if _starts_again(timed_out, begun, skew) else StepState.TIMED_OUT
    if "skipped" in said:
        return StepState.SKIPPED
    return StepState.RUNNING if begun else StepState.PENDING


def _starts_again(answer: Moment, begun: Moment | None, skew: int) -> bool:
    """Whether the step provably began once more after this answer: a later attempt, or later in time."""
    if begun is None:
        return False
    if answer.stamp.attempt and begun.stamp.attempt:
        return begun.stamp.attempt > answer.stamp.attempt
    return precedes(answer, begun, skew)


def _attempts(forward: Said) -> int:
    told = 0
    for by_source in forward.values():
        for phase in by_source.values():
            told = max(told, phase.first.attempt)
            if phase.last:
                told = max(told, phase.last.attempt)
    tried = facts_.count(forward, "attempt_failed") + (1 if "completed" in forward else 0)
    return max(told, tried, facts_.count(forward, "started"), 1 if forward else 0)


def _asked(forward: Said, said: dict[str, Moment], skew: int) -> Moment | None:
    """The first start, or the newest where an answer came before it: trying again buys no more time."""
    newest = said.get("started")
    if newest:
        for answer in ("completed", "failed", "timed_out"):
            if answer in said and _starts_again(said[answer], newest, skew):
                return newest
    return facts_.first(forward, "started") or facts_.first(forward, *forward)


def _deadline(asked: Moment | None, newest: Moment | None, definition: StepDefinition | None) -> int | None:
    if asked is None:
        return None
    if newest and newest.stamp.deadline:
        return newest.stamp.deadline
    seconds = (definition.deadline if definition else None) or settings.DEFAULT_DEADLINE
    return asked.stamp.time + int(seconds * SECOND)


def _undo_deadline(
    back: Said,
    unsaid: dict[str, Moment],
    definition: StepDefinition | None,
    going_back: Moment | None,
    skew: int,
) -> int | None:
    """Counts from its start; before that from the newest compensation of the saga, as they may take turns."""
    if not back and going_back is None:
        return None
    newest = unsaid.get("started")
    if newest and newest.stamp.deadline:
        return newest.stamp.deadline
    if newest and precedes(unsaid.get("failed"), newest, skew):
        begun: Moment | None = newest
    else:
        begun = facts_.first(back, "started") or facts_.first(back, *back) or going_back
    if begun is None:
        return None
    compensation = definition.compensation if definition else None
    seconds = (compensation.deadline if compensation else None) or settings.DEFAULT_DEADLINE
    return begun.stamp.time + int(seconds * SECOND)


def _participant(executions: dict[str, Execution], facts: Facts) -> str:
    """Whoever told the step's result, else whoever told anything of it."""
    for words in (("completed", "failed"), ("started", "attempt_failed", "timed_out", "skipped")):
        for _, run in sorted(executions.items()):
            for said in (run.forward, run.back):
                told = facts_.first(said, *words)
                if told and told.source in facts.participants:
                    return facts.participants[told.source]
    return ""


def _judge_effects(state: State, definition: Definition | None, now: int) -> None:
    """Fill open_effects and unknown_effects."""
    # Without a definition nobody knows which steps needed undoing: there, the engine's word settles it.
    is_settled = definition is None and state.ended is not None and state.engine_says == Status.COMPENSATED
    for step in state.steps:
        if not step.runs or step.kind == StepKind.READONLY:
            continue
        for run in step.runs:
            is_late = run.deadline is not None and now > run.deadline
            is_running = run.state in {StepState.RUNNING, StepState.COMPENSATING}
            if is_running and not run.completed and not run.failed and (state.ended or is_late):
                run.is_unknown = True
        if any(run.has_effect and not (is_settled and _is_left(run)) for run in step.runs):
            state.open_effects.append(step.name)
        elif any(run.is_unknown for run in step.runs):
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


def _display(facts: Facts, definition: Definition | None) -> dict[str, str]:
    """In the order in which the definition names them."""
    named = [name for name in definition.display if name in facts.display] if definition else []
    others = sorted(facts.display.keys() - set(named))
    return {name: facts.display[name].value for name in (*named, *others)}
