"""Paths into a payload: `customer.id`, `items.0.sku`."""

from typing import Any

import msgspec

# Numbers keep the digits they were sent with, so that 49.90 stays 49.90.
_payload = msgspec.json.Decoder(float_hook=str)

LONGEST = 500


def decode(payload: str | bytes | None) -> Any:
    """The payload as values, fractions as text; None where there is none or it cannot be decoded."""
    if payload is None:
        return None
    try:
        return _payload.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def look_up(data: Any, path: list[str]) -> Any:
    """What stands at the path; None where nothing does."""
    for word in path:
        if isinstance(data, dict):
            data = data.get(word)
        elif isinstance(data, list) and word.isdecimal() and len(word) < 6 and int(word) < len(data):
            data = data[int(word)]
        else:
            return None
    return data


def text(value: Any) -> str | None:
    """A single value as people and the database can take it; None for objects, lists and empty ones."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")[:LONGEST] or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return None
