"""How `POST /api/v1/events` is called, for the schema: no view of REST framework, it does not tell itself.

The attributes are those of CloudEvents 1.0 with its correlation, sequence, partitioning and tracing
extensions; those that begin with "saga" are Amends' own.
"""

from typing import Any

from django.conf import settings

from sagas.events.incoming import LONGEST
from sagas.ingest import Outcome
from sagas.vocabulary import Kind

PATH = "/api/v1/events"
REF = {"$ref": "#/components/schemas/CloudEvent"}
KEY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "amp_…",
    "description": "A participant's key (`manage.py create_participant NAME`).",
}


def text(longest: int | None = None, description: str = "", **more: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", **more}
    if longest:
        schema |= {"minLength": 1, "maxLength": longest}
    return schema | ({"description": description} if description else {})


KINDS = [kind.value for kind in Kind if kind.family != "operator"]
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": text(LONGEST["id"], "With `source` it is the event's identity: the same pair is the same event."),
    "source": text(LONGEST["source"]),
    "type": {"enum": KINDS},
    "time": text(format="date-time", description="Missing: the time of receipt, and marked so."),
    "correlationid": text(LONGEST["correlationid"], "The saga's id."),
    "sagatype": text(LONGEST["sagatype"]),
    "sagaversion": text(LONGEST["sagaversion"], "The version of its definition."),
    "sagastep": text(LONGEST["sagastep"], "Needed for step.* and compensation.*."),
    "sagaexecution": text(LONGEST["sagaexecution"], "Where a step is executed several times: which."),
    "sagaattempt": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "sagadeadline": text(format="date-time", description="Overrides the definition's."),
    "sequence": text(LONGEST["sequence"], "Order within one source."),
    "causationid": text(),
    "traceparent": text(),
    "recordedtime": text(format="date-time"),
    "partitionkey": text(),
    "datacontenttype": text(),
    "data": {"description": "The business payload; kept to the letter."},
}
NEEDED = ["specversion", "id", "source", "type", "correlationid", "sagatype"]

EXAMPLE = {
    "specversion": "1.0",
    "id": "7",
    "source": "//shop.example/payment",
    "type": "step.completed",
    "time": "2026-11-22T03:00:00Z",
    "correlationid": "order-8492",
    "sagatype": "order-fulfilment",
    "sagastep": "charge-card",
    "data": {"charge_id": "ch_1", "total": {"amount": 49.90, "currency": "EUR"}},
}

COMPONENTS = {
    "CloudEvent": {
        "type": "object",
        "required": NEEDED,
        "properties": ATTRIBUTES,
        "additionalProperties": True,
    },
    "EventResult": {
        "type": "object",
        "required": ["id", "source", "outcome"],
        "properties": {
            "id": text(),
            "source": text(),
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
            "reason": text(description="Of a quarantined event: a code, such as missing_attribute."),
            "detail": text(description="Of a quarantined event: what and where, for people."),
        },
    },
    "EventResults": {
        "type": "object",
        "required": ["results", *(outcome.value for outcome in Outcome)],
        "properties": {
            "results": {
                "type": "array",
                "description": "One for each event, in their order.",
                "items": {"$ref": "#/components/schemas/EventResult"},
            },
            **{outcome.value: {"type": "integer", "minimum": 0} for outcome in Outcome},
        },
    },
}


def operation() -> dict[str, Any]:
    return {
        "operationId": "events_create",
        "tags": ["events"],
        "summary": "Send events",
        "description": (
            "Send events as CloudEvents: one, a batch, or one in binary mode. The answer comes once they "
            "are committed, with a result for each; one that cannot be understood is quarantined, and the "
            "rest of the batch is taken. Sending again what was not answered is safe."
        ),
        "security": [{"participantKey": []}],
        "parameters": [
            {
                "name": f"ce-{name}",
                "in": "header",
                "description": "In binary mode.",
                # Headers are text; what may stand in them is told by the event's own schema.
                "schema": {"type": "string"},
            }
            for name in ATTRIBUTES
            if name not in {"data", "datacontenttype"}
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {"schema": REF, "example": EXAMPLE},
                "application/cloudevents-batch+json": {
                    "schema": {"type": "array", "items": REF, "maxItems": settings.INGEST_MAX_EVENTS},
                    "example": [EXAMPLE],
                },
                "application/json": {
                    "schema": {"description": "In binary mode: the payload alone."},
                    "example": EXAMPLE["data"],
                },
            },
        },
        "responses": {
            "200": {
                "description": "Committed.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventResults"}}},
            }
        },
    }


def add_events(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """A hook of drf-spectacular."""
    result["paths"] = {PATH: {"post": operation()}, **result["paths"]}
    result["components"]["schemas"] |= COMPONENTS
    result["components"]["securitySchemes"]["participantKey"] = KEY_SCHEME
    return result
