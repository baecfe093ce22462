"""`POST /api/v1/events`: where participants send their events. Answers once they are committed.

A plain view: REST framework's serializers cost more than a hundred times what reading an event costs here
(`make bench`). How it is called stands in `console.api.events_schema`.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from console import metrics
from console.api import problem_details
from sagas import events, hearing, ingest, participants
from sagas.events import Incoming, MalformedError, Refused, TooManyError, plain
from sagas.ingest import Outcome
from sagas.models import Participant, ParticipantKey

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PLAIN = "application/json"
BINARY_HEADER = "HTTP_CE_"
TAKEN = (
    f"Send one event as {STRUCTURED}, several as {BATCH}, "
    "or one in binary mode: its attributes as ce- headers, ce-specversion among them."
)
SET_UP = (
    "Plain JSON is taken once an admin has chosen, on the participant's page, what its type and identity are."
)
# Of one of these its sender was heard: what nobody understood is in quarantine.
ACCEPTED = {Outcome.STORED, Outcome.DUPLICATE}
# Seconds after which it is worth asking again.
RETRY_AFTER = "5"


class Mapped(msgspec.Struct, omit_defaults=True):
    """What a mapping made of a foreign event, in the words that a native one would have used."""

    type: str
    sagatype: str
    correlationid: str
    outcome: Outcome
    sagastep: str = ""


class Told(msgspec.Struct, omit_defaults=True):
    """What became of one event; `id` and `source` as far as they could be read."""

    id: str
    source: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    mapped: list[Mapped] = []


class Answer(msgspec.Struct):
    results: list[Told]
    stored: int
    duplicate: int
    quarantined: int


_encoder = msgspec.json.Encoder()


@csrf_exempt
def receive(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return problem_details.answer(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Events are sent by POST.",
            headers={"Allow": "POST"},
        )
    try:
        key = _key(request)
        if key is None:
            return _unauthorized(request)
        found = _read(request, key.participant)
        if isinstance(found, HttpResponse):
            return found
        participants.note_use(key)
        results = ingest.store(found, participant=key.participant, scope=key.saga_types)
        if any(result.outcome in ACCEPTED for result in results):
            hearing.note(key.participant_id, timezone.now())
    except (OperationalError, InterfaceError):
        return problem_details.answer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "database_away",
            "The database does not answer; nothing was stored. Send the events again.",
            headers={"Retry-After": RETRY_AFTER},
        )
    return _answer(found, results)


def _key(request: HttpRequest) -> ParticipantKey | None:
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return participants.find_by_secret(secret.strip()) if scheme.lower() == "bearer" else None


def _unauthorized(request: HttpRequest) -> HttpResponse:
    if request.META.get("HTTP_AUTHORIZATION"):
        detail = "This key is not known, or was revoked. It must be a participant's: Bearer amp_…"
    else:
        detail = "A participant's key is needed: Authorization: Bearer amp_…"
    return problem_details.answer(
        HTTPStatus.UNAUTHORIZED,
        "not_authenticated",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="amends"'},
    )


def _read(request: HttpRequest, sender: Participant) -> Sequence[Incoming | Refused] | HttpResponse:
    """The events of the request, or the answer that says why it cannot be read."""
    content_type = request.META.get("CONTENT_TYPE", "")
    media = content_type.partition(";")[0].strip().lower()
    headers = {
        name[len(BINARY_HEADER) :].lower(): value
        for name, value in request.META.items()
        if name.startswith(BINARY_HEADER)
    }
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
    if coding.lower() != "identity":
        return _unsupported(f"The Content-Encoding {coding} is not taken. Send the body as it is.")
    if media == PLAIN and not headers:
        if sender.plain_json is None:
            return _unsupported(
                f"The Content-Type {PLAIN} is not taken without ce- headers. {TAKEN} {SET_UP}"
            )
    elif media not in {STRUCTURED, BATCH} and (media.startswith("application/cloudevents") or not headers):
        return _unsupported(f"The Content-Type {content_type or '(none)'} is not taken. {TAKEN}")
    try:
        body = request.body
    except RequestDataTooBig:
        return _too_large(
            f"A request may have {settings.INGEST_MAX_BYTES:,} bytes; this one has more. Send fewer events."
        )
    now, largest = timezone.now(), settings.INGEST_MAX_EVENT_BYTES
    try:
        if media == BATCH:
            return events.read_batch(body, now=now, largest=largest, most=settings.INGEST_MAX_EVENTS)
        if media == STRUCTURED:
            return [events.read_structured(body, now=now, largest=largest)]
        if media == PLAIN and not headers:
            defaults = msgspec.convert(sender.plain_json, plain.Defaults)
            return plain.read_plain(body, defaults, now=now, largest=largest, most=settings.INGEST_MAX_EVENTS)
        return [events.read_binary(headers, content_type, body, now=now, largest=largest)]
    except TooManyError as error:
        return _too_large(
            f"A batch may have {settings.INGEST_MAX_EVENTS:,} events; this one has {error.count:,}. "
            "Send fewer events."
        )
    except MalformedError as error:
        where: dict[str, Any] = {} if error.byte is None else {"byte": error.byte}
        return problem_details.answer(HTTPStatus.BAD_REQUEST, "malformed", f"{error}.", **where)


def _unsupported(detail: str) -> HttpResponse:
    return problem_details.answer(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        detail,
        headers={"Accept": f"{STRUCTURED}, {BATCH}"},
    )


def _too_large(detail: str) -> HttpResponse:
    return problem_details.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail)


def _answer(found: Sequence[Incoming | Refused], results: Sequence[ingest.Result]) -> HttpResponse:
    told = [
        Told(
            event.id,
            event.source,
            result.outcome,
            result.reason,
            result.detail,
            [*map(_mapped, result.mapped)],
        )
        for event, result in zip(found, results, strict=True)
    ]
    counts = [sum(result.outcome is outcome for result in results) for outcome in Outcome]
    for outcome, count in zip(Outcome, counts, strict=True):
        metrics.count_events(outcome, count)
    return HttpResponse(_encoder.encode(Answer(told, *counts)), content_type="application/json")


def _mapped(one: ingest.Mapped) -> Mapped:
    event = one.event
    return Mapped(event.kind, event.saga_type, event.saga_id, one.outcome, event.step)
