"""Paths into a payload: `customer.id`, `items.0.sku`."""

import math
from typing import Any

import msgspec

# Characters of a value that is found, as the column of keys and shown values holds them.
LONGEST = 500
# Of the JSON of a value that rules look at.
LONGEST_KEPT = 2_000
DEEPEST_KEPT = 20


class Digits(str):
    """A fraction as text, which can still be told from a text."""

    __slots__ = ()


# Numbers keep the digits they were sent with, so that 49.90 stays 49.90.
_payload = msgspec.json.Decoder(float_hook=str)
_marking = msgspec.json.Decoder(float_hook=Digits)


def decode(payload: str | bytes | None) -> Any:
    """The payload as values, fractions as text; None where there is none or it cannot be decoded."""
    return _decoded(_payload, payload)


def decode_marking(payload: str | bytes | None) -> Any:
    """The same, fractions as `Digits`."""
    return _decoded(_marking, payload)


def _decoded(decoder: msgspec.json.Decoder[Any], payload: str | bytes | None) -> Any:
    if payload is None:
        return None
    try:
        return decoder.decode(payload)
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
        return str(value)[:LONGEST]
    return None


def keep(value: Any) -> str:
    """A value as JSON, its numbers floating point; empty where it is too long or too deep to be kept."""
    try:
        kept = msgspec.json.encode(_numbers(value, 0)).decode()
    except ValueError:
        return ""
    return kept if len(kept) <= LONGEST_KEPT else ""


def _numbers(value: Any, depth: int) -> Any:
    """CEL adds and compares numbers of one type only, and a price of 50 is as much one as 49.90 is."""
    if isinstance(value, Digits) or (isinstance(value, int) and not isinstance(value, bool)):
        return _number(value)
    if not isinstance(value, list | dict):
        return value
    if depth == DEEPEST_KEPT:
        raise ValueError("too deep")
    if isinstance(value, list):
        return [_numbers(child, depth + 1) for child in value]
    return {name: _numbers(child, depth + 1) for name, child in value.items()}


def _number(value: Digits | int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf  # which JSON keeps as null
