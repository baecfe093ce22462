"""The transactions of a batch's runner: claim what comes next, record what came back, go on or not."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from compensation import apart, executor, outcomes, planner, reading
from compensation.batches import lanes, statements
from compensation.batches.lanes import FAILURES, Lane
from compensation.batches.progress import Progress, progress
from compensation.calling import Claim
from compensation.executor import LEASE
from compensation.ledger import Ledger
from compensation.locking import lock
from compensation.models import ActionAttempt, Batch, BatchSaga, Pace, Repair, RepairAction
from compensation.opening import Opening, open_all
from compensation.subject import Subject
from sagas import audit, changes
from sagas.audit import Actor
from sagas.models import Saga
from sagas.sql import encode, run

# Sagas that have ended before a share of failures means anything.
FEWEST = 20
# How long an action is left alone whose saga could not be dealt with.
LATER = timedelta(minutes=1)

State = BatchSaga.State

# The state that a batch comes into, and why; the state that it is in: its canary lets the others go.
Verdict = tuple[Batch.State, str]
RELEASE: Verdict = (Batch.State.RUNNING, "")


def take(batch_pk: int, now: datetime) -> int | None:
    """The right to run the batch, as a fence; None: it is not to be run, or somebody runs it."""
    rows = run(statements.TAKE, batch=batch_pk, now=now, until=now + LEASE)
    return rows[0][0] if rows else None


def let_go(batch_pk: int, fence: int) -> None:
    run(statements.LET_GO, batch=batch_pk, fence=fence)


def renew(batch_pk: int, fence: int, now: datetime) -> bool:
    """Whether the batch still is to be run, and by us."""
    return bool(run(statements.RENEW, batch=batch_pk, fence=fence, until=now + LEASE))


def claim(batch_pk: int, fence: int, room: int, most: int, now: datetime) -> list[Claim] | None:
    """At most `room` calls, each written down before it is made; None: it is not ours to run any more.

    No other saga is begun while `most` are under way: being sent, tried again, or accepted and not confirmed.
    """
    claims: list[Claim] = []
    # Two transactions: each appends to the audit log last, when it needs no other lock any more.
    for further in (_claim_begun, _claim_planned):
        with transaction.atomic():
            if not renew(batch_pk, fence, now):
                return claims or None
            claims += further(Batch.objects.get(pk=batch_pk), room - len(claims), most, now)
    return claims


def _claim_begun(batch: Batch, room: int, most: int, now: datetime) -> list[Claim]:
    """Further actions of sagas that are under way, and those that are tried again."""
    due = RepairAction.objects.filter(
        repair__batch=batch, state=RepairAction.State.READY, next_attempt_at__lte=now
    )
    pks = list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:room])
    if not pks:
        return []

    def claim_some(some: Sequence[int]) -> list[Claim]:
        with outcomes.turns(some, now, patient=False) as found:
            return executor.claim(found)

    claimed, unreadable = apart.do(claim_some, pks, lambda action: f"action {action}")
    if unreadable:
        # Not in the way of the others for a while; whoever cancels the batch ends it.
        RepairAction.objects.filter(pk__in=unreadable, state=RepairAction.State.READY).update(
            next_attempt_at=now + LATER
        )
    return [claim for some in claimed for claim in some]


def _claim_planned(batch: Batch, room: int, most: int, now: datetime) -> list[Claim]:
    """The next sagas: begun as they were planned, or dropped if they are not as they were then."""
    if batch.canary and not batch.is_released:
        room = min(room, batch.canary - BatchSaga.objects.filter(batch=batch, state=State.BEGUN).count())
    if room > 0:
        room = min(room, most - Repair.objects.filter(batch=batch, state=Repair.State.RUNNING).count())
    if room <= 0:
        return []
    taken = run(statements.TAKE_PLANNED, batch=batch.pk, most=room)
    sagas = lock([saga for _, saga, _, _ in taken], patient=False)
    here = [row for row in taken if row[1] in sagas]
    if not here:
        return []
    claimed, unreadable = apart.do(
        lambda some: _begin(batch, some, sagas, now), here, lambda row: f"saga {row[1]}"
    )
    dropped = [
        {"id": pk, "state": State.DROPPED, "code": "unreadable", "why": apart.WHY}
        for pk, _, _, _ in unreadable
    ]
    if dropped:
        run(statements.BEGIN, rows=encode(dropped))
    return [claim for some in claimed for claim in some]


def _begin(
    batch: Batch, taken: Sequence[tuple[Any, ...]], sagas: Mapping[int, Saga], now: datetime
) -> list[Claim]:
    subjects = reading.subjects([sagas[saga] for _, saga, _, _ in taken], now)
    written: list[dict[str, Any]] = []
    openings: list[Opening] = []
    begun: list[int] = []
    for (pk, saga, revision, plan_hash), subject in zip(taken, subjects, strict=True):
        planned = planner.plan(subject, batch.intent, batch.step, now)
        if why := _moved(subject, revision, plan_hash != planned.hash):
            written.append({"id": pk, "state": State.DROPPED, "code": "changed", "why": why})
        else:
            begun.append(pk)
            openings.append(Opening(sagas[saga], subject, planned, batch.reason))
    ledger = Ledger()
    by = Actor(batch.started_by_kind, batch.started_by_name)  # type: ignore[arg-type]  # one of its words
    opened = open_all(openings, by, batch.started_by, now, ledger, batch=batch) if openings else []
    claims = executor.claim([one.first for one in opened])
    ledger.write()
    written += [
        {"id": pk, "state": State.BEGUN, "repair": one.first.repair.pk, "code": "", "why": ""}
        for pk, one in zip(begun, opened, strict=True)
    ]
    run(statements.BEGIN, rows=encode(written))
    return claims


def _moved(subject: Subject, revision: int, is_other_plan: bool) -> str:
    """Why it is not as it was when it was planned; empty: it is."""
    if subject.rival:
        return f"{subject.rival} is at work on it."
    if subject.revision != revision:
        count = subject.revision - revision
        return f"{count} new event{'' if count == 1 else 's'} came since it was planned."
    if is_other_plan:
        return (
            "What would be sent has changed: a deadline has passed, a definition or an address was changed."
        )
    return ""


def lanes_of(batch_pk: int) -> dict[str, Lane]:
    """The pace of each participant that the batch calls, by name."""
    names = {action["participant"] for action in Batch.objects.get(pk=batch_pk).summary["actions"]}
    paces = {
        pace.participant.name: pace
        for pace in Pace.objects.filter(participant__name__in=names).select_related("participant")
    }
    return {name: _lane(name, paces.get(name)) for name in names}


def _lane(name: str, pace: Pace | None) -> Lane:
    if pace is None:
        return Lane(name)
    rest = (pace.closed_until - timezone.now()).total_seconds() if pace.closed_until else 0.0
    lane = Lane(name, pace.per_second, pace.at_once, time.monotonic() + max(rest, 0.0))
    if pace.closed_until:
        # Whether it has come round since, the first call tells.
        lane.is_probing, lane.in_a_row = True, FAILURES - 1
    return lane


def reserve(lane: Lane) -> bool:
    """Times for the calls that may be claimed ahead; whether it has them. All runners share the pace."""
    if not (wanted := lane.wanted(time.monotonic())):
        return True
    seconds = wanted * lane.pause
    rows = run(statements.RESERVE, participant=lane.name, seconds=seconds, moment=lanes.MOMENT)
    for (delay,) in rows:
        lane.grant(time.monotonic() + delay, wanted)
    return bool(rows)


def keep_closed(called: Sequence[Lane], now: datetime) -> None:
    """For other runners, and for whoever wonders why nothing is sent."""
    for lane in called:
        if lane.because:
            until = now + timedelta(seconds=lane.closed_until - time.monotonic())
            run(statements.CLOSE, participant=lane.name, until=until, because=lane.because)
            lane.because = ""


def give_back(claims: Sequence[Claim], now: datetime) -> None:
    """What was claimed and never sent is as it was before; where its repair has ended, it ends, too."""
    given = {one.action_pk: one for one in claims}
    with outcomes.turns(given, now) as found:
        ActionAttempt.objects.filter(pk__in=[one.attempt_pk for one in claims]).delete()
        for turn in found:
            action = turn.action
            if action.fence != given[action.pk].fence or action.state != RepairAction.State.SENDING:
                continue
            action.attempts -= 1
            if not outcomes.end_with_repair(turn):
                outcomes.ready(turn, action, now)


def judge(batch_pk: int, fence: int, now: datetime) -> Progress:
    """Stop, hold, release or end the batch by what has become of its sagas so far."""
    so_far, verdict = _verdict(Batch.objects.get(pk=batch_pk), fence)
    if verdict is None:
        return so_far
    # Only now, so that whoever claims what comes next is seldom waited for.
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch_pk)
        so_far, verdict = _verdict(batch, fence)
        if verdict is RELEASE:
            batch.is_released = True
            batch.save(update_fields=["is_released"])
            changes.tell(f"batch:{batch.pk}")
            told = {"begun": so_far.begun, "done": so_far.done, "stopped": so_far.stopped}
            audit.record(Actor.system(), "batch.released", ("batch", str(batch)), after=told)
        elif verdict:
            _turn(batch, *verdict, now)
    return so_far


def _verdict(batch: Batch, fence: int) -> tuple[Progress, Verdict | None]:
    """How far it is, and the state that it comes into by that, with the reason; None: it goes on as it is."""
    so_far = progress(batch)
    if batch.state != Batch.State.RUNNING or batch.fence != fence:
        return so_far, None
    if not so_far.planned and not so_far.running:
        return so_far, (Batch.State.DONE, "")
    is_canary = bool(batch.canary) and not batch.is_released
    is_canary_through = (
        is_canary and not so_far.running and so_far.begun >= min(batch.canary, so_far.begun + so_far.planned)
    )
    failed = so_far.stopped - batch.forgiven
    ended = so_far.ended - batch.forgiven
    if failed > batch.most_failures * ended and failed > 0 and (ended >= FEWEST or is_canary_through):
        why = f"It stopped by itself: {failed} of {ended} need a person."
        return so_far, (Batch.State.PAUSED, why)
    if is_canary_through and batch.holds:
        words = "saga is" if so_far.begun == 1 else "sagas are"
        why = f"The first {so_far.begun} {words} done: look at them, then go on."
        return so_far, (Batch.State.HOLDING, why)
    return so_far, RELEASE if is_canary_through else None


def _turn(batch: Batch, state: Batch.State, because: str, now: datetime) -> None:
    batch.state, batch.because = state, because
    if state == Batch.State.DONE:
        batch.finished_at = now
    batch.lease_until = None
    batch.save(update_fields=["state", "because", "finished_at", "lease_until"])
    changes.tell("batches", f"batch:{batch.pk}")
    audit.record(Actor.system(), f"batch.{state}", ("batch", str(batch)), reason=because)
