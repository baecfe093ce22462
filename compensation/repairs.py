"""Plan, start, cancel. What is started is what was looked at: the revision and the plan's hash pin it."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from compensation import outcomes, planner, queue, reading
from compensation.drafting import Words
from compensation.evidence import find_run, no_earlier
from compensation.models import Repair, RepairAction
from compensation.outcomes import Turn
from compensation.plan import Action, Intent, Plan
from compensation.planner import Outcome
from compensation.refusals import (
    AlreadyRunningError,
    ChangedError,
    NotRunningError,
    ReasonMissingError,
    RefusedError,
)
from compensation.subject import Subject
from compensation.telling import tell
from sagas import audit
from sagas.audit import Actor
from sagas.models import Event, Participant, Saga
from sagas.vocabulary import Kind as EventKind

State = RepairAction.State

# Characters of a reason or evidence that are kept.
LONGEST = 4000

# What is stored when a person records an outcome.
RECORDED = {
    Outcome.COMPLETED: EventKind.OPERATOR_STEP_COMPLETED,
    Outcome.FAILED: EventKind.OPERATOR_STEP_FAILED,
    Outcome.COMPENSATED: EventKind.OPERATOR_COMPENSATION_COMPLETED,
}


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, and the revision of the saga that it was made from; send both back to start it."""

    plan: Plan
    revision: int

    @property
    def hash(self) -> str:
        return self.plan.hash


def preview(
    saga: Saga, intent: str, step: str = "", *, outcome: str = "", now: datetime | None = None
) -> Preview:
    """What would be done, and sent, to the letter. Changes nothing.

    `step` empty: the whole saga. `outcome` only for RECORD (planner.Outcome). Raises ValueError for an
    intent or outcome that is none.
    """
    now = now or timezone.now()
    subject = reading.subject(Saga.objects.get(pk=saga.pk), now)
    return Preview(planner.plan(subject, intent, step, now, outcome=outcome), subject.revision)


def start(
    saga: Saga,
    intent: str,
    step: str,
    reason: str,
    revision: int,
    plan_hash: str,
    by: Actor,
    user: User | None,
    *,
    outcome: str = "",
    evidence: str = "",
    now: datetime | None = None,
) -> Repair:
    """Start what was previewed, in one transaction with its event and its audit entry.

    Raises a `refusals.RepairError`: ReasonMissingError, AlreadyRunningError, ChangedError, RefusedError;
    then nothing was changed. A repair that sends nothing (RECORD) is done when this returns.
    """
    now = now or timezone.now()
    reason, shown = _clean(reason), _clean(evidence)
    if not reason:
        raise ReasonMissingError("reason")
    if intent == Intent.RECORD and not shown:
        raise ReasonMissingError("evidence")
    with transaction.atomic():
        locked = Saga.objects.select_for_update(no_key=True).get(pk=saga.pk)
        subject = reading.subject(locked, now)
        if subject.rival:
            raise AlreadyRunningError(subject.rival)
        plan = planner.plan(subject, intent, step, now, outcome=outcome)
        if revision != subject.revision or plan_hash != plan.hash:
            raise ChangedError(revision, subject.revision, _since(locked, revision), plan)
        if not plan.can_start:
            raise RefusedError(plan)
        repair = Repair.objects.create(
            saga=locked,
            intent=plan.intent,
            step=step,
            reason=reason,
            revision=revision,
            plan=plan.content(),
            plan_hash=plan.hash,
            started_by=user,
            started_by_name=by.name,
            started_at=now,
        )
        words = Words(str(repair), reason, shown)
        final = planner.plan(subject, intent, step, now, outcome=outcome, words=words)
        rows = _store(repair, final, now)
        tell(
            locked,
            EventKind.OPERATOR_REPAIR_STARTED,
            f"{repair}/started",
            now,
            {"repair": str(repair), "intent": plan.intent, "by": by.name, "reason": reason},
            step=step,
        )
        if plan.intent == Intent.RECORD:
            _tell_recorded(locked, repair, final.actions[0], subject, by, now)
        audit.record(
            by,
            "repair.started",
            ("repair", str(repair)),
            saga=locked,
            reason=reason,
            after=_told(repair, final),
        )
        if plan.intent == Intent.RECORD:
            result = {"by": "person", "name": by.name, **final.actions[0].record}
            outcomes.settle(Turn(locked, repair, rows[0], now), State.DONE, result, by)
        else:
            queue.nudge(rows[0].pk)
        outcomes.announce(locked, repair)
    return repair


