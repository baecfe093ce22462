"""A steady trickle of sagas, with a few that go wrong; it remembers across restarts what it started."""

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from demo import scenes, signatures
from demo.credentials import Credentials
from demo.scenes import Scene
from demo.steps import ORDER, SAGA_TYPES, STEPS, WALLET
from demo.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS numbers (saga_type TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stories (name TEXT PRIMARY KEY);
-- Sagas that were sent into a trouble which waits for a person.
CREATE TABLE IF NOT EXISTS troubles (saga TEXT PRIMARY KEY, orchestrator TEXT NOT NULL);
"""

FIRST_NUMBERS = {ORDER.name: ("order-", 8401), WALLET.name: ("pay-", 51207)}
DECLINED_SHARE = 0.03
HICCUP_SHARE = 0.01
MOST_TROUBLES = 15  # open at a time, so that the list of what needs a person stays readable
BETWEEN_STORIES = 3.0  # seconds
PATIENCE = aiohttp.ClientTimeout(total=5)


async def drive(services: Mapping[str, Credentials], folder: Path, rate: float, fault_rate: float) -> None:
    """Start `rate` sagas a second, for ever; a share of `fault_rate` of them gets into trouble."""
    async with aiohttp.ClientSession(timeout=PATIENCE) as http, asyncio.TaskGroup() as group:
        traffic = Traffic(services, Store(folder / "traffic.sqlite3", SCHEMA), http, random.Random())  # noqa: S311
        group.create_task(traffic.tell_stories())
        group.create_task(traffic.trickle(rate, fault_rate))


class Traffic:
    def __init__(
        self,
        services: Mapping[str, Credentials],
        store: Store,
        http: aiohttp.ClientSession,
        chance: random.Random,
    ) -> None:
        self.services = services
        self.store = store
        self.http = http
        self.chance = chance

    async def tell_stories(self) -> None:
        """Play each story once in the life of the data folder."""
        for story in scenes.STORIES:
            if self.store.db.execute("SELECT 1 FROM stories WHERE name = ?", (story.name,)).fetchone():
                continue
            await asyncio.sleep(BETWEEN_STORIES)
            await self.play(story)
            with self.store.transaction() as db:
                db.execute("INSERT INTO stories VALUES (?)", (story.name,))

    async def trickle(self, rate: float, fault_rate: float) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self.chance.expovariate(rate), time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.play(await self.choose(fault_rate))

    async def choose(self, fault_rate: float) -> Scene:
        luck = self.chance.random()
        if luck < fault_rate:
            if await self.open_troubles() < MOST_TROUBLES:
                return self.chance.choice(scenes.TROUBLES)
        elif luck < fault_rate + DECLINED_SHARE:
            return self.chance.choice(scenes.DECLINED)
        elif luck < fault_rate + DECLINED_SHARE + HICCUP_SHARE:
            return self.chance.choice(scenes.HICCUPS)
        return scenes.ORDINARY[self.chance.choice(SAGA_TYPES)]

    async def play(self, scene: Scene) -> str:
        """Start one saga as the scene has it; returns its id."""
        saga_type = scene.saga_type
        with self.store.transaction() as db:
            saga = _next_id(db, saga_type.name)
            if scene in scenes.TROUBLES:
                db.execute("INSERT INTO troubles VALUES (?, ?)", (saga, saga_type.orchestrator))
        for fault in scene.faults:
            service = self.services[STEPS[fault["step"]].participant]
            await self.post(f"{service.url}/faults", json.dumps({**fault, "saga": saga}), None, saga)
        body = json.dumps({"saga": saga, "data": scenes.payload(scene, saga, self.chance)})
        orchestrator = self.services[saga_type.orchestrator]
        await self.post(f"{orchestrator.url}/sagas", body, orchestrator.secret, saga)
        return saga

    async def open_troubles(self) -> int:
        """How many of the troubles still wait for a person."""
        for row in self.store.db.execute("SELECT * FROM troubles").fetchall():
            if await self.is_settled(self.services[row["orchestrator"]], row["saga"]):
                with self.store.transaction() as db:
                    db.execute("DELETE FROM troubles WHERE saga = ?", (row["saga"],))
        (count,) = self.store.db.execute("SELECT count(*) FROM troubles").fetchone()
        return int(count)

    async def is_settled(self, orchestrator: Credentials, saga: str) -> bool:
        try:
            async with self.http.get(f"{orchestrator.url}/sagas/{saga}") as answer:
                return answer.status == 404 or bool((await answer.json())["settled"])
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def post(self, url: str, body: str, secret: str | None, key: str) -> None:
        """Send until it is taken: services start later than the traffic, or just now died."""
        while True:
            headers = signatures.sign(secret, key, body) if secret else {"content-type": "application/json"}
            try:
                async with self.http.post(url, data=body, headers=headers) as answer:
                    if answer.ok:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.5)


def _next_id(db: sqlite3.Connection, saga_type: str) -> str:
    prefix, first = FIRST_NUMBERS[saga_type]
    db.execute("INSERT OR IGNORE INTO numbers VALUES (?, ?)", (saga_type, first))
    (number,) = db.execute(
        "UPDATE numbers SET next = next + 1 WHERE saga_type = ? RETURNING next - 1", (saga_type,)
    ).fetchone()
    return f"{prefix}{number}"
