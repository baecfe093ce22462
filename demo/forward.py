"""Doing a step: asked for by the orchestrator, or again by whoever repairs the saga."""

import json
import sqlite3

from demo import faults, work
from demo.business import Declined, Job, new_id
from demo.work import Answer, Participant, Request, refused

ACCEPTED = Answer(202, {"detail": "accepted"})


def settled(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer | None:
    """The answer where there is nothing left to do; None: the work is to be done."""
    row = work.find(db, request.saga, request.step)
    is_retry = request.operation == faults.RETRY
    if row is None:
        return refused(f"{request.step} of {request.saga} was never asked for") if is_retry else None
    if row["state"] == "cancelled" or row["undo"]:
        return refused(f"{request.step} of {request.saga} was taken back")
    if row["state"] == "completed" and is_retry:
        return _already_done(db, participant, row)
    if row["state"] == "refusing" or (is_retry and row["state"] in {"lost", "failed"}):
        return None
    return ACCEPTED


def start(db: sqlite3.Connection, participant: Participant, request: Request) -> None:
    """The first attempt, or the next one. A retry shows as running only in the events, because a retry that
    dies before its end is to find the step as it was."""
    row = _attempt(db, participant, request)
    if request.operation == faults.STEP:
        work.change(db, request.saga, request.step, state="running")
    elif row["attempt"] > 1:
        work.tell_amends(db, participant, "step.started", row, _announcement(participant, row))


def stumble(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer:
    """This attempt fails for a reason that may pass."""
    row = _attempt(db, participant, request)
    reason = f"503 from {participant.name}: storage is busy"
    work.change(db, request.saga, request.step, detail=reason)
    work.tell_amends(db, participant, "step.attempt_failed", row, {"error": reason})
    return Answer(503, {"detail": reason})


def forget(db: sqlite3.Connection, request: Request) -> None:
    """What was accepted is lost: it will never be done, unless somebody asks again."""
    work.change(db, request.saga, request.step, state="lost", detail="accepted, then lost in the queue")


def finish(db: sqlite3.Connection, participant: Participant, saga: str, step: str, *, told: bool) -> Answer:
    """Do the work once, and tell the outcome unless that is to be lost."""
    row = work.get(db, saga, step)
    if row["state"] == "cancelled" or row["undo"]:
        return refused(f"{step} of {saga} was taken back")
    if row["state"] == "completed":
        return _already_done(db, participant, row)
    db.execute("SAVEPOINT business")
    try:
        result = participant.action(step).do(db, Job(saga, row["reference"], json.loads(row["data"])))
    except Declined as declined:
        db.execute("ROLLBACK TO business")
        return _fail(db, participant, row, str(declined), told=told)
    work.count(db, saga, step, done=1)
    row = work.change(
        db,
        saga,
        step,
        state="completed",
        result=json.dumps(result),
        detail="",
        finished=work.now(),
    )
    if told:
        _tell_done(db, participant, row)
    return Answer(200, {"outcome": "completed", "data": result})


def _attempt(db: sqlite3.Connection, participant: Participant, request: Request) -> sqlite3.Row:
    row = work.find(db, request.saga, request.step)
    if row is None:
        work.add(db, request, "refusing", new_id(participant.action(request.step).prefix))
        row = work.change(db, request.saga, request.step, attempt=1)
        work.tell_amends(db, participant, "step.started", row, _announcement(participant, row))
        return row
    return work.change(db, request.saga, request.step, attempt=row["attempt"] + 1)


def _announcement(participant: Participant, row: sqlite3.Row) -> dict[str, object]:
    action = participant.action(row["step"])
    return {action.reference: row["reference"], **action.announce(json.loads(row["data"]))}


def _fail(
    db: sqlite3.Connection, participant: Participant, row: sqlite3.Row, reason: str, *, told: bool
) -> Answer:
    work.change(db, row["saga"], row["step"], state="failed", detail=reason, finished=work.now())
    if told:
        work.tell_amends(db, participant, "step.failed", row, {"reason": reason})
        work.tell_orchestrator(db, row, "failed", reason=reason)
    return refused(reason)


def _already_done(db: sqlite3.Connection, participant: Participant, row: sqlite3.Row) -> Answer:
    if not row["told"]:
        _tell_done(db, participant, row)
    return Answer(200, {"outcome": "completed", "data": json.loads(row["result"]), "detail": "already done"})


def _tell_done(db: sqlite3.Connection, participant: Participant, row: sqlite3.Row) -> None:
    result = json.loads(row["result"])
    work.tell_amends(db, participant, "step.completed", row, result, at=row["finished"])
    work.tell_orchestrator(db, row, "completed", data=result)
    work.change(db, row["saga"], row["step"], told=1)
