"""How long somebody asks to be left alone for, as HTTP says it (RFC 9110, Retry-After)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds(header: str | None, now: datetime) -> float | None:
    """From a number of seconds, or from a date; None where it says nothing usable. Never negative."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # The latter for years, hours and zones of more digits than the machine's integers have.
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)
