"""The parts of a drawn definition, in numbers and words.

A unit is about a pixel; places are counted from the top left.
"""

from dataclasses import dataclass

from sagas.definitions import StepDefinition

Point = tuple[float, float]

# Beyond these a picture tells nobody anything; the table of steps still does.
MOST_STEPS = 120
MOST_EDGES = 500


@dataclass(frozen=True, slots=True)
class Frame:
    """The measures of a drawing whose steps follow one another to the right, or downwards (`is_down`)."""

    is_down: bool
    box: float = 168  # how wide a step is
    gutter: float = 46  # between layers: room for arrows, and for the line after the pivot
    gap: float = 18  # between tracks
    slot: float = 8  # between arrows that run side by side
    margin: float = 6
    head: float = 0  # above everything, for the words of the lines
    pad: float = 10  # inside a box
    line: float = 17  # from one line of letters to the next
    title: float = 13  # the height of letters
    text: float = 12
    back: float = 24  # how high the band of a compensation is
    tip: float = 9  # … and its arrow head
    # How far from the edge of a box arrows leave and enter it; 0: in its middle.
    inset: float = 0


ACROSS = Frame(is_down=False, head=24)
DOWN = Frame(is_down=True, box=166, gutter=42, gap=12, inset=16)
# A chain has the screen of a phone for itself.
DOWN_ALONE = Frame(is_down=True, box=340, gutter=42, gap=12, inset=16)


@dataclass(frozen=True, slots=True)
class Back:
    """How a step is undone: a band below it whose arrow points back."""

    title: str
    outline: tuple[Point, ...]
    label: str
    x: float  # the middle of the label
    y: float
    width: float  # of the label

    @property
    def left(self) -> float:
        """Where the ground of the label begins."""
        return self.x - self.width / 2 - 4


@dataclass(frozen=True, slots=True)
class Box:
    """`lines`: the title, on as many as it takes and has room for, each with the middle of its letters."""

    step: StepDefinition
    x: float
    y: float
    width: float
    height: float
    lines: tuple[tuple[str, float], ...]
    kind_y: float
    participant: str
    participant_y: float
    back: Back | None

    @property
    def foot(self) -> float:
        """Where it ends, what undoes it included."""
        return max(y for _, y in self.back.outline) if self.back else self.bottom

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow: a point, then as many curves as there are triples of points after it."""

    before: str
    after: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """After a pivot, across all that goes on beside it; its words stand at `x`, `y`."""

    begin: Point
    end: Point
    pivots: tuple[str, ...]
    x: float
    y: float
    anchor: str  # as SVG's text-anchor


@dataclass(frozen=True, slots=True)
class Drawing:
    frame: Frame
    width: float
    height: float
    boxes: list[Box]
    edges: list[Edge]
    lines: list[Line]
