"""Where each step stands, from what was said of it."""

from collections.abc import Collection

from django.conf import settings

from sagas import facts as facts_
from sagas.definitions import Definition, StepDefinition
from sagas.events import OURSELVES
from sagas.facts import SECOND, Execution, Facts, Moment, Phase, Said, precedes
from sagas.fold.pairing import pair
from sagas.fold.state import Run, Step, urgency
from sagas.vocabulary import StepState

# Members of an enumeration are looked up slowly, and these for each step of each saga of a batch.
PENDING, RUNNING, COMPLETED = StepState.PENDING, StepState.RUNNING, StepState.COMPLETED


def tell_steps(
    facts: Facts, definition: Definition | None, going_back: Moment | None, skew: int
) -> list[Step]:
    """In the definition's order; steps that it does not know follow in the order they were first seen."""
    if definition is None:
        return _steps_seen(facts, facts.steps.keys(), going_back, skew)
    steps = [
        _step(part.name, part, facts.steps.get(part.name), facts, going_back, skew)
        for part in definition.steps
    ]
    others = facts.steps.keys() - definition.step_names
    return steps + _steps_seen(facts, others, going_back, skew) if others else steps


def _steps_seen(facts: Facts, names: Collection[str], going_back: Moment | None, skew: int) -> list[Step]:
    return [
        _step(name, None, facts.steps[name], facts, going_back, skew)
        for name in sorted(names, key=lambda name: (_first_seen(facts, name), name))
    ]


def _first_seen(facts: Facts, name: str) -> int:
    moments = (
        facts_.first(said, *said) for run in facts.steps[name].values() for said in (run.forward, run.back)
    )
    return min((moment.stamp.time for moment in moments if moment), default=0)


def _step(
    name: str,
    definition: StepDefinition | None,
    executions: dict[str, Execution] | None,
    facts: Facts,
    going_back: Moment | None,
    skew: int,
) -> Step:
    participant = definition.participant if definition else ""
    if not executions:
        return Step(name, definition, participant, PENDING)
    runs = [
        _plain_run(execution, run, definition, going_back, skew)
        or _run(execution, run, definition, going_back, skew)
        for execution, run in pair(executions).items()
    ]
    if len(runs) > 1:
        runs.sort(key=lambda run: (run.started.stamp.time if run.started else run.newest, run.execution))
        state = max(runs, key=urgency).state
    else:
        state = runs[0].state
    return Step(name, definition, participant or _participant(executions, facts), state, runs)


def _plain_run(
    execution: str,
    run: Execution,
    definition: StepDefinition | None,
    going_back: Moment | None,
    skew: int,
) -> Run | None:
    """What `_run` makes of an execution of which nothing was told but a start and a completion after it.

    Of a hundred executions ninety-nine are such; this takes a third of the time. None of any other.
    """
    if run.back:
        return None
    started = completed = None
    for word, by_source in run.forward.items():
        if len(by_source) > 1:
            return None
        for source, phase in by_source.items():
            if phase.count > 1:
                return None
            if word == "started":
                started = Moment(source, phase.first)
            elif word == "completed":
                completed = Moment(source, phase.first)
            else:
                return None
    asked = started or completed
    if asked is None:
        return None
    attempts = asked.stamp.attempt or 1
    if started and completed:
        if completed.stamp.time < started.stamp.time or _starts_again(
            run.forward, "completed", completed, started, skew
        ):
            return None
        attempts = max(attempts, completed.stamp.attempt)
    return Run(
        execution=execution,
        state=COMPLETED if completed else RUNNING,
        attempts=attempts,
        started=started,
        completed=completed,
        has_effect=completed is not None,
        asked=asked,
        deadline=None if completed else _deadline(asked, started, definition),
        undo_deadline=_undo_deadline({}, {}, definition, going_back, skew) if going_back else None,
        error=run.error.value if run.error else "",
        said=run,
        is_plain=True,
    )


