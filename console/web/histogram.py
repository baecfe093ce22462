"""Durations as a small drawing: how often each was seen, on a logarithmic axis. Pure; numbers are SVG's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sagas.learning.sketch import Durations

WIDTH, HEIGHT = 298.0, 86.0
# The bars stand on BASE and are at most so high; the axis' words stand below it, a mark's above all bars.
BASE, TALLEST = 66.0, 50.0
LEFT, RIGHT = 4.0, 294.0
BARS = 48
# So far from one another the words below the axis fit.
APART = 44.0
# What is seldom is seen all the same.
LOWEST = 2.0

# Where an axis may begin and end, and what is written there. Seconds.
TICKS = [
    (0.001, "1 ms"),
    (0.01, "10 ms"),
    (0.1, "100 ms"),
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (36000, "10 h"),
    (86400, "1 d"),
    (864000, "10 d"),
    (8640000, "100 d"),
]


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    is_beyond: bool  # longer than 99 of 100


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """`this` and `deadline` are places on the axis; None where there is none."""

    bars: list[Bar]
    ticks: list[Tick]
    this: float | None
    deadline: float | None
    width: float = WIDTH
    height: float = HEIGHT
    base: float = BASE


def draw(sketch: Durations, this: float | None, deadline: float | None) -> Histogram:
    """Of a sketch that is not empty; `this` and `deadline` in seconds."""
    bins = sketch.bins()
    marks = [mark for mark in (this, deadline) if mark is not None]
    axis = _Axis(min(bins[0].middle, *marks, bins[-1].middle), max(bins[-1].middle, *marks, bins[0].middle))
    counts = [0] * BARS
    for middle, count in bins:
        counts[axis.column(middle)] += count
    p99 = sketch.quantile(0.99) or 0.0
    return Histogram(
        bars=_bars(counts, axis.column(p99)),
        ticks=axis.ticks(),
        this=None if this is None else axis.place(this),
        deadline=None if deadline is None else axis.place(deadline),
    )


class _Axis:
    """From the tick below the shortest to the tick above the longest."""

    def __init__(self, shortest: float, longest: float) -> None:
        seconds = [at for at, _ in TICKS]
        self._first = max([place for place, at in enumerate(seconds) if at <= shortest], default=0)
        last = min([place for place, at in enumerate(seconds) if at >= longest], default=len(TICKS) - 1)
        self._last = max(last, self._first + 1)
        self._low, self._high = math.log(seconds[self._first]), math.log(seconds[self._last])

    def share(self, seconds: float) -> float:
        share = (math.log(max(seconds, TICKS[0][0])) - self._low) / (self._high - self._low)
        return min(max(share, 0.0), 1.0)

    def column(self, seconds: float) -> int:
        return min(int(self.share(seconds) * BARS), BARS - 1)

    def place(self, seconds: float) -> float:
        return LEFT + self.share(seconds) * (RIGHT - LEFT)

    def ticks(self) -> list[Tick]:
        (first, *inner, last) = TICKS[self._first : self._last + 1]
        shown, end = [first], self.place(last[0])
        for tick in inner:
            # Where they would stand too close the ends stay.
            place = self.place(tick[0])
            if place - self.place(shown[-1][0]) >= APART and end - place >= APART:
                shown.append(tick)
        return [
            Tick(self.place(at), label, "start" if at == first[0] else "end" if at == last[0] else "middle")
            for at, label in (*shown, last)
        ]


def _bars(counts: Sequence[int], beyond: int) -> list[Bar]:
    width = (RIGHT - LEFT) / BARS
    most = max(counts)
    bars = []
    for place, count in enumerate(counts):
        if count:
            height = max(LOWEST, TALLEST * count / most)
            bars.append(
                Bar(LEFT + place * width + 0.5, BASE - height, width - 1, height, is_beyond=place > beyond)
            )
    return bars
