"""Definitions with rules and conflicts, and sagas of several types, for the tests of both."""

import json
from datetime import datetime, timedelta

from sagas import definitions, facts, fold, ingest
from sagas.audit import Actor
from sagas.definitions import Definition
from sagas.detection.sight import Sight
from sagas.events import Incoming
from sagas.facts import Facts
from sagas.models import Participant, Saga
from tests.sagas.saying import say

ORDER = """
type: order
version: "1"
title: Order
keys: {order: order_id}
steps:
  - name: charge
    title: charge card
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation: {title: refund card, request: POST /refund, deadline: 10s}
  - {name: ship, title: ship parcel, kind: retriable, participant: shipping, deadline: 30s}
"""

REFUND = """
type: refund
version: "1"
keys: {order: order_id}
steps:
  - name: pay-out
    title: pay out
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation: {request: POST /recall}
"""

SHIPPED_IS_PAID = (
    ORDER
    + """
rules:
  - name: shipped-is-paid
    title: shipped ⇒ paid
    expression: "!steps.ship.open || steps.charge.open"
    message: "Order {key.order} is out and nobody pays for it."
    severity: critical
"""
)

NOT_REFUNDED = (
    ORDER
    + """
rules:
  - name: not-refunded
    expression: |
      !steps.ship.open ||
        !others.exists(o, o.type == "refund" && o.steps["pay-out"].open)
"""
)

CONFLICT = ORDER + "conflicts: [{with: refund, key: order, steps: [charge], their: [pay-out]}]\n"


def rule(expression: str, **fields: str) -> Definition:
    """The order with one rule."""
    text = json.dumps([{"name": "r", "expression": expression, **fields}])
    return definitions.parse(f"{ORDER}rules: {text}\n", "x.yaml")


def see(
    words: str, definition: Definition, *, after: float = 0, values: dict[str, str] | None = None, **key: str
) -> Sight:
    """The saga that these words spell, 10 s apart, `after` seconds past the last of them."""
    events = say(words)
    known = facts.merge(Facts(), events)
    known.keys = {name: facts.Text(events[0].time, value) for name, value in key.items()}
    known.values = {path: facts.Text(events[0].time, value) for path, value in (values or {}).items()}
    now = facts.moment(events[-1].time) + timedelta(seconds=after)
    return Sight(
        definition.type, "o-1", known, fold.derive(known, definition, now), definition, frozenset(key)
    )


def define(*texts: str) -> None:
    for text in texts:
        ingest.adopt(definitions.load(text, "x.yaml", Actor.system()).row)


def put(
    words: str,
    saga_id: str = "o-1",
    *,
    now: datetime,
    type: str = "order",
    first: int = 0,
    at: float = 0,
    order: str = "8492",
    version: str = "1",
    **data: object,
) -> Saga:
    """Store events 1 s apart, the first `at` seconds from `now`; the payload of each names the order."""
    participant, _ = Participant.objects.get_or_create(name="shop")
    events = [
        Incoming(
            source="shop",
            id=str(first + place),
            kind=event.kind,
            saga_type=type,
            saga_id=saga_id,
            step=event.step,
            attributes={"sagaversion": version},
            time=now + timedelta(seconds=at + place),
            data=json.dumps({"order_id": order} | data),
        )
        for place, event in enumerate(say(words))
    ]
    results = ingest.store(events, participant=participant, now=now)
    return Saga.objects.get(pk=results[0].saga_pk)
