"""The payload of an event: `data` or `data_base64`, as JSON text."""

import base64
import binascii

import msgspec
from msgspec import Raw

from sagas.events import grammar
from sagas.events.refusal import MalformedError, Reason, RefusedError

MEMBERS = frozenset({"data", "data_base64"})

_text = msgspec.json.Decoder(str)
_encoder = msgspec.json.Encoder()


def is_json(content_type: object) -> bool:
    """Whether a `datacontenttype` announces JSON. Without one it does, as CloudEvents says."""
    if content_type is None:
        return True
    media = str(content_type).partition(";")[0].strip().lower()
    _, slash, subtype = media.partition("/")
    return bool(slash) and (subtype == "json" or subtype.endswith("+json"))


def read(members: dict[str, Raw], content_type: object) -> tuple[str | None, bool]:
    """(the payload as JSON text, is it a text of base64). Raises `RefusedError`.

    Bytes that are no JSON become a JSON text of their base64.
    """
    if "data" in members and "data_base64" in members:
        raise RefusedError(Reason.BAD_DATA, "data and data_base64 must not both be given.")
    if "data" in members:
        return _decode(bytes(members["data"])), False
    if "data_base64" not in members:
        return None, False
    try:
        encoded = _text.decode(members["data_base64"])
        content = base64.b64decode(encoded, validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, ValueError):
        raise RefusedError(Reason.BAD_DATA, "data_base64 must be a text of base64.") from None
    if not is_json(content_type):
        return _encoder.encode(encoded).decode(), True
    try:
        grammar.refuse_malformed(content)
    except MalformedError as error:
        raise RefusedError(
            Reason.BAD_DATA, f"data_base64 must hold JSON, as datacontenttype says: {error}."
        ) from None
    if grammar.is_too_deep(content):
        raise RefusedError(Reason.TOO_DEEP, f"A payload may be nested {grammar.DEEPEST} levels deep.")
    return _decode(content), False


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise RefusedError(Reason.BAD_DATA, f"The payload is no UTF-8, at its byte {error.start}.") from None
