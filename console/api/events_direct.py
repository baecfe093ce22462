"""The direct way of `POST /api/v1/events` through an ASGI server: to its view, past Django's middleware.

Sessions, cookies, messages and pages are no business of programs that send events, and passing through all of
that takes as long as storing fifty events (`make bench`). A body is read to its limit and no further, where
Django would write all of it to a file first.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.exception import response_for_exception
from django.db import close_old_connections
from django.http import HttpResponseBase

from console.api import events

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[..., Awaitable[None]]

PATH = "/api/v1/events"
# Requests that are worked on at a time, each with a connection of the pool.
AT_ONCE = 8


class DisconnectedError(Exception):
    """The sender went away before its body had come."""


def direct(others: Application) -> Application:
    """`others` answers everything that is not for PATH."""
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="events")

    async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await others(scope, receive, send)
            return
        try:
            body = await _body(receive)
        except DisconnectedError:
            return
        loop = asyncio.get_running_loop()
        await _send(await loop.run_in_executor(threads, _respond, scope, body), send)

    return answer


async def _body(receive: Receive) -> bytes:
    """The body; of one that is too large, just enough to tell."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        if length <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            parts.append(message.get("body", b""))
            length += len(parts[-1])
        if not message.get("more_body", False):
            return b"".join(parts)


def _respond(scope: dict[str, Any], body: bytes) -> HttpResponseBase:
    request = ASGIRequest(scope, BytesIO(body))
    # What was announced may be more than what was kept; the view judges by this.
    request.META["CONTENT_LENGTH"] = str(len(body))
    close_old_connections()
    try:
        return events.receive(request)
    except Exception as error:  # noqa: BLE001  (whatever it is: logged and answered, as Django does it)
        return response_for_exception(request, error)
    finally:
        close_old_connections()


async def _send(response: HttpResponseBase, send: Send) -> None:
    content: bytes = response.content  # type: ignore[attr-defined]  # the view streams nothing
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"Content-Length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": content})
