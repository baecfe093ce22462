"""What a timeline says in words: labels, tones, the same to be read in order; and how wide words are."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from sagas.facts import moment
from sagas.timeline.scale import duration
from sagas.timeline.spans import Span
from sagas.timeline.told import Mark, Told
from sagas.vocabulary import Kind, StepState

NARROW_LETTERS = frozenset("ijl.,:;|'!`")
SLIM_LETTERS = frozenset("frtI()[]/- ·")
WIDE_LETTERS = frozenset("mwMW@%—…")

# What a mark says, and its tone (console's style sheet).
MARKS: dict[Kind, tuple[str, str]] = {
    Kind.SAGA_STARTED: ("started", "info"),
    Kind.SAGA_COMPENSATING: ("going back", "undo"),
    Kind.SAGA_COMPLETED: ("saga completed", "ok"),
    Kind.SAGA_COMPENSATED: ("saga compensated", "undo"),
    Kind.SAGA_FAILED: ("saga failed", "bad"),
    Kind.SAGA_ABORTED: ("saga aborted", "bad"),
    Kind.SAGA_TIMED_OUT: ("saga timed out", "doubt"),
    Kind.SAGA_SUSPENDED: ("suspended", "quiet"),
    Kind.SAGA_RESUMED: ("resumed", "info"),
    Kind.SAGA_NOTE: ("note", "quiet"),
    Kind.OPERATOR_REPAIR_STARTED: ("repair started", "info"),
    Kind.OPERATOR_REPAIR_FINISHED: ("repair finished", "info"),
    Kind.OPERATOR_ASKED: ("asked about", "info"),
    Kind.OPERATOR_REFUSED: ("refused", "bad"),
    Kind.OPERATOR_NOTE: ("note", "quiet"),
}

OUTCOMES: dict[StepState, tuple[str, str]] = {
    StepState.PENDING: ("expected", "quiet"),
    StepState.RUNNING: ("running", "info"),
    StepState.COMPLETED: ("completed", "ok"),
    StepState.FAILED: ("failed", "bad"),
    StepState.TIMED_OUT: ("timed out", "doubt"),
    StepState.SKIPPED: ("skipped", "quiet"),
    StepState.COMPENSATING: ("not confirmed yet", "undo"),
    StepState.COMPENSATED: ("done", "undo"),
    StepState.COMPENSATION_FAILED: ("failed", "bad"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of the timeline as text. `time` is 0 for what is only expected."""

    time: int
    participant: str
    text: str
    tone: str
    event: tuple[str, str]

    @property
    def at(self) -> datetime:
        return moment(self.time)


def tone(span: Span) -> str:
    if span.is_late:
        return "warn" if span.is_back or span.tries else "doubt"
    return OUTCOMES[span.outcome][1]


def label(span: Span, now: int) -> str:
    """What a bar says: "charge card 7.9 s · 2 attempts", "ship parcel · no answer for 16 min"."""
    if span.is_expected:
        return span.title
    took = duration(span.end - span.start)
    if span.is_open:
        since = duration(now - span.start)
        if span.outcome == StepState.TIMED_OUT:
            said = "timed out, outcome unknown"
        elif span.is_back:
            said = f"not confirmed for {since}" if span.is_late else f"running for {since}"
        elif span.is_late:
            said = f"overdue, {since}" if span.tries else f"no answer for {since}"
        else:
            said = f"running for {since}"
        parts = [f"{span.title} · {said}"]
    elif span.outcome == StepState.COMPLETED:
        parts = [f"{span.title} {took}" if span.end > span.start else span.title]
    elif span.outcome == StepState.COMPENSATED:
        parts = [span.title]
    elif span.outcome == StepState.RUNNING:
        parts = [f"{span.title} · no answer"]
    else:
        parts = [f"{span.title} · {OUTCOMES[span.outcome][0]}"]
    if span.attempts > 1:
        parts.append(f"{span.attempts} attempts")
    return " · ".join(parts)


def mark_label(mark: Mark) -> str:
    said = MARKS[mark.kind][0]
    if not mark.title:
        return said
    return f"{said} {mark.title}" if mark.kind == Kind.OPERATOR_ASKED else f"{mark.title} {said}"


def sentences(told: Told, now: int) -> list[Sentence]:
    """Everything that is drawn, in order of time; what is expected comes last."""
    found = [
        Sentence(span.start, span.participant, sentence(span, now), tone(span), span.event)
        for span in told.spans
    ]
    found += [
        Sentence(mark.time, mark.participant, mark_label(mark), MARKS[mark.kind][1], mark.event)
        for mark in told.marks
    ]
    return sorted(found, key=lambda one: (one.time == 0, one.time, one.participant, one.text))


def sentence(span: Span, now: int) -> str:
    """All of a span but its times."""
    if span.is_expected:
        return f"{span.title}: expected, not begun"
    said = label(span, now)
    if not span.is_open and span.end > span.start and span.outcome != StepState.COMPLETED:
        said += f", after {duration(span.end - span.start)}"
    if span.is_back:
        said += " (compensation)"
    if span.is_told_here:
        said += ", told to Amends"
    if span.execution:
        said += f" [{span.execution}]"
    if not span.is_given:
        said += ", time of receipt: the sender gave none"
    return said


def clock(time: int, zone: tzinfo) -> str:
    at = moment(time).astimezone(zone)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"


def span_says(span: Span, now: int, zone: tzinfo) -> str:
    """A span with its times, such as "charge card 7.9 s: 10:01:57.102 to 10:02:05.000"."""
    said = sentence(span, now)
    if span.is_expected:
        return said
    begin, end = clock(span.start, zone), clock(span.end, zone)
    if span.is_open:
        return f"{said}: since {begin}"
    return f"{said}: {begin}" if begin == end else f"{said}: {begin} to {end}"


def mark_says(mark: Mark, zone: tzinfo) -> str:
    return f"{mark_label(mark)}: {clock(mark.time, zone)}"


def width(text: str, size: float) -> float:
    """About how wide the text is in the fonts of the pages, rather more than less; same unit as `size`."""
    total = 0.0
    for letter in text:
        if letter in NARROW_LETTERS:
            total += 0.31
        elif letter in SLIM_LETTERS:
            total += 0.43
        elif letter in WIDE_LETTERS:
            total += 0.95
        elif letter.isupper():
            total += 0.72
        elif ord(letter) > 0x2E7F:
            total += 1.1
        else:
            total += 0.62
    return total * size


def shorten(text: str, room: float, size: float) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis; empty where nothing does."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ·,") + "…" if text else ""
