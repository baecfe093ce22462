"""What is wrong with a saga: a table of lawful and unlawful lines, and properties over any set of events."""

from datetime import timedelta

import msgspec
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold
from sagas.detection import judge
from sagas.facts import Facts
from sagas.fold import SECOND
from sagas.vocabulary import FAULTS, Code, Condition, Status
from tests.sagas.saying import DEFINITION, START, event_sets, say

YEAR = 365 * 86400

# What one saga's facts alone cannot tell.
ELSEWHERE = {"rule_broken", "rule_undecided", "overlapping_sagas", "source_silent"}


def findings(words: str, definition: definitions.Definition | None = None, *, after: float, **how) -> set:
    """`{"step_in_doubt charge", …}`, `after` seconds past the last event."""
    events = say(words, **how)
    now = facts.moment(events[-1].time) + timedelta(seconds=after)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    return {f"{verdict.code} {verdict.step}".strip() for verdict in judge.judge(state, definition, now)}


@pytest.mark.parametrize(
    ("words", "by_then", "expected"),
    [
        # S(x), no result. The default deadline is 15 minutes.
        ("saga.started charge:S", 900, set()),
        ("saga.started charge:S", 901, {"step_in_doubt charge"}),
        ("saga.started charge:S charge:R", 901, {"step_overdue charge"}),
        # Trying again without an answer buys no time: 15 minutes from the first start.
        ("saga.started charge:S charge:R charge:S", 879, set()),
        ("saga.started charge:S charge:R charge:S", 881, {"step_overdue charge"}),
        # A failed attempt of an earlier round says nothing about this one.
        ("charge:S charge:R charge:F charge:S", 901, {"step_in_doubt charge"}),
        ("saga.started charge:S charge:C ship:S", 901, {"step_in_doubt ship"}),
        ("saga.started a:S b:S", 901, {"step_in_doubt a", "step_in_doubt b"}),
        # T(x) is in doubt at once, until somebody knows better.
        ("saga.started charge:S charge:T", 0, {"step_in_doubt charge"}),
        ("saga.started charge:S charge:T charge:C", 0, set()),
        ("saga.started charge:S charge:T charge:F", 0, set()),
        ("saga.started charge:S charge:T charge:KS charge:K+", 0, set()),
        ("saga.started charge:S charge:T saga.failed", 0, {"step_in_doubt charge"}),
        # Nothing is on its way.
        ("saga.started", 900, set()),
        ("saga.started", 901, {"saga_stalled"}),
        ("saga.note", 901, {"saga_stalled"}),
        ("saga.started charge:C", 900, set()),
        ("saga.started charge:C", 901, {"saga_stalled"}),
        ("charge:C", 901, {"saga_stalled"}),
        ("saga.started charge:S charge:F", 901, {"saga_stalled charge"}),
        ("saga.started charge:N", 901, {"saga_stalled"}),
        ("saga.started charge:C saga.suspended", 900, set()),
        ("saga.started charge:C saga.suspended", 901, {"saga_stalled"}),
        ("saga.started charge:C saga.suspended saga.resumed", 900, set()),
        ("saga.started charge:C saga.timed_out", 0, {"saga_timed_out"}),
        ("saga.started charge:C saga.timed_out saga.resumed", 0, set()),
        ("saga.started charge:C saga.timed_out saga.completed", 0, set()),
        # A note is no sign of life; nor is what a person only looked at.
        ("saga.started charge:C saga.note saga.note", 881, {"saga_stalled"}),
        ("saga.started charge:C operator.asked", 891, {"saga_stalled"}),
        # An end is an end.
        ("saga.started charge:C saga.completed", YEAR, set()),
        ("saga.started charge:F saga.failed", YEAR, set()),
        ("saga.started charge:C charge:K+ saga.compensated", YEAR, set()),
        ("saga.started charge:C charge:KS charge:K+", YEAR, set()),
        # It goes back: what was done has to be undone.
        ("charge:C ship:F saga.compensating", 900, set()),
        ("charge:C ship:F saga.compensating", 901, {"compensation_overdue charge"}),
        ("charge:C ship:F charge:KS", 901, {"compensation_overdue charge"}),
        ("charge:S charge:KS", 901, {"compensation_overdue charge"}),
        # Somebody is at it, and a step that was undone behind the commit is no reason to look away.
        (
            "charge:KR saga.completed saga.compensated ship:KS",
            901,
            {
                "compensation_overdue charge",
                "compensation_overdue ship",
                "compensation_after_commit ship",
                "commit_after_abort",
            },
        ),
        ("a:C b:C b:KS b:K+", 901, {"compensation_overdue a"}),
        ("a:C b:C b:KS b:K+ a:KS", 901, {"compensation_overdue a"}),
        ("charge:C ship:S saga.compensating charge:K+", 881, {"step_in_doubt ship"}),
        # It gave up without going back.
        ("charge:C ship:F saga.failed", 900, set()),
        ("charge:C ship:F saga.failed", 901, {"compensation_overdue charge"}),
        ("charge:C saga.aborted", 901, {"compensation_overdue charge"}),
        # K- is final, and said at once; a failed attempt is neither.
        ("charge:C ship:F charge:KS charge:K-", 0, {"compensation_failed charge"}),
        ("charge:C ship:F charge:KS charge:K- saga.failed", YEAR, {"compensation_failed charge"}),
        ("charge:C ship:F charge:KS charge:K- charge:KS", 0, {"compensation_failed charge"}),
        ("charge:C ship:F charge:KS charge:K- charge:KS charge:K+", YEAR, set()),
        ("charge:C charge:KS charge:K- charge:KS charge:K+ saga.compensated", YEAR, set()),
        # Lawful variants.
        ("saga.started charge:S saga.compensating charge:KS charge:K+", YEAR, set()),  # an empty rollback
        ("a:C b:F b:KS b:K+ a:KS a:K+ saga.compensated", YEAR, set()),  # the failed step is undone too
        ("a:C b:C c:F a:KS b:KS a:K+ b:K+ saga.compensated", YEAR, set()),  # in parallel, in any order
        ("a:S a:R a:R a:C saga.completed", YEAR, set()),
        ("x#1:S x#1:C x#2:S x#2:C saga.completed", YEAR, set()),
    ],
)  # fmt: skip
def test_without_a_definition(words: str, by_then: float, expected: set) -> None:
    assert findings(words, after=by_then) == expected


