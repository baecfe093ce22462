"""What is wrong with a text, shown in its lines: a mark below each mistake, and the lines around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from console.web.quarantine import UNSEEN
from sagas.definitions import Complaint, DefinitionError

# Mistakes shown; whoever mends these sees the others.
MOST = 100
# Lines shown before and after one that is wrong.
AROUND = 2
# Characters shown of a line.
WIDEST = 300


@dataclass(frozen=True, slots=True)
class Mark:
    """One mistake; `pad` is as wide as what stands before it in its line."""

    line: int
    column: int
    message: str
    pad: str


@dataclass(slots=True)
class Line:
    number: int
    text: str
    follows_gap: bool  # lines before it are left out
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Complaints:
    """All marks, and the lines that they stand in, in order."""

    marks: list[Mark]
    lines: list[Line]
    left_out: int


def explain(error: DefinitionError, text: str) -> Complaints:
    shown = error.complaints[:MOST]
    written = text.split("\n")
    marks = [_mark(complaint, written) for complaint in shown]
    return Complaints(marks, _lines(marks, written), len(error.complaints) - len(shown))


def _mark(complaint: Complaint, written: Sequence[str]) -> Mark:
    line, column = complaint.place
    before = (written[line - 1] if line <= len(written) else "")[: column - 1]
    return Mark(line, column, complaint.message, " " * len(_seen(before)))


def _lines(marks: Sequence[Mark], written: Sequence[str]) -> list[Line]:
    wanted = sorted(
        {
            number
            for mark in marks
            for number in range(mark.line - AROUND, mark.line + AROUND + 1)
            if 1 <= number <= len(written)
        }
    )
    lines: dict[int, Line] = {}
    for number in wanted:
        lines[number] = Line(
            number, _seen(written[number - 1]), follows_gap=number > 1 and number - 1 not in lines
        )
    for mark in marks:
        if mark.line in lines:
            lines[mark.line].marks.append(mark)
    return list(lines.values())


def _seen(text: str) -> str:
    """As it can be read: to a width, and with nothing in it that hides or turns the text."""
    cut = text.replace("\t", " ").rstrip("\r").translate(UNSEEN)
    return cut if len(cut) <= WIDEST else f"{cut[:WIDEST]}…"
