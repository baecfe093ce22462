"""Undoing a step: asked for by the orchestrator when a saga goes back, or by whoever repairs it."""

import json
import sqlite3

from demo import faults, work
from demo.business import new_id
from demo.work import Answer, Participant, Request, refused


def settled(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer | None:
    """The answer where the step was undone before; None: there is work to do."""
    row = work.find(db, request.saga, request.step)
    if row is not None and row["undo"] == "done":
        return _already_undone(db, participant, row)
    return None


def start(db: sqlite3.Connection, participant: Participant, request: Request) -> None:
    """From here on the step cannot be done any more, also when it never was: a late command is refused."""
    row = work.find(db, request.saga, request.step)
    if row is None:
        work.add(db, request, "cancelled", new_id(participant.action(request.step).prefix))
        row = work.get(db, request.saga, request.step)
    if row["state"] != "completed":
        row = work.change(db, request.saga, request.step, state="cancelled")
    if row["undo"] != "started":
        row = work.change(
            db, request.saga, request.step, undo="started", undo_attempt=row["undo_attempt"] + 1
        )
        said = {"reason": request.data["reason"]} if "reason" in request.data else {}
        work.tell_amends(db, participant, "compensation.started", row, said)


def stumble(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer:
    """This attempt fails for a reason that may pass."""
    start(db, participant, request)
    row = work.get(db, request.saga, request.step)
    reason = f"503 from {participant.name}: storage is busy"
    work.tell_amends(db, participant, "compensation.attempt_failed", row, {"error": reason})
    work.change(db, request.saga, request.step, undo_attempt=row["undo_attempt"] + 1)
    return Answer(503, {"detail": reason})


def refuse(db: sqlite3.Connection, participant: Participant, request: Request) -> Answer:
    start(db, participant, request)
    row = work.change(db, request.saga, request.step, undo="refused", detail=faults.REFUSAL)
    work.tell_amends(db, participant, "compensation.failed", row, {"reason": faults.REFUSAL})
    work.tell_orchestrator(db, row, "refused", reason=faults.REFUSAL)
    return refused(faults.REFUSAL)


def undo_unasked(db: sqlite3.Connection, participant: Participant, saga: str, step: str) -> None:
    """As a job does that goes past the orchestrator: it says so in an event, and tells nobody else."""
    if work.get(db, saga, step)["undo"] == "done":
        return
    answer = finish(db, participant, saga, step, told=False)
    row = work.change(db, saga, step, undo_told=1)
    work.tell_amends(db, participant, "compensation.completed", row, answer.body["data"])


def finish(db: sqlite3.Connection, participant: Participant, saga: str, step: str, *, told: bool) -> Answer:
    """Undo the work once, where it was done, and tell so unless that is to be lost."""
    row = work.get(db, saga, step)
    if row["undo"] == "done":
        return _already_undone(db, participant, row)
    undo = participant.action(step).undo
    if undo is None:
        raise LookupError(f"{step} cannot be undone")
    if row["state"] == "completed":
        result = undo(db, saga)
        work.count(db, saga, step, undone=1)
    else:
        result = {"detail": "there was nothing to undo; it will not be done any more"}
    row = work.change(db, saga, step, undo="done", undo_result=json.dumps(result), undo_finished=work.now())
    if told:
        _tell_undone(db, participant, row)
    return Answer(200, {"outcome": "compensated", "data": result})


def _already_undone(db: sqlite3.Connection, participant: Participant, row: sqlite3.Row) -> Answer:
    if not row["undo_told"]:
        _tell_undone(db, participant, row)
    return Answer(
        200,
        {"outcome": "compensated", "data": json.loads(row["undo_result"]), "detail": "already undone"},
    )


def _tell_undone(db: sqlite3.Connection, participant: Participant, row: sqlite3.Row) -> None:
    result = json.loads(row["undo_result"])
    work.tell_amends(db, participant, "compensation.completed", row, result, at=row["undo_finished"])
    work.tell_orchestrator(db, row, "compensated", data=result)
    work.change(db, row["saga"], row["step"], undo_told=1)
