"""What a participant is asked to do, from request to answer, and what can go wrong in between."""

import asyncio
import json
import os
import random
import sqlite3
import time
from dataclasses import dataclass
from typing import Any, Protocol

from demo import backward, faults, forward, work
from demo.steps import STEPS
from demo.work import Answer, Participant, Request


class Side(Protocol):
    """What doing (forward.py) and undoing (backward.py) have in common. All run inside a transaction."""

    def settled(
        self, db: sqlite3.Connection, participant: Participant, request: Request
    ) -> Answer | None: ...

    def start(self, db: sqlite3.Connection, participant: Participant, request: Request) -> None: ...

    def stumble(self, db: sqlite3.Connection, participant: Participant, request: Request) -> Answer: ...

    def finish(
        self, db: sqlite3.Connection, participant: Participant, saga: str, step: str, *, told: bool
    ) -> Answer: ...


SIDES: dict[str, Side] = {faults.STEP: forward, faults.RETRY: forward, faults.COMPENSATION: backward}
SCHEMA = work.SCHEMA + faults.SCHEMA
UNDO_SECONDS = (0.2, 0.8)

OUTCOMES = {
    "refusing": "running",
    "running": "running",
    "completed": "completed",
    "failed": "failed",
    "lost": "not_started",
    "cancelled": "not_started",
}


@dataclass(frozen=True)
class Begun:
    """Work that was started, and that its caller waits for."""

    seconds: float
    fault: str | None


async def carry_out(participant: Participant, request: Request) -> Answer | None:
    """Do what is asked, once for each key; None: it was done, but the answer is to be lost."""
    with participant.store.transaction() as db:
        begun = _begin(db, participant, request)
    if isinstance(begun, Answer):
        return begun
    await asyncio.sleep(begun.seconds)
    with participant.store.transaction() as db:
        # The same key may have been sent a second time, and have been quicker.
        answer = work.remembered(db, request)
        if answer is None:
            answer = SIDES[request.operation].finish(
                db, participant, request.saga, request.step, told=begun.fault != "lost_reply"
            )
            if answer.is_done:
                work.remember(db, request, answer)
    _die_if(begun.fault)
    return None if begun.fault == "lost_reply" else answer


def _begin(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer | Begun:
    side = SIDES[request.operation]
    answer = (
        work.remembered(db, request)
        or _mistaken(db, participant, request)
        or side.settled(db, participant, request)
    )
    if answer:
        return answer
    fault = faults.take(db, request.operation, request.step, request.saga)
    if fault == "flaky":
        return side.stumble(db, participant, request)
    if fault == "refuse_compensation":
        return backward.refuse(db, participant, request)
    side.start(db, participant, request)
    if fault == "no_answer":
        if request.operation != faults.COMPENSATION:
            forward.forget(db, request)
        # Not remembered: there is nothing yet that a second request with this key could do twice.
        return forward.ACCEPTED
    seconds = _duration(participant, request, fault)
    if request.operation != faults.STEP and fault != "accept_later":
        return Begun(seconds, fault)
    db.execute(
        "INSERT INTO pending (operation, saga, step, due, fault) VALUES (?, ?, ?, ?, ?)",
        (request.operation, request.saga, request.step, time.time() + seconds, fault),
    )
    work.remember(db, request, forward.ACCEPTED)
    return forward.ACCEPTED


def _mistaken(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer | None:
    """A request that names another charge, parcel … than this saga's is somebody's mistake."""
    name = participant.action(request.step).reference
    row = work.find(db, request.saga, request.step)
    named = request.data.get(name)
    if row is None or named is None or named == row["reference"]:
        return None
    return Answer(422, {"detail": f"{name} of {request.saga} is {row['reference']}, not {named}"})


def _duration(participant: Participant, request: Request, fault: str | None) -> float:
    if fault == "accept_later":
        return faults.LATER * participant.pace
    usual = UNDO_SECONDS if request.operation == faults.COMPENSATION else STEPS[request.step].seconds
    seconds = random.uniform(*usual) * participant.pace  # noqa: S311
    return seconds + (faults.SLOW if fault == "slow" else 0)


def _die_if(fault: str | None) -> None:
    if fault == "die":
        os._exit(1)


async def finish_accepted(participant: Participant) -> None:
    """Finish what was accepted, each at its time, for ever."""
    store = participant.store
    news = store.listen()
    while True:
        row = store.db.execute("SELECT * FROM pending ORDER BY due LIMIT 1").fetchone()
        seconds = row["due"] - time.time() if row else 60.0
        if seconds > 0:
            await news.wait(seconds)
            continue
        with store.transaction() as db:
            db.execute("DELETE FROM pending WHERE id = ?", (row["id"],))
            _finish(db, participant, row)
        _die_if(row["fault"])


def _finish(db: sqlite3.Connection, participant: Participant, row: sqlite3.Row) -> None:
    saga, step, fault = row["saga"], row["step"], row["fault"]
    if fault != "undone_unasked":
        SIDES[row["operation"]].finish(db, participant, saga, step, told=fault != "lost_reply")
    elif row["operation"] == faults.COMPENSATION:
        backward.undo_unasked(db, participant, saga, step)
    elif forward.finish(db, participant, saga, step, told=True).is_done:
        db.execute(
            "INSERT INTO pending (operation, saga, step, due, fault) VALUES (?, ?, ?, ?, ?)",
            (faults.COMPENSATION, saga, step, time.time() + faults.UNASKED * participant.pace, fault),
        )


def status(participant: Participant, saga: str, step: str) -> dict[str, Any]:
    """The truth about a step, as the participant's own records tell it."""
    row = work.find(participant.store.db, saga, step)
    if row is None:
        return {"outcome": "not_started", "detail": f"{participant.name} was never asked for it", "data": {}}
    if row["undo"] == "done":
        return {"outcome": "compensated", "detail": "", "data": json.loads(row["undo_result"])}
    data = {participant.action(step).reference: row["reference"], **json.loads(row["result"])}
    return {"outcome": OUTCOMES[row["state"]], "detail": row["detail"], "data": data}
