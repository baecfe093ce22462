"""What people decide about a batch: plan, ask for agreement, agree, start, pause, go on, cancel.

Each is one transaction with its audit entry, under the lock of the batch's row. Whoever decides names the
hash of the plan that they looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from compensation import queue
from compensation.batches import demands, statements
from compensation.batches.refusals import (
    CountMissingError,
    ExpiredError,
    NotAgreedError,
    NothingChosenError,
    NotSoError,
    OtherPlanError,
    TooManyError,
)
from compensation.cancelling import cancel_all
from compensation.models import Batch, Repair
from compensation.plan import Intent
from compensation.refusals import ReasonMissingError
from compensation.wording import clean
from sagas import audit, changes
from sagas.audit import Actor
from sagas.sql import run

State = Batch.State

# Sagas in one batch.
MOST = 100_000
# Sagas in one transaction.
PART = 500
# From so many sagas on, whoever starts or agrees types how many there are.
TYPED_FROM = 25


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which sagas, by their keys, in the order in which they are taken; `title` is what people call them."""

    title: str
    sagas: Sequence[int]
    # How they were found, as plain JSON.
    selection: dict[str, object]


@dataclass(frozen=True, slots=True)
class Care:
    """How carefully it is gone about (models.Batch)."""

    canary: int = 5
    holds: bool = True
    most_failures: float = 0.05


def create(
    chosen: Chosen,
    intent: str,
    step: str,
    reason: str,
    by: Actor,
    user: User | None,
    *,
    care: Care = Care(),
    now: datetime | None = None,
) -> Batch:
    """Choose the sagas; a worker plans them. Changes nothing about them.

    Raises ValueError for an intent that no batch can have, ReasonMissingError, NothingChosenError,
    TooManyError.
    """
    if intent not in {Intent.ASK, Intent.COMPENSATE, Intent.RETRY}:
        raise ValueError(f"A batch cannot {intent}: what was done elsewhere is recorded saga by saga.")
    reason = clean(reason)
    if not reason:
        raise ReasonMissingError("reason")
    if not chosen.sagas:
        raise NothingChosenError
    if len(chosen.sagas) > MOST:
        raise TooManyError(MOST)
    now = now or timezone.now()
    with transaction.atomic():
        batch = Batch.objects.create(
            intent=intent,
            step=step,
            title=chosen.title,
            selection=chosen.selection,
            reason=reason,
            canary=care.canary,
            holds=care.holds,
            most_failures=care.most_failures,
            planned_by=user,
            planned_by_name=by.name,
            planned_at=now,
        )
        run(statements.CHOOSE, batch=batch.pk, sagas=list(chosen.sagas))
        queue.nudge_batch(batch)
        after = {"title": batch.title, "intent": intent, "step": step, "sagas": len(chosen.sagas)}
        note(batch, by, "batch.created", reason=reason, after=after)
    return batch


def start(
    batch: Batch, plan_hash: str, by: Actor, user: User | None = None, *, typed: int | None = None
) -> Batch:
    """Have a worker run it; each of its repairs is then started by `user`.

    Raises NotSoError, OtherPlanError, CountMissingError, NothingChosenError; NotAgreedError or ExpiredError
    where others must agree (compensation.batches.agreeing). NotAgreedError also where only what `user` has
    begun of late makes it so: then the batch says so from now on, and waits to be put to others.
    """
    now = timezone.now()
    with transaction.atomic():
        row = locked(batch, {State.PLANNED, State.AGREED}, "started", plan_hash)
        if row.requirement and row.state != State.AGREED:
            raise NotAgreedError(row)
        if row.expires_at and row.expires_at <= now:
            raise ExpiredError(row)
        check_count(row, typed)
        is_held_back = demands.look_again(row, user, now) and bool(demands.missing(row))
        if is_held_back:
            _hold_back(row, by)
        else:
            begin(row, by, user, "")
    if is_held_back:
        raise NotAgreedError(row)
    return row


