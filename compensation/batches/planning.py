"""Planning: each saga of a batch by itself, chunk by chunk, then the whole pinned by one hash.

Side-effect free for the sagas. A worker that dies leaves a chunk that is not planned yet; any other goes on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from compensation import apart, planner, policy, reading
from compensation.agreement import is_past_pivot
from compensation.batches import demands, kinds, statements
from compensation.batches.kinds import PlannedKind
from compensation.models import Batch, BatchSaga
from compensation.plan import Plan, digest
from compensation.subject import Subject
from sagas import audit, changes
from sagas.audit import Actor
from sagas.models import Saga
from sagas.sql import encode, run

# Sagas that are planned in one transaction.
CHUNK = 500
# For how long nobody else is nudged to plan while somebody does.
LEASE = timedelta(seconds=15)

State = BatchSaga.State

# What is kept of a saga that could not be planned (compensation.apart).
UNREADABLE = {
    "state": State.LEFT,
    "revision": 0,
    "plan_hash": "",
    "actions": [],
    "warnings": [],
    "past_pivot": False,
    "stake": None,
    "currency": "",
    "code": "unreadable",
    "why": apart.WHY,
}


def plan(batch_pk: int) -> None:
    """Plan what is chosen and not planned yet. Safe to run twice, side by side, or late."""
    while _plan_chunk(batch_pk, timezone.now()):
        changes.tell(f"batch:{batch_pk}")
    _finish(batch_pk, timezone.now())


@transaction.atomic
def _plan_chunk(batch_pk: int, now: datetime) -> int:
    # The batch before its sagas, as whoever cancels it takes them.
    planning = Batch.objects.filter(pk=batch_pk, state=Batch.State.PLANNING)
    if not planning.update(lease_until=now + LEASE):
        return 0
    taken = run(statements.TAKE_CHOSEN, batch=batch_pk, most=CHUNK)
    if not taken:
        return 0
    batch = Batch.objects.get(pk=batch_pk)
    _, unreadable = apart.do(lambda some: _plan_some(batch, some, now), taken, lambda row: f"saga {row[1]}")
    if unreadable:
        run(statements.PLAN, rows=encode([{"id": pk, **UNREADABLE} for pk, _ in unreadable]))
    return len(taken)


def _plan_some(batch: Batch, taken: Sequence[tuple[Any, ...]], now: datetime) -> None:
    sagas = Saga.objects.in_bulk([saga for _, saga in taken])
    subjects = reading.subjects([sagas[saga] for _, saga in taken], now)
    rows = [
        {"id": pk, **_row(subject, planner.plan(subject, batch.intent, batch.step, now))}
        for (pk, _), subject in zip(taken, subjects, strict=True)
    ]
    run(statements.PLAN, rows=encode(rows))


def _row(subject: Subject, planned: Plan) -> dict[str, Any]:
    refused = planned.refusals[0] if planned.refusals else None
    stake = subject.state.stake
    return {
        "state": State.PLANNED if planned.can_start else State.LEFT,
        "revision": subject.revision,
        "plan_hash": planned.hash,
        "actions": [PlannedKind.of(action).text for action in planned.actions],
        "warnings": planned.warnings,
        "past_pivot": is_past_pivot(subject, planned),
        "stake": stake.amount if stake else None,
        "currency": stake.currency if stake else "",
        "code": refused.code if refused else "",
        "why": refused.why if refused else "",
    }


@transaction.atomic
def _finish(batch_pk: int, now: datetime) -> None:
    """Pin the whole, once nothing is left to be planned."""
    batch = Batch.objects.select_for_update().get(pk=batch_pk)
    is_open = BatchSaga.objects.filter(batch=batch, state=State.CHOSEN).exists()
    if batch.state != Batch.State.PLANNING or is_open:
        return
    batch.plan_hash = digest(_content(batch, run(statements.PINNED, batch=batch.pk)))
    batch.summary = _summary(batch.pk)
    judged = demands.judge(batch, batch.planned_by, now)
    batch.summary["recent"] = demands.to_json(judged.recent)
    batch.requirement = policy.to_json(judged.requirement)
    batch.state, batch.lease_until = Batch.State.PLANNED, None
    batch.save(update_fields=["plan_hash", "summary", "requirement", "state", "lease_until"])
    changes.tell("batches", f"batch:{batch.pk}")
    audit.record(
        Actor.system(),
        "batch.planned",
        ("batch", str(batch)),
        reason=batch.reason,
        after={"plan_hash": batch.plan_hash, "requirement": batch.requirement, **batch.summary},
    )


def _content(batch: Batch, pinned: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """What is hashed, agreed to and run: each saga's revision and plan, and how they are gone about."""
    return {
        "batch": str(batch),
        "intent": batch.intent,
        "step": batch.step,
        "reason": batch.reason,
        "canary": batch.canary,
        "holds": batch.holds,
        "most_failures": batch.most_failures,
        "sagas": [list(row) for row in pinned],
    }


def _summary(batch_pk: int) -> dict[str, Any]:
    """What the plan comes to, as plain JSON."""
    planned = BatchSaga.objects.filter(batch=batch_pk, state=State.PLANNED)
    actions = [
        {**kinds.read(text)._asdict(), "count": count}
        for text, count in run(statements.ACTIONS, batch=batch_pk)
    ]
    left = run(statements.LEFT_ALONE, batch=batch_pk)
    return {
        "sagas": planned.count(),
        "past_pivot": planned.filter(past_pivot=True).count(),
        "types": sorted({saga_type for saga_type, _, _ in run(statements.TYPES, batch=batch_pk)}),
        "actions": actions,
        "left_alone": [{"code": code, "count": count, "why": why} for code, count, why in left],
        "warnings": [
            {"text": text, "count": count} for text, count in run(statements.WARNINGS, batch=batch_pk)
        ],
        "stakes": {currency: str(amount) for currency, amount in run(statements.STAKES, batch=batch_pk)},
    }
