"""Where a saga stands, as values: what `derive` returns and everybody else reads."""

from datetime import datetime

from msgspec import Struct

from sagas import facts
from sagas.definitions import StepDefinition
from sagas.facts import Execution, Facts, Moment
from sagas.stakes import Stake
from sagas.vocabulary import ENDED, Status, StepKind, StepState

# Of several executions of a step, the one that needs a person most speaks for the step.
URGENCY = {
    StepState.COMPENSATION_FAILED: 4,
    StepState.TIMED_OUT: 3,
    StepState.COMPENSATING: 2,
    StepState.RUNNING: 1,
}


class Run(Struct, gc=False, kw_only=True):
    """One execution of a step. Moments are None where nothing of the kind was said."""

    execution: str
    state: StepState
    attempts: int
    said: Execution  # all that was said of it
    # Nothing was said but that it started, and perhaps completed after that, each once: as nearly always.
    is_plain: bool = False
    started: Moment | None
    retried: Moment | None = None  # the newest failed attempt
    completed: Moment | None
    failed: Moment | None = None
    timed_out: Moment | None = None
    undo_started: Moment | None = None
    undo_retried: Moment | None = None
    undone: Moment | None = None
    undo_failed: Moment | None = None
    # How many definite failures and completed compensations there were; several sources may tell of one.
    failed_count: int = 0
    undone_count: int = 0
    has_effect: bool  # completed and not undone
    is_unknown: bool = False  # nobody knows whether it has an effect
    asked: Moment | None  # the start that the deadline counts from
    deadline: int | None  # microseconds; when it should have answered, while it runs
    undo_deadline: int | None  # likewise for its compensation, once the saga goes back
    error: str  # what the newest failure gave as its reason

    @property
    def newest(self) -> int:
        """When something was last heard of it; microseconds."""
        moments = (self.started, self.retried, self.completed, self.failed, self.timed_out)
        return max((moment.stamp.time for moment in moments if moment), default=0)


def urgency(run: Run) -> tuple[int, int, str]:
    return URGENCY.get(run.state, 0), run.newest, run.execution


class Step(Struct, gc=False):
    """A step and its executions, oldest first; `runs` is empty for a step that is still expected."""

    name: str
    definition: StepDefinition | None
    participant: str
    state: StepState
    runs: list[Run] = []

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
        return max(self.runs, key=urgency, default=None)


class State(Struct, gc=False):
    """Where a saga stands. Names in `open_effects` and `unknown_effects` are step names, in step order."""

    status: Status
    engine_says: Status | None
    steps: list[Step]
    open_effects: list[str]
    unknown_effects: list[str]
    started: Moment | None
    went_back: Moment | None  # the first sign of going back
    ended: Moment | None  # the engine's end, where it still holds
    end_said: Moment | None  # the newest end that the engine reported, whatever followed
    timed_out: Moment | None
    suspended: Moment | None
    resumed: Moment | None
    deadline: int | None  # microseconds; when the whole saga should have ended
    first: int  # microseconds; its earliest and latest event
    last: int
    waiting_on: str  # the step that runs or comes next; empty once ended
    keys: dict[str, str]
    display: dict[str, str]
    stake: Stake | None
    version: str
    trace: str
    facts: Facts  # what all of this was derived from

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def is_over(self) -> bool:
        return self.status in ENDED

    @property
    def started_at(self) -> datetime | None:
        moment = self.started.stamp.time if self.started else self.first
        return facts.moment(moment) if moment else None

    @property
    def last_event_at(self) -> datetime | None:
        return facts.moment(self.last) if self.last else None

    @property
    def ended_at(self) -> datetime | None:
        if not self.is_over:
            return None
        return facts.moment(self.ended.stamp.time if self.ended else self.last)
