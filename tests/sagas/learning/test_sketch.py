"""The sketch: as true as it promises, the same in any order and split, small whatever comes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.learning.sketch import ACCURACY, LONGEST, SHORTEST, Durations, together

seconds = st.floats(SHORTEST, LONGEST)


@given(st.lists(seconds, min_size=1, max_size=200), st.sampled_from([0, 0.5, 0.95, 0.99, 1]))
def test_quantiles_are_within_one_per_cent(taken: list[float], share: float) -> None:
    exact = sorted(taken)[math.floor(share * (len(taken) - 1))]
    assert Durations(taken).quantile(share) == pytest.approx(exact, rel=ACCURACY * 1.001)


@given(st.lists(st.lists(seconds, max_size=20), max_size=8), st.randoms())
def test_any_order_and_split_gives_the_same(split, random) -> None:
    whole = [one for part in split for one in part]
    random.shuffle(whole)
    parts = [Durations(part).pack() for part in split]
    random.shuffle(parts)
    assert together(parts) == Durations(whole)
    assert len(together(parts)) == len(whole)


@given(st.lists(seconds, max_size=50))
def test_it_is_kept_as_it_is(taken: list[float]) -> None:
    sketch = Durations(taken)
    assert Durations(packed=sketch.pack()) == sketch
    assert sum(one.times for one in sketch.bins()) == len(taken)


def test_whatever_comes_it_stays_small() -> None:
    sketch = Durations(10**exponent for exponent in range(-300, 300))
    assert len(sketch) == 600
    assert len(sketch.pack()) < 1200
    assert sketch.quantile(0) == pytest.approx(SHORTEST, rel=ACCURACY * 1.001)
    assert sketch.quantile(1) == pytest.approx(LONGEST, rel=ACCURACY * 1.001)


def test_of_nothing_nothing_is_known() -> None:
    assert Durations().quantile(0.5) is None
    assert Durations().pack() == b""
    assert Durations(packed=b"").bins() == []
