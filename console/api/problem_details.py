"""One error envelope for everything under /api/: problem details (RFC 9457).

Beside the standard members a body has `code`, a word that programs can rely on, and, where a part of the
request is to blame, `errors`: a list of {"parameter" or "field", "detail"}.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.http import JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from console.api.refusals import BadParameterError, Refusal

MEDIA_TYPE = "application/problem+json"


def envelope(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "code": code,
        "detail": _printable(detail),
        **more,
    }


def answer(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JsonResponse:
    """For views that are none of REST framework's."""
    body = envelope(status, code, detail, **more)
    return JsonResponse(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def handle(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's hook; what it does not know goes on to `console.errors.server_error`."""
    response = exception_handler(exception, context)  # type: ignore[arg-type]  # it only reads the context
    if response is None:
        return None
    if isinstance(exception, exceptions.ValidationError):
        response.data = _invalid(exception, context)
    elif isinstance(exception, Refusal):
        detail = str(exception.detail)
        response.data = envelope(response.status_code, str(_code(exception)), detail, **exception.more)
    elif isinstance(exception, exceptions.APIException):
        response.data = envelope(response.status_code, str(_code(exception)), str(exception.detail))
    else:  # Django's own Http404 and PermissionDenied
        code = "not_found" if response.status_code == HTTPStatus.NOT_FOUND else "permission_denied"
        response.data = envelope(response.status_code, code, str(response.data["detail"]))
    response.content_type = MEDIA_TYPE
    return response


def _code(exception: exceptions.APIException) -> Any:
    return exception.get_codes()


def _invalid(exception: exceptions.ValidationError, context: Mapping[str, Any]) -> dict[str, Any]:
    # A request that is read has nothing but its query to be wrong; else a field of the body is meant.
    request = context.get("request")
    is_read = request is not None and request.method in {"GET", "HEAD"}
    place = "parameter" if is_read or isinstance(exception, BadParameterError) else "field"
    errors = [{place: name, "detail": detail} for name, detail in _flat("", exception.detail)]
    code = "bad_parameter" if place == "parameter" else "invalid"
    detail = "; ".join(f"{error[place]}: {error['detail']}" for error in errors)
    return envelope(HTTPStatus.BAD_REQUEST, code, detail, errors=errors)


def _flat(name: str, detail: Any) -> Iterator[tuple[str, str]]:
    """Nested messages as (path, message), e.g. ("ids.3", "A valid integer is required.")."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _flat(f"{name}.{key}".lstrip("."), inner)
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            is_nested = isinstance(inner, dict | list)
            yield from _flat(f"{name}.{place}".lstrip(".") if is_nested else name, inner)
    else:
        yield (_printable(name) or "body", _printable(str(detail)))


def _printable(text: str) -> str:
    """What was sent may be quoted back; half a surrogate pair cannot be."""
    return text.encode("utf-8", "replace").decode()
