"""An HTTP server whose answers a test decides, and that keeps what it was asked."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    status: int
    body: bytes | str | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, dict):
            return json.dumps(self.body).encode()
        return self.body.encode() if isinstance(self.body, str) else self.body


class WrongError(Exception):
    """A request that the service would refuse, and why."""


@dataclass
class Service(ABC):
    """`replies`: what the next requests are answered with, whatever they are."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    # What was wrong with requests; a test that expects none ends with `assert not service.wrong`.
    wrong: list[str] = field(default_factory=list)

    def take(self, request: Request) -> Reply:
        self.requests.append(request)
        if self.replies:
            return self.replies.pop(0)
        try:
            return self.answer(request)
        except WrongError as error:
            self.wrong.append(str(error))
            return self.refuse(str(error))

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Check it and answer; raises WrongError."""

    @abstractmethod
    def refuse(self, why: str) -> Reply: ...


def need(holds: object, why: str) -> None:
    if not holds:
        raise WrongError(why)


def need_text(value: object, longest: int, name: str, shortest: int = 1) -> None:
    need(isinstance(value, str), f"{name} is no text: {value!r}")
    need(
        shortest <= len(str(value)) <= longest, f"{name} has {len(str(value))} characters, {longest} at most"
    )


@contextmanager
def serve(service: Service) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.take(Request(self.command, self.path, headers, body))
            encoded = reply.encoded()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = do_PUT = _take

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
