"""Puts numbers to the grid: boxes, the bands that undo them, arrows, and the lines after pivots."""

from itertools import accumulate

from sagas.definitions import Definition, StepDefinition
from sagas.graph.places import Grid, Way, place
from sagas.graph.shapes import (
    DOWN,
    DOWN_ALONE,
    MOST_EDGES,
    MOST_STEPS,
    Back,
    Box,
    Drawing,
    Edge,
    Frame,
    Line,
    Point,
)
from sagas.timeline import words
from sagas.vocabulary import StepKind

MOST_LINES = 2
POINT_OF_NO_RETURN = "point of no return"


def lay_out(definition: Definition, frame: Frame) -> Drawing | None:
    """None where there is nothing to draw, or more than a picture can tell."""
    waiting = definition.predecessors
    edges = sum(len(others) for others in waiting.values())
    if not definition.steps or len(definition.steps) > MOST_STEPS or edges > MOST_EDGES:
        return None
    grid = place(waiting)
    if frame == DOWN and grid.tracks == 1:
        frame = DOWN_ALONE
    return _Sheet(definition, grid, frame).draw()


class _Sheet:
    """One drawing in the making. `along` is the way in which steps follow one another, `aside` the other.

    Along: a cell for each layer, a gutter after it. Aside: a cell for each track, before it gap and slots.
    """

    def __init__(self, definition: Definition, grid: Grid, frame: Frame) -> None:
        self.definition, self.grid, self.frame = definition, grid, frame
        self.titles = {step.name: self._title(step) for step in definition.steps}
        lines = max(len(lines) for lines in self.titles.values())
        # The title, the kind, the participant.
        self.height = 2 * frame.pad + (lines + 2) * frame.line - 4
        has_backs = any(step.compensation for step in definition.steps)
        full = self.height + (4 + frame.back if has_backs else 0)
        self.cell, aside = (full, frame.box) if frame.is_down else (frame.box, full)
        slots = [count * frame.slot + (frame.slot if count else 0) for count in grid.slots]
        starts = [0.0, *accumulate(aside + frame.gap + slot for slot in slots)]
        is_headed = any(step.kind == StepKind.PIVOT for step in definition.steps)
        top = frame.margin + (frame.head if is_headed else 0)
        # Where the track itself begins, past its gap.
        self.tracks = [top + start + slot for start, slot in zip(starts, slots, strict=False)]
        self.aside_end = self.tracks[-1] + aside + frame.margin
        self.layers = [frame.margin + layer * (self.cell + frame.gutter) for layer in range(grid.layers)]
        is_pivot_last = any(
            step.kind == StepKind.PIVOT and grid.cells[step.name].layer == grid.layers - 1
            for step in definition.steps
        )
        self.along_end = (
            self.layers[-1] + self.cell + frame.margin + (frame.gutter / 2 if is_pivot_last else 0)
        )

    def draw(self) -> Drawing:
        boxes = [self._box(step) for step in self.definition.steps]
        width, _ = self._point(self.along_end, self.aside_end)
        foot = max(box.foot for box in boxes)
        lines = self._lines(width, foot)
        height = max([foot, *(line.end[1] for line in lines)]) + self.frame.margin
        edges = [self._edge(way) for way in self.grid.ways]
        return Drawing(self.frame, width, height, boxes, edges, lines)

    def _point(self, along: float, aside: float) -> Point:
        return (aside, along) if self.frame.is_down else (along, aside)

    def _title(self, step: StepDefinition) -> tuple[str, ...]:
        return wrap(step.title, self.frame.box - 2 * self.frame.pad, self.frame.title)

    def _box(self, step: StepDefinition) -> Box:
        frame, cell = self.frame, self.grid.cells[step.name]
        x, y = self._point(self.layers[cell.layer], self.tracks[cell.track])
        first, last = y + frame.pad + frame.line / 2 - 2, y + self.height - frame.pad - frame.line / 2 + 2
        return Box(
            step,
            x,
            y,
            frame.box,
            self.height,
            lines=tuple(
                (line, first + place * frame.line) for place, line in enumerate(self.titles[step.name])
            ),
            kind_y=last - frame.line,
            participant=words.shorten(step.participant, frame.box - 2 * frame.pad, frame.text),
            participant_y=last,
            back=self._back(step.compensation.title, x, y + self.height + 4) if step.compensation else None,
        )

    def _back(self, title: str, left: float, top: float) -> Back:
        """To the right of the arrows that leave the box downwards, where they do."""
        frame = self.frame
        right, bottom = left + frame.box, top + frame.back
        left += 2 * frame.inset
        middle = (left + right) / 2, (top + bottom) / 2
        outline: tuple[Point, ...]
        if frame.is_down:
            shoulder = top + frame.tip / 2
            outline = (
                (left, bottom),
                (left, shoulder),
                (middle[0] - frame.tip, shoulder),
                (middle[0], top - 2),
                (middle[0] + frame.tip, shoulder),
                (right, shoulder),
                (right, bottom),
            )
            middle = middle[0], (shoulder + bottom) / 2
        else:
            shoulder = left + frame.tip
            outline = ((left, middle[1]), (shoulder, top), (right, top), (right, bottom), (shoulder, bottom))
            middle = (shoulder + right) / 2, middle[1]
        label = words.shorten(title, right - left - 3 * frame.pad, frame.text)
        return Back(title, outline, label, *middle, words.width(label, frame.text))

    def _edge(self, way: Way) -> Edge:
        frame, before, after = self.frame, self.grid.cells[way.before], self.grid.cells[way.after]
        half = frame.gutter / 2
        box = self.height if frame.is_down else frame.box
        start, leave = self.layers[before.layer] + box, self.layers[before.layer] + self.cell
        enter = self.layers[after.layer]
        begin, end = self.tracks[before.track] + self._door, self.tracks[after.track] + self._door
        way_out = [(start, begin), (leave, begin), (leave, begin), (leave, begin)]
        if way.slot is None:
            bends = _bend(leave, begin, enter, end, half)
        else:
            lane = self.tracks[after.track] - frame.slot * (way.slot + 1)
            out, back = leave + frame.gutter, enter - frame.gutter
            bends = [
                *_bend(leave, begin, out, lane, half),
                *[(out, lane), (back, lane), (back, lane)],
                *_bend(back, lane, enter, end, half),
            ]
        return Edge(way.before, way.after, tuple(self._point(*point) for point in [*way_out, *bends]))

    @property
    def _door(self) -> float:
        """How far aside from the edge of its box an arrow leaves and enters."""
        return self.frame.inset or self.height / 2

    def _lines(self, width: float, foot: float) -> list[Line]:
        pivots: dict[int, list[str]] = {}
        for step in self.definition.steps:
            if step.kind == StepKind.PIVOT:
                pivots.setdefault(self.grid.cells[step.name].layer, []).append(step.title)
        return [self._line(layer, titles, width, foot) for layer, titles in sorted(pivots.items())]

    def _line(self, layer: int, titles: list[str], width: float, foot: float) -> Line:
        frame = self.frame
        along = self.layers[layer] + self.cell + frame.gutter / 2
        if frame.is_down:
            return Line((0, along), (width, along), tuple(titles), width - frame.margin, along - 9, "end")
        room = words.width(POINT_OF_NO_RETURN, frame.text) / 2
        anchor, x = ("middle", along) if along + room <= width else ("end", width)
        y = frame.margin + 8
        return Line((along, y + 9), (along, foot), tuple(titles), x, y, anchor)


def _bend(along: float, aside: float, to: float, at: float, reach: float) -> list[Point]:
    """A curve that leaves and arrives along the flow: it stays between the two places."""
    reach = min(reach, to - along)
    return [(along + reach, aside), (to - reach, at), (to, at)]


def wrap(text: str, room: float, size: float) -> tuple[str, ...]:
    """On at most MOST_LINES lines; broken between words where that is possible, and cut where it must be."""
    lines: list[str] = []
    left = text.split()
    while left and len(lines) < MOST_LINES:
        is_last = len(lines) == MOST_LINES - 1
        taken = 1
        while taken < len(left) and words.width(" ".join(left[: taken + 1]), size) <= room:
            taken += 1
        lines.append(words.shorten(" ".join(left if is_last else left[:taken]), room, size))
        left = left[taken:]
    return tuple(lines) or ("",)
