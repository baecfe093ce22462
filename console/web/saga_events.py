"""A saga's events as people read them: newest first, with what they carried."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import QueryDict

from console import anchors
from console.seeing import Seeing
from console.web.paging import number
from sagas.definitions import paths
from sagas.durations import exactly
from sagas.fold import State
from sagas.models import Event, Saga
from sagas.vocabulary import Kind

PER_PAGE = 50
NEWEST_FIRST = ("-time", "-source", "-sequence", "-event_id")
# Of a payload, the line beside the event shows so many values, each cut to so many letters.
SHOWN_VALUES = 4
SHOWN_LETTERS = 60


@dataclass(frozen=True, slots=True)
class Line:
    event: Event
    anchor: str
    title: str  # of its step
    execution: str  # of which running of the step it tells; empty where the step ran once
    participant: str
    after: str  # how long after the event before it, such as "+2 s"
    detail: list[tuple[str, str]]  # names and values of the payload
    body: str  # the payload, one value a line; empty: none
    is_masked: bool  # whether it tells less than was sent
    is_asked_for: bool

    @property
    def attributes(self) -> list[tuple[str, Any]]:
        return attributes(self.event)


@dataclass(frozen=True, slots=True)
class Page:
    """`newer` and `older` are the queries of links; empty: there is nothing there."""

    lines: list[Line]
    place: int  # from 1
    pages: int
    newer: str
    older: str


def page(saga: Saga, state: State, query: QueryDict, seeing: Seeing) -> Page:
    """The page that was asked for, by `page` or as the one that holds the event named by `event`."""
    asked = query.get("event", "")
    pages = max(-(-saga.revision // PER_PAGE), 1)
    place = min(max(number(query.get("page")) or 1, 1), pages)
    if asked and "page" not in query:
        place = _place_of(saga, asked) or place
    first = (place - 1) * PER_PAGE
    found = Event.objects.filter(saga=saga).select_related("participant").order_by(*NEWEST_FIRST)
    rows = list(found[first : first + PER_PAGE + 1])
    # What ended a repair happened in the same moment as its last answer, and after it.
    rows.sort(key=lambda event: (event.time, event.kind == Kind.OPERATOR_REPAIR_FINISHED), reverse=True)
    titles = {step.name: step.title for step in state.steps}
    repeated = {step.name for step in state.steps if len(step.runs) > 1}
    before: list[Event | None] = [*rows[1:], None]
    lines = [
        _line(event, seeing.event(saga.saga_type, event), titles, repeated, previous, asked)
        for event, previous in zip(rows[:PER_PAGE], before, strict=False)
    ]
    kept = {name: query[name] for name in ("mode", "tab") if query.get(name)}
    return Page(
        lines,
        place,
        pages,
        newer=urlencode(kept | {"page": place - 1}) if place > 1 else "",
        older=urlencode(kept | {"page": place + 1}) if place < pages else "",
    )


def _place_of(saga: Saga, anchor: str) -> int | None:
    """On which page the event with this anchor stands."""
    rows = Event.objects.filter(saga=saga).order_by(*NEWEST_FIRST).values_list("source", "event_id")
    for rank, (source, event_id) in enumerate(rows.iterator()):
        if anchors.of_event(source, event_id) == anchor:
            return rank // PER_PAGE + 1
    return None


def _line(
    clear: Event, event: Event, titles: dict[str, str], repeated: set[str], previous: Event | None, asked: str
) -> Line:
    anchor = anchors.of_event(event.source, event.event_id)
    return Line(
        event=event,
        anchor=anchor,
        title=titles.get(event.step, event.step),
        execution=event.execution if event.step in repeated else "",
        participant=event.participant.name if event.participant else "",
        after=_after(event.time, previous.time) if previous else "",
        detail=_detail(event.data),
        body=_body(event.data),
        is_masked=_is_masked(clear, event),
        is_asked_for=anchor == asked,
    )


def alone(event: Event) -> Line:
    """An event by itself, as it is given."""
    return _line(event, event, {}, set(), None, "")


def _after(time: datetime, previous: datetime) -> str:
    gap = time - previous
    if gap < timedelta(seconds=1):
        return f"+{gap // timedelta(milliseconds=1)} ms"
    seconds = gap.total_seconds()
    return f"+{exactly(round(seconds, 1) if seconds < 10 else int(seconds))}"


def _body(data: str | None) -> str:
    """Indented where it is JSON, else as it came; numbers keep the digits they were sent with."""
    if data is None:
        return ""
    try:
        return msgspec.json.format(data, indent=2)
    except msgspec.MsgspecError:
        return data


def _is_masked(clear: Event, shown: Event) -> bool:
    differs = clear.data != shown.data and _body(clear.data) != _body(shown.data)
    return differs or clear.attributes != shown.attributes


def attributes(event: Event) -> list[tuple[str, Any]]:
    """What is known of it besides the payload."""
    known = [
        ("id", event.event_id),
        ("source", event.source),
        ("type", event.kind),
        ("execution", event.execution),
        ("attempt", event.attempt),
        ("sequence", event.sequence),
        *sorted(event.attributes.items()),
    ]
    return [(name, value) for name, value in known if value not in (None, "")]


def _detail(data: str | None) -> list[tuple[str, str]]:
    payload = paths.decode(data)
    if not isinstance(payload, dict):
        text = paths.text(payload)
        return [("", _cut(text))] if text else []
    found: list[tuple[str, str]] = []
    for name, value in payload.items():
        if isinstance(value, dict):
            found += [
                (f"{name}.{inner}", text) for inner, each in value.items() if (text := paths.text(each))
            ]
        elif text := paths.text(value):
            found.append((str(name), text))
    return [(name, _cut(text)) for name, text in found[:SHOWN_VALUES]]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_LETTERS else f"{line[: SHOWN_LETTERS - 1]}…"
