"""A participant over HTTP: steps, their compensations, their status; signed, and idempotent by key."""

import json
import os
from collections.abc import Mapping

from aiohttp import web

from demo import faults, operations, work
from demo.signatures import Handler, signed
from demo.work import Participant, Request


class Api:
    """The routes of one participant. All but its own books and faults need its secret's signature."""

    def __init__(self, participant: Participant, secret: str) -> None:
        self.participant = participant
        self.secret = secret

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/steps/{step}", signed(self.secret, self.operate(faults.STEP))),
            web.post("/steps/{step}/retry", signed(self.secret, self.operate(faults.RETRY))),
            web.get("/steps/{step}", signed(self.secret, self.get_status)),
            web.post("/compensations/{step}", signed(self.secret, self.operate(faults.COMPENSATION))),
            web.get("/counts", self.get_counts),
            web.get("/faults", self.get_faults),
            web.post("/faults", self.post_fault),
            web.delete("/faults", self.delete_faults),
            web.get("/healthz", self.get_health),
        ]

    def operate(self, operation: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                asked = self.parse(
                    operation, request.match_info["step"], request.headers, await request.text()
                )
            except LookupError as error:
                return web.json_response({"detail": str(error)}, status=404)
            except ValueError as error:
                return web.json_response({"detail": str(error)}, status=400)
            answer = await operations.carry_out(self.participant, asked)
            if answer is None:
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError("the answer is lost on purpose")
            return web.json_response(answer.body, status=answer.status)

        return handle

    def parse(self, operation: str, step: str, headers: Mapping[str, str], text: str) -> Request:
        """Raises LookupError where there is no such thing to do, ValueError for a wrong request."""
        action = self.participant.business.actions.get(step)
        if action is None:
            raise LookupError(f"{self.participant.name} has no step {step}")
        if operation == faults.COMPENSATION and action.undo is None:
            raise LookupError(f"{step} cannot be undone")
        key = headers.get("Idempotency-Key")
        if key is None or key != headers.get("webhook-id"):
            raise ValueError("Idempotency-Key must be given, and be the same as webhook-id")
        body = json.loads(text)
        if not isinstance(body, dict) or not isinstance(body.get("saga"), str) or not body["saga"]:
            raise ValueError('expected a JSON object with "saga"')
        if operation != faults.STEP:
            return Request(operation, step, body["saga"], key, body)
        if not isinstance(body.get("data"), dict):
            raise ValueError('expected "data", the payload of the saga')
        return Request(operation, step, body["saga"], key, body["data"])

    async def get_status(self, request: web.Request) -> web.Response:
        step, saga = request.match_info["step"], request.query.get("saga", "")
        if step not in self.participant.business.actions or not saga:
            return web.json_response({"detail": "expected a step of ours, and ?saga="}, status=404)
        return web.json_response(operations.status(self.participant, saga, step))

    async def get_counts(self, request: web.Request) -> web.Response:
        return web.json_response(work.counts(self.participant.store.db, request.query.get("saga")))

    async def get_faults(self, request: web.Request) -> web.Response:
        return web.json_response(faults.listed(self.participant.store.db))

    async def post_fault(self, request: web.Request) -> web.Response:
        # The content type keeps other sites' pages out: a browser asks before it sends JSON across sites.
        if request.content_type != "application/json":
            return web.json_response({"detail": "expected application/json"}, status=415)
        try:
            order = faults.parse(
                json.loads(await request.text()), frozenset(self.participant.business.actions)
            )
        except ValueError as error:
            return web.json_response({"detail": str(error)}, status=400)
        with self.participant.store.transaction() as db:
            faults.add(db, order)
        return web.json_response(faults.listed(self.participant.store.db), status=201)

    async def delete_faults(self, request: web.Request) -> web.Response:
        with self.participant.store.transaction() as db:
            faults.clear(db)
        return web.json_response([])

    async def get_health(self, request: web.Request) -> web.Response:
        return web.json_response({"participant": self.participant.name, "pid": os.getpid()})
