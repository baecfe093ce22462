"""A participant that fell silent: its problem in a few words, and the sentence of a saga that waits."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sagas.durations import exactly, span
from sagas.story.parts import Part, strong, text, time_of

# Seconds. Shorter pauses are not known exactly (sagas.hearing.PACE).
FEW = 3


def title(detail: Mapping[str, Any]) -> str:
    """ "payment has gone silent"."""
    return f"{detail['participant']} has gone silent" if detail["problem"] else "no participant is heard"


def explanation(detail: Mapping[str, Any]) -> str:
    """One line, no full stop: "nothing was heard of it since 27 Nov 10:02:07 UTC; normally it speaks …"."""
    at = _since(detail)
    since = f"{at.day} {at:%b %H:%M:%S} UTC"
    if not detail["problem"]:
        return (
            f"nothing was heard of anybody since {since}: it is more likely that nobody reaches Amends than "
            "that all are silent"
        )
    return f"nothing was heard of it since {since}; {rhythm(detail)}"


def sentence(detail: Mapping[str, Any], waiting: int, now: datetime) -> list[Part]:
    """**payment** has said nothing to Amends since 10:02:07 UTC; normally it speaks every 4 s. …

    `waiting`: sagas that wait for it, 0 where that is not known.
    """
    said = [
        strong(detail["participant"]),
        text(" has said nothing to Amends since "),
        time_of(_since(detail), now),
    ]
    if detail["problem"]:
        said.append(text(f"; {rhythm(detail)}."))
    else:
        said.append(text(", and nobody else has either: more likely nobody reaches Amends."))
    if waiting:
        said.append(text(f" {waiting:,} saga{'s wait' if waiting > 1 else ' waits'} for it."))
    return said


def rhythm(detail: Mapping[str, Any]) -> str:
    """normally it speaks every 4 s"""
    if detail["declared"]:
        return f"it should speak at least every {exactly(detail['patience'])}"
    return f"normally it speaks {pace(detail['usual'])}" if detail["usual"] else "normally it speaks"


def pace(usual: float) -> str:
    """From its usual pause in seconds: `every few seconds`, `every 4 s`, `every 2 min`."""
    return "every few seconds" if usual < FEW else f"every {span(round(usual))}"


def _since(detail: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(detail["silent_since"]).astimezone(UTC)
