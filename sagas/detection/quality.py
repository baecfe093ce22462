"""About the data: what makes a saga's picture less sure. Shown aside; changes no condition, pages nobody."""

from collections.abc import Iterator

from sagas import facts
from sagas.definitions import Definition
from sagas.detection.verdict import AT_ONCE, Verdict, iso, proof, skew
from sagas.facts import Moment
from sagas.fold import SECOND, Run, State, Step
from sagas.vocabulary import Code

# How long events may be on their way before their numbers are missed.
LATEST = 60 * SECOND


def clock_skew(state: State, step: Step, run: Run) -> Verdict | None:
    """An answer that is older than its question, by two clocks, and by more than the allowance."""
    if not run.started or not (run.completed or run.failed):
        return None
    apart = facts.skewed(run.said.forward, skew())
    if apart is None:
        return None
    started, answer = apart
    detail = {
        "participant": step.participant,
        "sources": [started.source, answer.source],
        "apart": (started.stamp.time - answer.stamp.time) / SECOND,
        "started": iso(started),
        "answered": iso(answer),
    }
    since = started.stamp.time
    return Verdict(Code.CLOCK_SKEW, step.name, AT_ONCE, since, proof(started, answer), detail)


def unknown_step(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """Events name a step that the definition does not."""
    if definition is None:
        return
    for step in state.steps:
        if step.definition is None:
            moment = next((_any(run) for run in step.runs), None)
            since = moment.stamp.time if moment else state.first
            detail = {"participant": step.participant, "version": definition.version}
            yield Verdict(Code.UNKNOWN_STEP, step.name, AT_ONCE, since, proof(moment), detail)


def sequence_gap(state: State, definition: Definition | None) -> Iterator[Verdict]:
    """A source numbers its events of each saga, and some of the numbers have not come."""
    gaps = [
        (source, span.highest - span.lowest + 1 - span.count)
        for source, span in sorted(state.facts.spans.items())
        if span.highest - span.lowest + 1 > span.count
    ]
    if gaps:
        detail = {"source": gaps[0][0], "missing": sum(missing for _, missing in gaps)}
        yield Verdict(Code.SEQUENCE_GAP, "", state.last + LATEST, state.last, (), detail)


def _any(run: Run) -> Moment | None:
    """The first that was heard of it."""
    return facts.first(run.said.forward, *run.said.forward) or facts.first(run.said.back, *run.said.back)
