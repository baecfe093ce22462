"""One mapping and one event: what the expressions see, and what their values make.

Whatever an expression gives is judged as if it had been sent: lengths, characters, kinds, times.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from sagas import expressions
from sagas.definitions import Definition
from sagas.definitions.foreign import VARIABLES, Computed, EventMapping
from sagas.events.examining import FORBIDDEN
from sagas.events.foreign import Foreign
from sagas.events.incoming import (
    FURTHEST_AHEAD,
    LONGEST,
    MOST_ATTEMPTS,
    NEEDS_STEP,
    RESERVED,
    Attributes,
    Incoming,
    moment,
)
from sagas.expressions import EvaluationError, Values
from sagas.vocabulary import Kind

# Attributes that a mapped event has beside its own: what its type was, and what made it ours.
FOREIGN_TYPE = "foreigntype"
MAPPED_BY = "mappedby"
# And the business keys that the mapping found, as a JSON object; not there where it found none.
MAPPED_KEYS = "mappedkeys"
# As long as those that are found in payloads.
LONGEST_KEY = 500


class MappingError(Exception):
    """A mapping is about an event and cannot take it; the text says which part, and why, for people."""


class Way(Struct, frozen=True):
    """One mapping, where it stands."""

    definition: Definition
    place: int
    mapping: EventMapping

    @property
    def name(self) -> str:
        return f"{self.definition.type} v{self.definition.version}, events[{self.place}]"


def first(ways: Iterable[Way], event: Foreign, values: Values, now: datetime) -> Incoming | None:
    """What the first mapping that takes it makes of it; None where none does. Raises `MappingError`."""
    for way in ways:
        try:
            if way.mapping.when is None or _evaluate(way.mapping.when, "when", values, "bool"):
                return _make(way, event, values, now)
        except MappingError as error:
            raise MappingError(f"{way.name}: {error}") from None
    return None


def seen(event: Foreign) -> Values:
    """`event`, as expressions see it. Raises `MappingError`."""
    given: dict[str, Any] = {
        **event.attributes,
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    if event.time:
        given["time"] = event.time.isoformat()
    if event.sequence:
        given["sequence"] = event.sequence
    try:
        if event.data is not None:
            given["data"] = msgspec.json.decode(event.data)
        return Values.of({"event": given})
    except (msgspec.MsgspecError, RecursionError) as error:
        raise MappingError(f"The payload cannot be looked into: {error}.") from None
    except EvaluationError as error:
        raise MappingError(f"The event cannot be looked into: {error}.") from None


def _make(way: Way, event: Foreign, values: Values, now: datetime) -> Incoming:
    mapping = way.mapping
    kind = _kind(_given(mapping.kind, "kind", values))
    step = _text(_given(mapping.step, "step", values), "step", LONGEST["sagastep"]) if mapping.step else ""
    if kind in NEEDS_STEP and not step:
        raise MappingError(f"step is missing; {kind} is about a step.")
    attributes: Attributes = event.attributes | {FOREIGN_TYPE: event.type, MAPPED_BY: way.name}
    if keys := _keys(mapping, values):
        attributes[MAPPED_KEYS] = msgspec.json.encode(keys).decode()
    return Incoming(
        source=event.source,
        id=event.id,
        kind=kind,
        saga_type=way.definition.type,
        saga_id=_text(_evaluate(mapping.saga, "saga", values), "saga", LONGEST["correlationid"]),
        step=step,
        execution=_optional(mapping.execution, "execution", values, LONGEST["sagaexecution"]),
        attempt=_attempt(mapping.attempt, values),
        time=_time(mapping.time, values, now) if mapping.time else event.time,
        sequence=event.sequence,
        attributes=attributes,
        data=event.data,
        raw=event.raw,
    )


def _given(word: str | Computed, name: str, values: Values) -> Any:
    return _evaluate(word.cel, name, values) if isinstance(word, Computed) else word


def _evaluate(text: str, name: str, values: Values, result: str = "dyn") -> Any:
    try:
        return expressions.compile(text, VARIABLES, result).evaluate(values)
    except EvaluationError as error:
        raise MappingError(f"{name} has no value: {error}.") from None


def _text(value: Any, name: str, longest: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MappingError(f"{name} must be text or a whole number; got {_shown(value)}.")
    text = str(value)
    if not text:
        raise MappingError(f"{name} is empty.")
    if len(text.encode("utf-8", "surrogatepass")) > longest:
        raise MappingError(f"{name} may have {longest:,} bytes in UTF-8; it has more.")
    found = FORBIDDEN.search(text)
    if found:
        raise MappingError(f"{name} holds a character that CloudEvents forbids: U+{ord(found[0]):04X}.")
    return text


def _optional(expression: str | None, name: str, values: Values, longest: int) -> str:
    """As `_text`; a value that is null or empty counts as not given."""
    value = _evaluate(expression, name, values) if expression else None
    return "" if value is None or value == "" else _text(value, name, longest)


def _keys(mapping: EventMapping, values: Values) -> dict[str, str]:
    found = {
        name: _optional(text, f"keys.{name}", values, LONGEST_KEY) for name, text in mapping.keys.items()
    }
    return {name: value for name, value in found.items() if value}


def _kind(value: Any) -> Kind:
    try:
        kind = Kind(value)
    except ValueError:
        raise MappingError(f"kind must be a kind such as step.completed; got {_shown(value)}.") from None
    if kind in RESERVED:
        raise MappingError(f"kind must not be {kind}: only Amends itself records it.")
    return kind


def _attempt(expression: str | None, values: Values) -> int | None:
    value = _evaluate(expression, "attempt", values) if expression else None
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ATTEMPTS:
        raise MappingError(
            f"attempt must be a whole number from 1 to {MOST_ATTEMPTS:,}; got {_shown(value)}."
        )
    return value


def _time(expression: str, values: Values, now: datetime) -> datetime:
    value = _evaluate(expression, "time", values)
    time = moment(value) if isinstance(value, str) else None
    if time is None:
        raise MappingError(f"time must be an RFC 3339 time with a zone; got {_shown(value)}.")
    if time > now + FURTHEST_AHEAD:
        raise MappingError(f"time is too far ahead of this server's clock: {_shown(value)}.")
    return time


def _shown(value: Any) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode("utf-8", "replace")[:100]
