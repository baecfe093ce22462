"""Times as people read them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sagas import times


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        ("2026-01-01T10:02:07", "UTC", "10:02:07 UTC"),
        ("2026-01-01T10:02:07", "Europe/Berlin", "11:02:07 CET"),
        ("2026-01-01T10:02:07", "Asia/Kathmandu", "15:47:07 +0545"),
        # Yesterday, there or here.
        ("2025-12-31T23:30:00", "UTC", "31 Dec 2025 23:30:00 UTC"),
        ("2025-12-31T23:30:00", "Europe/Berlin", "00:30:00 CET"),
        ("2026-01-01T02:00:00", "America/New_York", "31 Dec 2025 21:00:00 EST"),
    ],
)
def test_a_time_has_its_date_where_it_is_not_today(at: str, zone: str, words: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert times.words(moment, now, ZoneInfo(zone)) == words
