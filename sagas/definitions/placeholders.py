"""The `{words}` in a definition's requests, which are replaced by what the saga knows."""

import re
from collections.abc import Iterator
from typing import Any

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

SIMPLE = ("saga", "type", "step", "execution", "repair", "reason")
KEY = "key."
DATA = "data."
KNOWN = ", ".join(f"{{{word}}}" for word in (*SIMPLE, "key.NAME", "data.PATH"))


def found_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, word between the braces) of every placeholder in the texts of a JSON value."""
    if isinstance(value, str):
        yield from ((path, word) for word in PLACEHOLDER.findall(value))
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from found_in(child, f"{path}.{name}")
    elif isinstance(value, list):
        for place, child in enumerate(value):
            yield from found_in(child, f"{path}[{place}]")