def cancel(repair: Repair, by: Actor, reason: str, *, now: datetime | None = None) -> None:
    """Send nothing more. A request that is on its way is heard out: its answer is still recorded.

    Raises ReasonMissingError, or NotRunningError where it has ended meanwhile.
    """
    now = now or timezone.now()
    reason = _clean(reason)
    if not reason:
        raise ReasonMissingError("reason")
    with transaction.atomic():
        saga = Saga.objects.select_for_update(no_key=True).get(pk=repair.saga_id)
        locked = Repair.objects.get(pk=repair.pk)
        if locked.state != Repair.State.RUNNING:
            raise NotRunningError(locked)
        locked.state, locked.finished_at = Repair.State.CANCELLED, now
        locked.save(update_fields=["state", "finished_at"])
        stopped = locked.actions.filter(state__in=[State.WAITING, State.READY, State.AWAITING])
        left = list(stopped.order_by("position").values_list("position", flat=True))
        stopped.update(
            state=State.CANCELLED, finished_at=now, next_attempt_at=None, lease_until=None, confirm_by=None
        )
        outcomes.tell_finished(saga, locked, now)
        audit.record(
            by,
            "repair.cancelled",
            ("repair", str(locked)),
            saga=saga,
            reason=reason,
            after={"not_done": left},
        )
        outcomes.announce(saga, locked)


def _clean(text: str) -> str:
    """As PostgreSQL can keep it: without NUL, and with the replacement sign for half a character."""
    text = text.replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text.strip()[:LONGEST]


def _since(saga: Saga, revision: int) -> list[Event]:
    """The events that have come since this revision, oldest first."""
    count = max(saga.revision - revision, 0)
    newest = Event.objects.filter(saga=saga).order_by("-received_at", "-time", "-event_id")
    return list(reversed(newest[: min(count, 100)]))


def _store(repair: Repair, plan: Plan, now: datetime) -> list[RepairAction]:
    """The first action is ready, the others wait for it."""
    participants = {
        participant.name: participant
        for participant in Participant.objects.filter(
            name__in={action.participant for action in plan.actions}
        )
    }
    return RepairAction.objects.bulk_create(
        RepairAction(
            repair=repair,
            position=position,
            saga=repair.saga,
            kind=action.kind,
            step=action.step,
            execution=action.execution,
            participant=participants.get(action.participant),
            request=_request(action),
            idempotency_key=action.idempotency_key,
            retries=_retries(action),
            state=State.READY if position == 1 else State.WAITING,
            next_attempt_at=now if position == 1 else None,
            lease_until=now + queue.PATIENCE if position == 1 else None,
        )
        for position, action in enumerate(plan.actions, start=1)
    )


def _request(action: Action) -> dict[str, str]:
    request = action.request
    return {"method": request.method, "url": request.url, "body": request.body} if request else {}


def _retries(action: Action) -> dict[str, float]:
    retries = action.retries
    return {
        "attempts": retries.attempts,
        "first": retries.first,
        "most": retries.most,
        "deadline": retries.deadline,
    }


def _tell_recorded(
    saga: Saga, repair: Repair, action: Action, subject: Subject, by: Actor, now: datetime
) -> None:
    tell(
        saga,
        RECORDED[Outcome(action.record["outcome"])],
        f"{action.idempotency_key}/recorded",
        no_earlier(now, find_run(subject.state, action.step, action.execution)),
        {"repair": str(repair), "by": by.name, "evidence": action.record["evidence"]},
        step=action.step,
        execution=action.execution,
    )


def _told(repair: Repair, plan: Plan) -> dict[str, object]:
    """What the audit log keeps of a start."""
    return {
        "intent": repair.intent,
        "step": repair.step,
        "revision": repair.revision,
        "plan_hash": repair.plan_hash,
        "actions": [
            {
                "kind": action.kind,
                "step": action.step,
                "participant": action.participant,
                "idempotency_key": action.idempotency_key,
                "request": _request(action),
                "record": action.record,
            }
            for action in plan.actions
        ],
    }
