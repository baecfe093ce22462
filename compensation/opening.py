"""Opening repairs that were decided on: rows, events and audit entries of any number of sagas at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from compensation import planner, queue
from compensation.drafting import Words
from compensation.evidence import find_run, no_earlier
from compensation.ledger import Ledger, reserve
from compensation.models import Batch, Repair, RepairAction
from compensation.outcomes import Turn
from compensation.plan import Action, Intent, Plan
from compensation.planner import Outcome
from compensation.subject import Subject
from sagas.audit import Actor
from sagas.models import Participant, Saga
from sagas.vocabulary import Kind as EventKind

State = RepairAction.State

# What is stored when a person records an outcome.
RECORDED = {
    Outcome.COMPLETED: EventKind.OPERATOR_STEP_COMPLETED,
    Outcome.FAILED: EventKind.OPERATOR_STEP_FAILED,
    Outcome.COMPENSATED: EventKind.OPERATOR_COMPENSATION_COMPLETED,
}


@dataclass(frozen=True, slots=True)
class Opening:
    """A plan that may start, for a saga that is locked and as it was when the plan was made."""

    saga: Saga
    subject: Subject
    plan: Plan
    reason: str
    evidence: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The repair's first action, and its plan with the words that only the start knew."""

    first: Turn
    plan: Plan


def open_all(
    openings: Sequence[Opening],
    by: Actor,
    user: User | None,
    now: datetime,
    ledger: Ledger,
    *,
    batch: Batch | None = None,
) -> list[Opened]:
    """Repairs and their actions with all that follows, in the ledger. In the order of `openings`."""
    repairs = [
        _repair(pk, opening, by, user, now, batch)
        for pk, opening in zip(reserve(Repair, len(openings)), openings, strict=True)
    ]
    plans = [
        planner.plan(
            one.subject,
            one.plan.intent,
            one.plan.step,
            now,
            outcome=one.outcome,
            words=Words(str(repair), one.reason, one.evidence),
        )
        for one, repair in zip(openings, repairs, strict=True)
    ]
    actions = iter(_actions(repairs, plans, now))
    opened = []
    for one, repair, plan in zip(openings, repairs, plans, strict=True):
        of_repair = [next(actions) for _ in plan.actions]
        ledger.add(repair)
        for action in of_repair:
            ledger.add(action)
        _tell(ledger, one, repair, plan, by, now)
        ledger.audit(by, "repair.started", repair, one.saga, reason=one.reason, after=_told(repair, plan))
        ledger.announce(one.saga, repair)
        turn = Turn(one.saga, repair, of_repair[0], of_repair, now, ledger, one.subject.state)
        opened.append(Opened(turn, plan))
    return opened


def _repair(
    pk: int, opening: Opening, by: Actor, user: User | None, now: datetime, batch: Batch | None
) -> Repair:
    plan, stake = opening.plan, opening.subject.state.stake
    return Repair(
        pk=pk,
        saga=opening.saga,
        batch=batch,
        intent=plan.intent,
        step=plan.step,
        reason=opening.reason,
        revision=opening.subject.revision,
        plan=plan.content(),
        plan_hash=plan.hash,
        stake=stake.amount if stake else None,
        currency=stake.currency if stake else "",
        started_by=user,
        started_by_name=by.name,
        started_at=now,
    )


def _actions(repairs: Sequence[Repair], plans: Sequence[Plan], now: datetime) -> list[RepairAction]:
    """The first action of each is ready, the others wait for it."""
    names = {action.participant for plan in plans for action in plan.actions}
    participants = {one.name: one for one in Participant.objects.filter(name__in=names)}
    keys = iter(reserve(RepairAction, sum(len(plan.actions) for plan in plans)))
    return [
        RepairAction(
            pk=next(keys),
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
            question=_question(action),
            state=State.READY if position == 1 else State.WAITING,
            next_attempt_at=now if position == 1 else None,
            lease_until=now + queue.PATIENCE if position == 1 else None,
        )
        for repair, plan in zip(repairs, plans, strict=True)
        for position, action in enumerate(plan.actions, start=1)
    ]


def _tell(ledger: Ledger, one: Opening, repair: Repair, plan: Plan, by: Actor, now: datetime) -> None:
    ledger.tell(
        one.saga,
        EventKind.OPERATOR_REPAIR_STARTED,
        f"{repair}/started",
        now,
        {"repair": str(repair), "intent": plan.intent, "by": by.name, "reason": one.reason},
        step=plan.step,
    )
    if plan.intent == Intent.RECORD:
        action = plan.actions[0]
        ledger.tell(
            one.saga,
            RECORDED[Outcome(action.record["outcome"])],
            f"{action.idempotency_key}/recorded",
            no_earlier(now, find_run(one.subject.state, action.step, action.execution)),
            {"repair": str(repair), "by": by.name, "evidence": action.record["evidence"]},
            step=action.step,
            execution=action.execution,
        )


def _request(action: Action) -> dict[str, str]:
    request = action.request
    return {"method": request.method, "url": request.url, "body": request.body} if request else {}


def _question(action: Action) -> dict[str, str]:
    asked = action.question
    if asked is None:
        return {}
    request = asked.request
    return {
        "method": request.method,
        "url": request.url,
        "body": request.body,
        "key": asked.idempotency_key,
    }


def _retries(action: Action) -> dict[str, float]:
    retries = action.retries
    return {
        "attempts": retries.attempts,
        "first": retries.first,
        "most": retries.most,
        "deadline": retries.deadline,
    }


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
