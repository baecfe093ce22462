"""The process of one participant: its HTTP server, outbox and work, and its sagas if it orchestrates."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from aiohttp import web

from demo import operations, outbox, participant, runs
from demo.businesses import BUSINESSES
from demo.credentials import Credentials
from demo.runs import Runs
from demo.steps import ORCHESTRATED_BY
from demo.store import Store
from demo.work import Participant


async def serve(
    name: str, services: Mapping[str, Credentials], amends_url: str, folder: Path, pace: float
) -> None:
    """Run until killed. Whatever ends one of its tasks ends the process, which is then started again."""
    me, business = services[name], BUSINESSES[name]
    store = Store(folder / f"{name}.sqlite3", outbox.SCHEMA, operations.SCHEMA, runs.SCHEMA, business.schema)
    actor = Participant(name, business, store, pace)
    app = web.Application()
    app.add_routes(participant.Api(actor, me.secret).routes())
    if name in ORCHESTRATED_BY:
        app.add_routes(Runs(ORCHESTRATED_BY[name], store, me.secret).routes())
    await listen(app, me.port)
    ingest = f"{amends_url.rstrip('/')}/api/v1/events"
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        group.create_task(outbox.deliver_events(store, http, ingest, me.key, business.mode))
        group.create_task(outbox.deliver_messages(store, http, services))
        group.create_task(operations.finish_accepted(actor))


async def listen(app: web.Application, port: int) -> None:
    """Serve on loopback. Raises OSError where the port is in use."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