@pytest.mark.parametrize(
    ("words", "by_then", "expected"),
    [
        # The step's own deadline.
        ("charge:S", 10, set()),
        ("charge:S", 11, {"step_in_doubt charge"}),
        ("charge:S charge:R", 1, {"step_overdue charge"}),
        # A successor has as long to start as it has to answer, counted from the last sign.
        ("check:C", 10, set()),
        ("check:C", 11, {"saga_stalled charge"}),
        ("check:C charge:C", 30, set()),
        ("check:C charge:C", 31, {"saga_stalled ship"}),
        ("check:C charge:S charge:F", 11, {"saga_stalled charge"}),
        # No deadline of its own: the saga's.
        ("saga.started", 300, set()),
        ("saga.started", 301, {"saga_stalled check"}),
        ("check:S", 301, {"saga_stalled"}),
        ("check:S", 901, {"step_in_doubt check"}),  # which says more than "late"
        ("charge:S", 301, {"step_in_doubt charge"}),
        # All that is required is done, which is the end. What is running then is waited for.
        ("check:C charge:C ship:C", YEAR, set()),
        ("check:C charge:C ship:C thank:S", 901, {"step_in_doubt thank"}),
        ("check:C charge:N ship:C", YEAR, set()),
        # A compensation's own deadline, counted from its start, else from the last that was undone.
        ("charge:C ship:F saga.compensating", 20, set()),
        ("charge:C ship:F saga.compensating", 21, {"compensation_overdue charge"}),
        ("charge:C ship:F saga.compensating charge:KS", 20, set()),
        ("charge:C ship:F charge:KS", 21, {"compensation_overdue charge"}),
        # A read-only step leaves nothing to undo.
        ("check:C charge:C ship:F charge:K+", YEAR, set()),
        ("check:S saga.failed", YEAR, set()),
        # The pivot has no compensation: it is not expected to be undone, but the saga does not end either.
        ("charge:C ship:C charge:KS charge:K+", 271, {"saga_stalled", "rollback_past_pivot ship"}),
        ("charge:C ship:C saga.failed", 901, {"compensation_overdue charge", "compensation_overdue ship"}),
        # The engine says that all is undone; the steps show otherwise.
        ("check:C charge:C saga.compensated", 21, {"missing_compensation charge"}),
    ],
)  # fmt: skip
def test_with_a_definition(words: str, by_then: float, expected: set) -> None:
    assert findings(words, DEFINITION, after=by_then) == expected