def _run(
    execution: str,
    run: Execution,
    definition: StepDefinition | None,
    going_back: Moment | None,
    skew: int,
) -> Run:
    forward, back = run.forward, run.back
    said = facts_.newest(forward)
    unsaid = facts_.newest(back) if back else {}
    started, completed, failed = said.get("started"), said.get("completed"), said.get("failed")
    timed_out, retried = said.get("timed_out"), said.get("attempt_failed")
    undo_started, undone, undo_failed = unsaid.get("started"), unsaid.get("completed"), unsaid.get("failed")
    answered = completed or failed or timed_out
    # A start whose answer is older by another clock was no new one.
    begun = started
    if started and answered and answered.stamp.time < started.stamp.time:
        apart = facts_.skewed(forward, skew)
        begun = None if apart and apart[1].source != OURSELVES else started
    forward_state = state = _forward_state(forward, said, begun, skew)
    is_undone = bool(undone and not precedes(undone, completed, skew) and not precedes(undone, begun, skew))
    if is_undone:
        state = StepState.COMPENSATED
    elif undo_failed and not undone:
        is_tried_again = precedes(undo_failed, undo_started, skew)
        state = StepState.COMPENSATING if is_tried_again else StepState.COMPENSATION_FAILED
    elif back and not undone and "skipped" not in back:
        state = StepState.COMPENSATING
    asked = _asked(forward, said, begun, skew)
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
        deadline=_deadline(asked, started, definition) if state is RUNNING or not answered else None,
        undo_deadline=_undo_deadline(back, unsaid, definition, going_back, skew),
        error=run.error.value if run.error else "",
        said=run,
    )


def _forward_state(forward: Said, said: dict[str, Moment], begun: Moment | None, skew: int) -> StepState:
    """Where the step itself stands, its compensation aside. A completion stays one: its effect is there."""
    started, retried = begun, said.get("attempt_failed")
    if retried:
        begun = facts_.latest([started, retried]) if started else retried
    failed, timed_out = said.get("failed"), said.get("timed_out")
    if completed := said.get("completed"):
        return RUNNING if _starts_again(forward, "completed", completed, started, skew) else COMPLETED
    if failed:
        if _starts_again(forward, "failed", failed, begun, skew):
            return StepState.RUNNING
        return StepState.TIMED_OUT if precedes(failed, timed_out, skew) else StepState.FAILED
    if timed_out:
        is_tried = _starts_again(forward, "timed_out", timed_out, begun, skew)
        return StepState.RUNNING if is_tried else StepState.TIMED_OUT
    if "skipped" in said:
        return StepState.SKIPPED
    return RUNNING if begun else PENDING


def _starts_again(forward: Said, word: str, answer: Moment, begun: Moment | None, skew: int) -> bool:
    """Whether the step provably began once more after this answer: a later attempt, or later in time."""
    if begun is None:
        return False
    if answer.stamp.attempt and begun.stamp.attempt:
        # The newest may be the late answer of an attempt before.
        return begun.stamp.attempt > _highest(forward[word])
    return precedes(answer, begun, skew)


def _highest(by_source: dict[str, Phase]) -> int:
    attempt = 0
    for phase in by_source.values():
        attempt = max(attempt, phase.first.attempt)
        if phase.last:
            attempt = max(attempt, phase.last.attempt)
    return attempt


def _attempts(forward: Said) -> int:
    told = 1 if forward else 0
    for by_source in forward.values():
        told = max(told, _highest(by_source))
    tried = facts_.count(forward, "attempt_failed") + (1 if "completed" in forward else 0)
    return max(told, tried, facts_.count(forward, "started"))


def _asked(forward: Said, said: dict[str, Moment], begun: Moment | None, skew: int) -> Moment | None:
    """The first start, or the newest where an answer came before it: trying again buys no more time."""
    if begun:
        for answer in facts_.ANSWERS:
            if answer in said and _starts_again(forward, answer, said[answer], begun, skew):
                return begun
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
