"""Times as people read them."""

from datetime import datetime, tzinfo


def words(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """`10:02:07 UTC`; with the date where that is not today there: `31 Dec 2025 10:02:07 CET`."""
    at = moment.astimezone(zone)
    today = now.astimezone(zone)
    day = "" if at.date() == today.date() else f"{at.day} {at:%b} "
    year = "" if not day or at.year == today.year else f"{at.year} "
    return f"{day}{year}{at:%H:%M:%S %Z}"
