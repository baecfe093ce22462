"""What one saga teaches: nothing that its clocks do not prove, and the same in any order of its events."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import facts, fold
from sagas.events import OURSELVES
from sagas.facts import Facts, Observed
from sagas.fold import SECOND
from sagas.learning.measuring import KEPT, Measured, measure
from sagas.vocabulary import Kind
from tests.sagas.saying import NOW, START, event_sets, say

LATER = NOW + timedelta(hours=1)


def measured(events: list[Observed], now=LATER) -> list[Measured]:
    return list(measure(fold.derive(facts.merge(Facts(), events), None, now), now))


def taught(events: list[Observed]) -> list[tuple]:
    return [(one.step, one.outcome, one.undoing, one.took, one.undo_took) for one in measured(events)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("saga.started a:S a:C", [("a", "completed", "", 10, None)]),
        # Failed attempts are a part of how long it takes; an answer begins it anew.
        ("a:S a:R a:R a:C", [("a", "completed", "", 30, None)]),
        ("a:S a:F a:S a:C", [("a", "completed", "", 10, None)]),
        ("a:S a:T a:S a:C", [("a", "completed", "", 10, None)]),
        # The first of two completions is the answer.
        ("a:S a:C a:C", [("a", "completed", "", 10, None)]),
        ("a:S a:F saga.failed", [("a", "failed", "", None, None)]),
        ("a:S a:T", [("a", "unanswered", "", None, None)]),
        ("a:S saga.completed", [("a", "unanswered", "", None, None)]),
        ("a:S a:C a:KS a:K+", [("a", "completed", "compensated", 10, 10)]),
        ("a:S a:C a:KS a:K- a:KS a:K+", [("a", "completed", "compensated", 10, 10)]),
        ("a:S a:C a:KS a:K-", [("a", "completed", "compensation_failed", 10, None)]),
        ("a:S a:F a:KS a:K+", [("a", "failed", "compensated", None, 10)]),
        # Nobody said when it was begun.
        ("a:C a:K+", [("a", "completed", "compensated", None, None)]),
        ("a:KS a:K+", [("a", "", "compensated", None, 10)]),
        ("a:N", []),
        ("a#1:S a#2:S a#1:C a#2:C", [("a", "completed", "", 20, None), ("a", "completed", "", 20, None)]),
    ],
)
def test_how_it_ended_and_how_long_it_took(words: str, expected: list[tuple]) -> None:
    assert taught(say(words, source="shop")) == expected


def at(second: float, kind: Kind, source: str, step: str = "a", **more) -> Observed:
    return Observed(
        source=source,
        event_id=f"{source}-{kind}-{step}",
        kind=kind,
        time=START + int(second * SECOND),
        step=step,
        **more,
    )


S, C, END = Kind.STEP_STARTED, Kind.STEP_COMPLETED, Kind.SAGA_COMPLETED
REPAIR = Kind.OPERATOR_REPAIR_STARTED


@pytest.mark.parametrize(
    ("events", "took"),
    [
        ([at(0, S, "engine"), at(3, C, "shop")], 3),
        # One clock is better than two.
        ([at(0, S, "engine"), at(300, C, "shop"), at(4, C, "engine")], 4),
        # The time of receipt proves nothing, at either end.
        ([at(0, S, "shop", time_given=False), at(3, C, "shop")], None),
        ([at(0, S, "shop"), at(3, C, "shop", time_given=False)], None),
        ([at(0, S, "engine"), at(3, C, "engine", time_given=False), at(4, C, "shop")], None),
        # Answered before it was asked.
        ([at(5, S, "shop"), at(3, C, "shop")], None),
        ([at(5, S, "engine"), at(3, C, "shop")], None),
        ([at(3, S, "shop", sequence="2"), at(5, C, "shop", sequence="1")], None),
        # The shop's clock goes an hour ahead: it answers long after the engine was done with the saga.
        ([at(0, S, "engine"), at(3600, C, "shop"), at(4, END, "engine", step="")], None),
        ([at(0, S, "engine"), at(5, C, "shop"), at(4, END, "engine", step="")], 5),
        # Its clock goes behind, as another step of the saga shows: neither is believed.
        ([at(0, S, "engine"), at(3, C, "shop"), at(9, S, "engine", "b"), at(8, C, "shop", "b")], None),
        # A repair came in between: it ended because somebody looked. What begins after it counts again.
        ([at(0, S, "shop"), at(50, REPAIR, OURSELVES, step=""), at(60, C, "shop")], None),
        ([at(0, REPAIR, OURSELVES, step=""), at(1, S, "shop"), at(3, C, "shop")], 2),
        # What a person recorded says when somebody looked.
        ([at(0, S, "engine"), at(3000, Kind.OPERATOR_STEP_COMPLETED, OURSELVES)], None),
    ],
)
def test_only_what_the_clocks_prove(events: list[Observed], took: float | None) -> None:
    (one,) = [one for one in measured(events) if one.step == "a"]
    assert (one.outcome, one.took) == ("completed", took)


def test_it_counts_for_the_day_on_which_it_was_last_heard_of() -> None:
    (one,) = measured(say("a:S a:C", source="shop"))
    assert one.day == NOW.date()


def test_what_is_long_over_is_not_learned() -> None:
    assert measured(say("a:S a:C", source="shop"), NOW + timedelta(days=KEPT)) == []
    assert measured(say("a:S a:C", source="shop"), NOW + timedelta(days=KEPT - 1)) != []


def test_a_clock_that_goes_ahead_makes_no_days_to_come() -> None:
    ahead = [at(90 * 86400, S, "shop"), at(90 * 86400 + 5, C, "shop")]
    assert [(one.day, one.took) for one in measured(ahead)] == [(LATER.date(), 5)]


@given(event_sets, st.randoms())
def test_any_order_teaches_the_same(events: list[Observed], random) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    assert measured(shuffled) == measured(events)
    for one in measured(events):
        assert one.took is None or one.took > 0
        assert one.undo_took is None or one.undo_took > 0
