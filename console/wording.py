"""Times and counts in words, the same as amends.js writes them, so that the first tick moves nothing."""

from datetime import datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def span(seconds: float) -> str:
    """A length of time in at most two units: `8 s`, `16 min`, `2 h 04 min`, `3 d 5 h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def exactly(seconds: float) -> str:
    """A declared length of time, in the largest unit that holds it whole: `500 ms`, `90 s`, `5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    for unit, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds % unit == 0:
            return f"{seconds // unit:g} {word}"
    return f"{seconds:g} s"


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
