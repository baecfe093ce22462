"""Times and counts in words, the same as times.js writes them, so that the first tick moves nothing."""

from datetime import datetime

from sagas.durations import exactly, span
from sagas.models import Adoption

__all__ = ["adopted", "ago", "capped", "clock", "exactly", "span"]


def ago(moment: datetime, now: datetime) -> str:
    """`16 min ago`; `in 16 min` for what is to come; `just now` within two seconds of now."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 2:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def clock(moment: datetime, now: datetime, style: str) -> str:
    """A moment already in its reader's zone. Styles: short (today: the time alone), ms, full."""
    if style == "ms":
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"
    date = f"{moment.day} {moment:%b}" if moment.year == now.year else f"{moment.day} {moment:%b %Y}"
    if style == "full":
        return f"{date} {moment:%H:%M:%S}"
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{date} {moment:%H:%M}"


def capped(count: int, cap: int) -> str:
    """`12`, `9,999`, and `10,000+` from the cap on, where nobody counted further."""
    return f"{cap:,}+" if count >= cap else f"{count:,}"


def adopted(adoption: Adoption) -> str:
    """What goes behind "it is loaded"; empty where no saga waited for it."""
    if adoption.is_running:
        return (
            f"; {adoption.looked_at:,} of {_sagas(adoption.total)} that were there before it looked at "
            "so far, and workers go on"
        )
    told = ""
    if adoption.adopted:
        told = f"; {_sagas(adoption.adopted)} {'was' if adoption.adopted == 1 else 'were'} read anew with it"
    if adoption.failed:
        told += f"; {_sagas(adoption.failed)} could not be read anew: the log says why"
    return told


def _sagas(count: int) -> str:
    return "1 saga" if count == 1 else f"{count:,} sagas"
