"""Plain JSON, without an envelope: which of its values make the envelope is chosen once a participant.

What is made is an ordinary CloudEvent, judged, mapped and kept like any other.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from sagas import expressions
from sagas.definitions.foreign import Cel
from sagas.events import grammar
from sagas.events.incoming import SPECVERSION, Incoming
from sagas.events.reading import elements_of, read
from sagas.events.refusal import Reason, Refused, RefusedError
from sagas.expressions import EvaluationError, ExpressionError, Values

# What the expressions see: the JSON value itself.
VARIABLES = {"data": "dyn"}

_encoder = msgspec.json.Encoder()
_members = msgspec.json.Decoder(dict[str, Raw])
_value = msgspec.json.Decoder(Any)


class Defaults(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How plain JSON is read: CEL over `data`, and the source.

    Without `id` it is made of the payload's bytes, so that the same bytes again are the same event; without
    `time` the time of receipt counts.
    """

    type: Cel
    source: Annotated[str, Meta(min_length=1, max_length=500)]
    id: Cel | None = None
    time: Cel | None = None

    def expressions(self) -> list[tuple[str, str]]:
        given = [("type", self.type), ("id", self.id), ("time", self.time)]
        return [(name, text) for name, text in given if text is not None]


def check(defaults: Defaults, complain: Callable[[str, str], None]) -> None:
    """Call `complain(name, message)` for each expression that cannot be."""
    for name, text in defaults.expressions():
        try:
            expressions.compile(text, VARIABLES)
        except ExpressionError as error:
            complain(name, f"{name} cannot be read: {error.message} (at column {error.column})")


def read_plain(
    body: bytes, defaults: Defaults, *, now: datetime, largest: int, most: int
) -> Sequence[Incoming | Refused]:
    """One event of a JSON object, or several of an array of them, each judged on its own.

    Raises `MalformedError` for what is no JSON, `TooManyError` for more than `most` events.
    """
    if body.lstrip(b" \t\r\n").startswith(b"["):
        return [read_one(each, defaults, now=now, largest=largest) for each in elements_of(body, most)]
    grammar.refuse_malformed(body)
    return [read_one(body, defaults, now=now, largest=largest)]


def read_one(raw: bytes, defaults: Defaults, *, now: datetime, largest: int) -> Incoming | Refused:
    """One event of one JSON value. One that no envelope can be made for is refused as it came."""
    try:
        envelope = _enveloped(raw, defaults, largest)
    except RefusedError as error:
        return Refused(error.reason, error.detail, raw, is_plain=True)
    # Its envelope is not what the sender is answerable for.
    return read(envelope, now=now, largest=largest + len(envelope) - len(raw))


def has_envelope(raw: bytes) -> bool:
    """Whether it says that it is a CloudEvent, if only by half."""
    try:
        return "specversion" in _members.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _enveloped(raw: bytes, defaults: Defaults, largest: int) -> bytes:
    """As a CloudEvent, its payload to the letter. Raises `RefusedError`."""
    if len(raw) > largest:
        raise RefusedError(
            Reason.TOO_LARGE, f"An event may have {largest:,} bytes; this one has {len(raw):,}."
        )
    if grammar.is_too_deep(raw):
        raise RefusedError(Reason.TOO_DEEP, f"An event may be nested {grammar.DEEPEST} levels deep.")
    try:
        values = Values.of({"data": _value.decode(raw)})
        envelope = {
            "specversion": SPECVERSION,
            "id": digest(raw),
            "source": defaults.source,
            "datacontenttype": "application/json",
            **{name: _evaluate(name, text, values) for name, text in defaults.expressions()},
            "data": Raw(raw),
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefusedError(Reason.NOT_AN_EVENT, "It must be Unicode text in UTF-8, and JSON.") from None
    except EvaluationError as error:
        raise RefusedError(Reason.MAPPING_FAILED, f"It cannot be looked into: {error}.") from None
    return _encoder.encode(envelope)


def _evaluate(name: str, text: str, values: Values) -> str:
    try:
        value = expressions.compile(text, VARIABLES).evaluate(values)
    except EvaluationError as error:
        detail = f"Its {name} cannot be found by the participant's defaults for plain JSON: {error}."
        raise RefusedError(Reason.MAPPING_FAILED, detail) from None
    if isinstance(value, bool) or not isinstance(value, str | int):
        detail = f"Its {name}, by the participant's defaults for plain JSON, must be text or a whole number."
        raise RefusedError(Reason.MAPPING_FAILED, detail)
    return str(value)


def digest(raw: bytes) -> str:
    """An identity for what has none: the same bytes are the same event."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"
