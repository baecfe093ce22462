"""In which order steps run, from when they ran in many sagas (pure)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

# Pairs of steps looked at: all of 2,000 sagas of 20 steps, fewer sagas where they have more.
MOST_PAIRS = 400_000
# One step waits for another where, in this share of the sagas that had both, the other had ended before.
AGREED = 0.95
# Clocks of two services differ a little: an overlap of this share of the first step's time is none.
OVERLAP = 0.05
# What one step is said to wait for, at most.
MOST_AFTER = 8
# Past every time: what never ran forward comes last.
NEVER = 2**62


class Spell(NamedTuple):
    """When a step ran in one saga; microseconds."""

    step: str
    begin: int
    end: int


class Order:
    def __init__(self) -> None:
        self._pairs = 0
        self._offsets: dict[str, list[int]] = defaultdict(list)
        # Pairs by their names: in how many sagas both ran, the first began first, the first had ended.
        self._both: Counter[tuple[str, str]] = Counter()
        self._begun: Counter[tuple[str, str]] = Counter()
        self._ended: Counter[tuple[str, str]] = Counter()

    def add(self, spells: Sequence[Spell]) -> None:
        """The steps of one saga."""
        ordered = sorted(spells, key=lambda spell: (spell.begin, spell.step))
        for spell in ordered:
            self._offsets[spell.step].append(spell.begin - ordered[0].begin)
        pairs = len(ordered) * (len(ordered) - 1) // 2
        if self._pairs and self._pairs + pairs > MOST_PAIRS:
            return
        self._pairs += pairs
        for place, one in enumerate(ordered):
            over = one.end - OVERLAP * (one.end - one.begin)
            for other in ordered[place + 1 :]:
                pair = (one.step, other.step)
                self._both[pair] += 1
                if one.begin < other.begin:
                    self._begun[pair] += 1
                if over <= other.begin:
                    self._ended[pair] += 1

    def after(self, steps: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """These steps in order, each with those it waits for, none of which waits for another of them."""
        ordered = self._ordered(steps)
        # As bits by place: all that have ended before a step begins, directly or by way of others.
        before: list[int] = []
        found: dict[str, tuple[str, ...]] = {}
        for place, name in enumerate(ordered):
            direct: list[int] = []
            known = 0
            # From the nearest back, so that what is known through a nearer one is not said again.
            for earlier in range(place - 1, -1, -1):
                if len(direct) == MOST_AFTER:
                    break
                if not known >> earlier & 1 and self._waits(ordered[earlier], name):
                    direct.append(earlier)
                    known |= before[earlier] | 1 << earlier
            before.append(known)
            found[name] = tuple(ordered[earlier] for earlier in reversed(direct))
        return found

    def _waits(self, earlier: str, later: str) -> bool:
        both = self._both[earlier, later] + self._both[later, earlier]
        return both > 0 and self._ended[earlier, later] >= AGREED * both

    def _ordered(self, steps: Sequence[str]) -> list[str]:
        """Always the step that the fewest others should precede; of several the one that began earliest."""
        usual = {name: median_low(self._offsets[name] or [NEVER]) for name in steps}
        chosen = set(steps)
        successors: dict[str, list[str]] = defaultdict(list)
        waiting = dict.fromkeys(steps, 0)
        for one, other in self._both:
            if one in chosen and other in chosen and self._begun[one, other] > self._begun[other, one]:
                successors[one].append(other)
                waiting[other] += 1
        ordered: list[str] = []
        while waiting:
            name = min(waiting, key=lambda name: (waiting[name], usual[name], name))
            del waiting[name]
            ordered.append(name)
            for other in successors[name]:
                if other in waiting:
                    waiting[other] -= 1
        return ordered
