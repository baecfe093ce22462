"""When to look at a saga again: never too late, and never for nothing."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold
from sagas.detection import judge
from sagas.detection.deadlines import next_due
from sagas.facts import Facts
from sagas.fold import SECOND
from sagas.vocabulary import StepState
from tests.sagas.saying import DEFINITION, START, event_sets, say

described = st.sampled_from([None, DEFINITION])
LATER = facts.moment(START) + timedelta(days=400)


def due_after(words: str, definition: definitions.Definition | None, after: float = 0) -> float | None:
    """Seconds from the last event to when the saga is due, looked at `after` seconds past that event."""
    events = say(words)
    last = facts.moment(events[-1].time)
    now = last + timedelta(seconds=after)
    due = next_due(fold.derive(facts.merge(Facts(), events), definition, now), definition, now)
    return None if due is None else round((due - last).total_seconds(), 3)


@pytest.mark.parametrize(
    ("words", "definition", "due"),
    [
        ("saga.started", None, 900),
        ("saga.started", DEFINITION, 300),
        ("charge:S", DEFINITION, 10),
        ("charge:C ship:S", DEFINITION, 30),
        ("charge:S other:S", DEFINITION, 0),  # charge is due: ten seconds have passed
        ("charge:S charge:T", DEFINITION, 0),
        ("charge:C charge:KS", DEFINITION, 20),
        ("check:C charge:C ship:C", DEFINITION, None),
        ("saga.started charge:C saga.completed", None, None),
    ],
)
def test_a_saga_is_due_at_its_earliest_deadline(words: str, definition: object, due: float | None) -> None:
    assert due_after(words, definition) == due


def test_what_is_wrong_already_is_due_at_once() -> None:
    assert due_after("charge:S", DEFINITION, after=60) == 60


def test_the_deadline_of_the_event_wins() -> None:
    (started,) = say("charge:S")
    told = msgspec.structs.replace(started, deadline=START + 60 * SECOND)
    state = fold.derive(facts.merge(Facts(), [told]), DEFINITION, facts.moment(START))
    assert next_due(state, DEFINITION, facts.moment(START)) == facts.moment(START + 60 * SECOND + 1)


@given(event_sets, described, st.integers(0, 1200))
def test_nothing_changes_before_it_is_due(events, definition, seconds) -> None:
    known = facts.merge(Facts(), events)
    now = facts.moment(START + seconds * SECOND)
    state = fold.derive(known, definition, now)
    found = judge.judge(state, definition, now)
    due = next_due(state, definition, now)
    if found:
        assert due == now
        return
    if due is None:
        assert not judge.judge(fold.derive(known, definition, LATER), definition, LATER)
        return
    assert due > now
    before = due - timedelta(microseconds=1)
    unchanged = fold.derive(known, definition, before)
    assert unchanged == state
    assert judge.judge(unchanged, definition, before) == []
    at_due = fold.derive(known, definition, due)
    is_undoing = any(step.state == StepState.COMPENSATING for step in state.steps)
    assert at_due != state or judge.judge(at_due, definition, due) or is_undoing
