from hypothesis import given
from hypothesis import strategies as st

from compensation.plan import Retries
from compensation.retry import LONGEST_ASKED, pause

SIX = Retries(attempts=6, first=1.0, most=10.0)


def test_pauses_double_up_to_the_most():
    assert [pause(SIX, answered, 1.0) for answered in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 10.0, None]
    assert [pause(SIX, answered, 0.0) for answered in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 5.0, None]


def test_who_asks_for_longer_gets_it_up_to_a_bound():
    assert pause(SIX, 1, 0.0, asked=30.0) == 30.0
    assert pause(SIX, 1, 1.0, asked=0.1) == 1.0
    assert pause(SIX, 1, 0.0, asked=1e9) == LONGEST_ASKED
    assert pause(SIX, 6, 0.0, asked=1.0) is None


@given(
    st.builds(Retries, attempts=st.integers(1, 100), first=st.floats(0.001, 1e8), most=st.floats(0.001, 1e8)),
    st.integers(1, 100),
    st.floats(0, 1, exclude_max=True),
)
def test_a_pause_is_never_longer_than_the_most(retries: Retries, answered: int, chance: float):
    seconds = pause(retries, answered, chance)
    assert (seconds is None) == (answered >= retries.attempts)
    assert seconds is None or 0 < seconds <= retries.most
