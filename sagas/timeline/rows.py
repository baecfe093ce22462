"""Rows of a lane: where each bar, point and label stands, so that none overlaps another (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from sagas.fold import State
from sagas.timeline import scale as scales
from sagas.timeline import words
from sagas.timeline.scale import Scale
from sagas.timeline.shapes import Bar, Deadline, Frame, Label, Lane, Point
from sagas.timeline.spans import Span
from sagas.timeline.told import Mark, Told
from sagas.vocabulary import Kind

# Bars drawn in one lane; of more, the newest.
MOST_PER_LANE = 40
# Between two things in one row.
GAP = 7.0
# A bar is never drawn narrower, and points are this wide.
LEAST_WIDTH = 6.0
POINT_WIDTH = 10.0


@dataclass(slots=True)
class _Item:
    """What stands in a row, with the room that it takes there, label included."""

    drawn: Bar | Point
    left: float
    right: float


@dataclass(slots=True)
class Filler:
    """Gives everything of a lane its row and place."""

    told: Told
    scale: Scale
    frame: Frame
    zone: tzinfo
    now: int
    ghosts: dict[Span, Bar]

    def fill(self, lane: Lane) -> None:
        """Steps and marks go above, compensations below them."""
        mine = [span for span in self.told.spans if span.participant == lane.name]
        come = sorted((span for span in mine if not span.is_expected), key=_by_time)
        lane.folded += max(len(come) - MOST_PER_LANE, 0)
        items = [self._bar(span) for span in come[-MOST_PER_LANE:]]
        above = [item for item in items if not _is_back(item)]
        below = [item for item in items if _is_back(item)]
        begins = [item.drawn.x for item in items]
        above += [
            self._point(mark)
            for mark in self.told.marks
            if mark.participant == lane.name and not self._is_said_by_a_bar(mark, begins)
        ]
        above.sort(key=lambda item: (item.left, item.right))
        for span in mine:
            if span in self.ghosts:
                bar = self.ghosts[span]
                (below if span.is_back else above).append(_Item(bar, bar.x, bar.right))
        rows = _in_rows(above) + _in_rows(below)
        y = lane.top + self.frame.head + self.frame.pad
        for place, row in enumerate(rows):
            y += self._settle(lane, row, place, y)
        needed = y - (self.frame.row - self.frame.bar - self.frame.line) + self.frame.pad - lane.top
        # A name and what it is about, one above the other, need their room beside a single row too.
        lane.height = max(needed, 0 if self.frame.head else self.frame.pad * 2 + 32)

    def _is_said_by_a_bar(self, mark: Mark, begins: Sequence[float]) -> bool:
        """The start of the saga needs no mark where a bar begins at the same place."""
        x = self.scale.x(mark.time)
        return mark.kind == Kind.SAGA_STARTED and any(abs(x - begin) < 16 for begin in begins)

    def _bar(self, span: Span) -> _Item:
        x = self.scale.x(span.start)
        wide = max(self.scale.x(span.end) - x, LEAST_WIDTH)
        x = min(x, self.frame.width - self.frame.margin - wide)
        label = self._label(words.label(span, self.now), x, x + wide)
        bar = Bar(
            span,
            words.tone(span),
            words.span_says(span, self.now, self.zone),
            x,
            wide,
            label,
            tries=tuple(self.scale.x(time) for time in span.tries),
        )
        return _Item(bar, min(x, label.x), max(x + wide, label.right))

    def _point(self, mark: Mark) -> _Item:
        half = POINT_WIDTH / 2
        x = min(max(self.scale.x(mark.time), self.frame.gutter + half), self.frame.width - half)
        label = self._label(words.mark_label(mark), x - half, x + half, outside=True)
        point = Point(mark, words.MARKS[mark.kind][1], words.mark_says(mark, self.zone), x, label)
        return _Item(point, min(x - half, label.x), max(x + half, label.right))

    def _label(self, text: str, left: float, right: float, *, outside: bool = False) -> Label:
        """Inside where it fits, else right of it, else left, else shortened where there is most room."""
        size, most = self.frame.text, self.frame.width - self.frame.margin
        if self.frame.line:
            text = words.shorten(text, most - self.frame.gutter, size)
            wide = words.width(text, size)
            return Label(text, min(left, most - wide), wide, is_inside=False)
        wide = words.width(text, size)
        if not outside and wide + 16 <= right - left:
            return Label(text, left + 8, wide, is_inside=True)
        if right + GAP + wide <= most:
            return Label(text, right + GAP, wide, is_inside=False)
        if left - GAP - wide >= self.frame.gutter:
            return Label(text, left - GAP - wide, wide, is_inside=False)
        rooms = {
            "inside": 0.0 if outside else right - left - 16,
            "right": most - right - GAP,
            "left": left - GAP - self.frame.gutter,
        }
        side = max(rooms, key=lambda side: rooms[side])
        short = words.shorten(text, rooms[side], size)
        wide = min(words.width(short, size), rooms[side])
        x = {"inside": left + 8, "right": right + GAP, "left": left - GAP - wide}[side]
        return Label(short, x, wide, is_inside=side == "inside")

    def _settle(self, lane: Lane, row: Sequence[_Item], place: int, y: float) -> float:
        """Write the row's height down in all that stands in it; returns how much it takes."""
        label_y = y + self.frame.line / 2
        y += self.frame.line
        middle = y + self.frame.bar / 2
        has_deadline = False
        for item in row:
            item.drawn.row, item.drawn.label.y = place, label_y if self.frame.line else middle
            if isinstance(item.drawn, Point):
                item.drawn.y = middle
                lane.points.append(item.drawn)
                continue
            item.drawn.y, item.drawn.height = y, self.frame.bar
            lane.bars.append(item.drawn)
            deadline = item.drawn.span.deadline
            if deadline is not None and self.scale.times[0] <= deadline <= self.scale.times[-1]:
                text = f"deadline {scales.duration(deadline - item.drawn.span.start)}"
                lane.deadlines.append(self._deadline(deadline, text, y - 5, y + self.frame.bar + 4))
                has_deadline = True
        return self.frame.row + (15 if has_deadline else 0)

    def _deadline(self, time: int, text: str, top: float, bottom: float) -> Deadline:
        x = self.scale.x(time)
        wide = words.width(text, self.frame.text)
        most = self.frame.width - self.frame.margin - wide
        label = Label(text, max(min(x - wide / 2, most), self.frame.gutter), wide, False, bottom + 8)
        return Deadline(x, top, bottom, label, is_past=time < self.now)

    def saga_deadline(self, state: State, bottom: float) -> Deadline | None:
        """The mark across all lanes, once it has passed."""
        time = state.deadline
        if time is None or not self.scale.times[0] <= time <= self.now:
            return None
        begun = state.started.stamp.time if state.started else state.first
        text = f"saga deadline {scales.duration(time - begun)}"
        return self._deadline(time, text, self.frame.axis, bottom + 2)


def _by_time(span: Span) -> tuple[int, int, str, str]:
    return span.start, span.end, span.step, span.execution


def _is_back(item: _Item) -> bool:
    return isinstance(item.drawn, Bar) and item.drawn.span.is_back


def _in_rows(items: Sequence[_Item]) -> list[list[_Item]]:
    """Each in the first row that has room for it."""
    rows: list[list[_Item]] = []
    for item in items:
        for row in rows:
            if all(item.left >= other.right + GAP or item.right + GAP <= other.left for other in row):
                row.append(item)
                break
        else:
            rows.append([item])
    return rows
