"""A mail server and a webhook receiver that are really called, and fail on demand."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="


@dataclass
class MailServer:
    """`answers`: what the next mails are answered with; then each is taken."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.recipients += envelope.rcpt_tos
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


class AnyPort(Controller):
    """On a port that the system chooses; aiosmtpd would look for it at port 0."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    controller = AnyPort(server, hostname="127.0.0.1", port=0)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


@dataclass
class Hook:
    id: str
    body: Any
    headers: dict[str, str]


@dataclass
class Receiver:
    """`answers`: status codes for the next requests; then 204. Signatures of all are checked."""

    url: str = ""
    hooks: list[Hook] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    body: bytes = b""
    location: str = ""
    slow: float = 0

    def take(self, headers: dict[str, str], body: bytes) -> int:
        content = Webhook(SECRET).verify(body, headers)
        self.hooks.append(Hook(headers["webhook-id"], content, headers))
        time.sleep(self.slow)
        return self.answers.pop(0) if self.answers else 204


@contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = state.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if state.location:
                self.send_header("location", state.location)
            self.send_header("content-length", str(0 if status == 204 else len(state.body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(state.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
