"""Lawful sagas raise nothing: drawn at random, with retries and clocks that differ, in any order."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold
from sagas.detection import judge
from sagas.facts import Facts, Observed
from sagas.fold import SECOND
from sagas.vocabulary import Kind
from tests.sagas.saying import START

STEPS = ("check", "charge", "pack", "ship")
DESCRIBED, NESTED = (
    definitions.parse(
        f"""
type: order
version: "1"
nested: {nested}
steps:
  - {{name: check, kind: readonly}}
  - {{name: charge, kind: compensatable}}
  - {{name: pack, kind: compensatable}}
  - {{name: ship, kind: pivot}}
""",
        "order.yaml",
    )
    for nested in ("false", "true")
)
Definitions = list[definitions.Definition | None]
# Seconds. Half the skew allowance, so that two clocks never differ by more than all of it.
MOST_SKEW = 1.0


class Telling:
    """Writes a saga down as its sources tell it, each by a clock of its own."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.events: list[Observed] = []
        self.clock = 0.0
        self.skews: dict[str, float] = {}

    def say(self, kind: Kind, step: str = "", attempt: int = 0) -> None:
        source = step or "engine"
        skew = self.skews.setdefault(source, self.draw(st.floats(-MOST_SKEW / 2, MOST_SKEW / 2)))
        self.clock += self.draw(st.floats(0.01, 30))
        self.events.append(
            Observed(
                source=source,
                event_id=str(len(self.events)),
                kind=kind,
                time=START + int((self.clock + skew) * SECOND),
                step=step,
                attempt=attempt,
            )
        )

    def run(self, step: str, outcome: Kind) -> None:
        """With up to three failed attempts before."""
        tries = self.draw(st.integers(0, 3))
        numbered = self.draw(st.booleans())
        for attempt in range(1, tries + 1):
            self.say(Kind.STEP_STARTED, step, attempt if numbered else 0)
            self.say(Kind.STEP_ATTEMPT_FAILED, step, attempt if numbered else 0)
        self.say(Kind.STEP_STARTED, step, tries + 1 if numbered else 0)
        self.say(outcome, step, tries + 1 if numbered else 0)

    def undo(self, *steps: str) -> None:
        """Side by side, in any order."""
        for step in self.draw(st.permutations(steps)):
            self.say(Kind.COMPENSATION_STARTED, step)
        for step in self.draw(st.permutations(steps)):
            for _ in range(self.draw(st.integers(0, 2))):
                self.say(Kind.COMPENSATION_ATTEMPT_FAILED, step)
            self.say(Kind.COMPENSATION_COMPLETED, step)


def completes(telling: Telling) -> Definitions:
    telling.say(Kind.SAGA_STARTED)
    for step in STEPS:
        telling.run(step, Kind.STEP_COMPLETED)
    telling.say(Kind.SAGA_COMPLETED)
    return [DESCRIBED, None]


def goes_back(telling: Telling) -> Definitions:
    """Undoes what was done; perhaps the failed step too, and one that never ran (an empty rollback)."""
    telling.say(Kind.SAGA_STARTED)
    telling.run("check", Kind.STEP_COMPLETED)
    telling.run("charge", Kind.STEP_COMPLETED)
    telling.run("pack", Kind.STEP_FAILED)
    if telling.draw(st.booleans()):
        telling.say(Kind.SAGA_COMPENSATING)
    telling.undo("charge", *telling.draw(st.sampled_from([(), ("pack",)])))
    ends = [Kind.SAGA_COMPENSATED, Kind.SAGA_FAILED, Kind.SAGA_ABORTED]
    end = telling.draw(st.sampled_from(ends))
    telling.say(end)
    # Without a definition nobody knows that a check leaves nothing to undo, unless the engine says so.
    return [DESCRIBED, None] if end == Kind.SAGA_COMPENSATED else [DESCRIBED]


def is_rolled_back_empty(telling: Telling) -> Definitions:
    telling.say(Kind.SAGA_STARTED)
    telling.run("charge", Kind.STEP_FAILED)
    telling.undo("charge", "pack")
    telling.say(Kind.SAGA_COMPENSATED)
    return [DESCRIBED, None]


def is_part_of_another(telling: Telling) -> Definitions:
    """A nested saga that completed, and is undone because the one around it went back."""
    completes(telling)
    telling.undo("charge", "pack")
    telling.say(Kind.SAGA_COMPENSATED)
    return [NESTED]


def fails_at_once(telling: Telling) -> Definitions:
    telling.say(Kind.SAGA_STARTED)
    telling.run("check", Kind.STEP_FAILED)
    telling.say(Kind.SAGA_FAILED)
    return [DESCRIBED, None]


LAWFUL = [completes, goes_back, is_rolled_back_empty, is_part_of_another, fails_at_once]


@given(st.sampled_from(LAWFUL), st.data())
def test_a_lawful_saga_raises_nothing_in_any_order(story, data: st.DataObject) -> None:
    telling = Telling(data)
    lawful_by = story(telling)
    arrived = data.draw(st.permutations(telling.events))
    cut = data.draw(st.integers(0, len(arrived)))
    known = facts.merge(facts.merge(Facts(), arrived[:cut]), arrived[cut:])
    later = facts.moment(known.last) + timedelta(days=400)
    for definition in lawful_by:
        state = fold.derive(known, definition, later)
        assert state.is_over
        assert [(verdict.code, verdict.step) for verdict in judge.judge(state, definition, later)] == []