def pause(batch: Batch, by: Actor, reason: str = "") -> Batch:
    """Send nothing more until somebody resumes it. What is on its way is heard out."""
    with transaction.atomic():
        row = locked(batch, {State.RUNNING, State.HOLDING}, "paused")
        turn(row, State.PAUSED, f"{by.name} paused it.")
        note(row, by, "batch.paused", reason=clean(reason))
    return row


def resume(batch: Batch, by: Actor, reason: str = "") -> Batch:
    """Go on after a pause, or after somebody has looked at the canary."""
    with transaction.atomic():
        row = locked(batch, {State.PAUSED, State.HOLDING}, "resumed")
        # Whoever resumes has seen what failed: only what fails from here on stops it again.
        row.is_released = row.is_released or row.state == State.HOLDING
        row.forgiven = failures(row)
        row.save(update_fields=["is_released", "forgiven"])
        turn(row, State.RUNNING, "")
        queue.nudge_batch(row)
        note(row, by, "batch.resumed", reason=clean(reason))
    return row


def cancel(batch: Batch, by: Actor, reason: str, *, now: datetime | None = None) -> Batch:
    """Begin no other saga, and send nothing more. What is on its way is heard out, and recorded."""
    reason = clean(reason)
    if not reason:
        raise ReasonMissingError("reason")
    now = now or timezone.now()
    with transaction.atomic():
        over = {State.DONE, State.CANCELLED}
        row = locked(batch, set(State) - over, "cancelled")
        turn(row, State.CANCELLED, f"{by.name} cancelled it.")
        row.finished_at = now
        row.save(update_fields=["finished_at"])
        run(statements.CANCEL_PLANNED, batch=row.pk)
        note(row, by, "batch.cancelled", reason=reason)
    stop_some(row, now)
    return row


def stop_some(batch: Batch, now: datetime) -> int:
    """Cancel what a cancelled batch has under way, a transaction full; recovery goes on with the rest."""
    running = Repair.objects.filter(batch=batch, state=Repair.State.RUNNING)
    pks = list(running.values_list("pk", flat=True)[:PART])
    return len(cancel_all(pks, Actor.system(), batch.because, now)) if pks else 0


def failures(batch: Batch) -> int:
    return Repair.objects.filter(batch=batch, state=Repair.State.STOPPED).count()


def begin(batch: Batch, by: Actor, user: User | None, reason: str) -> None:
    batch.started_by, batch.started_by_name, batch.started_by_kind = user, by.name, by.kind
    batch.started_at = timezone.now()
    batch.save(update_fields=["started_by", "started_by_name", "started_by_kind", "started_at"])
    turn(batch, State.RUNNING, "")
    queue.nudge_batch(batch)
    note(batch, by, "batch.started", reason=reason, after={"plan_hash": batch.plan_hash})


def _hold_back(batch: Batch, by: Actor) -> None:
    turn(
        batch,
        State.PLANNED,
        f"With what {by.name} has begun of late, others must agree before it is started.",
    )
    after = {"requirement": batch.requirement, "recent": batch.summary["recent"]}
    note(batch, by, "batch.held_back", after=after)


def locked(batch: Batch, states: set[State], wanted: str, plan_hash: str | None = None) -> Batch:
    """The batch as it is now, held until the end of the transaction. Raises NotSoError, OtherPlanError."""
    row = Batch.objects.select_for_update().get(pk=batch.pk)
    if row.state not in states:
        raise NotSoError(row, wanted)
    if plan_hash is not None and plan_hash != row.plan_hash:
        raise OtherPlanError(row)
    return row


def check_count(batch: Batch, typed: int | None) -> None:
    count = batch.summary["sagas"]
    if count == 0:
        raise NothingChosenError
    if count >= TYPED_FROM and typed != count:
        raise CountMissingError(count)


def turn(batch: Batch, state: State, because: str) -> None:
    batch.state, batch.because = state, because
    batch.save(update_fields=["state", "because"])
    changes.tell("batches", f"batch:{batch.pk}")


def note(batch: Batch, by: Actor, act: str, *, reason: str = "", after: object = None) -> None:
    audit.record(by, act, ("batch", str(batch)), reason=reason, after=after)
