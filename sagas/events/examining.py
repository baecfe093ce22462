"""The thorough way: every attribute of one event, and what is wrong with the first that is wrong."""

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Raw

from sagas.events import grammar, payload
from sagas.events.foreign import Foreign
from sagas.events.incoming import (
    EARLIEST,
    FURTHEST_AHEAD,
    LONGEST,
    MOST_ATTEMPTS,
    NEEDS_STEP,
    OTHERS_LONGEST,
    OURSELVES,
    RESERVED,
    SPECVERSION,
    Attributes,
    Incoming,
    moment,
)
from sagas.events.refusal import Reason, Refused, RefusedError
from sagas.vocabulary import Kind

# What every CloudEvent has, and what ours have beside.
NEEDED = ("specversion", "id", "source", "type")
ADDRESS = ("correlationid", "sagatype")
# These have a column, or say how to read the event; the others are kept as they are.
READ_OF_ALL = frozenset({*NEEDED, "time", "sequence"})
READ = READ_OF_ALL | {*ADDRESS, "sagastep", "sagaexecution", "sagaattempt"}
MOST_ATTRIBUTES = 100

# What CloudEvents' String may not hold: control characters, halves of pairs, noncharacters.
FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
WHOLE = re.compile(r"[+-]?\d{1,20}")

_members = msgspec.json.Decoder(dict[str, Raw])
_value = msgspec.json.Decoder(str | int | bool)
_text = msgspec.json.Decoder(str)


def examine(raw: bytes, now: datetime, largest: int) -> Incoming | Refused:
    """The event, or why it is none."""
    members: dict[str, Raw] = {}
    try:
        members = _split(raw, largest)
        return _read(members, raw, now)
    except RefusedError as error:
        return Refused(error.reason, error.detail, raw, _glance(members, "id"), _glance(members, "source"))


def _split(raw: bytes, largest: int) -> dict[str, Raw]:
    if len(raw) > largest:
        raise RefusedError(
            Reason.TOO_LARGE, f"An event may have {largest:,} bytes; this one has {len(raw):,}."
        )
    if grammar.is_too_deep(raw):
        raise RefusedError(Reason.TOO_DEEP, f"An event may be nested {grammar.DEEPEST} levels deep.")
    try:
        members = _members.decode(raw)
    except msgspec.ValidationError:
        raise RefusedError(Reason.NOT_AN_EVENT, "An event must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = (
            "An event must be Unicode text in UTF-8; this one holds other bytes, or half a surrogate pair."
        )
        raise RefusedError(Reason.NOT_AN_EVENT, detail) from None
    if len(members) > MOST_ATTRIBUTES:
        detail = f"An event may have {MOST_ATTRIBUTES} attributes; this one has {len(members)}."
        raise RefusedError(Reason.BAD_ATTRIBUTE, detail)
    return members


def _read(members: dict[str, Raw], raw: bytes, now: datetime) -> Incoming | Foreign:
    values = {name: _attribute(name, value) for name, value in members.items() if name not in payload.MEMBERS}
    given = {name: value for name, value in values.items() if value is not None}
    _need(given, NEEDED)
    if given["specversion"] != SPECVERSION:
        raise RefusedError(Reason.BAD_ATTRIBUTE, f'specversion must be "1.0"; got "{given["specversion"]}".')
    _need_text(given, "id", "source", "type")
    if given["source"] == OURSELVES:
        raise RefusedError(
            Reason.RESERVED, f'source must not be "{OURSELVES}": Amends speaks under that name.'
        )
    kind = _kind(_word(given, "type"))
    if kind is None:
        return _read_foreign(given, members, raw, now)
    _need(given, ADDRESS)
    _need_text(given, "sagatype")
    step = _word(given, "sagastep")
    if kind in NEEDS_STEP and not step:
        raise RefusedError(Reason.MISSING_ATTRIBUTE, f"sagastep is missing; {kind} is about a step.")
    attributes: Attributes = {name: value for name, value in given.items() if name not in READ}
    if "sagadeadline" in given and moment(_word(given, "sagadeadline")) is None:
        raise _bad_time("sagadeadline", given["sagadeadline"])
    data = _payload(members, attributes)
    return Incoming(
        source=_word(given, "source"),
        id=_word(given, "id"),
        kind=kind,
        saga_type=_word(given, "sagatype"),
        saga_id=_word(given, "correlationid"),
        step=step,
        execution=_word(given, "sagaexecution"),
        attempt=_attempt(given.get("sagaattempt")),
        time=_time(given, now),
        sequence=_word(given, "sequence"),
        attributes=attributes,
        data=data,
        raw=raw,
    )


