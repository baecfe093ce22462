"""The mask in an event that nobody could take: bytes in, bytes out. Pure.

Where it names a saga type that masks nothing, it is shown as it came; where it names one that masks
something, with those masks. Of any other nobody knows what it is about: it is masked as a whole as soon as a
saga type that its sender may report on masks anything.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from sagas.masking.masks import Masks
from sagas.masking.text import HIDDEN, mask

# Members of an envelope that hold the payload; another encoding of it cannot be looked into.
DATA, ENCODED = "data", "data_base64"

_named = msgspec.json.Decoder(type=dict[str, Any])


def kept(body: bytes, scope: Collection[str], masks: Mapping[str, Masks], known: Collection[str]) -> bytes:
    """`scope`: saga types that its key may report on; empty: all. `known`: those that somebody described."""
    saga_type = _saga_type(body)
    if saga_type in masks:
        paths = masks[saga_type].paths
        below = [*paths, *((DATA, *path) for path in paths), (ENCODED,)]
        return mask(body.decode("utf-8", "replace"), below).encode()
    if saga_type in known or (scope and masks.keys().isdisjoint(scope)):
        return body
    return bytes(HIDDEN)


def _saga_type(body: bytes) -> str:
    """That it names; empty where it names none, or cannot be read."""
    try:
        named = _named.decode(body).get("sagatype")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return named if isinstance(named, str) else ""
