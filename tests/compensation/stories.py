"""Sagas as short stories, and what a plan is made from."""

from datetime import datetime, timedelta
from typing import Any

from compensation.subject import Address, Payload, Subject
from sagas import definitions, facts, fold
from sagas.facts import Facts
from tests.sagas.saying import say

SHOP_YAML = """
type: order
version: "1"
approval: []
steps:
  - {name: check, kind: readonly, participant: shop}
  - name: reserve
    title: reserve stock
    kind: compensatable
    participant: inventory
    deadline: 10s
    compensation:
      title: release stock
      request: POST /compensations/reserve
      body: {saga: "{saga}", reservation: "{data.reservation_id}", reason: "{reason}"}
      deadline: 30s
      retries: {attempts: 3, first: 1s, most: 4s}
    retry: {request: POST /steps/reserve/retry, body: {saga: "{saga}"}}
    status: {request: "GET /steps/reserve?saga={saga}"}
  - name: charge
    title: charge card
    kind: compensatable
    participant: payment
    deadline: 10s
    compensation:
      title: refund card
      request: POST /compensations/charge
      body: {saga: "{saga}", amount: "{data.amount}", repair: "{repair}"}
      deadline: 30s
    retry: {request: POST /steps/charge/retry, body: {saga: "{saga}"}}
    status: {request: "GET /steps/charge?saga={saga}"}
  - name: ship
    title: ship parcel
    kind: pivot
    participant: shipping
    deadline: 10s
    compensation: {title: recall parcel, request: POST /compensations/ship, deadline: 30s}
    retry: {request: POST /steps/ship/retry}
    status: {request: "GET /steps/ship?saga={saga}"}
  - name: thank
    kind: retriable
    participant: mail
    required: false
    deadline: 10s
    retry: {request: POST /steps/thank/retry}
"""
SHOP = definitions.parse(SHOP_YAML, "shop.yaml")

ADDRESSES = {
    name: Address(f"http://{name}.example/api", can_sign=True)
    for name in ("shop", "inventory", "payment", "shipping", "mail")
}
PAYLOADS = {
    "reserve": [Payload("", {"reservation_id": "rs_1"})],
    "charge": [Payload("", {"amount": 129})],
}


def told(words: str, *, after: float = 3600, **changes: Any) -> tuple[Subject, datetime]:
    """The subject that these events make, and a moment `after` seconds past the last of them."""
    definition = changes.pop("definition", SHOP)
    source = changes.pop("source", "")
    events = say(words, source=source)
    now = facts.moment(events[-1].time) + timedelta(seconds=after)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    values: dict[str, Any] = {
        "saga_type": "order",
        "saga_id": "o-1",
        "revision": len(events),
        "state": state,
        "definition": definition,
        "addresses": ADDRESSES,
        "payloads": PAYLOADS,
    }
    return Subject(**values | changes), now
