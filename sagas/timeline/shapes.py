"""The parts of a drawn timeline, in numbers and words.

Places are in units of the frame's width, from its top left corner; a unit is about a pixel.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from sagas.timeline.scale import Fold, Tick
from sagas.timeline.spans import Span
from sagas.timeline.told import Mark
from sagas.timeline.words import Sentence


class Mode(StrEnum):
    FIT = "fit"  # idle stretches folded, clock times
    SCALE = "scale"  # equal time, equal width
    RELATIVE = "relative"  # as fit, times counted from the beginning


@dataclass(frozen=True, slots=True)
class Frame:
    """The measures of a drawing. Lane names stand in the `gutter`, or in a `head` above the rows."""

    width: float = 1000
    gutter: float = 140
    margin: float = 12  # kept free at the right
    head: float = 0
    axis: float = 30
    row: float = 32
    bar: float = 22
    pad: float = 10  # above and below the rows of a lane
    text: float = 12  # the height of letters
    tick_distance: float = 74


WIDE = Frame()
NARROW = Frame(width=360, gutter=4, margin=6, head=20, row=29, pad=6, tick_distance=66)


@dataclass(slots=True)
class Label:
    """Words in or beside what they name. `width` is the room they may take, from `x` to the right."""

    text: str
    x: float
    width: float
    is_inside: bool
    y: float = 0.0  # the middle of the letters

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(slots=True)
class Bar:
    span: Span
    tone: str
    x: float
    width: float
    label: Label
    tries: tuple[float, ...] = ()  # where failed attempts are marked
    folds: tuple[float, ...] = ()  # where folded time crosses it
    row: int = 0
    y: float = 0.0
    height: float = 0.0

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(slots=True)
class Point:
    mark: Mark
    tone: str
    x: float
    label: Label
    row: int = 0
    y: float = 0.0  # its middle


@dataclass(slots=True)
class Deadline:
    x: float
    top: float
    bottom: float
    label: Label
    is_past: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """A cubic curve from a compensation to what it undoes: begin, two control points, end."""

    points: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(slots=True)
class Lane:
    """`name` is the participant's; empty: what people did in Amends."""

    name: str
    title: str
    note: str
    top: float = 0.0
    height: float = 0.0
    bars: list[Bar] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    folded: int = 0  # executions and marks that are not drawn

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(slots=True)
class Timeline:
    mode: Mode
    frame: Frame
    height: float
    lanes: list[Lane]
    arrows: list[Arrow]
    ticks: list[Tick]
    folds: list[Fold]
    now: float | None  # where now is, while the saga goes on
    deadline: Deadline | None  # of the whole saga
    sentences: list[Sentence]  # the same, to be read in order

    @property
    def folded(self) -> int:
        return sum(lane.folded for lane in self.lanes)
