"""Filling a definition's request with a saga's values, and keeping the result where it belongs.

The placeholders are those of `sagas.definitions.placeholders`. In a path or query a value is percent-encoded;
a text of the body that is one placeholder and nothing else takes the value with its JSON type, numbers with
all their digits.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from sagas.definitions.placeholders import PLACEHOLDER
from sagas.events.grammar import is_too_deep

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

# The value of a placeholder's name; raises UnfilledError where there is none.
Values = Callable[[str], Any]


class UnfilledError(Exception):
    """A request cannot be written; the text completes "Nothing can be sent to payment: …"."""


def payload(text: str | bytes | None) -> Any:
    """A payload or an answer, fractions exact; None where there is none, it is no JSON, is nested deeper than
    an event may be, or holds a number that no decimal can.
    """
    if text is None or is_too_deep(text.encode() if isinstance(text, str) else text):
        return None
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError):
        return None


def fill_url(base_url: str, path: str, values: Values) -> str:
    """The address of a definition's path below `base_url`, with its placeholders percent-encoded."""
    return join(base_url, PLACEHOLDER.sub(lambda match: quote(_text(match[1], values), safe=""), path))


def fill_body(template: Any, values: Values) -> str:
    """The body as JSON text on one line; empty where the definition gives none."""
    if template is None:
        return ""
    return msgspec.json.format(_encoder.encode(_fill(template, values)), indent=0).decode()


def _fill(template: Any, values: Values) -> Any:
    match template:
        case str():
            alone = PLACEHOLDER.fullmatch(template)
            if alone:
                return values(alone[1])
            return PLACEHOLDER.sub(lambda match: _text(match[1], values), template)
        case list():
            return [_fill(item, values) for item in template]
        case dict():
            return {name: _fill(item, values) for name, item in template.items()}
    return template


def _text(name: str, values: Values) -> str:
    value = values(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | Decimal) and value != "":
        return str(value)
    raise UnfilledError(f"{{{name}}} is {_kind(value)}, which cannot stand within a text")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if value == "":
        return "empty"
    return "a list" if isinstance(value, list) else "an object"


def join(base_url: str, path: str) -> str:
    """`path` below `base_url`. Raises UnfilledError for whatever would lead elsewhere."""
    url = base_url.rstrip("/") + path
    if not path.startswith("/") or path.startswith("//"):
        raise UnfilledError(f"the path {path} must start with one slash")
    if not is_below(url, base_url):
        raise UnfilledError(f"{url} is not below {base_url}")
    return url


def is_below(url: str, base_url: str) -> bool:
    """Whether `url` has the origin and the path of `base_url`, and nothing in it that leads out of there.

    Nor where whoever stands in between decodes the path before it looks at its segments, however often.
    """
    try:
        inner, outer = urlsplit(url), urlsplit(base_url)
        origins = [(part.scheme, part.hostname, part.port) for part in (inner, outer)]
    except ValueError:
        return False
    return (
        origins[0] == origins[1]
        and outer.scheme in {"http", "https"}
        and bool(outer.hostname)
        and not any("@" in part.netloc or part.fragment for part in (inner, outer))
        and not outer.query
        and inner.path.startswith(outer.path.rstrip("/") + "/")
        and not _climbs(inner.path)
        and re.search(r"[\x00-\x20\x7f\\]", url) is None
    )


def _climbs(path: str) -> bool:
    while (plain := unquote(path)) != path:
        path = plain
    # What follows a semicolon are a segment's parameters, which some servers leave out.
    return any(segment.partition(";")[0] in {".", ".."} for segment in re.split(r"[/\\]", path))
