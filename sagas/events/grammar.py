"""Whether bytes are JSON, and where not; whatever they hold, within bounded time and stack."""

import json
import re

import msgspec

from sagas.events.refusal import MalformedError

# Levels of arrays and objects in one event. Python's own readers give up not far above.
DEEPEST = 100
# Brackets in a body that has to be split by hand.
MOST_BRACKETS = 200_000

_raw = msgspec.json.Decoder(msgspec.Raw)
_constant = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity', re.DOTALL)
_token = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)


def is_too_deep(text: bytes) -> bool:
    """Whether more than DEEPEST arrays and objects stand within one another."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for token in _token.finditer(text):
        sign = token[0]
        if sign in b"[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif sign in b"]}":
            depth -= 1
    return False


def refuse_malformed(text: bytes, offset: int = 0) -> None:
    """Raise `MalformedError` unless it is one JSON value. `offset` is where `text` starts in the body.

    Grammar is all that counts here: half a surrogate pair, bytes that are no UTF-8 and a hundred thousand
    brackets are JSON, and a matter of the one event that holds them.
    """
    try:
        _raw.decode(text)
    except RecursionError:
        return
    except msgspec.DecodeError:
        # msgspec takes half a pair for malformed, and does not always say where; json knows better.
        wrong_at = _wrong_at(text)
        if wrong_at is not None:
            raise MalformedError("The body is not well-formed JSON", offset + wrong_at) from None


def _wrong_at(text: bytes) -> int | None:
    """The first byte that is out of place; None where it is JSON after all."""
    try:
        # One character a byte, so that positions agree.
        json.loads(text.decode("latin-1"), parse_constant=_refuse_constant, parse_int=len)
    except json.JSONDecodeError as error:
        return error.pos
    except NotJsonError:
        return next(token.start() for token in _constant.finditer(text) if token[0][:1] != b'"')
    except RecursionError:
        return None
    return None


class NotJsonError(Exception):
    """NaN and Infinity, which Python's json takes for numbers."""


def _refuse_constant(word: str) -> None:
    raise NotJsonError(word)


def split(body: bytes) -> list[bytes]:
    """The elements of a JSON array, each with well-formed brackets and nothing else promised.

    For bodies that cannot be read in one go because of a single element. Raises `MalformedError`.
    """
    if body.count(b"[") + body.count(b"{") > MOST_BRACKETS:
        raise MalformedError(f"The body must not hold more than {MOST_BRACKETS:,} brackets")
    elements: list[bytes] = []
    starts: list[int] = []
    depth = start = end = 0
    for token in _token.finditer(body):
        sign = token[0]
        if sign in b"[{":
            depth += 1
            if depth == 1:
                start = token.end()
        elif sign in b"]}":
            depth -= 1
            end = token.end()
        if (sign == b"," and depth == 1) or (sign in b"]}" and depth == 0):
            elements.append(body[start : token.start()])
            starts.append(start)
            start = token.end()
        if sign in b"]}" and depth <= 0:
            break
    if depth != 0 or not elements or body[end:].strip(b" \t\r\n"):
        raise MalformedError("The body is not well-formed JSON", end if depth == 0 else len(body))
    for element, place in zip(elements, starts, strict=True):
        refuse_malformed(element, place)
    return [element.strip(b" \t\r\n") for element in elements]
