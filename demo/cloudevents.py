"""CloudEvents 1.0 over HTTP, as the participants send them to Amends."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from demo.steps import SagaType

Event = dict[str, Any]


class Mode(StrEnum):
    """How events travel. Each participant has its own way, so that all are in real use."""

    BATCH = "batch"  # an array of events in one body
    STRUCTURED = "structured"  # one event, its attributes beside its data in the body
    BINARY = "binary"  # one event, its attributes in headers, the body is its data


# Printable ASCII, but for the quote and the percent sign, stands in a header as it is.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
_NOT_IN_HEADERS = {"data", "datacontenttype"}


def make(
    participant: str,
    sequence: int,
    kind: str,
    saga_type: SagaType,
    saga: str,
    data: dict[str, Any],
    *,
    step: str | None = None,
    attempt: int | None = None,
    time: datetime | None = None,
) -> Event:
    """One event in its JSON form. `time` is when it happened; None: now."""
    event: Event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": f"//shop.example/{participant}",
        "type": kind,
        "time": (time or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        # Fixed width, so that it orders as text, which is what the extension asks for.
        "sequence": f"{sequence:012d}",
        "correlationid": saga,
        "sagatype": saga_type.name,
        "sagaversion": "1",
        "datacontenttype": "application/json",
        "data": data,
    }
    if step is not None:
        event |= {"sagastep": step, "sagaexecution": f"{saga}.{step}"}
    if attempt is not None:
        event["sagaattempt"] = attempt
    return event


def render(mode: Mode, events: Sequence[Event]) -> tuple[dict[str, str], bytes]:
    """Headers and body of the request. Only a batch may hold more than one event."""
    if mode is Mode.BATCH:
        return {"content-type": "application/cloudevents-batch+json"}, json.dumps(events).encode()
    (event,) = events
    if mode is Mode.STRUCTURED:
        return {"content-type": "application/cloudevents+json"}, json.dumps(event).encode()
    headers = {
        f"ce-{name}": quote(str(value), safe=_PLAIN)
        for name, value in event.items()
        if name not in _NOT_IN_HEADERS
    }
    headers["content-type"] = event["datacontenttype"]
    return headers, json.dumps(event["data"]).encode()
