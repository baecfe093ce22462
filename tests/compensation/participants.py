"""A participant on loopback that is really called: it checks signatures, keeps keys, and fails on demand.

What was done is counted by idempotency key in the process of the test, which outlives every worker that
is killed: so a test can say how often something was really done.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from sagas.threads import hangs_up

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


@dataclass
class Reply:
    status: int = 200
    body: Any = field(default_factory=lambda: {"done": True})
    headers: dict[str, str] = field(default_factory=dict)
    # The work is done and the connection cut before anything is answered.
    cut: bool = False
    # Seconds before it answers, after the work.
    slow: float = 0
    # Bytes are sent one by one with this many seconds in between.
    trickle: float = 0


@dataclass
class Participant:
    """`answer` says what the next request gets; what was done stays done whatever is answered."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    unsigned: list[Received] = field(default_factory=list)
    # How often the work behind each key was really done; a key whose work was done is only answered again.
    done: Counter[str] = field(default_factory=Counter)
    replies: list[Reply] = field(default_factory=list)
    # Called while a request is being answered, before the answer leaves.
    during: Callable[[Received], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    def handle(self, request: Received) -> Reply:
        with self.lock:
            self.received.append(request)
            try:
                Webhook(SECRET).verify(request.body, request.headers, json_parse=False)
            except WebhookVerificationError:
                self.unsigned.append(request)
                return Reply(401, {"detail": "not signed"})
            reply = self.replies.pop(0) if self.replies else Reply()
            works = request.method != "GET" and (reply.status < 300 or reply.cut)
            if works and not self.done[request.key]:
                self.done[request.key] += 1
        if self.during:
            hangs_up(self.during)(request)
        return reply


@contextmanager
def serving() -> Iterator[Participant]:
    participant = Participant()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, self.path, headers, self.rfile.read(length).decode())
            reply = participant.handle(request)
            time.sleep(reply.slow)
            if reply.cut:
                self.close_connection = True
                return
            text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            body = b"" if reply.status == 204 else text.encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            try:
                if reply.trickle:
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(reply.trickle)
                else:
                    self.wfile.write(body)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    participant.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield participant
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
