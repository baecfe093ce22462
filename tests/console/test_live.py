"""/live: who may listen, what is told, and what is given back when it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.http import StreamingHttpResponse
from django.test import AsyncClient

from console import live
from console.permissions import Act, Role, refusal
from sagas import changes
from tests.console.cast import Person, person

WITHIN = 60.0  # seconds


@pytest.fixture
def viewer(transactional_db: None) -> Person:
    # What the tests before have told may still be on its way.
    while changes._teller._thread:
        time.sleep(0.01)
    return person("vera", Role.VIEWER)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        try:
            async with asyncio.timeout(180):
                await work()
        finally:
            # The thread that spoke to the database outlives this loop.
            await sync_to_async(connections.close_all)()

    asyncio.run(all_of_it())


async def browser(somebody: Person) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(somebody.user)
    return client


class Tab:
    """An open stream, read as a server does that sends it."""

    def __init__(self, answer: StreamingHttpResponse) -> None:
        self.answer = answer
        self._tab = aiter(answer)

    async def next(self) -> bytes:
        async with asyncio.timeout(WITHIN):
            return await anext(self._tab)

    async def close(self) -> None:
        await sync_to_async(self.answer.close)()


async def opened(client: AsyncClient, query: str = "") -> Tab:
    answer = await client.get(f"/live{query}")
    assert isinstance(answer, StreamingHttpResponse), answer.content
    assert answer["Content-Type"] == "text/event-stream"
    assert answer["Cache-Control"] == "no-store"
    tab = Tab(answer)
    assert await tab.next() == b"retry: 3000\n\n"
    return tab


def notify(*topics: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [live.CHANNEL, " ".join(topics)])


async def listening() -> None:
    """Wait until the hub's own connection listens."""
    for _ in range(1000):
        if await sync_to_async(listeners)():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody listens")


def listeners() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = %s",
            [f"LISTEN {live.CHANNEL}"],
        )
        return [pid for (pid,) in cursor.fetchall()]


def test_what_is_told_reaches_those_who_asked_for_it(viewer: Person) -> None:
    async def work() -> None:
        client = await browser(viewer)
        problems = await opened(client, "?topics=problems+saga:7")
        everything = await opened(client)
        await listening()
        await sync_to_async(notify)("sagas", "saga:8")
        assert await everything.next() == b"data: saga:8 sagas\n\n"
        await sync_to_async(notify)("saga:7", "sagas")
        assert await problems.next() == b"data: saga:7\n\n"
        await problems.close()
        await everything.close()

    run(work)


def test_what_comes_quickly_is_told_together(viewer: Person) -> None:
    async def work() -> None:
        tab = await opened(await browser(viewer))
        await listening()
        await sync_to_async(notify)("a")
        assert await tab.next() == b"data: a\n\n"
        for topic in ("b", "c", "b"):
            await sync_to_async(notify)(topic)
        assert await tab.next() == b"data: b c\n\n"
        await tab.close()

    run(work)


def test_one_connection_listens_for_all_and_ends_with_the_last(viewer: Person) -> None:
    async def work() -> None:
        client = await browser(viewer)
        tabs = [await opened(client) for _ in range(5)]
        await listening()
        assert len(await sync_to_async(listeners)()) == 1
        for tab in tabs:
            await tab.close()
        for _ in range(100):
            if not await sync_to_async(listeners)():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it still listens")

    run(work)


def test_after_a_lost_connection_everything_is_to_be_read_anew(
    viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY", 0.1)

    def cut() -> None:
        with connection.cursor() as cursor:
            for pid in listeners():
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

    async def work() -> None:
        tab = await opened(await browser(viewer), "?topics=problems")
        await listening()
        await sync_to_async(cut)()
        assert await tab.next() == b"data: all\n\n"
        await sync_to_async(notify)("problems")
        assert await tab.next() == b"data: problems\n\n"
        await tab.close()

    run(work)


def test_a_silent_stream_is_kept_open_by_comments(viewer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)

    async def work() -> None:
        tab = await opened(await browser(viewer))
        assert await tab.next() == b": still here\n\n"
        await tab.close()

    run(work)


def test_streams_end_when_the_server_stops_and_when_their_time_is_up(
    viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        client = await browser(viewer)
        tab = await opened(client)
        live.hub().end_all()
        with pytest.raises(StopAsyncIteration):
            await tab.next()
        monkeypatch.setattr(live, "LONGEST", 0.0)
        tab = await opened(client)
        with pytest.raises(StopAsyncIteration):
            await tab.next()

    run(work)


def test_one_person_holds_so_many_streams_and_no_more(
    viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PER_USER", 2)

    async def work() -> None:
        client = await browser(viewer)
        tabs = [await opened(client) for _ in range(2)]
        refused = await client.get("/live")
        assert refused.status_code == 429
        assert refused["Retry-After"]
        await tabs.pop().close()
        tabs.append(await opened(client))
        for tab in tabs:
            await tab.close()

    run(work)


def test_who_may_not_look_may_not_listen(transactional_db: None) -> None:
    outsider = person("olga")

    async def work() -> None:
        assert (await AsyncClient().get("/live")).status_code == 401
        refused = await (await browser(outsider)).get("/live")
        assert refused.status_code == 403
        assert refused.content.decode() == refusal(Act.VIEW)
        assert (await (await browser(outsider)).post("/live")).status_code in {403, 405}

    run(work)


def test_a_stream_holds_no_connection_of_the_pool(viewer: Person) -> None:
    """More tabs than the pool has connections, and pages are still answered."""

    async def work() -> None:
        client = await browser(viewer)
        tabs = [await opened(client) for _ in range(live.PER_USER)]
        async with asyncio.timeout(WITHIN):
            assert (await client.get("/repairs/")).status_code == 200
        for tab in tabs:
            await tab.close()

    run(work)


def test_the_listening_connection_reaches_the_same_database() -> None:
    with psycopg.connect(live.conninfo()) as own:
        assert own.info.dbname == connection.settings_dict["NAME"]
