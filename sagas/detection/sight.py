"""A saga as rules and conflicts look at it."""

from dataclasses import dataclass

from sagas.definitions import Definition
from sagas.facts import Facts, Moment
from sagas.fold import URGENCY, Run, State, Step
from sagas.vocabulary import StepKind

# What settles what a step has done.
OUTCOMES = ("completed", "failed", "timed_out", "undone", "undo_failed")


@dataclass(frozen=True, slots=True)
class Sight:
    """All as values, so that it may be a recorded saga under a definition that is only tried.

    `shared`: of a linked saga, the names of the business keys of which it has the same value.
    """

    saga_type: str
    saga_id: str
    facts: Facts
    state: State
    definition: Definition | None
    shared: frozenset[str] = frozenset()

    @property
    def name(self) -> dict[str, str]:
        return {"type": self.saga_type, "id": self.saga_id}

    @property
    def outcomes(self) -> list[Moment]:
        """The moments that say what it has done and where it stands."""
        state = self.state
        marks = (state.started, state.went_back, state.ended, state.timed_out)
        return [mark for mark in marks if mark] + [
            moment for step in state.steps for run in step.runs for moment in moments(run, OUTCOMES)
        ]


def moments(run: Run, names: tuple[str, ...]) -> list[Moment]:
    return [moment for name in names if (moment := getattr(run, name))]


def is_active(step: Step) -> bool:
    """Whether it is at work, or has an effect that is there or may be."""
    leaves = step.kind != StepKind.READONLY
    return any(run.state in URGENCY or (leaves and (run.has_effect or run.is_unknown)) for run in step.runs)