def test_the_deadline_of_the_saga_in_its_first_event() -> None:
    started = msgspec.structs.replace(say("saga.started")[0], deadline=START + 60 * SECOND)
    known = facts.merge(Facts(), [started, *say("charge:S")])
    now = facts.moment(START + 61 * SECOND)
    (verdict,) = judge.judge(fold.derive(known, None, now), None, now)
    assert (verdict.code, verdict.step, verdict.detail["reason"]) == (Code.SAGA_STALLED, "", "late")


def test_a_verdict_has_its_evidence_and_what_its_sentence_needs() -> None:
    events = say("saga.started charge:S charge:R", source="shop")
    events[2] = msgspec.structs.replace(events[2], error="connection refused", participant="payment")
    now = facts.moment(events[-1].time + YEAR * SECOND)
    (verdict,) = judge.judge(fold.derive(facts.merge(Facts(), events), None, now), None, now)
    assert verdict.proof == [{"source": "shop", "id": "1"}, {"source": "shop", "id": "2"}]
    assert verdict.since_at == facts.moment(START) + timedelta(seconds=10 + settings.DEFAULT_DEADLINE)
    assert verdict.detail == {
        "participant": "payment",
        "attempts": 1,
        "error": "connection refused",
        "asked": "2023-11-14T22:13:30+00:00",
        "allowed": 900.0,
    }


def test_the_worst_condition_is_shown() -> None:
    events = say("a:C b:S b:T saga.compensating a:KS a:K-")
    now = facts.moment(events[-1].time)
    verdicts = judge.judge(fold.derive(facts.merge(Facts(), events), None, now), None, now)
    assert {verdict.code for verdict in verdicts} == {Code.STEP_IN_DOUBT, Code.COMPENSATION_FAILED}
    assert judge.worst(verdicts) == Condition.COMPENSATION_FAILED
    assert judge.worst([]) == Condition.HEALTHY


def test_every_code_has_a_function_and_a_fault() -> None:
    functions = {function.__name__ for function in (*judge.OF_A_RUN, *judge.OF_A_SAGA, *judge.GONE_BACK)}
    assert {code.value for code in Code} == functions | ELSEWHERE
    assert set(FAULTS) == set(Code)


described = st.sampled_from([None, DEFINITION])
LATER = facts.moment(START) + timedelta(days=400)


@given(event_sets, described, st.data())
def test_no_permutation_changes_what_is_found(events, definition, data) -> None:
    shuffled = data.draw(st.permutations(events))
    now = facts.moment(START + data.draw(st.integers(0, 1000)) * SECOND)
    one, other = (
        judge.judge(fold.derive(facts.merge(Facts(), order), definition, now), definition, now)
        for order in (events, shuffled)
    )
    assert one == other


@given(event_sets, described)
def test_in_the_end_a_saga_is_over_or_somebody_is_asked(events, definition) -> None:
    state = fold.derive(facts.merge(Facts(), events), definition, LATER)
    verdicts = judge.judge(state, definition, LATER)
    assert state.is_over or verdicts
    asked = {verdict.step for verdict in verdicts}
    assert asked.issuperset(state.unknown_effects)
    if state.status == Status.FAILED:
        assert verdicts


@given(event_sets, described)
def test_what_is_over_does_not_stall(events, definition) -> None:
    state = fold.derive(facts.merge(Facts(), events), definition, LATER)
    verdicts = judge.judge(state, definition, LATER)
    assert not state.is_over or Code.SAGA_STALLED not in {verdict.code for verdict in verdicts}


@given(event_sets, described, st.integers(0, 1000))
def test_passing_over_what_is_plain_misses_nothing(events, definition, after) -> None:
    now = facts.moment(START + after * SECOND)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    short = judge.prospects(state, definition)
    for step in state.steps:
        for run in step.runs:
            run.is_plain = False
    assert short == judge.prospects(state, definition)
