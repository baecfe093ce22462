"""Fetching what a plan is made from: one saga's state, who can be called, what its steps' events carried."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from compensation.filling import payload
from compensation.models import Repair, RepairAction
from compensation.subject import Address, Payload, Rival, Subject
from sagas import standing
from sagas.definitions import Call, Definition, Order, placeholders
from sagas.events import OURSELVES
from sagas.models import Event, Participant, Saga

# Payloads of one saga that are looked at, newest first.
MOST_PAYLOADS = 1000


def subject(saga: Saga, now: datetime) -> Subject:
    """The saga as it is known now. Read-only; lock the row first where something is to be started on it."""
    state, definition = standing.of(saga, now)
    participants = {step.participant for step in state.steps if step.participant}
    return Subject(
        saga_type=saga.saga_type,
        saga_id=saga.saga_id,
        revision=saga.revision,
        state=state,
        definition=definition,
        addresses={
            participant.name: Address(participant.base_url, bool(participant.signing_secret))
            for participant in Participant.objects.filter(name__in=participants)
        },
        payloads=_payloads(saga, definition) if definition else {},
        sent=frozenset(
            RepairAction.objects.filter(saga=saga, attempts__gt=0).values_list("idempotency_key", flat=True)
        ),
        rival=rival(saga),
    )


def rival(saga: Saga) -> Rival | None:
    """The repair at work on this saga: one that runs, or a cancelled one whose last request is on its way."""
    running = Repair.objects.filter(saga=saga, state=Repair.State.RUNNING).first()
    if running is None:
        action = (
            RepairAction.objects.filter(saga=saga, state__in=RepairAction.OPEN_STATES)
            .select_related("repair")
            .first()
        )
        running = action.repair if action else None
    return Rival(running.pk, running.started_by_name, running.started_at) if running else None


def _payloads(saga: Saga, definition: Definition) -> dict[str, list[Payload]]:
    """By step, newest first; only of steps whose requests take something from there."""
    steps = [
        step.name for step in definition.steps if _takes_data((step.compensation, step.retry, step.status))
    ]
    if not steps:
        return {}
    events = (
        Event.objects.filter(saga=saga, step__in=steps, data__isnull=False)
        .order_by("-time", "-source", "-sequence", "-event_id")
        .values_list("step", "execution", "source", "data")[:MOST_PAYLOADS]
    )
    found: dict[str, list[Payload]] = {}
    for step, execution, source, text in events:
        carried = found.setdefault(step, [])
        data = payload(text)
        if source == OURSELVES:
            # What Amends recorded wraps what the participant answered.
            carried += [Payload(execution, answer) for answer in _answers(data)]
        else:
            carried.append(Payload(execution, data))
    return found


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
