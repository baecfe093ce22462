"""Sagas spelt in a line, put into the database through the one way in."""

from datetime import datetime, timedelta

from django.utils import timezone

from sagas import definitions, facts, ingest
from sagas.audit import Actor
from sagas.events import Incoming
from sagas.models import Due, Participant, Saga
from tests.sagas.saying import say

ORDER = """
type: order
version: "1"
title: Order fulfilment
owner: orders@shop.example
runbook: https://runbooks.shop.example/order
steps:
  - name: charge
    title: charge card
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation: {title: refund card, request: POST /refund, deadline: 10s}
  - {name: ship, title: ship parcel, kind: pivot, participant: shipping, deadline: 30s}
"""


def due_at(saga: Saga) -> datetime | None:
    """When somebody has to look at it again."""
    return Due.objects.filter(saga=saga).values_list("at", flat=True).first()


def make_due(at: datetime) -> None:
    """All sagas that there are."""
    rows = [Due(saga=saga, at=at) for saga in Saga.objects.all()]
    Due.objects.bulk_create(rows, update_conflicts=True, unique_fields=["saga"], update_fields=["at"])


def define(text: str = ORDER) -> None:
    ingest.adopt(definitions.load(text, "order.yaml", Actor.system()).row)


def put(
    words: str,
    saga_id: str = "o-1",
    *,
    ago: float = 0,
    now: datetime | None = None,
    first: int = 0,
    saga_type: str = "order",
    data: str | None = None,
) -> Saga:
    """Store a saga, its last event `ago` seconds before now, the others 10 s apart before it.

    `first` numbers the events, so that later ones can be added to the same saga. `data` is the payload of
    those that tell of no failure.
    """
    now = now or timezone.now()
    events = say(words, source="shop")
    shift = now - timedelta(seconds=ago) - facts.moment(events[-1].time)
    participant, _ = Participant.objects.get_or_create(name="shop")
    results = ingest.store(
        [
            Incoming(
                source=event.source,
                id=str(first + place),
                kind=event.kind,
                saga_type=saga_type,
                saga_id=saga_id,
                step=event.step,
                execution=event.execution,
                time=facts.moment(event.time) + shift,
                data='{"error": "503 from it"}' if "fail" in event.kind else data,
            )
            for place, event in enumerate(events)
        ],
        participant=participant,
        now=now,
    )
    return Saga.objects.get(pk=results[0].saga_pk)
