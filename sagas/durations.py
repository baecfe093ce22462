"""Lengths of time in words."""

import math

MINUTE, HOUR, DAY = 60, 3600, 86400


def span(seconds: float) -> str:
    """How long something has lasted, in at most two units: `8 s`, `16 min`, `2 h 04 min`, `3 d 5 h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def exactly(seconds: float) -> str:
    """A given length of time, fractions only when short: `500 ms`, `1.5 s`, `90 s`, `5 min`, `4 min 31 s`."""
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds >= 10:
        seconds = round(seconds)
    for unit, word in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds % unit == 0:
            return f"{seconds // unit:g} {word}"
    if seconds < 2 * MINUTE:
        return f"{seconds:g} s"
    return f"{seconds // MINUTE:g} min {seconds % MINUTE:g} s"


def roughly(seconds: float) -> str:
    """A measured length of time, two digits of it: `240 ms`, `1.1 s`, `12 s`, `4 min 30 s`, `1 h 05 min`."""
    if seconds >= HOUR:
        return span(seconds)
    digits = 1 - math.floor(math.log10(seconds)) if seconds > 0 else 0
    return exactly(round(seconds, digits))
