"""Claim → call → record. Who dies in between leaves a lease that runs out; the same key is then sent again.

The claim and the record are transactions of their own; the call is made outside of any. A record counts only
while nobody has claimed the action since (`fence`).
"""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import Count
from django.utils import timezone

from compensation import answers, apart, confirming, drafting, evidence, outcomes, overtaking, retry
from compensation.answers import Accepted, Became, Done, Meaning, NotNow, Refused, Told
from compensation.calling import Claim, call
from compensation.evidence import Confirmed, Overtaken
from compensation.ledger import reserve
from compensation.models import ActionAttempt, Repair, RepairAction
from compensation.outcomes import Turn
from compensation.plan import Kind, Retries
from compensation.transports import Answer, TransportError, http
from sagas.audit import Actor
from sagas.fold import Run
from sagas.vocabulary import Kind as EventKind

log = structlog.get_logger()

State = RepairAction.State

# Longer than the longest call: where it runs out, the process has died or the database was away.
LEASE = timedelta(seconds=http.LONGEST + 5)

# What is stored when the participant's answer says that it is done.
SAID_DONE = {
    Kind.COMPENSATE: EventKind.OPERATOR_COMPENSATION_COMPLETED,
    Kind.RETRY_STEP: EventKind.OPERATOR_STEP_COMPLETED,
}
# What is stored when a participant, being asked, settles a step.
SAID_WHEN_ASKED = {
    Became.COMPLETED: EventKind.OPERATOR_STEP_COMPLETED,
    Became.FAILED: EventKind.OPERATOR_STEP_FAILED,
    Became.COMPENSATED: EventKind.OPERATOR_COMPENSATION_COMPLETED,
}


def execute(action_pk: int) -> None:
    """Make the action's next call, if it is due and nobody else has it. Safe to run twice, late or never."""
    claim = take(action_pk, timezone.now())
    if claim is None:
        return
    begin = time.monotonic()
    answer = call(claim)
    log.info(
        "repairs: a participant was called",
        action=claim.action_pk,
        key=claim.idempotency_key,
        seconds=round(time.monotonic() - begin, 3),
        answer=str(answer) if isinstance(answer, TransportError) else answer.status,
    )
    record(claim, answer, timezone.now())


def take(action_pk: int, now: datetime) -> Claim | None:
    """Claim the action and write down that a call begins; None where there is nothing to be sent."""
    with outcomes.turns([action_pk], now) as found:
        claims = claim(found)
    return next(iter(claims), None)


def claim(found: Iterable[Turn]) -> list[Claim]:
    """Claim those that are due, and write down that their calls begin."""
    due = [turn for turn in found if _is_due(turn) and not outcomes.end_with_repair(turn)]
    overtaken = overtaking.find(due)
    begun = [begin for turn in due if (begin := _begin(turn, overtaken.get(turn.action.pk)))]
    claims = []
    for (turn, not_before), attempt in zip(begun, reserve(ActionAttempt, len(begun)), strict=True):
        action = turn.action
        turn.ledger.add(ActionAttempt(pk=attempt, action=action, number=action.attempts, started_at=turn.now))
        claims.append(
            Claim(
                action_pk=action.pk,
                fence=action.fence,
                attempt_pk=attempt,
                kind=Kind.ASK if action.is_in_doubt else action.kind,
                request=action.question if action.is_in_doubt else action.request,
                idempotency_key=action.question["key"] if action.is_in_doubt else action.idempotency_key,
                participant=action.participant,
                not_before=not_before,
            )
        )
    return claims


def _is_due(turn: Turn) -> bool:
    at = turn.action.next_attempt_at
    return turn.action.state == State.READY and at is not None and at <= turn.now


def _begin(turn: Turn, overtaken: Overtaken | None) -> tuple[Turn, datetime] | None:
    """The action as one that is being sent, unless what it should do has been done, or must not be by now."""
    action = turn.action
    if action.is_in_doubt:
        return None if confirming.by_event(turn) else _sending(turn)
    known = evidence.before_sending(action.kind, turn.state, action.step, action.execution)
    match known or overtaken:
        case Confirmed(moment, detail):
            result = {"by": "event", "event": evidence.name(moment), "detail": detail}
            outcomes.settle(turn, State.DONE, result, Actor.system())
            return None
        case Overtaken(detail):
            outcomes.settle(turn, State.REFUSED, {"by": "saga", "detail": detail}, Actor.system())
            return None
    return _sending(turn)


