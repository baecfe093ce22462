"""What a saga's events tell: spans of its steps, and moments, participant by participant (pure).

No places here: `layout` gives them. Times are whole microseconds since 1970 UTC, as in sagas.facts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sagas.facts import Observed, sequence_order
from sagas.fold import State, Step
from sagas.timeline.spans import Execution, Sort, Span
from sagas.vocabulary import SAID_TO_AMENDS, Kind, StepState

# A step that ran more often than this (a loop, a fan-out) is shown by so many of its executions.
MOST_PER_STEP = 8
# Moments kept per participant, the newest.
MOST_MARKS = 24

# Of more executions than can be shown, these come first.
TELLING = {
    StepState.COMPENSATION_FAILED: 4,
    StepState.TIMED_OUT: 3,
    StepState.RUNNING: 2,
    StepState.COMPENSATING: 2,
    StepState.FAILED: 1,
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: what was said of the whole saga, or what a person did in Amends (participant "")."""

    participant: str
    kind: Kind
    time: int
    title: str  # of the step that it is about; empty: the whole saga
    is_given: bool
    event: tuple[str, str]


@dataclass(slots=True)
class Told:
    """All that is to be shown. `folded`: participant → how many spans and marks were left out."""

    spans: list[Span] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    orchestrators: set[str] = field(default_factory=set)
    folded: dict[str, int] = field(default_factory=dict)

    def fold(self, participant: str, count: int) -> None:
        if count:
            self.folded[participant] = self.folded.get(participant, 0) + count


def tell(state: State, events: Iterable[Observed], now: int) -> Told:
    """Spans in the order of the state's steps, then what is still expected; marks in order of time.

    `events` may be in any order and may be only the newest part of all; `state` is of all of them.
    """
    told = Told()
    titles = {step.name: step.title for step in state.steps}
    of_step: dict[str, list[Observed]] = {}
    marks: dict[str, list[Mark]] = {}
    for event in sorted(events, key=_when):
        is_step = SAID_TO_AMENDS.get(event.kind, event.kind).needs_step
        if is_step:
            of_step.setdefault(event.step, []).append(event)
        if event.kind.family == "saga" or (event.kind.family == "operator" and not is_step):
            mark = _mark(event, titles)
            marks.setdefault(mark.participant, []).append(mark)
        if event.kind.family == "saga":
            told.orchestrators.add(speaker(event))
    for participant, several in marks.items():
        told.marks += several[-MOST_MARKS:]
        told.fold(participant, len(several) - MOST_MARKS if len(several) > MOST_MARKS else 0)
    # What ended a repair happened in the same moment as its last answer, and after it.
    told.marks.sort(key=lambda mark: (mark.time, mark.kind == Kind.OPERATOR_REPAIR_FINISHED, mark.event))
    for step in state.steps:
        spans = _of_step(step, of_step.get(step.name, []), now)
        kept = _most_telling(spans)
        told.spans += kept
        if spans:
            told.fold(spans[0].participant, len(spans) - len(kept))
    told.spans += _expected(state)
    return told


def speaker(event: Observed) -> str:
    """Who said it, as a lane is called: the participant, else the end of the source."""
    return event.participant or event.source.rstrip("/").rpartition("/")[2] or event.source


def _when(event: Observed) -> tuple[int, tuple[int, int, str], str, str]:
    return event.time, sequence_order(event.sequence), event.source, event.event_id


def _mark(event: Observed, titles: dict[str, str]) -> Mark:
    participant = "" if event.kind.family == "operator" else speaker(event)
    title = titles.get(event.step, event.step)
    return Mark(participant, event.kind, event.time, title, event.time_given, (event.source, event.event_id))


def _of_step(step: Step, events: Sequence[Observed], now: int) -> list[Span]:
    forward: dict[str, list[Observed]] = {}
    back: dict[str, list[Observed]] = {}
    for event in events:
        kind = SAID_TO_AMENDS.get(event.kind, event.kind)
        (forward if kind.family == "step" else back).setdefault(event.execution, []).append(event)
    participant = step.participant or next(map(speaker, events), "")
    runs = {run.execution: run for run in step.runs}
    # A compensation that names no known execution is of the step as a whole, as in the fold.
    whole = max(step.runs, key=lambda run: run.newest, default=None)
    spans = []
    for execution, several in forward.items():
        if run := runs.get(execution, whole):
            spans += Execution(step, participant, execution, run, now).forward(several)
    for execution, several in back.items():
        if run := runs.get(execution, whole):
            spans += Execution(step, participant, execution, run, now).back(several)
    return spans


def _most_telling(spans: list[Span]) -> list[Span]:
    """At most MOST_PER_STEP of each direction: what needs a person first, then the newest."""
    kept: list[Span] = []
    for is_back in (False, True):
        several = [span for span in spans if span.is_back == is_back]
        ranked = sorted(several, key=lambda span: (TELLING.get(span.outcome, 0), span.start), reverse=True)
        chosen = set(map(id, ranked[:MOST_PER_STEP]))
        kept += [span for span in several if id(span) in chosen]
    return kept


def _expected(state: State) -> list[Span]:
    """Steps that are still to come; once the saga goes back, compensations that are."""
    if state.is_over:
        return []
    if state.went_back is None:
        return [
            Span(Sort.EXPECTED, step.participant, step.name, "", step.title, StepState.PENDING)
            for step in state.steps
            if step.definition and step.state == StepState.PENDING
        ]
    return [
        Span(
            Sort.EXPECTED_BACK,
            step.participant,
            step.name,
            "",
            step.definition.compensation.title,
            StepState.PENDING,
        )
        for step in reversed(state.steps)
        if step.name in state.open_effects
        and step.definition
        and step.definition.compensation
        and step.state == StepState.COMPLETED
    ]
