"""Names in addresses: a saga's id may hold any character, a slash too, and its address is still one.

In an address an encoded slash (%2F) belongs to a name and a plain one separates names. Servers hand over
the decoded path, where both look alike: `…/a%2Fevents` (the saga "a/events") would be read as `…/a/events`
(the events of the saga "a"). So, where the server gives the raw path, it is decoded here once more, with a
lone surrogate, which no decoded text can hold, in place of each encoded slash.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.urls import register_converter
from django.utils.decorators import sync_and_async_middleware

SLASH_IN_NAME = "\udc2f"

Handler = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def keep_encoded_slashes(get_response: Handler) -> Handler:
    """Only ASGI servers give the raw path; elsewhere paths stay as they are."""
    if not iscoroutinefunction(get_response):
        return get_response

    async def respond(request: HttpRequest) -> HttpResponseBase:
        if isinstance(request, ASGIRequest):
            request.path_info = marked(request)
        response: HttpResponseBase = await get_response(request)
        return response

    return respond


def marked(request: ASGIRequest) -> str:
    """The path that is resolved, its encoded slashes marked."""
    raw = (request.scope.get("raw_path") or b"").decode("ascii", "replace")
    path = unquote(raw.replace("%2F", SLASH_IN_NAME).replace("%2f", SLASH_IN_NAME))
    if path.replace(SLASH_IN_NAME, "/") != request.path:
        return request.path_info
    return path[len(request.path) - len(request.path_info) :]


def address_of(request: HttpRequest) -> str:
    """The path of this request, encoded, so that it leads here again."""
    names = request.path_info.split("/")
    prefix = request.path.removesuffix(request.path_info.replace(SLASH_IN_NAME, "/"))
    return prefix + "/".join(quoted(name.replace(SLASH_IN_NAME, "/")) for name in names)


def quoted(name: str) -> str:
    """A name as one part of an address."""
    return quote(name, safe="")


class NameConverter:
    """One part of an address: `<name:type>`."""

    regex = r"[^/\x00]+"

    def to_python(self, value: str) -> str:
        return value.replace(SLASH_IN_NAME, "/")

    def to_url(self, value: str) -> str:
        return value


class SagaIdConverter(NameConverter):
    """As a name, but plain slashes are taken too: `<saga_id:id>`."""

    regex = r"[^\x00]+"


register_converter(NameConverter, "name")
register_converter(SagaIdConverter, "saga_id")
