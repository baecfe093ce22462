"""What one saga that is over teaches: how each execution of its steps ended, and how long it took. Pure."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from sagas import facts
from sagas.events import OURSELVES
from sagas.facts import SECOND, Moment, Said, precedes
from sagas.fold import Run, State
from sagas.vocabulary import StepState

# Days that are kept; what ended before them is not learned any more.
KEPT = 90

# Two sources whose clocks contradict each other within the saga.
Skewed = set[frozenset[str]]


class Measured(NamedTuple):
    """One execution. Times in seconds, None where nothing proves how long it took."""

    step: str
    day: date  # UTC, on which it was last heard of
    outcome: str  # completed, failed or unanswered; empty where only its compensation is known
    undoing: str  # compensated or compensation_failed; empty where it was not undone
    took: float | None
    undo_took: float | None


def took(state: State, run: Run) -> tuple[float | None, float | None]:
    """Seconds that one execution took, forward and back; None where nothing proves how long."""
    skewed = _skewed(state)
    return _took(state, run, skewed), _undo_took(state, run, skewed)


def measure(state: State, now: datetime) -> Iterator[Measured]:
    """Every execution that came to something, but for those that ended too long ago."""
    skewed = _skewed(state)
    oldest = now.date() - timedelta(days=KEPT)
    for step in state.steps:
        for run in step.runs:
            outcome, undoing = _outcome(run), _undoing(run)
            day = min(facts.moment(_newest(run)), now).date()
            if (outcome or undoing) and day > oldest:
                took, undo_took = _took(state, run, skewed), _undo_took(state, run, skewed)
                yield Measured(step.name, day, outcome, undoing, took, undo_took)


def _outcome(run: Run) -> str:
    if run.completed:
        return "completed"
    if run.failed:
        return "failed"
    return "unanswered" if run.timed_out or run.started or run.retried else ""


def _undoing(run: Run) -> str:
    if run.state == StepState.COMPENSATED:
        return "compensated"
    return "compensation_failed" if run.state == StepState.COMPENSATION_FAILED else ""


def _newest(run: Run) -> int:
    moments = (run.undo_started, run.undo_retried, run.undone, run.undo_failed)
    return max([run.newest, *(moment.stamp.time for moment in moments if moment)])


def _took(state: State, run: Run, skewed: Skewed) -> float | None:
    """From the start that its deadline counts from to its completion."""
    return _between(state, run.asked if run.started else None, run.said.forward, skewed)


def _undo_took(state: State, run: Run, skewed: Skewed) -> float | None:
    """Likewise back: from the first start, or the one after a compensation that failed for good."""
    begun = run.undo_started
    if begun and not precedes(run.undo_failed, begun, _skew()):
        begun = facts.first(run.said.back, "started")
    return _between(state, begun, run.said.back, skewed)


def _between(state: State, begun: Moment | None, said: Said, skewed: Skewed) -> float | None:
    """Seconds to the completion; by one clock where one source tells both.

    Only what was told with its time counts, and not what a person or Amends recorded, nor what a repair
    came in between of: that says when somebody looked. Of two clocks a difference is believed unless
    anything in the saga speaks against it.
    """
    if begun is None or not begun.stamp.given:
        return None
    ends = _ends(begun, said)
    end = ends.get(begun.source)
    if end is None and begun.source not in said.get("completed", {}):
        end = min(ends.values(), key=_time, default=None)
    if end is None or _is_repaired(state, begun, end):
        return None
    if end.source != begun.source:
        if frozenset({begun.source, end.source}) in skewed:
            return None
        ended = state.ended
        if ended and ended.source != end.source and _time(end) > _time(ended) + _skew():
            return None
    return (_time(end) - _time(begun)) / SECOND


def _is_repaired(state: State, begun: Moment, end: Moment) -> bool:
    repair = state.facts.marks.get("repair_started", {})
    stamps = (stamp for phase in repair.values() for stamp in (phase.first, phase.newest))
    return any(_time(begun) < stamp.time <= _time(end) for stamp in stamps)


def _ends(begun: Moment, said: Said) -> dict[str, Moment]:
    """By source, the first completion after the start."""
    found: dict[str, Moment] = {}
    for source, phase in said.get("completed", {}).items():
        if source == OURSELVES:
            continue
        for stamp in (phase.first, phase.newest):
            end = Moment(source, stamp)
            if stamp.given and _time(end) > _time(begun) and not precedes(end, begun, _skew()):
                found[source] = end
                break
    return found


def _skewed(state: State) -> Skewed:
    """Sources of which one gave an answer that lies, by the clocks, before the other's question."""
    found: Skewed = set()
    for step in state.steps:
        for run in step.runs:
            for begun, end in ((run.asked, run.completed), (run.undo_started, run.undone)):
                if begun and end and begun.source != end.source and _time(end) <= _time(begun):
                    found.add(frozenset({begun.source, end.source}))
    return found


def _time(moment: Moment) -> int:
    return moment.stamp.time


def _skew() -> int:
    return int(settings.SKEW_ALLOWANCE * SECOND)
