"""Time → place on an axis: to scale, or with idle stretches folded; and the ticks that say what time it is.

Pure. Times are whole microseconds since 1970 UTC, places are numbers on the canvas.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise

from sagas.durations import exactly, span
from sagas.facts import moment

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Distances between ticks that people read easily.
NICE = (
    *(n * MILLISECOND for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)

# A stretch in which nothing happens is folded when it is longer than this many times all that is left …
IDLE = 1.2
# … one in which a step is at work, only when it dwarfs the rest …
BUSY = 4.0
# … and where only one other stretch is left to look at, any must be this many times longer.
BESIDE_ONE = 20.0
# No more stretches than this are folded.
MOST_FOLDS = 5
# What all folded stretches together, and one of them, may take of the axis.
FOLDED_SHARE = 0.5
FOLD_SHARE = 0.2
# What lies ahead, up to a deadline, takes no more than this.
AHEAD_SHARE = 0.14
# Every stretch between two happenings gets this many units, however short it was …
LEAST = 6.0
# … but all these together no more than this share of the axis.
LEAST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Fold:
    """A stretch shown shorter than it was."""

    start: int
    end: int
    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


@dataclass(frozen=True, slots=True)
class Tick:
    """`anchor` is which end of the label stands at `x`: start, middle or end."""

    x: float
    time: int
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Scale:
    """Knots of a rising, piecewise linear map from times to places; times beyond its ends are held there."""

    times: tuple[int, ...]
    places: tuple[float, ...]
    folds: tuple[Fold, ...] = ()

    def x(self, time: int) -> float:
        after = bisect_right(self.times, time)
        if after == 0:
            return self.places[0]
        if after == len(self.times):
            return self.places[-1]
        begin, end = self.times[after - 1], self.times[after]
        left, right = self.places[after - 1], self.places[after]
        return left + (right - left) * (time - begin) / (end - begin)


def linear(times: Iterable[int], left: float, right: float) -> Scale:
    """Equal time, equal width. `times` must hold one at least."""
    knots = sorted(set(times))
    if len(knots) == 1:
        return Scale((knots[0],), (left,))
    return Scale((knots[0], knots[-1]), (left, right))


def fitted(
    times: Iterable[int],
    left: float,
    right: float,
    *,
    busy: Iterable[tuple[int, int]] = (),
    now: int | None = None,
) -> Scale:
    """To scale where things happen; long stretches between two of `times` are folded, tiny ones widened.

    `busy`: from when to when something was at work, which is folded only where it dwarfs the rest. What
    lies after `now` (deadlines ahead) gets no more than its share of the axis.
    """
    spent = list(busy)
    knots = sorted(set(times))
    past = [time for time in knots if now is None or time <= now]
    if not past or len(past) == len(knots):
        return _folded(knots, left, right, spent)
    natural = (knots[-1] - past[-1]) / (knots[-1] - knots[0])
    split = right - (right - left) * min(natural, AHEAD_SHARE)
    behind, last = _folded(past, left, split, spent), knots[-1]
    start = behind.places[-1]
    end = start + right - split
    ahead = [start + (end - start) * (time - past[-1]) / (last - past[-1]) for time in knots[len(past) :]]
    folds = behind.folds
    if natural > AHEAD_SHARE:
        folds += (Fold(past[-1], last, start, end),)
    return Scale((*behind.times, *knots[len(past) :]), (*behind.places, *ahead), folds)


def _folded(knots: Sequence[int], left: float, right: float, busy: Sequence[tuple[int, int]]) -> Scale:
    if len(knots) == 1:
        return Scale((knots[0],), (left,))
    lengths = [end - begin for begin, end in pairwise(knots)]
    idle = [not any(start <= begin and end <= stop for start, stop in busy) for begin, end in pairwise(knots)]
    folded = _dwarfing(lengths, idle)
    weights = _weights(lengths, folded, right - left)
    total = sum(weights)
    places = [left]
    for weight in weights:
        places.append(places[-1] + (right - left) * weight / total)
    places[-1] = right
    folds = [
        Fold(knots[place], knots[place + 1], places[place], places[place + 1]) for place in sorted(folded)
    ]
    return Scale(tuple(knots), tuple(places), tuple(folds))


def _dwarfing(lengths: Sequence[int], idle: Sequence[bool]) -> set[int]:
    """Which stretches to fold, by place: as many of the longest as are each too long beside the rest."""
    longest_first = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    rest = sum(lengths)
    found: set[int] = set()
    for count, place in enumerate(longest_first[:MOST_FOLDS], start=1):
        rest -= lengths[place]
        chosen, others = longest_first[:count], longest_first[count:]
        if not others:
            break
        is_beside_one = rest - lengths[others[0]] < rest * 0.05
        factors = {each: BESIDE_ONE if is_beside_one else IDLE if idle[each] else BUSY for each in chosen}
        if all(lengths[each] > rest * factor for each, factor in factors.items()):
            found = set(chosen)
    return found


def _weights(lengths: Sequence[int], folded: set[int], width: float) -> list[float]:
    if folded:
        share = min(FOLD_SHARE, FOLDED_SHARE / len(folded))
        rest = sum(length for place, length in enumerate(lengths) if place not in folded)
        each = rest * share / (1 - share * len(folded))
    else:
        each = 0.0
    weights = [each if place in folded else float(length) for place, length in enumerate(lengths)]
    total = sum(weights)
    least = min(LEAST, LEAST_SHARE * width / len(weights)) * total / width
    return [max(weight, least) for weight in weights]


def ticks(scale: Scale, distance: float, zone: tzinfo, *, origin: int | None = None) -> list[Tick]:
    """Rising, at least `distance` apart; labels tell the time, or with `origin` count from there (+4.5 s).

    The ends and the edges of folds come first, round times fill what is between.
    """
    begin, end = scale.times[0], scale.times[-1]
    edges = [begin, *(edge for fold in scale.folds for edge in (fold.start, fold.end)), end]
    regions = [(start, stop) for start, stop in zip(edges[0::2], edges[1::2], strict=True) if start < stop]
    wanted = [(begin, _precision(begin, regions[0] if regions else None, scale, distance))]
    for region in regions:
        step = _step(region, scale, distance)
        wanted += [(edge, min(step, SECOND)) for edge in region]
        wanted += [(time, step) for time in _round_times(region, step, origin or 0)]
    placed: list[tuple[float, int, int]] = []
    for time, step in wanted:
        x = scale.x(time)
        place = bisect_left(placed, (x, time, step))
        near = placed[max(place - 1, 0) : place + 1]
        if begin <= time <= end and all(abs(x - other) >= distance for other, _, _ in near):
            placed.insert(place, (x, time, step))
    if origin is not None:
        return [Tick(x, time, f"+{duration(time - origin, precise=True)}") for x, time, _ in placed]
    return _clock(placed, zone)


def _precision(time: int, region: tuple[int, int] | None, scale: Scale, distance: float) -> int:
    return min(_step(region, scale, distance), SECOND) if region else MILLISECOND


def _step(region: tuple[int, int], scale: Scale, distance: float) -> int:
    start, stop = region
    width = max(scale.x(stop) - scale.x(start), 1.0)
    least = (stop - start) * distance / width
    return next((step for step in NICE if step >= least), NICE[-1])


def _round_times(region: tuple[int, int], step: int, origin: int) -> list[int]:
    start, stop = region
    first = origin + -(-(start - origin) // step) * step
    # Bounded even where an absurd time stretches the axis.
    return list(range(first, stop + 1, step))[:200]


def _clock(placed: Sequence[tuple[float, int, int]], zone: tzinfo) -> list[Tick]:
    """Labels in full where the minute changes, else only the seconds; the day where it changes."""
    found = []
    before: datetime | None = None
    has_days = len({moment(time).astimezone(zone).date() for _, time, _ in placed}) > 1
    for x, time, step in placed:
        at = moment(time).astimezone(zone)
        clock = at.strftime("%H:%M:%S" if step < MINUTE else "%H:%M")
        if has_days and (before is None or before.date() != at.date()):
            clock = f"{at:%b} {at.day} {at:%H:%M}"
        elif step < SECOND:
            is_same_minute = before is not None and _minute(before) == _minute(at)
            clock = (at.strftime(":%S") if is_same_minute else clock) + f".{at.microsecond // 1000:03d}"
        elif before is not None and step < MINUTE and _minute(before) == _minute(at):
            clock = at.strftime(":%S")
        found.append(Tick(x, time, clock))
        before = at
    return found


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def duration(microseconds: int, *, precise: bool = False) -> str:
    """Such as 850 ms, 4.5 s, 30 s, 16 min, 2 h 04 min, 3 d 4 h; `precise` keeps seconds beside minutes."""
    if microseconds < 0:
        return "−" + duration(-microseconds, precise=precise)
    if microseconds < SECOND:
        return exactly(microseconds // MILLISECOND / 1000) if microseconds else "0 s"
    if microseconds < 10 * SECOND:
        return exactly(microseconds // (100 * MILLISECOND) / 10)
    is_short = microseconds < 5 * MINUTE
    return exactly(microseconds // SECOND) if precise or is_short else span(microseconds / SECOND)
