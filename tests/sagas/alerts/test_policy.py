"""When people are told: what is so beside what they know, as a table."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.alerts.policy import LONGEST_QUIET, Standing, Told, decide, quiet
from sagas.vocabulary import Occasion, Severity

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
ERROR, CRITICAL = Severity.ERROR, Severity.CRITICAL


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def standing(count: int = 5, problems: int = 1, severity: Severity = ERROR, **more: Any) -> Standing:
    return Standing(count, problems, severity, **more)


def told(at: float = 30, count: int = 5, problems: int = 1, severity: Severity = ERROR, **more: Any) -> Told:
    return Told(count, problems, severity, ago(at), **more)


@pytest.mark.parametrize(
    ("is_so", "known", "expected"),
    [
        (standing(), None, "opened"),
        (standing(closed_at=ago(1)), None, None),
        (standing(), told(), None),
        (standing(49), told(30), None),
        (standing(50), told(30), "worsened"),
        (standing(50), told(19), None),
        (standing(50), told(30, times=1), None),
        (standing(50), told(301, times=1), "worsened"),
        (standing(500), told(1799, times=2), None),
        (standing(500), told(7200, times=9), "worsened"),
        (standing(10), told(299), None),
        (standing(10), told(300), "worsened"),
        (standing(9), told(9999), None),
        (standing(10), told(300, is_acknowledged=True), None),
        (standing(50), told(300, is_acknowledged=True), "worsened"),
        (standing(problems=2), told(20), "worsened"),
        (standing(problems=3), told(299, problems=2, times=1), None),
        (standing(problems=2), told(20, is_acknowledged=True), "worsened"),
        (standing(problems=1), told(900, problems=2), None),
        (standing(stake={"EUR": Decimal(20)}), told(300, stake={"EUR": Decimal(10)}), "worsened"),
        (standing(stake={"EUR": Decimal(20)}), told(300, stake={"USD": Decimal(1)}), None),
        (standing(severity=CRITICAL), told(20, times=3, is_acknowledged=True), "worsened"),
        (standing(severity=CRITICAL), told(19), None),
        (standing(closed_at=ago(9)), told(), None),
        (standing(closed_at=ago(10)), told(), "resolved"),
        (standing(closed_at=ago(39)), told(times_over=1), None),
        (standing(closed_at=ago(40)), told(times_over=1), "resolved"),
        (standing(closed_at=ago(9999)), told(is_over=True), None),
        (standing(), told(is_over=True), "reopened"),
        (standing(500), told(snoozed_until=NOW + timedelta(hours=1)), None),
        (standing(500), told(snoozed_until=NOW + timedelta(hours=1), until_grown=True), "worsened"),
        (standing(5), told(snoozed_until=NOW + timedelta(hours=1), until_grown=True), None),
        (standing(), told(snoozed_until=NOW), "escalated"),
        (standing(closed_at=ago(60)), told(snoozed_until=NOW + timedelta(hours=1)), "resolved"),
    ],
)
def test_what_is_told(is_so: Standing, known: Told | None, expected: str | None) -> None:
    assert decide(is_so, known, NOW) == (None if expected is None else Occasion(expected))


@given(st.integers(0, 10_000))
def test_the_wait_before_it_is_over_has_an_end(times: int) -> None:
    assert timedelta(seconds=10) <= quiet(times) <= LONGEST_QUIET
