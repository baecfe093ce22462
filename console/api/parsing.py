"""Bodies of requests: read to a limit, so that nobody fills the memory, and strictly."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from console.api.refusals import Refusal

# Bytes. The largest body that any act takes is a definition's YAML.
MOST = 1024 * 1024


class Json(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = _read(stream)
        if not body:
            return {}
        try:
            parsed = msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
        if not isinstance(parsed, dict):
            raise ParseError("The body must be a JSON object.")
        return parsed


class Yaml(BaseParser):
    """The text, unread: whoever takes it tells the line and column of what is wrong."""

    media_type = "application/yaml"

    def parse(  # type: ignore[override]  # text is what it gives
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> str:
        try:
            return _read(stream).decode()
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 (byte {error.start}).") from None


def taken(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body, checked. Raises ValidationError, also for a member that nobody asked for."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    unknown = set(request.data) - set(body.fields)
    if unknown:
        told = ", ".join(sorted(body.fields))
        raise ValidationError(
            {name: [f"There is no such member. Known: {told}."] for name in sorted(unknown)}
        )
    given: dict[str, Any] = body.validated_data
    return given


def _read(stream: Any) -> bytes:
    body: bytes = stream.read(MOST + 1)
    if len(body) > MOST:
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"The body must be at most {MOST:,} bytes."
        )
    return body
