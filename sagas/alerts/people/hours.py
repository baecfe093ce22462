"""By a person's clock: until when they want quiet, and when their next digest is due (pure)."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sagas.vocabulary import Severity


def quiet_until(
    now: datetime, zone: str, begin: time | None, end: time | None, *, is_loud: bool
) -> datetime | None:
    """When the quiet hours end that `now` falls into; None: it does not, or what is told is loud.

    They may go over midnight. Where the clock is put on or back the wall clock decides.
    """
    if begin is None or end is None or begin == end or is_loud:
        return None
    here = now.astimezone(ZoneInfo(zone))
    clock = here.time().replace(tzinfo=None)
    is_quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
    return _next(here, end) if is_quiet else None


def is_loud(severity: str, loud_from: str) -> bool:
    """Whether something of this severity is told at any hour; what has none is not."""
    return bool(severity) and Severity(severity).rank >= Severity(loud_from).rank


def next_digest(after: datetime, zone: str, at: time) -> datetime:
    """The first moment after `after` at which the clock shows `at`."""
    return _next(after.astimezone(ZoneInfo(zone)), at)


def _next(here: datetime, at: time) -> datetime:
    for days in range(3):
        found = datetime.combine(here.date() + timedelta(days=days), at, tzinfo=here.tzinfo)
        # By the moment, as on a day on which the clock is put back two wall times are the same.
        if found.timestamp() > here.timestamp():
            return found
    raise AssertionError("a clock shows every time within two days")
