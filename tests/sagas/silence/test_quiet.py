"""Who is silent now: each by its own patience, all together when nobody is heard, nobody too early."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.detection.silence.quiet import EVERYBODY, Source, find_silent

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def source(name: str, heard: float, patience: float | None, silent: str | None = None, **more) -> Source:
    """Heard so many seconds ago. `silent`: how the problem of its open silence is known."""
    known = {} if silent is None else {"silence": 1, "silent_since": before(heard), "told_as": silent}
    return Source(
        **{
            "participant": hash(name),
            "name": name,
            "owner": "",
            "heard_at": before(heard),
            "patience": patience,
            "usual": 4.0,
            "is_declared": False,
            "listened_since": LONG_AGO,
        }
        | known
        | more
    )


def found(*sources: Source, newest: float | None = None, listening: float = 1e6) -> dict[str, set[str]]:
    last = max(one.heard_at for one in sources) if newest is None else before(newest)
    silent = find_silent(sources, last, before(listening), NOW)
    return {problem: {one.name for one in members} for problem, members in silent.items()}


@pytest.mark.parametrize(
    ("sources", "newest", "listening", "expected"),
    [
        ([source("a", 61, 60)], 0, 1e6, {"a": {"a"}}),
        ([source("a", 60, 60)], 0, 1e6, {}),
        ([source("a", 1e5, None)], 0, 1e6, {}),
        # It was the only one there is.
        ([source("a", 61, 60)], 61, 1e6, {"a": {"a"}}),
        # Amends came back a while ago, which is no silence of anybody.
        ([source("a", 1000, 60)], 0, 60, {}),
        ([source("a", 1000, 60)], 0, 61, {"a": {"a"}}),
        # What is found already stays found when Amends comes back.
        ([source("a", 1000, 60, "a")], 0, 5, {"a": {"a"}}),
        # Somebody else spoke meanwhile: each for itself.
        ([source("a", 100, 60), source("b", 90, 60)], 3, 1e6, {"a": {"a"}, "b": {"b"}}),
        # Nobody did.
        ([source("a", 100, 60), source("b", 90, 60)], 90, 1e6, {EVERYBODY: {"a", "b"}}),
        # One was silent long before the others.
        ([source("a", 500, 60), source("b", 90, 60)], 90, 1e6, {"a": {"a"}, "b": {"b"}}),
        (
            [source("a", 500, 60, "a"), source("b", 90, 60), source("c", 80, 60)],
            80,
            1e6,
            {"a": {"a"}, EVERYBODY: {"b", "c"}},
        ),
        # One more joins those who fell silent together, although it was found by itself at first.
        ([source("a", 100, 60, "a"), source("b", 310, 300)], 100, 1e6, {EVERYBODY: {"a", "b"}}),
        # Somebody is heard again: it was Amends, and the others get their time.
        ([source("a", 500, 60, EVERYBODY), source("b", 490, 60, EVERYBODY)], 1, 1e6, {}),
        # Of those together, one is left.
        ([source("a", 100, 60, EVERYBODY)], 100, 1e6, {"a": {"a"}}),
        # It spoke, and fell silent again before anybody looked.
        ([source("a", 100, 60, "a", silent_since=before(900))], 0, 1e6, {"a": {"a"}}),
        ([source("a", 10, 60, "a", silent_since=before(900))], 0, 1e6, {}),
        # It was declared that nothing need be heard of it.
        ([source("a", 100, None, "a")], 0, 1e6, {}),
    ],
)
def test_who_is_silent(sources, newest, listening, expected) -> None:
    assert found(*sources, newest=newest, listening=listening) == expected


SOURCES = st.lists(
    st.builds(
        lambda number, heard, patience: (number, heard, patience),
        st.integers(0, 5),
        st.floats(0, 1000),
        st.one_of(st.none(), st.floats(1, 1000)),
    ),
    min_size=1,
    unique_by=lambda one: one[0],
)


@given(SOURCES, st.floats(0, 2000))
def test_nobody_is_found_who_may_still_be_quiet_or_before_amends_listened_long_enough(
    given, listening
) -> None:
    sources = [source(f"p{number}", heard, patience) for number, heard, patience in given]
    silent = find_silent(sources, max(one.heard_at for one in sources), before(listening), NOW)
    members = [one for found in silent.values() for one in found]
    assert len(members) == len({one.name for one in members})
    for one in members:
        assert one.patience < min((NOW - one.heard_at).total_seconds(), listening)
    assert {one.name for one in members} == {
        one.name
        for one in sources
        if one.patience is not None and one.has_been_silent(max(one.heard_at, before(listening)), NOW)
    }
    assert EVERYBODY not in silent or len(silent[EVERYBODY]) > 1


@given(SOURCES)
def test_a_second_look_finds_the_same(given) -> None:
    sources = [source(f"p{number}", heard, patience) for number, heard, patience in given]
    newest = max(one.heard_at for one in sources)
    once = find_silent(sources, newest, LONG_AGO, NOW)
    told = {one.name: problem for problem, found in once.items() for one in found}
    marked = [
        source(one.name, (NOW - one.heard_at).total_seconds(), one.patience, told.get(one.name))
        for one in sources
    ]
    twice = find_silent(marked, newest, LONG_AGO, NOW)
    assert {problem: {one.name for one in members} for problem, members in twice.items()} == {
        problem: {one.name for one in members} for problem, members in once.items()
    }


def test_a_rhythm_is_new_until_two_weekends_are_known() -> None:
    assert source("a", 0, 60, listened_since=NOW - timedelta(days=13)).is_new
    assert not source("a", 0, 60, listened_since=NOW - timedelta(days=14)).is_new
    assert not source("a", 0, 60, listened_since=None, is_declared=True).is_new
