"""Where each step stands in a grid, and which way each arrow takes past the others. Whole numbers only.

Layers follow the waiting: a step stands one layer after the last of those it waits for. Tracks lie side by
side. An arrow to the next layer goes straight there; a longer one runs between two tracks, in a slot of its
own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Waiting = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Cell:
    layer: int
    track: int


@dataclass(frozen=True, slots=True)
class Way:
    """From one step to another. `slot` is None for a step of the next layer, else its place in the gap
    before the target's track, counted from the track."""

    before: str
    after: str
    slot: int | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps and ways in the order in which the definition names them."""

    cells: dict[str, Cell]
    ways: list[Way]
    layers: int
    tracks: int

    @property
    def slots(self) -> list[int]:
        """Per track, how many slots the gap before it needs."""
        needed = [0] * self.tracks
        for way in self.ways:
            if way.slot is not None:
                track = self.cells[way.after].track
                needed[track] = max(needed[track], way.slot + 1)
        return needed


def place(waiting: Waiting) -> Grid:
    """`waiting`: per step those it waits for. Circles are refused when a definition is read."""
    layers = _layers(waiting)
    cells = _tracks(waiting, layers)
    ways = _ways(waiting, cells)
    return Grid(
        cells,
        ways,
        layers=max(layers.values(), default=-1) + 1,
        tracks=max((cell.track for cell in cells.values()), default=-1) + 1,
    )


def _layers(waiting: Waiting) -> dict[str, int]:
    found: dict[str, int] = {}
    left = list(waiting)
    while left:
        ready = [name for name in left if all(other in found for other in waiting[name])]
        for name in ready:
            found[name] = max((found[other] + 1 for other in waiting[name]), default=0)
        left = [name for name in left if name not in found]
    return found


def _tracks(waiting: Waiting, layers: Mapping[str, int]) -> dict[str, Cell]:
    """Each step on the track of the first it waits for, or on the next that is free in its layer."""
    by_layer: dict[int, list[str]] = {}
    for name in waiting:
        by_layer.setdefault(layers[name], []).append(name)
    cells: dict[str, Cell] = {}
    for layer in sorted(by_layer):
        wanted = {name: [cells[other].track for other in waiting[name]] or [0] for name in by_layer[layer]}
        free = 0
        # Sorted by the middle of those they wait for, so that few arrows cross.
        for name in sorted(by_layer[layer], key=lambda name: sum(wanted[name]) / len(wanted[name])):
            track = max(free, min(wanted[name]))
            cells[name] = Cell(layer, track)
            free = track + 1
    return {name: cells[name] for name in waiting}


def _ways(waiting: Waiting, cells: Mapping[str, Cell]) -> list[Way]:
    # Per gap and slot, the layers up to which it is taken.
    taken: dict[int, list[int]] = {}
    slots: dict[tuple[str, str], int] = {}
    long = [
        (other, name)
        for name, others in waiting.items()
        for other in dict.fromkeys(others)
        if cells[name].layer > cells[other].layer + 1
    ]
    for other, name in sorted(long, key=lambda way: (cells[way[0]].layer, cells[way[1]].layer)):
        ends = taken.setdefault(cells[name].track, [])
        begin, end = cells[other].layer, cells[name].layer
        slot = next((slot for slot, until in enumerate(ends) if until <= begin), len(ends))
        if slot == len(ends):
            ends.append(end)
        else:
            ends[slot] = end
        slots[other, name] = slot
    return [
        Way(other, name, slots.get((other, name)))
        for name, others in waiting.items()
        for other in dict.fromkeys(others)
    ]