def _sending(turn: Turn) -> tuple[Turn, datetime]:
    action = turn.action
    action.state = State.SENDING
    action.fence += 1
    action.attempts += 1
    action.next_attempt_at = action.lease_until = turn.now + LEASE
    turn.ledger.save(action)
    outcomes.announce(turn)
    run = evidence.find_run(turn.state, action.step, action.execution)
    return turn, evidence.no_earlier(turn.now, run)


def record(claim: Claim, answer: Answer | TransportError, now: datetime) -> None:
    record_all([(claim, answer)], now)


def record_all(answered: Sequence[tuple[Claim, Answer | TransportError]], now: datetime) -> int:
    """Keep each answer with its attempt and, while the claim holds, all that follows; in one transaction.

    Returns how many repairs they leave to a person, so far as they do.
    An answer that cannot be kept counts by its status alone. What cannot be kept even so is left to its
    lease; the others are kept all the same.
    """

    def keep(some: Sequence[tuple[Claim, Answer | TransportError]]) -> int:
        return _record(some, now)

    kept, left = apart.do(keep, answered, _name)
    if left:
        kept += apart.do(keep, [(claim, _bare(answer)) for claim, answer in left], _name)[0]
    return sum(kept)


def _name(answered: tuple[Claim, Answer | TransportError]) -> str:
    return f"action {answered[0].action_pk}"


def _bare(answer: Answer | TransportError) -> Answer | TransportError:
    return replace(answer, text="") if isinstance(answer, Answer) else answer


def _record(answered: Sequence[tuple[Claim, Answer | TransportError]], now: datetime) -> int:
    claims = {claim.action_pk: (claim, answer, meaning_of(claim, answer)) for claim, answer in answered}
    again = [pk for pk, (_, _, meaning) in claims.items() if isinstance(meaning, NotNow)]
    with outcomes.turns(claims, now) as found:
        tries = _tries(again)
        for turn in found:
            claim, answer, meaning = claims[turn.action.pk]
            _keep(turn, claim, answer)
            # READY under the same fence: the lease ran out, and nobody has claimed it since.
            if turn.action.fence != claim.fence or turn.action.state not in {State.SENDING, State.READY}:
                if isinstance(meaning, Done):
                    # Too late for the action; but what the participant has done, it has done.
                    _tell(turn, claim, SAID_DONE[Kind(claim.kind)], "answer", {"answer": meaning.data})
                continue
            match meaning:
                case Done(data):
                    _done(turn, claim, data)
                case Told():
                    _told(turn, claim, meaning)
                case Accepted():
                    _accepted(turn)
                case NotNow():
                    # This one is not written yet.
                    _again(turn, meaning, tries.get(turn.action.pk, 0) + 1)
                case Refused(why):
                    _refused(turn, claim, why)
        return sum(turn.repair.state == Repair.State.STOPPED for turn in found)


def _tries(actions: Sequence[int]) -> dict[int, int]:
    """How many calls of each of these actions, for what it now sends, have had an end."""
    ended = ActionAttempt.objects.filter(confirming.AT_NOW, action__in=actions, finished_at__isnull=False)
    return dict(ended.values_list("action").annotate(number=Count("pk"))) if actions else {}


def meaning_of(claim: Claim, answer: Answer | TransportError) -> Meaning:
    """What came back, or did not, means for the action."""
    if isinstance(answer, Answer):
        return answers.meaning(claim.kind, answer)
    return Refused(answer.message) if answer.permanent else NotNow(answer.message, None)


def _keep(turn: Turn, claim: Claim, answer: Answer | TransportError) -> None:
    if isinstance(answer, TransportError):
        error = answer.message.replace("\x00", "")
        turn.ledger.answer(claim.attempt_pk, turn.now, status=None, answer="", error=error)
    else:
        turn.ledger.answer(claim.attempt_pk, turn.now, status=answer.status, answer=answer.text, error="")


