"""Sentences in parts, so that whoever shows them escapes, emphasises and ticks each in its own way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sagas import facts, times
from sagas.durations import span
from sagas.facts import Moment

LONGEST_QUOTE = 160


class PartKind(StrEnum):
    TEXT = "text"
    STRONG = "strong"
    TIME = "time"  # a time of day
    AGO = "ago"  # how long ago: goes on while somebody reads


@dataclass(frozen=True, slots=True)
class Part:
    """`text` always says it all, times in UTC; `at` is there for times, to be shown in the reader's zone."""

    kind: PartKind
    text: str
    at: datetime | None = None


Sentence = tuple[Part, ...]


def plain(sentences: Iterable[Sentence]) -> str:
    """The story as one line of text, for mails and clients without markup."""
    return " ".join("".join(part.text for part in sentence) for sentence in sentences)


def text(words: str) -> Part:
    return Part(PartKind.TEXT, words)


def strong(words: str) -> Part:
    return Part(PartKind.STRONG, words)


def clock(moment: Moment | None, now: datetime) -> Part:
    """`10:02:07 UTC`, with the date where that is not today; "an unknown time" where nothing was said."""
    return text("an unknown time") if moment is None else time_of(facts.moment(moment.stamp.time), now)


def time_of(moment: datetime, now: datetime) -> Part:
    return Part(PartKind.TIME, times.words(moment, now, UTC), moment.astimezone(UTC))


def ago(at: datetime, now: datetime) -> Part:
    seconds = (now - at).total_seconds()
    words = (
        "just now" if abs(seconds) < 2 else f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"
    )
    return Part(PartKind.AGO, words, at)


def quote(words: str) -> str:
    """What a machine said, on one line and not too long: `“connection refused”`."""
    line = " ".join(words.split())
    return f"“{line[: LONGEST_QUOTE - 1]}…”" if len(line) > LONGEST_QUOTE else f"“{line}”"


def because(words: str, before: str = ": ") -> str:
    return f"{before}{quote(words)}" if words.strip() else ""


def listed(names: list[str], most: int = 3) -> list[Part]:
    """**a**, **b** and **c**; **a**, **b** and 4 more."""
    shown = names if len(names) <= most else names[: most - 1]
    parts: list[Part] = []
    for place, name in enumerate(shown):
        is_last = place == len(names) - 1
        parts += [text(" and " if is_last else ", ")] if parts else []
        parts.append(strong(name))
    if len(names) > most:
        parts.append(text(f" and {len(names) - len(shown)} more"))
    return parts
