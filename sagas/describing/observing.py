"""What many sagas of one type have in common: their steps, in which order, by whom, how long (pure)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sagas import facts as facts_
from sagas.definitions.checking import CONTROL
from sagas.describing.ordering import Order, Spell
from sagas.facts import SECOND, Facts
from sagas.fold import State, Step, derive
from sagas.vocabulary import Status, StepState

# What a definition can hold.
MOST_STEPS = 500
LONGEST_NAME = 200
# The share of finished sagas that a required step was seen in.
REQUIRED = 0.99


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took; seconds."""

    samples: int = 0
    p99: float = 0.0
    longest: float = 0.0

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        if not seconds:
            return cls()
        ordered = sorted(seconds)
        return cls(len(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], ordered[-1])


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A step in numbers of sagas. `after`: the steps that had ended before it began."""

    name: str
    after: tuple[str, ...]
    sagas: int
    finished: int  # finished sagas in which it completed or was skipped
    failed: int
    undone: int
    undo_failed: int
    left: int  # it had completed, the saga went back and ended, and nobody ever spoke of undoing it
    participants: tuple[tuple[str, int], ...]  # who told of it, and in how many sagas; most often first
    forward: Times
    back: Times


@dataclass(frozen=True, slots=True)
class Seen:
    """`finished`: sagas that came to a good end; `is_told`: whether their engine said so, or nobody did and
    all their steps had completed. `first` and `last`: microseconds."""

    saga_type: str
    sagas: int
    statuses: dict[Status, int]
    finished: int
    is_told: bool
    first: int
    last: int
    steps: tuple[SeenStep, ...]
    left_out: tuple[str, ...]  # names that no definition can hold, or past the most steps that it can
    versions: tuple[tuple[str, int], ...]  # what events name as `sagaversion`; most often first
    length: Times

    def is_required(self, step: SeenStep) -> bool:
        """Also where no saga finished: nothing speaks against it."""
        return not self.finished or step.finished >= REQUIRED * self.finished


@dataclass(slots=True)
class _Notes:
    """What is noted of one step while the sagas go by."""

    sagas: int = 0
    finished: int = 0
    failed: int = 0
    undone: int = 0
    undo_failed: int = 0
    left: int = 0
    participants: Counter[str] = field(default_factory=Counter)
    forward: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)


def observe(saga_type: str, sagas: Iterable[Facts]) -> Seen:
    """`sagas`: the facts of each, the newest saga first."""
    states = [derive(facts, None, facts_.moment(facts.last)) for facts in sagas]
    finished, is_told = _finished(states)
    notes: dict[str, _Notes] = defaultdict(_Notes)
    order = Order()
    for place, state in enumerate(states):
        order.add([spell for step in state.steps if (spell := _spell(step)) is not None])
        for step in state.steps:
            _note(notes[step.name], step, state, place in finished)
    kept, left_out = _kept(notes)
    after = order.after(kept)
    return Seen(
        saga_type=saga_type,
        sagas=len(states),
        statuses=dict(Counter(state.status for state in states)),
        finished=len(finished),
        is_told=is_told,
        first=min((state.first for state in states if state.first), default=0),
        last=max((state.last for state in states), default=0),
        steps=tuple(_seen(name, others, notes[name]) for name, others in after.items()),
        left_out=left_out,
        versions=_most_common(Counter(state.version for state in states if state.version)),
        length=Times.of([(states[place].last - states[place].first) / SECOND for place in finished]),
    )


def _finished(states: Sequence[State]) -> tuple[set[int], bool]:
    """Which came to a good end, by their places; and whether somebody said so.

    Choreographies often tell no end. There a saga counts that never went back, whose steps have all
    completed, and of which nothing more came for as long as the longest of them took.
    """
    told = {place for place, state in enumerate(states) if state.status == Status.COMPLETED}
    if told:
        return told, True
    done = {StepState.COMPLETED, StepState.SKIPPED}
    quiet = {
        place: state
        for place, state in enumerate(states)
        if state.status == Status.RUNNING
        and not state.timed_out
        and state.steps
        and all(step.state in done for step in state.steps)
    }
    patience = max((state.last - state.first for state in quiet.values()), default=0)
    newest = max((state.last for state in states), default=0)
    return {place for place, state in quiet.items() if state.last + patience < newest}, False


def _spell(step: Step) -> Spell | None:
    """From its first sign to its completion, else to its last sign; None where only its undoing was seen."""
    begun = [
        moment.stamp.time
        for run in step.runs
        for moment in (run.started, run.retried, run.completed, run.failed, run.timed_out)
        if moment
    ]
    if not begun:
        return None
    ended = [run.completed.stamp.time for run in step.runs if run.completed]
    return Spell(step.name, min(begun), max(ended or begun))


def _note(notes: _Notes, step: Step, state: State, is_finished: bool) -> None:
    notes.sagas += 1
    if step.participant:
        notes.participants[step.participant] += 1
    is_completed = any(run.completed for run in step.runs)
    is_spoken_of = any(
        run.undo_started or run.undone or run.undo_failed or run.undo_retried for run in step.runs
    )
    notes.finished += is_finished and (is_completed or step.state == StepState.SKIPPED)
    notes.failed += any(run.failed for run in step.runs)
    notes.undone += any(run.undone for run in step.runs)
    notes.undo_failed += any(run.undo_failed and not run.undone for run in step.runs)
    notes.left += bool(state.went_back and state.is_over and is_completed and not is_spoken_of)
    for run in step.runs:
        if run.started and run.completed and run.completed.stamp.time >= run.started.stamp.time:
            notes.forward.append((run.completed.stamp.time - run.started.stamp.time) / SECOND)
        if run.undo_started and run.undone and run.undone.stamp.time >= run.undo_started.stamp.time:
            notes.back.append((run.undone.stamp.time - run.undo_started.stamp.time) / SECOND)


def is_nameable(name: str) -> bool:
    """Whether a definition can hold it."""
    return 0 < len(name) <= LONGEST_NAME and not CONTROL.search(name)


def _kept(notes: dict[str, _Notes]) -> tuple[list[str], tuple[str, ...]]:
    """The steps that a definition can hold, those seen most often first; and the others."""
    often = sorted(notes, key=lambda name: (-notes[name].sagas, name))
    kept = [name for name in often if is_nameable(name)][:MOST_STEPS]
    chosen = set(kept)
    return kept, tuple(name for name in often if name not in chosen)


def _seen(name: str, after: tuple[str, ...], notes: _Notes) -> SeenStep:
    return SeenStep(
        name=name,
        after=after,
        sagas=notes.sagas,
        finished=notes.finished,
        failed=notes.failed,
        undone=notes.undone,
        undo_failed=notes.undo_failed,
        left=notes.left,
        participants=_most_common(notes.participants),
        forward=Times.of(notes.forward),
        back=Times.of(notes.back),
    )


def _most_common(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    usable = [(name, count) for name, count in counts.items() if is_nameable(name)]
    return tuple(sorted(usable, key=lambda pair: (-pair[1], pair[0])))
