"""The guarantee behind the messages: finds by index what is due, and nudges. It never calls a participant."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, IntegerField, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from compensation import apart, confirming, outcomes, queue
from compensation.batches import agreeing, deciding
from compensation.models import ActionAttempt, Batch, Repair, RepairAction
from compensation.outcomes import Turn
from sagas.audit import Actor

State = RepairAction.State

# Actions looked at in one go; the next second takes the rest.
MOST = 500
# A request during which the worker died so often is not sent again without a person's look.
MOST_DEATHS = 5


def recover(now: datetime | None = None) -> int:
    """Everything that is due now, or whose saga has moved on while it was awaited. Returns how many were."""
    now = now or timezone.now()
    nudged = _nudge(now)
    expired = _due(State.SENDING, now)
    if expired:
        deaths = _deaths(expired)
        _each(expired, now, lambda turn: _take_back(turn, deaths.get(turn.action.pk, 0)))
    forgotten = _forgotten(now)
    _each(forgotten, now, _forget)
    awaited = list({*_due(State.AWAITING, now), *_moved()})
    _each(awaited, now, _look_for_confirmation)
    return nudged + len(expired) + len(forgotten) + len(awaited) + _resume_batches(now)


def _each(actions: Sequence[int], now: datetime, look: Callable[[Turn], object]) -> None:
    """Look at each in its turn; a saga that cannot be dealt with holds up no other."""

    def look_at(some: Sequence[int]) -> None:
        with outcomes.turns(some, now) as found:
            for turn in found:
                look(turn)

    if actions:
        apart.do(look_at, actions, lambda action: f"action {action}")


def _resume_batches(now: datetime) -> int:
    """Have batches planned and run that nobody is at work on, and finish what cancelling left under way."""
    idle = Q(lease_until=None) | Q(lease_until__lte=now)
    batches = Batch.objects.filter(idle, state__in=[Batch.State.PLANNING, Batch.State.RUNNING])
    for batch in batches:
        queue.nudge_batch(batch)
    cancelled = Batch.objects.filter(
        state=Batch.State.CANCELLED, repairs__state=Repair.State.RUNNING
    ).distinct()
    return len(batches) + agreeing.expire(now) + sum(deciding.stop_some(batch, now) for batch in cancelled)


def _due(state: str, now: datetime) -> list[int]:
    due = RepairAction.objects.filter(state=state, next_attempt_at__lte=now).order_by("next_attempt_at")
    return list(due.values_list("pk", flat=True)[:MOST])


def _forgotten(now: datetime) -> list[int]:
    """What is due of repairs that have ended: nobody sends it, and until it ends nothing else may start."""
    due = RepairAction.objects.filter(state=State.READY, next_attempt_at__lte=now)
    ended = due.exclude(repair__state=Repair.State.RUNNING)
    return list(ended.values_list("pk", flat=True)[:MOST])


def _moved() -> list[int]:
    """Awaited actions whose saga has more events than when it was last looked at."""
    seen = Cast(KeyTextTransform("revision", "result"), IntegerField())
    moved = RepairAction.objects.filter(state=State.AWAITING).annotate(seen=seen)
    return list(moved.filter(saga__revision__gt=F("seen")).values_list("pk", flat=True)[:MOST])


def _nudge(now: datetime) -> int:
    """Tell workers of what is ready, and leave each action alone for a while after."""
    waits = Q(
        state=State.READY, next_attempt_at__lte=now, repair__batch=None, repair__state=Repair.State.RUNNING
    ) & (Q(lease_until=None) | Q(lease_until__lte=now))
    with transaction.atomic():
        # Another recover at work on the same rows has nudged them already.
        due = RepairAction.objects.filter(waits).order_by("pk").select_for_update(skip_locked=True)
        found = list(due.values_list("pk", flat=True)[:MOST])
        RepairAction.objects.filter(pk__in=found).update(lease_until=now + queue.PATIENCE)
        for action_pk in found:
            queue.nudge(action_pk)
    return len(found)


def _deaths(actions: Sequence[int]) -> dict[int, int]:
    """How many calls of each of these actions, for what it now sends, have no recorded end."""
    open_ = ActionAttempt.objects.filter(confirming.AT_NOW, action__in=actions, finished_at=None)
    return dict(open_.values_list("action").annotate(number=Count("pk")))


def _take_back(turn: Turn, deaths: int) -> None:
    """The lease has run out: whoever held it may have died before, during or after the call."""
    action = turn.action
    if action.state != State.SENDING or action.lease_until is None or action.lease_until > turn.now:
        return
    if turn.repair.state != Repair.State.RUNNING:
        detail = "It was sent and no answer was recorded before the repair was cancelled. Ask to be sure."
        outcomes.settle(turn, State.CANCELLED, {"detail": detail}, Actor.system())
    elif deaths >= MOST_DEATHS:
        detail = f"It was sent {deaths} times without an answer being recorded. Ask what became of it."
        outcomes.settle(turn, State.EXHAUSTED, {"detail": detail}, Actor.system())
    else:
        outcomes.ready(turn, action, turn.now)
        turn.ledger.nudge(action)
        outcomes.announce(turn)


def _forget(turn: Turn) -> None:
    if turn.action.state == State.READY:
        outcomes.end_with_repair(turn)


def _look_for_confirmation(turn: Turn) -> None:
    """An accepted action is done, or denied, by the participant's event; or it is in doubt."""
    action = turn.action
    if action.state != State.AWAITING or action.confirm_by is None or confirming.by_event(turn):
        return
    if action.confirm_by <= turn.now:
        confirming.doubt(turn)
    else:
        action.result["revision"] = turn.saga.revision
        turn.ledger.save(action)
