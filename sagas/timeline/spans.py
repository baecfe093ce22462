"""One execution of a step as stretches of time: its running, and its compensation (pure).

Times are whole microseconds since 1970 UTC, as in sagas.facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sagas.facts import Observed
from sagas.fold import Run, Step
from sagas.vocabulary import SAID_TO_AMENDS, StepState

# Failed attempts that are marked within one span, the newest; `attempts` still tells how many there were.
MOST_TRIES = 12

ANSWERS = {
    "completed": StepState.COMPLETED,
    "failed": StepState.FAILED,
    "timed_out": StepState.TIMED_OUT,
    "skipped": StepState.SKIPPED,
}
BACK_ANSWERS = {
    "completed": StepState.COMPENSATED,
    "failed": StepState.COMPENSATION_FAILED,
    "skipped": StepState.SKIPPED,
}


class Sort(StrEnum):
    FORWARD = "forward"
    BACK = "back"  # a compensation
    EXPECTED = "expected"  # has not begun, and is to come
    EXPECTED_BACK = "expected_back"


@dataclass(frozen=True, slots=True)
class Span:
    """One running of a step or of its compensation. Times are 0 for what is only expected."""

    sort: Sort
    participant: str
    step: str
    execution: str
    title: str
    outcome: StepState
    start: int = 0
    end: int = 0
    is_open: bool = False  # without a result: it lasts until now
    is_late: bool = False  # without a result, and its deadline has passed
    attempts: int = 1
    tries: tuple[int, ...] = ()  # when attempts failed
    deadline: int | None = None
    is_given: bool = True  # False: a time is that of receipt
    is_told_here: bool = False  # Amends was told the result: by a person, or in answer to a repair
    event: tuple[str, str] = ("", "")  # source and id of the event that began it

    @property
    def is_back(self) -> bool:
        return self.sort in {Sort.BACK, Sort.EXPECTED_BACK}

    @property
    def is_at_work(self) -> bool:
        """Whether somebody was at it all the time, as far as is known: not, where only a repair ended it."""
        return not (self.is_open or self.is_expected or self.is_told_here)

    @property
    def is_expected(self) -> bool:
        return self.sort in {Sort.EXPECTED, Sort.EXPECTED_BACK}


@dataclass(slots=True)
class Execution:
    """One execution of a step, whose events, in order of time, become spans."""

    step: Step
    participant: str
    execution: str
    run: Run
    now: int

    def forward(self, events: Sequence[Observed]) -> list[Span]:
        is_running = self.run.state == StepState.RUNNING
        is_unknown = self.run.is_unknown and self.run.completed is None
        undone = min(
            (moment.stamp.time for moment in (self.run.undo_started, self.run.undone) if moment), default=None
        )
        stretches = _stretches(events, ANSWERS)
        if len(stretches) > 1 and stretches[-1].answer is None and not is_running:
            # Clocks disagree, or a second witness spoke late: the fold says that it has been answered.
            last = stretches.pop()
            stretches[-1].events += last.events
        spans = []
        for place, stretch in enumerate(stretches):
            is_last = place == len(stretches) - 1
            outcome = stretch.answer or (StepState.RUNNING if is_running else StepState.TIMED_OUT)
            is_open = is_last and (
                (stretch.answer is None and undone is None)
                or (stretch.answer == StepState.TIMED_OUT and is_unknown and undone is None)
            )
            end = self.now if is_open else stretch.end
            if stretch.answer is None and not is_open:
                end = max(stretch.start, undone or stretch.end)
            title = self.step.title
            spans.append(self._span(Sort.FORWARD, title, stretch, outcome, end, is_open, self.run.deadline))
        return spans

    def back(self, events: Sequence[Observed]) -> list[Span]:
        described = self.step.definition.compensation if self.step.definition else None
        title = described.title if described else f"undo {self.step.title}"
        is_open = self.run.state == StepState.COMPENSATING
        stretches = _stretches(events, BACK_ANSWERS)
        if len(stretches) > 1 and stretches[-1].answer is None and not is_open:
            last = stretches.pop()
            stretches[-1].events += last.events
        spans = []
        for place, stretch in enumerate(stretches):
            goes_on = is_open and stretch.answer is None and place == len(stretches) - 1
            outcome = stretch.answer or StepState.COMPENSATING
            end = self.now if goes_on else stretch.end
            spans.append(self._span(Sort.BACK, title, stretch, outcome, end, goes_on, self.run.undo_deadline))
        return spans

    def _span(
        self,
        sort: Sort,
        title: str,
        stretch: "_Stretch",
        outcome: StepState,
        end: int,
        is_open: bool,
        deadline: int | None,
    ) -> Span:
        tries = [event.time for event in stretch.events if event.kind.value.endswith(".attempt_failed")]
        told_attempts = max((event.attempt for event in stretch.events), default=0)
        has_more = stretch.answer not in {None, StepState.FAILED, StepState.COMPENSATION_FAILED}
        start = min(event.time for event in stretch.events)
        return Span(
            sort=sort,
            participant=self.participant,
            step=self.step.name,
            execution=self.execution,
            title=title,
            outcome=outcome,
            start=start,
            end=max(start, end, *tries),
            is_open=is_open,
            is_late=is_open and deadline is not None and deadline < self.now,
            attempts=max(told_attempts, len(tries) + (1 if has_more else 0), 1),
            tries=tuple(tries[-MOST_TRIES:]),
            deadline=deadline if is_open else None,
            is_given=all(event.time_given for event in stretch.events),
            is_told_here=any(event.kind.family == "operator" for event in stretch.events),
            event=(stretch.events[0].source, stretch.events[0].event_id),
        )


@dataclass(slots=True)
class _Stretch:
    """Events from a beginning to an answer."""

    events: list[Observed]
    answer: StepState | None = None

    @property
    def start(self) -> int:
        return self.events[0].time

    @property
    def end(self) -> int:
        return max(event.time for event in self.events)


def _stretches(events: Sequence[Observed], answers: dict[str, StepState]) -> list[_Stretch]:
    """Cut where a step begins again after an answer; a second witness of the same answer adds nothing."""
    found: list[_Stretch] = []
    for event in events:
        word = SAID_TO_AMENDS.get(event.kind, event.kind).value.partition(".")[2]
        answer = answers.get(word)
        current = found[-1] if found else None
        if current is None or (current.answer is not None and answer is None):
            current = _Stretch([])
            found.append(current)
        elif current.answer is not None and answer == current.answer:
            continue
        elif current.answer not in {None, StepState.TIMED_OUT}:
            # A late answer settles an unknown one; after a known one it stands for itself.
            current = _Stretch([])
            found.append(current)
        current.events.append(event)
        current.answer = answer or current.answer
    return found
