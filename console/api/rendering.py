"""Answers as JSON, by an encoder that passes payloads on as they were sent."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import BaseRenderer

# A payload as it was stored, to be passed on without being read: 49.90 stays 49.90.
Raw = msgspec.Raw


class Json(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        # REST framework's own texts are a kind of str.
        return b"" if data is None else msgspec.json.encode(data, enc_hook=str)


class Yaml(Json):
    """YAML that was written elsewhere, to the letter. What is no text is a problem, and stays JSON."""

    media_type = "application/yaml"
    format = "yaml"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if isinstance(data, str):
            return data.encode()
        return super().render(data, accepted_media_type, renderer_context)
