"""What is normal for the steps of a saga, where this one stands in it, and until when it may take."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from console.web import histogram
from console.web.histogram import Histogram
from sagas import facts
from sagas.definitions import Definition
from sagas.detection import learned
from sagas.durations import exactly, roughly
from sagas.fold import SECOND, Run, State, Step
from sagas.learning import measuring, normal
from sagas.learning.normal import FEWEST, WINDOW, Norm
from sagas.learning.sketch import Durations
from sagas.models import Saga
from sagas.vocabulary import Learned, StepState

# Steps that are shown; of a saga with more, those that need people or are at work, then the first.
MOST = 12

BACK = {StepState.COMPENSATING, StepState.COMPENSATION_FAILED}
# Of the steps without a finding, the one that is at work is looked at first.
AT_WORK = {StepState.RUNNING, StepState.COMPENSATING}


@dataclass(frozen=True, slots=True)
class Normal:
    """A step, or its compensation, in words; `drawing` says the same once more."""

    title: str
    this: str  # "This one took 2.1 s, longer than 80 of 100."
    samples: int
    missing: int  # how many more must be seen before anything is said; 0: enough
    figures: list[tuple[str, str]]  # ("half", "1.1 s")
    deadline: str
    drawing: Histogram | None

    @property
    def label(self) -> str:
        """The drawing in words."""
        known = "; ".join(f"{share} take {taken} or less" for share, taken in self.figures)
        return f"How long {self.title} took {self.samples:,} times: {known}. {self.this}".rstrip()


def of(
    saga: Saga, state: State, definition: Definition | None, unwell: Collection[str], now: datetime
) -> dict[str, object]:
    """The template context: what to look at first, and the other steps that have begun."""
    begun = [step for step in state.steps if step.run]
    begun.sort(key=lambda step: (step.name not in unwell, step.state not in AT_WORK))
    begun = begun[:MOST]
    version = definition.version if definition else ""
    known = normal.distributions(saga.saga_type, version, [step.name for step in begun])
    found = [one for step in begun for one in _of_step(step, state, definition, known.get(step.name), now)]
    return {"normal": found[:1], "other_normals": found[1:], "window": WINDOW}


def _of_step(
    step: Step,
    state: State,
    definition: Definition | None,
    known: tuple[Durations, Durations] | None,
    now: datetime,
) -> list[Normal]:
    """Going forward and, where it was begun, back; first what is going on."""
    run = step.run
    if run is None:
        return []
    forward, back = known or (Durations(), Durations())
    took, undo_took = measuring.took(state, run)
    found = []
    if run.started or len(forward):
        running = _running(run) if run.state == StepState.RUNNING else None
        deadline = _deadline(step, definition, normal.of(forward), _allowed(step, run))
        found.append(_normal(step.title, forward, took, running, deadline, now))
    if run.undo_started:
        running = run.undo_started.stamp.time if run.state == StepState.COMPENSATING else None
        deadline = _deadline(step, definition, normal.of(back), _undo_allowed(step, run))
        found.append(_normal(_undo_title(step), back, undo_took, running, deadline, now))
    return found[::-1] if step.state in BACK else found


def _normal(
    title: str,
    sketch: Durations,
    took: float | None,
    running: int | None,
    deadline: tuple[str, float | None],
    now: datetime,
) -> Normal:
    norm = normal.of(sketch)
    this = took
    if running is not None:
        this = max(0.0, (facts.microseconds(now) - running) / SECOND)
    words, limit = deadline
    return Normal(
        title=title,
        this=_compare(this, running is not None, sketch if norm else None),
        samples=len(sketch),
        missing=max(FEWEST - len(sketch), 0),
        figures=_figures(norm),
        deadline=words,
        drawing=histogram.draw(sketch, this, limit) if norm else None,
    )


def _figures(norm: Norm | None) -> list[tuple[str, str]]:
    if norm is None:
        return []
    shares = [("half", norm.p50), ("95 of 100", norm.p95), ("99 of 100", norm.p99)]
    return [(share, roughly(taken)) for share, taken in shares]


def _compare(this: float | None, is_running: bool, sketch: Durations | None) -> str:
    if this is None:
        return ""
    said = f"This one has taken {roughly(this)} so far" if is_running else f"This one took {roughly(this)}"
    if sketch is None:
        return f"{said}."
    longer = int(sketch.share_below(this) * 100)
    if longer == 100:
        return f"{said}, longer than any other."
    return f"{said}, longer than {longer} of 100." if longer else f"{said}, as quick as the quickest."


def _running(run: Run) -> int | None:
    return run.asked.stamp.time if run.asked and run.started else None


def _allowed(step: Step, run: Run) -> float | None:
    """Seconds that somebody declared; None: nobody did."""
    told = run.started.stamp.deadline if run.started else 0
    if told and run.asked:
        return max(0.0, (told - run.asked.stamp.time) / SECOND)
    return step.definition.deadline if step.definition else None


def _undo_allowed(step: Step, run: Run) -> float | None:
    told = run.undo_started.stamp.deadline if run.undo_started else 0
    if told and run.undo_started:
        return max(0.0, (told - run.undo_started.stamp.time) / SECOND)
    compensation = step.definition.compensation if step.definition else None
    return compensation.deadline if compensation else None


def _deadline(
    step: Step, definition: Definition | None, norm: Norm | None, declared: float | None
) -> tuple[str, float | None]:
    """In words, and in seconds where it is worth drawing."""
    default = float(settings.DEFAULT_DEADLINE)
    if declared is not None:
        return f"Deadline {exactly(declared)}, declared.", declared
    mode = learned.how(step, definition)
    if norm is None or mode == Learned.OFF or norm.limit >= default:
        return f"Deadline {exactly(default)}, the default.", None
    limit = exactly(norm.limit)
    if mode == Learned.PAGE:
        return f"Deadline {limit}, learned.", norm.limit
    return f"Deadline {limit}, learned: past it this only warns, until {exactly(default)}.", norm.limit


def _undo_title(step: Step) -> str:
    compensation = step.definition.compensation if step.definition else None
    return compensation.title if compensation else f"undoing {step.title}"