def _done(turn: Turn, claim: Claim, data: Any) -> None:
    """The participant's word, as an event of the saga: what confirms the action is what the fold counts."""
    _tell(turn, claim, SAID_DONE[Kind(claim.kind)], "answer", {"answer": data})
    outcomes.settle(turn, State.DONE, {"by": "answer", "answer": data}, Actor.system())


def _told(turn: Turn, claim: Claim, told: Told) -> None:
    heard = {"outcome": told.became, "detail": told.detail, "answer": told.data}
    _tell(turn, claim, EventKind.OPERATOR_ASKED, "answer", heard)
    run = evidence.find_run(turn.state, turn.action.step, turn.action.execution)
    if told.became in SAID_WHEN_ASKED and not _is_known(told.became, run):
        _tell(turn, claim, SAID_WHEN_ASKED[told.became], "outcome", heard)
    if turn.action.is_in_doubt:
        confirming.by_answer(turn, told.became, heard)
    else:
        outcomes.settle(turn, State.DONE, {"by": "answer", **heard}, Actor.system())


def _is_known(became: Became, run: Run | None) -> bool:
    """Whether the saga's events say so already: then the answer adds nothing to them."""
    if run is None:
        return False
    return run.has_effect if became == Became.COMPLETED else run.state.value == became.value


def _accepted(turn: Turn) -> None:
    """The participant's event will confirm, or its deadline passes."""
    action = turn.action
    if turn.repair.state != Repair.State.RUNNING:
        detail = "It was accepted before the repair was cancelled; whether it was done, its events will tell."
        outcomes.settle(turn, State.CANCELLED, {"detail": detail}, Actor.system())
        return
    run = evidence.find_run(turn.state, action.step, action.execution)
    denied = evidence.denial(action.kind, turn.state, action.step, run)
    action.state = State.AWAITING
    action.confirm_by = action.next_attempt_at = turn.now + timedelta(seconds=_retries(action).deadline)
    action.lease_until = None
    # What the saga had said by then; only something newer can deny it.
    action.result = {
        "detail": "It was accepted; the participant's event is to confirm it.",
        "revision": turn.saga.revision,
        "denied": evidence.name(denied.moment) if denied else None,
    }
    turn.ledger.save(action)
    outcomes.announce(turn)


def _again(turn: Turn, not_now: NotNow, answered: int) -> None:
    """Later, with the same key; or, when the attempts are used up, a person has to look."""
    action = turn.action
    if turn.repair.state != Repair.State.RUNNING:
        detail = f"It was not sent again, as the repair was cancelled. The last answer: {not_now.why}"
        outcomes.settle(turn, State.CANCELLED, {"detail": detail}, Actor.system())
        return
    # No secret hangs on it: it spreads those who failed together.
    chance = random.random()  # noqa: S311  (as said above)
    pause = retry.pause(_retries(action), answered, chance, not_now.wait)
    if pause is None:
        outcomes.settle(turn, State.EXHAUSTED, {"detail": not_now.why}, Actor.system())
        return
    outcomes.ready(turn, action, turn.now + timedelta(seconds=pause))
    outcomes.announce(turn)


def _refused(turn: Turn, claim: Claim, why: str) -> None:
    _tell(
        turn, claim, EventKind.OPERATOR_REFUSED, f"refused/{turn.repair}/{turn.action.attempts}", {"why": why}
    )
    # That a question was refused says nothing of what was asked about.
    state = State.EXHAUSTED if turn.action.is_in_doubt else State.REFUSED
    outcomes.settle(turn, state, {"detail": why}, Actor.system())


def _tell(turn: Turn, claim: Claim, kind: EventKind, what: str, data: dict[str, Any]) -> None:
    by = claim.participant.name if claim.participant else ""
    turn.ledger.tell(
        turn.saga,
        kind,
        f"{claim.idempotency_key}/{what}",
        max(turn.now, claim.not_before),
        {"repair": str(turn.repair), "by": by, **data},
        step=turn.action.step,
        execution=turn.action.execution,
    )


def _retries(action: RepairAction) -> Retries:
    return drafting.ASKING if action.is_in_doubt else Retries(**action.retries)
