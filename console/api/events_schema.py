"""How `POST /api/v1/events` stands in the OpenAPI schema: it is no view of REST framework's."""

from typing import Any

from console.api.events import BATCH, PLAIN, STRUCTURED
from console.api.problem_details import MEDIA_TYPE
from sagas.events import Reason
from sagas.events.incoming import LONGEST, MOST_ATTEMPTS, RESERVED
from sagas.ingest import Outcome
from sagas.vocabulary import Kind

PATH = "/api/v1/events"

DESCRIPTION = """Participants and orchestrators tell what happened: CloudEvents 1.0, one (structured or binary
mode) or many (batch mode). The answer comes after the commit, with a result for each event in its order. An
event that cannot be understood is quarantined with the reason; the others are taken. An event of a foreign
type is taken where a definition maps it. See docs/events.md and docs/mapping.md."""

KINDS = ", ".join(kind.value for kind in Kind if kind not in RESERVED)

BINARY = (
    "For binary mode: each attribute is a header `ce-…`, percent-encoded, and the body is the payload, "
    "of any content type."
)
PLAIN_JSON = (
    "In binary mode the payload. Without ce- headers one event or an array of them, of participants for whom "
    "`plain_json` is set; else 415."
)


def add_events(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """A hook of drf-spectacular; comes after the one that adds the problems of people's operations."""
    result["components"]["securitySchemes"]["participant"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "amp_…",
        "description": "A participant's key (`manage.py create_participant NAME`).",
    }
    result["components"]["schemas"] |= {"CloudEvent": _event(), "EventsAnswer": _answer()}
    result["paths"][PATH] = {"post": _operation()}
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _operation() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/CloudEvent"}
    header = {"name": "ce-specversion", "in": "header", "schema": {"type": "string"}, "description": BINARY}
    return {
        "operationId": "events_create",
        "summary": "Send events.",
        "description": DESCRIPTION,
        "tags": ["events"],
        "security": [{"participant": []}],
        "parameters": [header],
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": event},
                BATCH: {"schema": {"type": "array", "items": event}},
                PLAIN: {"schema": {"description": PLAIN_JSON}},
            },
        },
        "responses": {
            "200": {
                "description": "What became of each event.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventsAnswer"}}},
            },
            "400": _problem("The body is not the JSON that its content type promises; `byte` says where."),
            "401": _problem("No key, an unknown or a revoked one."),
            "413": _problem("Too many bytes or events at once; `detail` says the limit."),
            "415": _problem("Another content type, or a compressed body."),
            "503": _problem("The database does not answer. Send the request again after Retry-After."),
        },
    }


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def _event() -> dict[str, Any]:
    def word(name: str, description: str) -> dict[str, Any]:
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST[name],
            "description": f"{description} At most {LONGEST[name]} bytes in UTF-8.",
        }

    time = {"type": "string", "format": "date-time"}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": word("id", "With `source` the event's identity within its saga."),
            "source": word("source", "Who says it."),
            "type": word("type", f"One of the kinds: {KINDS}; or a foreign type that a definition maps."),
            "correlationid": word("correlationid", "The saga's id; needed for our kinds."),
            "sagatype": word("sagatype", "The saga's type; needed for our kinds."),
            "sagastep": word("sagastep", "The step; needed for step.* and compensation.*."),
            "sagaexecution": word("sagaexecution", "Which execution of the step."),
            "sagaattempt": {"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
            "sagaversion": word("sagaversion", "The definition's version."),
            "sagadeadline": time | {"description": "When a result, or the saga's end, is due."},
            "time": time | {"description": "When it happened; without it, the time of receipt counts."},
            "sequence": word("sequence", "Order within the source."),
            "datacontenttype": {"type": "string", "description": "Of the payload; without it, JSON."},
            "data": {"description": "The business payload, kept to the letter."},
            "data_base64": {"type": "string", "format": "byte"},
        },
        "additionalProperties": {"type": ["string", "integer", "boolean", "null"]},
    }


def _mapped() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["type", "sagatype", "correlationid", "outcome"],
        "properties": {
            "type": {"enum": [kind.value for kind in Kind if kind not in RESERVED]},
            "sagatype": text,
            "correlationid": text,
            "sagastep": text,
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
        },
    }


def _answer() -> dict[str, Any]:
    told = {
        "type": "object",
        "required": ["id", "source", "outcome"],
        "properties": {
            "id": {"type": "string", "description": "As far as it could be read."},
            "source": {"type": "string"},
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
            "reason": {"enum": [reason.value for reason in Reason], "description": "Why it was quarantined."},
            "detail": {"type": "string", "description": "What is wrong with it, for people."},
            "mapped": {
                "type": "array",
                "items": _mapped(),
                "description": "What mappings made of a foreign event. Where one of them failed, a copy of "
                "the event is in quarantine, and `reason` and `detail` are there, too.",
            },
        },
    }
    count = {"type": "integer", "minimum": 0}
    return {
        "type": "object",
        "required": ["results", "stored", "duplicate", "quarantined"],
        "properties": {
            "results": {"type": "array", "items": told},
            "stored": count,
            "duplicate": count,
            "quarantined": count,
        },
    }
