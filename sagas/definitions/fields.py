"""What the fields of a definition are made of."""

import re
from typing import Annotated, Any

from msgspec import Meta

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)")
LONGEST = 3650 * 86400.0

# What the letters may be is judged by `checking`: msgspec's own `pattern` crashes in unions (its issue 717).
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Version = Annotated[str, Meta(min_length=1, max_length=100)]
Text = Annotated[str, Meta(max_length=500)]
# Shorter than other names: a key stands in one index with its name and value, which takes 2,700 bytes.
Label = Annotated[str, Meta(min_length=1, max_length=100)]
Path = Annotated[str, Meta(min_length=1, max_length=500)]
Paths = Annotated[list[Path], Meta(min_length=1, max_length=10)]


class Seconds(float):
    """A duration. Written in YAML as 500ms, 30s, 10m, 2h or 1d; kept and computed with as seconds."""

    @classmethod
    def read(cls, text: object) -> "Seconds":
        """From YAML. Raises `ValueError` for anything but a positive duration with its unit."""
        match = DURATION.fullmatch(text) if isinstance(text, str) else None
        seconds = cls(match[1]) * UNITS[match[2]] if match else 0.0
        if not 0 < seconds <= LONGEST:
            raise ValueError("must be a duration such as 500ms, 30s, 10m, 2h or 1d (at most 3650d)")
        return cls(seconds)


def as_stored(wanted: type, value: Any) -> Seconds:
    """For msgspec, reading back what was kept: a duration, from its seconds."""
    if wanted is Seconds and isinstance(value, int | float):
        return Seconds(value)
    raise NotImplementedError(wanted)
