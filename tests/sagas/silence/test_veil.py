"""What a silence means for a saga: one word in place of what is missed, and nothing else changed."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import facts, fold
from sagas.detection import judge
from sagas.detection.silence.veil import NOBODY, Silences, Silent, veil
from sagas.facts import SECOND, Facts
from sagas.vocabulary import Code
from tests.sagas.saying import DEFINITION, START, event_sets, say

# Two hours after the first event: whatever can be due is.
LATER = facts.moment(START + 7200 * SECOND)
EVERYBODY = frozenset({"shop", "payment", "shipping", "mail", "engine"})


def silences(*names: str, since: float = 0, heard: frozenset[str] = EVERYBODY) -> Silences:
    """They were last heard so many seconds after the first event."""
    at = facts.moment(START) + timedelta(seconds=since)
    return Silences({name: Silent(name, name, at, 4.0, 60.0, False) for name in names}, heard)


def judged(
    words: str,
    silent: Silences,
    *,
    told_by: Mapping[str, str] | None = None,
    definition=DEFINITION,
) -> list[tuple[str, str]]:
    events = say(words)
    known = facts.merge(Facts(), events)
    state = fold.derive(known, definition, LATER)
    verdicts = judge.judge(state, definition, LATER)
    found = veil(verdicts, state, silent, known.participants if told_by is None else told_by)
    return [(verdict.code.value, verdict.step) for verdict in found]


WAITS = [("source_silent", "charge")]
DOUBT = [("step_in_doubt", "charge")]


@pytest.mark.parametrize(
    ("words", "silent", "expected"),
    [
        ("saga.started charge:S", NOBODY, DOUBT),
        ("saga.started charge:S", silences("payment", since=15), WAITS),
        ("saga.started charge:S", silences("shipping", since=15), DOUBT),
        # Its deadline (10 s after 10) passed while it still spoke: of this step it had nothing to say.
        ("saga.started charge:S", silences("payment", since=21), DOUBT),
        ("saga.started charge:S", silences("payment", since=20), WAITS),
        ("saga.started charge:S charge:R", silences("payment", since=20), WAITS),
        ("saga.started charge:S charge:R", silences("payment", since=21), [("step_overdue", "charge")]),
        # That it timed out was said.
        ("saga.started charge:S charge:T", silences("payment", since=15), DOUBT),
        ("saga.started charge:C ship:S", silences("shipping", since=20), [("source_silent", "ship")]),
        ("check:C charge:C", silences("shipping", since=15), [("source_silent", "ship")]),
        ("check:C charge:C", silences("payment", since=15), [("saga_stalled", "ship")]),
        ("charge:C saga.compensating charge:KS", silences("payment", since=25), WAITS),
        (
            "charge:C saga.compensating charge:K-",
            silences("payment", since=25),
            [("compensation_failed", "charge")],
        ),
        ("saga.started charge:F", silences("payment", since=15), [("saga_stalled", "charge")]),
    ],
)
def test_what_is_missed_of_one_who_is_silent(words: str, silent: Silences, expected: list) -> None:
    assert judged(words, silent) == expected


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        # Participants never speak to Amends themselves: an orchestrator speaks for all of them.
        (silences("engine", since=15, heard=frozenset({"engine"})), WAITS),
        (silences("engine", since=21, heard=frozenset({"engine"})), DOUBT),
        # Here payment does, and its own word is what is missed.
        (silences("engine", since=15), DOUBT),
        # There is another who tells of the saga, and speaks.
        (silences("engine", since=15, heard=frozenset({"engine", "gateway"})), DOUBT),
    ],
)
def test_an_orchestrator_that_is_silent(silent: Silences, expected: list) -> None:
    names = {"engine": "engine", "charge": "gateway" if "gateway" in silent.heard else "engine"}
    assert judged("saga.started charge:S", silent, told_by=names) == expected


def test_without_a_definition_all_who_tell_of_it_are_missed() -> None:
    words = "saga.started a:C"
    assert judged(words, silences("a", "engine", since=15), definition=None) == [("source_silent", "")]
    assert judged(words, silences("a", since=15), definition=None) == [("saga_stalled", "")]


def test_it_says_what_it_stands_for_and_keeps_the_proof() -> None:
    known = facts.merge(Facts(), say("saga.started charge:S"))
    state = fold.derive(known, DEFINITION, LATER)
    (doubt,) = judge.judge(state, DEFINITION, LATER)
    (told,) = veil([doubt], state, silences("payment", since=15), {})
    assert (told.evidence, told.since, told.due) == (doubt.evidence, doubt.since, doubt.due)
    assert told.detail == {
        "participant": "payment",
        "problem": "payment",
        "silent_since": facts.moment(START + 15 * SECOND).isoformat(),
        "usual": 4.0,
        "patience": 60.0,
        "declared": False,
        "instead_of": "step_in_doubt",
    }


names = st.sets(st.sampled_from(sorted(EVERYBODY | {"a", "b"})))


@given(event_sets, names, names, st.integers(-60, 600))
def test_only_what_is_missed_is_veiled_and_nothing_is_lost(events, silent, heard, since) -> None:
    known = facts.merge(Facts(), events)
    state = fold.derive(known, DEFINITION, LATER)
    verdicts = judge.judge(state, DEFINITION, LATER)
    who = silences(*silent, since=since, heard=frozenset(heard | silent))
    found = veil(verdicts, state, who, {"a": "a", "b": "b"})
    assert len({(one.code, one.step) for one in found}) == len(found)
    kept = [one for one in found if one.code != Code.SOURCE_SILENT]
    assert all(one in verdicts for one in kept)
    assert {one.step for one in found} == {one.step for one in verdicts}
    for one in found:
        if one.code == Code.SOURCE_SILENT:
            assert one.detail["participant"] in silent
            assert one.since >= START + since * SECOND
    gone = [one for one in verdicts if one not in kept]
    assert {one.code for one in gone} <= {
        Code.STEP_IN_DOUBT,
        Code.STEP_OVERDUE,
        Code.COMPENSATION_OVERDUE,
        Code.SAGA_STALLED,
    }
    assert veil(found, state, who, {"a": "a", "b": "b"}) == found
    assert veil(verdicts, state, NOBODY, {}) == verdicts
