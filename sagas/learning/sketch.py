"""Many durations in little room: quantiles within one per cent, by the library `ddsketch`.

A sketch counts durations in bins that grow geometrically (Masson, Rim & Lee, "DDSketch", VLDB 2019).
Merging adds bins, so any order and any split of the same durations gives the same sketch.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from ddsketch.ddsketch import BaseDDSketch
from ddsketch.mapping import LogarithmicMapping
from ddsketch.store import DenseStore

# Quantiles are at most this much off, as a share of their value.
ACCURACY = 0.01

# Seconds. What is shorter or longer counts as this, which bounds a sketch to about 1,100 bins.
SHORTEST, LONGEST = 0.001, 30 * 86400.0

_mapping = LogarithmicMapping(ACCURACY)


class Bin(NamedTuple):
    """Durations that cannot be told apart, and how many; `middle` in seconds."""

    middle: float
    times: int


class Durations:
    """A sketch of durations, all in seconds."""

    def __init__(self, seconds: Iterable[float] = (), *, packed: bytes = b"") -> None:
        self._store = DenseStore()
        if packed:
            first, *counts = msgspec.msgpack.decode(packed, type=list[int])
            for key, count in enumerate(counts, first):
                if count:
                    self._store.add(key, count)
        self._sketch = BaseDDSketch(_mapping, self._store, DenseStore(), zero_count=0.0)
        for one in seconds:
            self.add(one)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Durations) and self.pack() == other.pack()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __len__(self) -> int:
        return int(self._sketch.count)

    def add(self, seconds: float) -> None:
        self._sketch.add(min(max(seconds, SHORTEST), LONGEST))

    def merge(self, other: "Durations") -> None:
        """Take in what `other` holds."""
        self._sketch.merge(other._sketch)

    def quantile(self, share: float) -> float | None:
        """The duration that this share (0 to 1) did not exceed; None where there are none."""
        found: float | None = self._sketch.get_quantile_value(share)
        return found

    def share_below(self, seconds: float) -> float:
        """Which share of them was shorter, from 0 to 1; 0 where there are none."""
        below = sum(one.times for one in self.bins() if one.middle * (1 + ACCURACY) < seconds)
        return below / len(self) if len(self) else 0.0

    def bins(self) -> list[Bin]:
        """All that are not empty, the shortest durations first."""
        store = self._store
        return [
            Bin(_mapping.value(key), int(count))
            for key, count in enumerate(store.bins, store.offset)
            if count
        ]

    def pack(self) -> bytes:
        """For a row: the number of the first bin, then the count of each up to the last. Empty: b""."""
        store = self._store
        if not len(self):
            return b""
        first, last = store.min_key - store.offset, store.max_key - store.offset
        return msgspec.msgpack.encode([store.min_key, *map(int, store.bins[first : last + 1])])


def together(packed: Iterable[bytes]) -> Durations:
    """One sketch of several rows'."""
    found = Durations()
    for one in packed:
        found.merge(Durations(packed=one))
    return found
