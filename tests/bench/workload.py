"""Events as busy participants would send them: many sagas at once, each about ten events, in mixed order.

The sagas are like the demo's order-fulfilment: an orchestrator and four participants tell of four steps. Of a
hundred sagas in flight a random one speaks next, so that a batch of 1,000 touches about 170 of them, and
two thirds of those go on in the next batch.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

IN_FLIGHT = 100
STEPS = [
    ("reserve-stock", "inventory"),
    ("charge-card", "payment"),
    ("prepare-parcel", "fulfilment"),
    ("ship-parcel", "shipping"),
]
DEFINITION = """
type: order-fulfilment
version: "1"
deadline: 2m
keys: {order: order_id, customer: customer.id}
display: {order total: [total.amount, total.currency]}
steps:
  - name: reserve-stock
    kind: compensatable
    participant: inventory
    deadline: 15s
    compensation: {title: release stock, request: POST /compensations/reserve-stock, deadline: 10s}
  - name: charge-card
    kind: compensatable
    participant: payment
    deadline: 15s
    compensation: {title: refund card, request: POST /compensations/charge-card, deadline: 10s}
  - {name: prepare-parcel, kind: retriable, participant: fulfilment, deadline: 30s}
  - {name: ship-parcel, kind: pivot, participant: shipping, deadline: 10s}
"""


def events(name: str, seed: int = 1) -> Iterator[dict[str, Any]]:
    """An endless stream; `name` sets its sagas apart from those of other streams."""
    chance = random.Random(seed)
    start = datetime.now(UTC) - timedelta(hours=1)
    count = 0
    flying: list[Iterator[dict[str, Any]]] = []
    clock = 0
    while True:
        while len(flying) < IN_FLIGHT:
            flying.append(_saga(f"{name}-{count:08d}", chance))
            count += 1
        place = chance.randrange(len(flying))
        event = next(flying[place], None)
        if event is None:
            flying.pop(place)
            continue
        clock += 1
        event["time"] = (start + timedelta(milliseconds=clock)).isoformat(timespec="milliseconds")
        event["sequence"] = f"{clock:012d}"
        yield event


def batches(name: str, size: int) -> Iterator[list[dict[str, Any]]]:
    stream = events(name)
    while True:
        yield [next(stream) for _ in range(size)]


def encode(batch: list[dict[str, Any]]) -> bytes:
    return json.dumps(batch, separators=(",", ":")).encode()


def _saga(saga: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    number = 0
    order = _order(saga, chance)

    def told(kind: str, participant: str, step: str = "") -> dict[str, Any]:
        nonlocal number
        number += 1
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"{saga}-{number}",
            "source": f"//shop.example/{participant}",
            "type": kind,
            "correlationid": saga,
            "sagatype": "order-fulfilment",
            "sagaversion": "1",
            "datacontenttype": "application/json",
            "data": order | {"note": "x" * chance.randrange(40, 120)},
        }
        if step:
            event |= {"sagastep": step, "sagaexecution": f"{saga}.{step}", "sagaattempt": 1}
        return event

    yield told("saga.started", "order")
    for step, participant in STEPS:
        yield told("step.started", participant, step)
        yield told("step.completed", participant, step)
    yield told("saga.completed", "order")


def _order(saga: str, chance: random.Random) -> dict[str, Any]:
    """300 to 600 bytes, the same in all events of a saga."""
    return {
        "order_id": saga,
        "customer": {"id": f"c-{chance.randrange(10_000)}", "name": "Ada Lovelace"},
        "total": {"amount": chance.randrange(10_000) / 100, "currency": "EUR"},
        "lines": [
            {
                "sku": f"sku-{chance.randrange(1000):04d}",
                "quantity": 1,
                "title": "A useful thing",
                "price": 9.5,
            }
            for _ in range(chance.randrange(2, 6))
        ],
    }
