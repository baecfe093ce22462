"""The parts of a drawn timeline, in numbers and words.

Places are in units of the frame's width, from its top left corner; a unit is about a pixel.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from sagas.timeline.scale import Tick
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
    gutter: float = 152
    margin: float = 12  # kept free at the right
    head: float = 0
    axis: float = 30
    row: float = 32
    bar: float = 22
    pad: float = 10  # above and below the rows of a lane
    text: float = 12  # the height of letters
    name: float = 13  # … of a lane's name
    tick_distance: float = 74
    # Each label stands in a line of this height above its bar; 0: in the bar or beside it.
    line: float = 0
    # Whether what has not begun is drawn, right of now.
    has_ghosts: bool = True


WIDE = Frame()
NARROW = Frame(
    width=360, gutter=4, margin=6, head=21, row=39, bar=15, pad=5, tick_distance=66, line=16, has_ghosts=False
)


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
    """`says` is all that is known of it, with times, for whoever points at it."""

    span: Span
    tone: str
    says: str
    x: float
    width: float
    label: Label
    tries: tuple[float, ...] = ()  # where failed attempts are marked
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
    says: str
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
    """`name` is the participant's; empty: what people did in Amends. `heading` and `about` are its labels."""

    name: str
    title: str
    note: str
    heading: Label
    about: Label
    top: float = 0.0
    height: float = 0.0
    bars: list[Bar] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    folded: int = 0  # executions and marks that are not drawn

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Break:
    """Where the axis leaves time out. `label` is empty where there is no room to say how much."""

    x: float
    says: str
    label: str


@dataclass(slots=True)
class Timeline:
    mode: Mode
    frame: Frame
    height: float
    lanes: list[Lane]
    arrows: list[Arrow]
    ticks: list[Tick]
    breaks: list[Break]
    now: float | None  # where now is, while the saga goes on
    deadline: Deadline | None  # of the whole saga
    expected: list[str]  # titles of what has not begun yet
    sentences: list[Sentence]  # the same, to be read in order

    @property
    def folded(self) -> int:
        return sum(lane.folded for lane in self.lanes)

    @property
    def inner_height(self) -> float:
        """Of all lanes together, below the axis."""
        return self.height - self.frame.axis
