"""How a participant is left alone, and tried again (pure)."""

import pytest

from compensation.batches.lanes import FAILURES, FIRST, LONGEST, Lane


def fail(lane: Lane, *times: float, wait: float | None = None) -> list[bool]:
    return [lane.failed("503", wait, at) for at in times]


def test_it_is_closed_after_so_many_failures_in_a_row() -> None:
    lane = Lane("payment")
    assert fail(lane, *[1.0] * (FAILURES - 1)) == [False] * (FAILURES - 1)
    lane.answered()
    assert fail(lane, *[1.0] * FAILURES) == [False] * (FAILURES - 1) + [True]
    assert lane.closed_until == 1.0 + FIRST
    assert not lane.is_open(1.5) and lane.is_open(1.0 + FIRST)


def test_what_was_on_its_way_when_it_was_closed_makes_it_no_longer() -> None:
    lane = Lane("payment", at_once=16)
    assert fail(lane, *[1.0] * 16).count(True) == 1
    assert fail(lane, 2.9) == [False]
    assert lane.closed_until == 1.0 + FIRST


def test_one_call_is_the_probe_and_the_rest_doubles_until_it_comes_through() -> None:
    lane = Lane("payment", at_once=16)
    assert lane.ahead() == 32
    fail(lane, *[0.0] * FAILURES)
    rests = []
    for _ in range(8):
        assert lane.ahead() == 1
        now = lane.closed_until
        assert fail(lane, now) == [True]
        rests.append(lane.closed_until - now)
    assert rests == [min(LONGEST, FIRST * 2**times) for times in range(1, 9)]
    lane.answered()
    assert lane.ahead() == 32


@pytest.mark.parametrize(("wait", "closed_until"), [(30.0, 30.0), (10_000.0, 900.0)])
def test_it_is_left_alone_for_as_long_as_it_asks_for(wait: float, closed_until: float) -> None:
    lane = Lane("payment")
    assert fail(lane, 0.0, wait=wait) == [True]
    assert lane.closed_until == closed_until and lane.ahead() == 1
    # Of those on their way another may ask for longer.
    assert fail(lane, 1.0, wait=wait) == [True]


def test_times_are_asked_for_as_many_as_may_be_claimed_ahead() -> None:
    lane = Lane("payment", per_second=5.0, at_once=4)
    assert lane.wanted(100.0) == lane.ahead() == 5
    lane.grant(100.5, 5)
    assert lane.wanted(101.0) == 0
    # Whoever was not there in time does not make up for it: 100.5 to 100.9 are over.
    assert lane.wanted(101.6) == 1
    assert lane.wanted(103.0) == 5
    assert Lane("mail").wanted(0.0) == 0
