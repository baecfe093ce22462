"""The three content modes of CloudEvents: one event in JSON, many in a JSON array, one in headers and body.

All come down to events in JSON, one by one, so that each is judged alike, and can be kept and read again
when it is refused.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Raw

from sagas.events import grammar, payload
from sagas.events.examining import examine
from sagas.events.incoming import Incoming, take_quickly
from sagas.events.refusal import MalformedError, Refused, TooManyError

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPED = re.compile(r"\\(.)")

_array = msgspec.json.Decoder(list[Raw])
_encoder = msgspec.json.Encoder()


def read(raw: bytes, *, now: datetime, largest: int) -> Incoming | Refused:
    """One event in JSON. `largest` in bytes; `now` for telling times that are too far ahead."""
    return take_quickly(raw, now, largest) or examine(raw, now, largest)


def read_structured(body: bytes, *, now: datetime, largest: int) -> Incoming | Refused:
    """Like `read`; raises `MalformedError` for what is no JSON object at all."""
    event = take_quickly(body, now, largest)
    if event:
        return event
    grammar.refuse_malformed(body)
    if not body.lstrip(b" \t\r\n").startswith(b"{"):
        raise MalformedError(
            "An event must be a JSON object; an array of them is application/cloudevents-batch+json"
        )
    return examine(body, now, largest)


def read_batch(body: bytes, *, now: datetime, largest: int, most: int) -> list[Incoming | Refused]:
    """The events of a JSON array, each judged on its own.

    Raises `MalformedError` for what is no JSON array, `TooManyError` for more than `most` events.
    """
    return [read(element, now=now, largest=largest) for element in elements_of(body, most)]


def elements_of(body: bytes, most: int) -> list[bytes]:
    """The elements of a JSON array as they stand there, each one JSON value. Raises as `read_batch` does."""
    try:
        elements = [bytes(element) for element in _array.decode(body)]
    except msgspec.ValidationError:
        raise MalformedError("A batch must be a JSON array of events") from None
    except (msgspec.DecodeError, RecursionError):
        grammar.refuse_malformed(body)
        if not body.lstrip(b" \t\r\n").startswith(b"["):
            raise MalformedError("A batch must be a JSON array of events") from None
        elements = grammar.split(body)
    if len(elements) > most:
        raise TooManyError(len(elements))
    return elements


def read_binary(
    headers: Mapping[str, str], content_type: str | None, body: bytes, *, now: datetime, largest: int
) -> Incoming | Refused:
    """One event whose attributes are headers, given without `ce-`, in lower case, and as Latin-1.

    Raises `MalformedError` where the body should be JSON and is not.
    """
    members: dict[str, object] = {}
    for name, value in headers.items():
        if name in payload.MEMBERS:
            # No attribute can have this name. It is kept under one that does no harm.
            members[f"ce-{name}"] = value
            continue
        try:
            members[name] = _unescape(value)
        except UnicodeError:
            # No value that an attribute can have, so that it is refused now and whenever it is read again.
            members[name] = [value]
    members.pop("datacontenttype", None)
    if content_type:
        members["datacontenttype"] = content_type
    if body and payload.is_json(content_type):
        grammar.refuse_malformed(body)
        members["data"] = Raw(body)
    elif body:
        members["data_base64"] = body
    return read(_encoder.encode(members), now=now, largest=largest)


def _unescape(value: str) -> str:
    """A header's value: without the quotes of older senders, percent-decoded once (HTTP binding, 3.1.3.2)."""
    quoted = QUOTED.fullmatch(value.strip())
    text = ESCAPED.sub(r"\1", quoted[1]) if quoted else value
    return unquote_to_bytes(text.encode("latin-1")).decode()
