"""The API described as OpenAPI 3.1 at `/api/v1/schema`, and as a page to try it on at `/api/v1/docs`."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from console.api.problem_details import MEDIA_TYPE

METHODS = {"get", "post", "put", "patch", "delete"}

PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "A word that programs can rely on."},
        "detail": {"type": "string", "description": "For people."},
        "errors": {
            "type": "array",
            "description": "Which parts of the request are wrong.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "parameter": {"type": "string", "description": "Of the query."},
                    "field": {"type": "string", "description": "Of the body."},
                    "line": {"type": "integer"},
                    "column": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class Schema(APIView):
    """Of the API, for everyone: it tells no data. JSON; YAML where it is asked for."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (OpenApiJsonRenderer2, OpenApiYamlRenderer)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(described())


@cache
def described() -> dict[str, Any]:
    """The same for all, and the work of a second: made once."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


class Docs(SpectacularSwaggerSplitView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    url_name = "api:schema"
    template_name = "api/docs.html"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "console.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "amd_…",
            "description": "A person's API token (`manage.py create_token NAME`), with that person's roles.",
        }


def add_problems(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Every operation may answer with a problem; a hook of drf-spectacular."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operation in _operations(result):
        told = {
            "400": "The request is wrong; errors says where.",
            "401": "Nobody is signed in, or the token is not known.",
            "403": "Your roles do not allow it; detail says whose do.",
            "default": "Anything else that went wrong.",
        }
        if "{" in path:
            told["404"] = "There is none of that name."
        for status, description in told.items():
            operation["responses"].setdefault(status, {"description": description, "content": content})
    return result


def add_summaries(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """The first sentence of what a view says of itself stands beside its address; a hook, too."""
    for _, operation in _operations(result):
        operation.setdefault("summary", operation["description"].partition(".")[0])
    return result


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in result["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, operation
