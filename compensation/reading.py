"""Fetching what a plan is made from: one saga's state, who can be called, what its steps' events carried."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import F, Max

from compensation import statements
from compensation.filling import payload
from compensation.models import ActionAttempt, Repair, RepairAction
from compensation.subject import Address, Payload, Rival, Sent, Subject
from sagas import facts, past, standing
from sagas.definitions import Call, Definition, Order, placeholders
from sagas.events import OURSELVES
from sagas.models import Event, Participant, Saga
from sagas.sql import encode, run
from sagas.standing import Standing

# Of the action that a call was made for.
WHAT_WAS_SENT = ("saga", "idempotency_key", "kind", "step", "execution")
# Payloads of one saga that are looked at, newest first.
MOST_PAYLOADS = 1000
# Events that are shown of what came since.
MOST_SINCE = 100


def subject(saga: Saga, now: datetime) -> Subject:
    """The saga as it is known now. Read-only; lock the row first where something is to be started on it."""
    return subjects([saga], now)[0]


def subject_at(saga: Saga, revision: int, then: datetime) -> Subject:
    """As it was known at `then`, when it had that revision; by the definition and addresses of now."""
    known, until = past.at(saga, revision)
    (found,) = subjects([known], then, until=until)
    return replace(found, rival=None)


def events_since(saga: Saga, revision: int) -> list[Event]:
    """The newest events that have come since this revision, oldest first."""
    count = min(max(saga.revision - revision, 0), MOST_SINCE)
    newest = Event.objects.filter(saga=saga).order_by("-received_at", "-time", "-event_id")
    return list(reversed(newest[:count]))


def subjects(sagas: Sequence[Saga], now: datetime, *, until: datetime | None = None) -> list[Subject]:
    """The same of any number of sagas, in their order, by one query for each thing that is looked at.

    `until`: of payloads, only those that were received by then.
    """
    standings = [standing.of(saga, now) for saga in sagas]
    names = {step.participant for known in standings for step in known.state.steps if step.participant}
    addresses = {
        participant.name: Address(participant.base_url, bool(participant.signing_secret))
        for participant in Participant.objects.filter(name__in=names)
    }
    pks = [saga.pk for saga in sagas]
    rivals, sent, payloads = _rivals(pks), _sent(pks), _payloads(sagas, standings, until)
    return [
        Subject(
            saga_type=saga.saga_type,
            saga_id=saga.saga_id,
            revision=saga.revision,
            state=known.state,
            definition=known.definition,
            addresses=addresses,
            payloads=payloads.get(saga.pk, {}),
            sent=sent.get(saga.pk, {}),
            rival=rivals.get(saga.pk),
        )
        for saga, known in zip(sagas, standings, strict=True)
    ]


def rival(saga: Saga) -> Rival | None:
    """The repair at work on this saga: one that runs, or a cancelled one whose last request is on its way."""
    return _rivals([saga.pk]).get(saga.pk)


def _rivals(sagas: Sequence[int]) -> dict[int, Rival]:
    at_work = list(
        RepairAction.objects.filter(saga__in=sagas, state__in=RepairAction.OPEN_STATES)
        .order_by("saga", "-repair")
        .distinct("saga")
        .values_list("repair", flat=True)
    )
    running = Repair.objects.filter(saga__in=sagas, state=Repair.State.RUNNING)
    found = [*Repair.objects.filter(pk__in=at_work), *running]
    return {repair.saga_id: Rival(repair.pk, repair.started_by_name, repair.started_at) for repair in found}


def _sent(sagas: Sequence[int]) -> dict[int, dict[str, Sent]]:
    """What was sent, by saga and idempotency key."""
    found: dict[int, dict[str, Sent]] = {}
    calls = ActionAttempt.objects.filter(action__saga__in=sagas).exclude(number__gt=F("action__asked_after"))
    about = calls.values_list(*(f"action__{name}" for name in WHAT_WAS_SENT)).annotate(at=Max("started_at"))
    # Of one key, what names an execution was sent after what did not, and is what counts.
    for saga, key, kind, step, execution, at in about.order_by("action__execution"):
        found.setdefault(saga, {})[key] = Sent(kind, step, execution, facts.microseconds(at))
    return found


def _payloads(
    sagas: Sequence[Saga], standings: Sequence[Standing], until: datetime | None
) -> dict[int, dict[str, list[Payload]]]:
    """By saga and step, newest first; only of steps whose requests take something from there."""
    asked = [
        {"id": saga.pk, "steps": steps}
        for saga, known in zip(sagas, standings, strict=True)
        if known.definition and (steps := _steps_told_of(known.definition))
    ]
    if not asked:
        return {}
    found: dict[int, dict[str, list[Payload]]] = {}
    for saga, step, execution, source, text in run(
        statements.PAYLOADS, rows=encode(asked), most=MOST_PAYLOADS, until=until
    ):
        carried = found.setdefault(saga, {}).setdefault(step, [])
        data = payload(text)
        if source == OURSELVES:
            # What Amends recorded wraps what the participant answered.
            carried += [Payload(execution, answer) for answer in _answers(data)]
        else:
            carried.append(Payload(execution, data))
    return found


def _steps_told_of(definition: Definition) -> list[str]:
    return [
        step.name for step in definition.steps if _takes_data((step.compensation, step.retry, step.status))
    ]


def _answers(recorded: Any) -> Iterator[Any]:
    """The answer itself, and its `data` where it is one with an outcome."""
    answer = recorded.get("answer") if isinstance(recorded, dict) else None
    yield answer
    if isinstance(answer, dict):
        yield answer.get("data")


def _takes_data(calls: tuple[Call | None, ...]) -> bool:
    return any(word.startswith(placeholders.DATA) for call in calls if call for word in _words(call))


def _words(call: Call) -> Iterator[str]:
    body = call.body if isinstance(call, Order) else None
    for part in (call.request, body):
        yield from (word for _, word in placeholders.found_in(part, ""))
