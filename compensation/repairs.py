"""Plan, start, cancel. What is started is what was looked at: the revision and the plan's hash pin it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from compensation import agreement, begun, outcomes, planner, reading
from compensation.cancelling import cancel_all
from compensation.ledger import Ledger
from compensation.models import Repair, RepairAction
from compensation.opening import Opening, open_all
from compensation.plan import Intent, Plan
from compensation.policy import Recent, Requirement
from compensation.refusals import (
    AgreementMissingError,
    AlreadyRunningError,
    ChangedError,
    NotRunningError,
    ReasonMissingError,
    RefusedError,
)
from compensation.wording import clean
from sagas.audit import Actor
from sagas.models import Saga

State = RepairAction.State


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan, and the revision of the saga that it was made from; send both back to start it."""

    plan: Plan
    revision: int
    # Who must agree before it is started; None: nobody. And what was counted beside the plan for that.
    requirement: Requirement | None = None
    recent: Sequence[Recent] = ()

    @property
    def hash(self) -> str:
        return self.plan.hash


def preview(
    saga: Saga,
    intent: str,
    step: str = "",
    user: User | None = None,
    *,
    outcome: str = "",
    now: datetime | None = None,
) -> Preview:
    """What would be done, and sent, to the letter, were it started by `user`. Changes nothing.

    `step` empty: the whole saga. `outcome` only for RECORD (planner.Outcome). Raises ValueError for an
    intent or outcome that is none.
    """
    now = now or timezone.now()
    subject = reading.subject(Saga.objects.get(pk=saga.pk), now)
    plan = planner.plan(subject, intent, step, now, outcome=outcome)
    judged = agreement.judge(subject, plan, saga.pk, user, now)
    return Preview(plan, subject.revision, judged.requirement, judged.recent)


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

    Raises a `refusals.RepairError`: ReasonMissingError, AlreadyRunningError, ChangedError, RefusedError,
    AgreementMissingError (then a batch of this one saga is the way);
    then nothing was changed. A repair that sends nothing (RECORD) is done when this returns.
    """
    now = now or timezone.now()
    reason, shown = clean(reason), clean(evidence)
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
            raise ChangedError(revision, subject.revision, reading.events_since(locked, revision), plan)
        if not plan.can_start:
            raise RefusedError(plan)
        begun.lock(user)
        if required := agreement.judge(subject, plan, saga.pk, user, now).requirement:
            raise AgreementMissingError(required)
        ledger = Ledger()
        opening = Opening(locked, subject, plan, reason, shown, outcome)
        (turn,) = open_all([opening], by, user, now, ledger)
        if plan.intent == Intent.RECORD:
            result = {"by": "person", "name": by.name, **turn.plan.actions[0].record}
            outcomes.settle(turn.first, State.DONE, result, by)
        else:
            ledger.nudge(turn.first.action)
        ledger.write()
    return turn.first.repair


def cancel(repair: Repair, by: Actor, reason: str, *, now: datetime | None = None) -> None:
    """Send nothing more. A request that is on its way is heard out: its answer is still recorded.

    Raises ReasonMissingError, or NotRunningError where it has ended meanwhile.
    """
    now = now or timezone.now()
    reason = clean(reason)
    if not reason:
        raise ReasonMissingError("reason")
    if not cancel_all([repair.pk], by, reason, now):
        raise NotRunningError(Repair.objects.get(pk=repair.pk))
