"""Times and counts in words."""

from datetime import UTC, datetime, timedelta

import pytest

from console import wording

NOW = datetime(2026, 11, 22, 10, 16, 41, 310_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (7440, "2 h 04 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d 0 h"),
        (277_200, "3 d 5 h"),
    ],
)
def test_span(seconds: float, words: str) -> None:
    assert wording.span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "200 ms"), (1.5, "1.5 s"), (90, "90 s"), (300, "5 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_exactly(seconds: float, words: str) -> None:
    assert wording.exactly(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (-1.9, "just now"), (2, "2 s ago"), (960, "16 min ago"), (-30, "in 30 s")],
)
def test_ago(seconds: float, words: str) -> None:
    assert wording.ago(NOW - timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("moment", "style", "words"),
    [
        (NOW, "short", "10:16:41"),
        (NOW, "ms", "10:16:41.310"),
        (NOW, "full", "22 Nov 10:16:41"),
        (NOW - timedelta(days=1), "short", "21 Nov 10:16"),
        (NOW.replace(year=2025), "short", "22 Nov 2025 10:16"),
        (NOW.replace(year=2025), "full", "22 Nov 2025 10:16:41"),
    ],
)
def test_clock(moment: datetime, style: str, words: str) -> None:
    assert wording.clock(moment, NOW, style) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0"), (9999, "9,999"), (10_000, "10,000+")])
def test_capped(count: int, words: str) -> None:
    assert wording.capped(count, 10_000) == words
