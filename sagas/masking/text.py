"""The mask in a payload: JSON text in, JSON text out. Pure.

Only what a path leads through is read, level by level; all else stays to the letter. A path that cannot be
followed to its end, as it meets a text or a list where it names a member, masks what it meets: nobody knows
what is inside.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from sagas.definitions.masked import EVERY, Words

# In place of every value, whatever it was and however long.
MASK = "•••"

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_encoder = msgspec.json.Encoder()
HIDDEN = Raw(_encoder.encode(MASK))
# Of a list, for EVERY.
_ALL = -1


def mask(text: str, paths: Sequence[Words]) -> str:
    """The text with the mask at these paths. What is no object or list, or no JSON, is masked as a whole."""
    if not paths:
        return text
    try:
        return bytes(_masked(text.encode(), paths)).decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return bytes(HIDDEN).decode()


def tells_less(shown: bytes, clear: bytes) -> bool:
    """Whether the mask took anything from it; what is written anew for it has only lost its spaces."""
    if shown == clear:
        return False
    try:
        return msgspec.json.format(shown, indent=-1) != msgspec.json.format(clear, indent=-1)
    except msgspec.MsgspecError:
        return True


def _masked(text: bytes | Raw, paths: Sequence[Words]) -> Raw:
    """`paths` are what is left of those that led here."""
    content = bytes(text).strip(b" \t\r\n")
    if not all(paths):
        return HIDDEN
    if content == b"null":
        return Raw(content)
    if content[:1] == b"{":
        return _masked_object(_object.decode(content), paths)
    if content[:1] == b"[":
        return _masked_list(_list.decode(content), paths)
    return HIDDEN


def _masked_object(members: dict[str, Raw], paths: Sequence[Words]) -> Raw:
    for name, value in members.items():
        if below := [path[1:] for path in paths if path[0] in {name, EVERY}]:
            members[name] = _masked(value, below)
    return Raw(_encoder.encode(members))


def _masked_list(items: list[Raw], paths: Sequence[Words]) -> Raw:
    places = [_place(path[0]) for path in paths]
    if None in places:
        return HIDDEN
    for at, value in enumerate(items):
        below = [path[1:] for path, place in zip(paths, places, strict=True) if place in {at, _ALL}]
        if below:
            items[at] = _masked(value, below)
    return Raw(_encoder.encode(items))


def _place(word: str) -> int | None:
    """Which element of a list, as `sagas.definitions.paths` reads it; None: it leads nowhere."""
    if word == EVERY:
        return _ALL
    return int(word) if word.isdecimal() else None
