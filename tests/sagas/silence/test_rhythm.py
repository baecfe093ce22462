"""How a participant normally speaks, learned from when it was heard."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.detection.silence import rhythm
from sagas.detection.silence.rhythm import FACTOR, FEWEST, PERIOD, Deaf, Rhythm, longest_usual
from sagas.learning import Durations

START = datetime(2026, 11, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR, DAY = 3600.0, 86400.0
FLOOR = 60


def heard(*pauses: float) -> list[datetime]:
    return [START + timedelta(seconds=total) for total in accumulate(pauses, initial=0)]


def learned(*pauses: float) -> Rhythm:
    ticks = heard(*pauses)
    known = rhythm.begin(ticks)
    known.listen(ticks)
    return known


def days(count: int, *, pause: float = 60, night: float = 8 * HOUR) -> list[float]:
    """Speaks by day, and says nothing by night."""
    return ([pause] * int((DAY - night) / pause) + [night]) * count


@pytest.mark.parametrize(
    ("pauses", "usual", "patience"),
    [
        ([], None, None),
        ([4.0] * 2000, 4, FLOOR),
        ([100.0] * (FEWEST - 1), None, None),
        ([100.0] * FEWEST, 100, 300),
        # Many, but of an hour that is not over.
        ([4.0] * 800, None, None),
        # An hour's pause among thousands: it may have been an outage, and is left aside.
        ([40.0] * 3000 + [HOUR], 40, 120),
        # Twice, it is what happens.
        ([40.0] * 3000 + [HOUR, HOUR], 40, 3 * HOUR),
    ],
)
def test_what_is_usual_and_how_long_is_too_long(
    pauses: list[float], usual: float | None, patience: float | None
) -> None:
    known = learned(*pauses)
    assert known.usual == (usual and pytest.approx(usual, rel=0.02))
    assert known.patience(FLOOR) == (patience and pytest.approx(patience, rel=0.02))


def test_a_source_that_is_quiet_every_night_may_be_quiet_for_a_night() -> None:
    one = learned(*days(1), *days(1)[:-1])
    assert one.patience(FLOOR) == pytest.approx(FACTOR * 60, rel=0.02), "the first may have been an outage"
    many = learned(*days(5), *days(1)[:-1])
    assert many.usual == pytest.approx(60, rel=0.02)
    assert many.patience(FLOOR) == pytest.approx(FACTOR * 8 * HOUR, rel=0.02)


def test_a_rare_outage_is_not_usual() -> None:
    outages = [*days(7, night=60), 2 * HOUR, *days(7, night=60), 30 * 60.0]
    assert learned(*outages).patience(FLOOR) == pytest.approx(FACTOR * 60, rel=0.02)


def test_what_amends_slept_through_is_nobodys_pause() -> None:
    ticks = heard(*[4.0] * 1000, 9 * HOUR, *[4.0] * 1000, 9 * HOUR, *[4.0] * 10)
    known = rhythm.begin(ticks)
    known.listen(ticks[:1001])
    # Down for hours; and up, but found out only after somebody was heard again.
    known.listen(ticks[1001:2002], Deaf(ticks[1000] + 2 * SECOND, ticks[1001] - SECOND))
    known.listen(ticks[2002:], Deaf(ticks[2001], ticks[2002] + SECOND))
    assert known.patience(FLOOR) == FLOOR
    assert known.pauses.quantile(1) == pytest.approx(4, rel=0.02)
    assert len(known.pauses) == 2012 - 3


def test_moments_that_are_missing_make_no_pause() -> None:
    known = learned(*[4.0] * 1000)
    later = [known.until + timedelta(hours=5), known.until + timedelta(hours=5, seconds=4)]
    known.listen(later, is_cut=True)
    assert known.pauses.quantile(1) == pytest.approx(4, rel=0.02)


def test_a_change_is_forgotten_after_two_periods() -> None:
    known = learned(*[HOUR] * 400)
    assert known.patience(FLOOR) == pytest.approx(FACTOR * HOUR, rel=0.02)
    quick = 2 * PERIOD.total_seconds() + 120
    known.listen([known.until + timedelta(seconds=60 * number) for number in range(int(quick / 60) + 1)])
    assert known.patience(FLOOR) == pytest.approx(FACTOR * 60, rel=0.02)


def test_the_row_stays_small_whatever_the_pauses() -> None:
    pauses = [0.001 * 1.01**power for power in range(3000)]
    known = Rhythm(START, START, START, pauses=Durations(pauses))
    assert len(known.pauses.pack()) < 6000


PAUSES = st.lists(st.floats(0.1, DAY), min_size=1, max_size=200)


@given(PAUSES, st.randoms(use_true_random=False), st.integers(1, 10))
def test_neither_order_nor_repetition_matters_within_what_is_learned_at_once(pauses, random, times) -> None:
    ticks = heard(*pauses)
    shuffled = ticks * times
    random.shuffle(shuffled)
    straight, mixed = rhythm.begin(ticks), rhythm.begin(ticks)
    straight.listen(ticks)
    mixed.listen(shuffled)
    assert straight.pauses == mixed.pauses


@given(PAUSES, st.integers(0, 200))
def test_a_split_matters_neither(pauses, place) -> None:
    ticks = heard(*pauses)
    whole, parts = rhythm.begin(ticks), rhythm.begin(ticks)
    whole.listen(ticks)
    parts.listen(ticks[:place])
    parts.listen(ticks[place:])
    assert (whole.pauses, whole.before, whole.until) == (parts.pauses, parts.before, parts.until)


@given(PAUSES)
def test_the_longest_usual_pause_is_one_that_was_there(pauses) -> None:
    found = longest_usual(Durations(pauses))
    if len(pauses) == 1:
        assert found is None
    else:
        assert any(found == pytest.approx(pause, rel=0.021) for pause in pauses)
        assert found <= max(pauses) * 1.011


@given(PAUSES)
def test_who_keeps_to_its_rhythm_is_within_its_patience(pauses) -> None:
    """All that was heard, heard once more, gives no pause that counts as silence."""
    known = learned(*pauses, *pauses, *pauses)
    patience = known.patience(0)
    if patience is not None:
        ordinary = sorted(pauses)[-1]
        rare = ordinary < 0.01 * sum(pauses)
        assert rare or patience > ordinary
