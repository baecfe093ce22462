"""An orchestrator's sagas: kept in its SQLite file, decided by orchestrator.py, told through the outbox."""

import json
import sqlite3
from typing import Any

from aiohttp import web

from demo import orchestrator, outbox
from demo.orchestrator import Decision, Run
from demo.signatures import signed
from demo.steps import STEPS, SagaType
from demo.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    saga TEXT PRIMARY KEY,
    data TEXT NOT NULL,
    status TEXT NOT NULL,
    steps TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_by_status ON runs (status);
"""

# With so many events not acknowledged, no new saga is taken: the backlog stays bounded while Amends is down.
MOST_BACKLOG = 5000
# What a saga's payload must have, and what of it Amends is not told.
NEEDED = {
    "order-fulfilment": {"order_id", "customer", "total", "lines", "channel", "card", "address"},
    "wallet-payment": {"payment_id", "customer", "total", "wallet", "merchant"},
}
PRIVATE = {"card", "address"}


class Runs:
    """The routes by which sagas are started and participants reply."""

    def __init__(self, saga_type: SagaType, store: Store, secret: str) -> None:
        self.saga_type = saga_type
        self.store = store
        self.secret = secret

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sagas", signed(self.secret, self.post_saga)),
            web.get("/sagas", self.get_summary),
            web.get("/sagas/{saga}", self.get_saga),
            web.post("/replies", signed(self.secret, self.post_reply)),
        ]

    async def post_saga(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        saga, data = body["saga"], body["data"]
        missing = NEEDED[self.saga_type.name] - data.keys()
        if missing:
            return web.json_response({"detail": f"missing: {', '.join(sorted(missing))}"}, status=400)
        if outbox.backlog(self.store.db) > MOST_BACKLOG:
            return web.json_response({"detail": "too much is waiting for Amends"}, status=503)
        with self.store.transaction() as db:
            if _find(db, self.saga_type, saga) is None:
                db.execute("INSERT INTO runs VALUES (?, ?, '', '{}', '')", (saga, json.dumps(data)))
                self._apply(db, saga, orchestrator.begin(self.saga_type))
        return web.json_response({"saga": saga}, status=202)

    async def post_reply(self, request: web.Request) -> web.Response:
        reply = json.loads(await request.text())
        saga, step, outcome = reply["saga"], reply["step"], reply["outcome"]
        if outcome not in orchestrator.OUTCOMES:
            return web.json_response({"detail": f"unknown outcome {outcome}"}, status=400)
        with self.store.transaction() as db:
            run = _find(db, self.saga_type, saga)
            if run is None:
                return web.json_response({"detail": f"no saga {saga}"}, status=404)
            self._apply(db, saga, orchestrator.hear(run, step, outcome, reply["reason"]))
        return web.json_response({"saga": saga})

    async def get_saga(self, request: web.Request) -> web.Response:
        run = _find(self.store.db, self.saga_type, request.match_info["saga"])
        if run is None:
            return web.json_response({"detail": "no such saga"}, status=404)
        return web.json_response(orchestrator.describe(run))

    async def get_summary(self, request: web.Request) -> web.Response:
        rows = self.store.db.execute("SELECT status, count(*) AS n FROM runs GROUP BY status")
        return web.json_response({row["status"]: row["n"] for row in rows})

    def _apply(self, db: sqlite3.Connection, saga: str, decision: Decision) -> None:
        run = decision.run
        db.execute(
            "UPDATE runs SET status = ?, steps = ?, reason = ? WHERE saga = ?",
            (run.status, json.dumps(run.steps), run.reason, saga),
        )
        data = json.loads(db.execute("SELECT data FROM runs WHERE saga = ?", (saga,)).fetchone()["data"])
        if decision.event:
            told = _told(decision.event, run, data)
            outbox.add_event(db, self.saga_type.orchestrator, decision.event, self.saga_type, saga, told)
        if decision.do:
            outbox.add_message(
                db,
                STEPS[decision.do].participant,
                f"/steps/{decision.do}",
                {"saga": saga, "data": data},
                key=f"{saga}:{decision.do}:do",
            )
        if decision.undo:
            outbox.add_message(
                db,
                STEPS[decision.undo].participant,
                f"/compensations/{decision.undo}",
                {"saga": saga, "reason": run.reason},
                key=f"{saga}:{decision.undo}:undo",
            )


def _find(db: sqlite3.Connection, saga_type: SagaType, saga: str) -> Run | None:
    row = db.execute("SELECT * FROM runs WHERE saga = ?", (saga,)).fetchone()
    if row is None:
        return None
    return Run(saga_type, row["status"], json.loads(row["steps"]), row["reason"])


def _told(event: str, run: Run, data: dict[str, Any]) -> dict[str, Any]:
    if event == "saga.started":
        return {name: value for name, value in data.items() if name not in PRIVATE}
    return {"reason": run.reason} if run.reason else {}
