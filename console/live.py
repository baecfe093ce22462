"""Server-sent "changed" pings at /live: which topics changed, never what. Pages refetch their own fragments.

Each web process holds one connection that LISTENs on the channel of sagas.changes and passes what it hears
to its clients; a client holds no database connection. When that connection is lost, clients are told `all`
once it is back, as nobody knows what was missed.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator
from types import FrameType
from weakref import WeakKeyDictionary

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from psycopg.conninfo import make_conninfo

from console.permissions import Act, may, refusal
from sagas.changes import CHANNEL

log = structlog.get_logger()

# Seconds between comments that keep proxies from closing a silent stream.
HEARTBEAT = 15.0
# Seconds between two pings to one client, at least: what comes in between is told together.
PACE = 0.5
# Seconds after which a stream ends, so that the browser comes again and is asked again who it is.
LONGEST = 600.0
# Seconds before the listening connection is tried again.
RETRY = 1.0
# Streams that one person may hold in one process; browsers close those of hidden tabs.
PER_USER = 12
ALL = "all"


class Client:
    """One browser that waits; `topics` empty: it wants to hear of all."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self.is_over = False
        self._heard: set[str] = set()
        self._wake = asyncio.Event()

    def tell(self, topics: set[str]) -> None:
        mine = topics if not self.topics or ALL in topics else topics & self.topics
        if mine:
            self._heard |= mine
            self._wake.set()

    def end(self) -> None:
        self.is_over = True
        self._wake.set()

    async def heard(self) -> set[str]:
        """What changed since it was asked last; waits until something has."""
        await self._wake.wait()
        self._wake.clear()
        heard, self._heard = self._heard, set()
        return heard


class Hub:
    """The clients of one event loop, and the one task that listens for them while there are any."""

    def __init__(self) -> None:
        # Each client and the person it is of.
        self._clients: dict[Client, int] = {}
        self._per_user: Counter[int] = Counter()
        self._task: asyncio.Task[None] | None = None

    def is_full(self, user: int) -> bool:
        """Whether the person holds as many streams as one may."""
        return self._per_user[user] >= PER_USER

    def enter(self, client: Client, user: int) -> None:
        self._clients[client] = user
        self._per_user[user] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())

    def leave(self, client: Client) -> None:
        """Forget the client; nothing happens the second time."""
        user = self._clients.pop(client, None)
        if user is not None:
            self._per_user[user] -= 1
        if not self._clients and self._task:
            self._task.cancel()
            self._task = None

    def end_all(self) -> None:
        for client in self._clients:
            client.end()

    def _tell(self, topics: set[str]) -> None:
        for client in self._clients:
            client.tell(topics)

    async def _listen(self) -> None:
        is_first = True
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(conninfo(), autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    if not is_first:
                        self._tell({ALL})
                    is_first = False
                    async for notice in connection.notifies():
                        self._tell(set(notice.payload.split()))
            except psycopg.OperationalError as error:
                log.warning("live: the listening connection was lost", error=str(error))
            is_first = False
            await asyncio.sleep(RETRY)


hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop: a server process has one."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        hubs[loop] = Hub()
        end_with_the_server(loop, hubs[loop])
    return hubs[loop]


def end_with_the_server(loop: asyncio.AbstractEventLoop, hub: Hub) -> None:
    """End all streams when the server is told to stop: it would wait for them until its time is up."""
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def stop(number: int, frame: FrameType | None, before: object = before) -> None:
            loop.call_soon_threadsafe(hub.end_all)
            before(number, frame)  # type: ignore[operator]  # callable, as asked above

        try:
            signal.signal(number, stop)
        except ValueError:
            return  # not the main thread: whoever runs the loop there ends it


def conninfo() -> str:
    """Django's own database, for a connection outside its pool."""
    given = connections["default"].settings_dict
    options = {name: value for name, value in given["OPTIONS"].items() if isinstance(value, str)}
    where = {
        "user": given["USER"],
        "password": given["PASSWORD"],
        "host": given["HOST"],
        "port": given["PORT"],
    }
    return make_conninfo("", dbname=given["NAME"], **{k: v for k, v in where.items() if v}, **options)


class Stream(StreamingHttpResponse):
    """The answer to one client, who holds a place until it is closed, as the server does in the end.

    The generator's own end would not do: where the browser goes away while a ping is being sent, the
    generator is only found by the garbage collector.
    """

    def __init__(self, client: Client, user: int) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(pings(client), content_type="text/event-stream", headers=headers)
        hub().enter(client, user)
        self._client = client
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Called in a thread."""
        super().close()
        self._loop.call_soon_threadsafe(hubs[self._loop].leave, self._client)


async def stream(request: HttpRequest) -> HttpResponseBase:
    """GET /live?topics=…: an event stream for whoever may look at sagas."""
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    user, is_allowed = await sync_to_async(_who)(request)
    if user is None:
        return HttpResponse("Sign in first.", status=401, content_type="text/plain")
    if not is_allowed:
        return HttpResponse(refusal(Act.VIEW), status=403, content_type="text/plain")
    if hub().is_full(user):
        text = f"At most {PER_USER} streams a person; close some tabs."
        return HttpResponse(text, status=429, content_type="text/plain", headers={"Retry-After": "30"})
    return Stream(Client(frozenset(request.GET.get("topics", "").split())), user)


def _who(request: HttpRequest) -> tuple[int | None, bool]:
    user = request.user
    found = (user.pk if user.is_authenticated else None), may(user, Act.VIEW)
    # The request ends only with the stream: its connection goes back to the pool now.
    close_old_connections()
    return found


async def pings(client: Client) -> AsyncGenerator[str, None]:
    """The stream's text, until the server stops, the time is up or the browser goes away."""
    started = time.monotonic()
    yield "retry: 3000\n\n"
    while not client.is_over and time.monotonic() - started < LONGEST:
        try:
            async with asyncio.timeout(HEARTBEAT):
                topics = await client.heard()
        except TimeoutError:
            yield ": still here\n\n"
            continue
        if topics:
            yield f"data: {' '.join(sorted(topics))}\n\n"
            await asyncio.sleep(PACE)
