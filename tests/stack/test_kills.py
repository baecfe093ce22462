"""Processes are killed in the middle of traffic and of repairs; then the participants' own books are read.

Nothing that Amends accepted may be lost, every repair must come to its end, and nothing may have been undone
twice. Chance chooses the moment of each kill; the books have to be right whichever it was. The kills at each
line between claim and record are in tests/compensation.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import psycopg
import pytest

from demo.steps import ORDER, PARTICIPANTS, port_of
from tests.stack.running import Stack, doors, wait_until

pytestmark = pytest.mark.xdist_group("kills")

TROUBLED = 5
MOST_SECONDS = 180.0


class Shop:
    """A stack with its demo: Amends by its API, the participants by their own doors."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        token = self.stack.secret("create_token", "operator")
        self.api = httpx.Client(
            base_url=f"{self.stack.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )

    def door(self, participant: str, path: str) -> str:
        base = int(self.stack.settings()["DEMO_BASE_PORT"])
        return f"http://127.0.0.1:{port_of(participant, base)}{path}"

    def ask(self, method: str, path: str, **more: object) -> httpx.Response | None:
        """None: there was no answer, as when the web process or the database has just been killed."""
        try:
            answer = self.api.request(method, path, **more)
        except httpx.TransportError:
            return None
        return None if answer.status_code >= 500 else answer

    def get(self, path: str, **query: str) -> dict:
        answer: httpx.Response | None = None

        def answered() -> bool:
            nonlocal answer
            answer = self.ask("GET", path, params=query)
            return answer is not None

        wait_until(answered)
        return answer.raise_for_status().json()

    def kill(self, part: str) -> None:
        pid = self.stack.pid(part)
        if pid:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    stack = Stack(demo=True)
    try:
        ready = stack.run()
        assert ready.startswith("Amends is ready"), ready
        yield Shop(stack)
    finally:
        stack.remove()


def start_repair(shop: Shop, saga: str) -> bool:
    """Compensate the whole saga; whether it is under way, by this call or an earlier one that told nobody."""
    path = f"/sagas/order-fulfilment/{quote(saga, safe='')}/repairs"
    wish = {"intent": "compensate", "step": ""}
    plan = shop.ask("POST", f"{path}/preview", json=wish)
    if plan is None:
        return False
    seen = plan.json()
    answer = shop.ask(
        "POST",
        path,
        json=wish
        | {"reason": "the parcel never left", "revision": seen["revision"], "plan_hash": seen["plan_hash"]},
    )
    if answer is None:
        return False
    running = shop.get("/repairs", id=saga)["results"]
    return answer.status_code == 201 or bool(running)


def test_nothing_is_lost_and_nothing_undone_twice(shop: Shop) -> None:
    doors.post(
        shop.door("shipping", "/faults"),
        json={"step": "ship-parcel", "fault": "no_answer", "times": TROUBLED},
    ).raise_for_status()

    def in_doubt() -> list[str]:
        found = shop.get("/sagas", type="order-fulfilment", condition="in_doubt")["results"]
        return [saga["id"] for saga in found if "ship-parcel" in saga["unknown_effects"]]

    wait_until(lambda: len(in_doubt()) >= TROUBLED, MOST_SECONDS)
    sagas = in_doubt()[:TROUBLED]

    chance = random.Random()
    victims = ["caller", "web", "PostgreSQL", "worker", "beat", "Valkey", "caller", "PostgreSQL"]
    chance.shuffle(victims)
    waiting = list(sagas)
    for victim in victims:
        waiting = [saga for saga in waiting if not start_repair(shop, saga)]
        time.sleep(chance.uniform(0.05, 0.6))
        shop.kill(victim)
    for saga in waiting:
        wait_until(lambda saga=saga: start_repair(shop, saga))

    def over() -> bool:
        states = Counter(shop.get("/repairs", id=saga)["results"][0]["state"] for saga in sagas)
        assert not states["stopped"] and not states["cancelled"], states
        return states["done"] == TROUBLED

    wait_until(over, MOST_SECONDS)
    nothing_is_undone_twice(shop, sagas)
    nothing_is_lost(shop)
    assert "Audit log whole" in shop.stack.manage("verify_audit")


def nothing_is_undone_twice(shop: Shop, sagas: list[str]) -> None:
    """By the participants' own books; and what Amends says of the sagas agrees with them."""
    for participant in PARTICIPANTS:
        for row in doors.get(shop.door(participant, "/counts")).json():
            assert row["done"] <= 1 and row["undone"] <= row["done"], (participant, row)
    for saga in sagas:
        undone = {
            row["step"]: row["undone"]
            for participant in {step.participant for step in ORDER.steps}
            for row in doors.get(shop.door(participant, "/counts"), params={"saga": saga}).json()
            if row["done"]
        }
        assert undone and set(undone.values()) == {1}, (saga, undone)

        def told(saga: str = saga) -> bool:
            said = shop.get(f"/sagas/order-fulfilment/{quote(saga, safe='')}")
            return (said["condition"], said["open_effects"], said["unknown_effects"]) == ("healthy", [], [])

        wait_until(told)


def nothing_is_lost(shop: Shop) -> None:
    """Each participant numbers its events: Amends holds each number up to the newest that it acknowledged."""
    with psycopg.connect(shop.stack.settings()["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT source, count(DISTINCT sequence), max(sequence::bigint) FROM sagas_event"
            " WHERE source LIKE '//shop.example/%' GROUP BY source"
        ).fetchall()
    assert len(rows) == len(PARTICIPANTS)
    for source, count, newest in rows:
        assert count == newest, source
