"""Retry-After: a number of seconds, or a date."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import retry_after

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        # A silly number is cut, and stays a large one.
        ("99999999999", 999_999_999.0),
        ("Sun, 01 Mar 2026 10:02:00 GMT", 120.0),
        # Without a zone it is meant as UTC.
        ("Sun, 01 Mar 2026 10:02:00", 120.0),
        ("Sun, 01 Mar 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        # Numbers that do not fit into the machine's integers.
        ("Sat, 28 Nov 99999999999999999999 10:00:00 GMT", None),
        ("Sat, 28 Nov 2026 99:99:99999999999999999999 GMT", None),
        ("Sat, 28 Nov 2026 10:00:00 +99999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_how_long_to_wait(header: str | None, seconds: float | None) -> None:
    assert retry_after.seconds(header, NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [+-]\d+", fullmatch=True))
def test_whatever_it_says_it_is_a_time_or_none(header: str) -> None:
    waited = retry_after.seconds(header, NOW)
    assert waited is None or waited >= 0
