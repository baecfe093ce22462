"""How a participant normally speaks, and how long it may say nothing before that is worth telling. Pure.

A pause is the time between two moments at which it was heard. Counting pauses would make a night's silence
one of twenty thousand; here they count by the time they take, so that a source that is quiet every night is
one that may be quiet for a night.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sagas.learning import Durations

# Nothing is judged by a rhythm of fewer pauses, or of less time.
FEWEST = 50
LEAST = timedelta(hours=1)

# Pauses longer than this one make up less than RARE of the time that was listened to.
RARE = 0.01

# It counts as silent after this many times its longest usual pause.
FACTOR = 3

# Pauses of this period and of the one before count: at least two weeks, so that both weekends are among them.
PERIOD = timedelta(days=14)


class Deaf(NamedTuple):
    """A time in which Amends itself was away, or nobody reached it."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class Rhythm:
    """What was learned of one participant since it was first listened to, until the newest moment."""

    since: datetime
    until: datetime
    period_since: datetime
    pauses: Durations = field(default_factory=Durations)
    before: Durations = field(default_factory=Durations)

    def listen(self, ticks: Iterable[datetime], deaf: Deaf | None = None, *, is_cut: bool = False) -> None:
        """Learn from moments at which it was heard, in any order; what is not newer is known already.

        What Amends could not hear, while it was `deaf`, is nobody's pause. `is_cut`: moments before the first
        are missing.
        """
        for tick in sorted({tick for tick in ticks if tick > self.until}):
            if tick - self.period_since > PERIOD:
                self.before, self.pauses, self.period_since = self.pauses, Durations(), tick
            is_heard = deaf is None or tick <= deaf.since or self.until >= deaf.until
            if is_heard and not is_cut:
                self.pauses.add((tick - self.until).total_seconds())
            self.until, is_cut = tick, False

    @property
    def usual(self) -> float | None:
        """Seconds: half of its pauses are shorter. None while too little is known."""
        return self._known().quantile(0.5) if self._is_enough() else None

    def patience(self, floor: float) -> float | None:
        """Seconds of saying nothing after which it counts as silent, at least `floor`; None: not judged."""
        longest = longest_usual(self._known()) if self._is_enough() else None
        return max(floor, FACTOR * longest) if longest else None

    def _is_enough(self) -> bool:
        return len(self._known()) >= FEWEST and self.until - self.since >= LEAST

    def _known(self) -> Durations:
        known = Durations()
        known.merge(self.before)
        known.merge(self.pauses)
        return known


def begin(ticks: Collection[datetime]) -> Rhythm:
    """Of somebody who was never heard before these moments, of which there is at least one."""
    first = min(ticks)
    return Rhythm(first, first, first)


def longest_usual(pauses: Durations) -> float | None:
    """Seconds. The longest pause of all is left aside: it may have been an outage. None where no other is."""
    bins = [[one.middle, one.times] for one in pauses.bins()]
    if not bins:
        return None
    bins[-1][1] -= 1
    total = sum(middle * count for middle, count in bins)
    longer = 0.0
    for middle, count in reversed(bins):
        longer += middle * count
        if count and longer >= RARE * total:
            return middle
    return None