def _read_foreign(given: Attributes, members: dict[str, Raw], raw: bytes, now: datetime) -> Foreign:
    attributes: Attributes = {name: value for name, value in given.items() if name not in READ_OF_ALL}
    name = _word(given, "type")
    if all(_word(given, part) for part in ADDRESS):
        reason = Reason.UNKNOWN_KIND
        detail = (
            f'type must be one of the kinds that Amends knows, such as step.completed; got "{name[:200]}".'
        )
    else:
        reason = Reason.ORPHAN_EVENT
        detail = (
            f'No definition maps the type "{name[:200]}" from the source "{_word(given, "source")[:200]}".'
        )
    return Foreign(
        reason,
        detail,
        raw,
        _word(given, "id"),
        _word(given, "source"),
        type=name,
        time=_time(given, now),
        sequence=_word(given, "sequence"),
        data=_payload(members, attributes),
        attributes=attributes,
    )


def _need(given: Attributes, names: Iterable[str]) -> None:
    for name in names:
        if given.get(name, "") == "":
            raise RefusedError(Reason.MISSING_ATTRIBUTE, f"{name} is missing.")


def _need_text(given: Attributes, *names: str) -> None:
    for name in names:
        if not isinstance(given[name], str):
            raise RefusedError(Reason.BAD_ATTRIBUTE, f"{name} must be text; got {given[name]}.")


def _payload(members: dict[str, Raw], attributes: Attributes) -> str | None:
    """The payload as JSON text; where it is base64, that is added to the attributes."""
    data, is_base64 = payload.read(members, attributes.get("datacontenttype"))
    if is_base64:
        attributes["dataencoding"] = "base64"
    return data


def _attribute(name: str, value: Raw) -> str | int | bool | None:
    """What an attribute holds; null counts as not given."""
    if FORBIDDEN.search(name) or len(name) > 100:
        raise RefusedError(Reason.BAD_ATTRIBUTE, f"The name of an attribute is not allowed: {name[:100]!a}.")
    if value == Raw(b"null"):
        return None
    try:
        decoded: str | int | bool = _value.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise RefusedError(
            Reason.BAD_ATTRIBUTE, f"{name} must be UTF-8 text, a whole number, true or false."
        ) from None
    text = str(decoded)
    longest = LONGEST.get(name, OTHERS_LONGEST)
    if len(text.encode("utf-8", "surrogatepass")) > longest:
        detail = f"{name} may have {longest:,} bytes in UTF-8; it has {len(text.encode()):,}."
        raise RefusedError(Reason.BAD_ATTRIBUTE, detail)
    found = FORBIDDEN.search(text)
    if found:
        detail = f"{name} holds a character that CloudEvents forbids: U+{ord(found[0]):04X}."
        raise RefusedError(Reason.BAD_ATTRIBUTE, detail)
    return decoded


def _word(given: Attributes, name: str) -> str:
    """As text; numbers and booleans as CloudEvents writes them in headers."""
    value = given.get(name, "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(text: str) -> Kind | None:
    """None for what is none of ours."""
    try:
        kind = Kind(text)
    except ValueError:
        return None
    if kind in RESERVED:
        raise RefusedError(Reason.RESERVED, f"type must not be {kind}: only Amends itself records it.")
    return kind


def _attempt(value: str | int | bool | None) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not WHOLE.fullmatch(str(value)) or not 1 <= int(value) <= MOST_ATTEMPTS:
        detail = f"sagaattempt must be a whole number from 1 to {MOST_ATTEMPTS:,}; got {str(value)[:50]}."
        raise RefusedError(Reason.BAD_ATTRIBUTE, detail)
    return int(value)


def _time(given: Attributes, now: datetime) -> datetime | None:
    if "time" not in given:
        return None
    time = moment(_word(given, "time"))
    if time is None:
        raise _bad_time("time", given["time"])
    if time > now + FURTHEST_AHEAD:
        hours = FURTHEST_AHEAD.total_seconds() / 3600
        detail = (
            f"time must not be more than {hours:g} hours ahead of this server's clock; got {given['time']}."
        )
        raise RefusedError(Reason.TIME_IN_FUTURE, detail)
    return time


def _bad_time(name: str, value: str | int | bool) -> RefusedError:
    detail = f'{name} must be an RFC 3339 time with a zone, from {EARLIEST:%Y} on; got "{str(value)[:100]}".'
    return RefusedError(Reason.BAD_TIME, detail)


def _glance(members: dict[str, Raw], name: str) -> str:
    """An identity as far as it can be read, for telling which event was refused."""
    try:
        text = _text.decode(members[name])
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return FORBIDDEN.sub("\ufffd", text)[:200]
