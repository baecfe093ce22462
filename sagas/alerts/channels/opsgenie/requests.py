"""A message as requests to Opsgenie's alert API (pure). An alert is known there by its alias."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sagas.alerts.message import Message
from sagas.alerts.wording import facts, fit, harmless, headline, links, over, paragraphs
from sagas.vocabulary import Occasion, Severity

# Characters, as Opsgenie's reference gives them.
LONGEST_MESSAGE = 130
LONGEST_DESCRIPTION = 15_000
LONGEST_NOTE = 25_000
LONGEST_TAG = 50
LONGEST_TEXT = 500
MOST_LINES = 20

SOURCE = "Amends"

PRIORITIES = {Severity.CRITICAL: "P1", Severity.ERROR: "P2", Severity.WARNING: "P3", Severity.NOTE: "P5"}
# What has no severity is a test, or about Amends itself.
OF_A_TEST, OF_A_NOTICE = "P5", "P3"


@dataclass(frozen=True, slots=True)
class Request:
    """`path` below the API's base address, its query included."""

    path: str
    body: dict[str, Any]
    method: str = "POST"


def requests(message: Message, known_priority: str) -> list[Request]:
    """What is to be said, in this order. `known_priority`: what the alert had last; empty: there is none."""
    match message.occasion:
        case Occasion.RESOLVED:
            return [_about(message, "close", _note(over(message)))]
        case Occasion.ACKNOWLEDGED:
            return [_about(message, "acknowledge", _note(message.handled or headline(message)))]
        case Occasion.ASSIGNED:
            return [_about(message, "notes", _note(message.handled or headline(message)))]
        case Occasion.TEST:
            return [_create(message), _about(message, "close", _note("It was a test."))]
    found = [_create(message)]
    if known_priority:
        # One that is open is only counted up there: what is new must be said.
        found.append(_about(message, "notes", _note(headline(message))))
        if known_priority != priority(message):
            body = {"priority": priority(message)}
            found.append(_about(message, "priority", body, method="PUT"))
    return found


def priority(message: Message) -> str:
    if message.severity:
        return PRIORITIES[Severity(message.severity)]
    return OF_A_TEST if message.occasion == Occasion.TEST else OF_A_NOTICE


def _about(message: Message, act: str, body: dict[str, Any], method: str = "POST") -> Request:
    return Request(f"/v2/alerts/{quote(message.thread, safe='')}/{act}?identifierType=alias", body, method)


def _note(text: str) -> dict[str, Any]:
    return {"source": SOURCE, "note": plain(text, LONGEST_NOTE)}


def _create(message: Message) -> Request:
    known = {
        "entity": plain(message.participant, LONGEST_TEXT),
        "tags": [plain(tag, LONGEST_TAG) for tag in (message.saga_type, message.code) if tag],
        "details": {name: plain(value, LONGEST_TEXT) for name, value in facts(message)},
    }
    body = {
        "message": plain(headline(message), LONGEST_MESSAGE),
        "alias": message.thread,
        "description": "\n".join(_description(message))[:LONGEST_DESCRIPTION],
        "priority": priority(message),
        "source": SOURCE,
    }
    return Request("/v2/alerts", body | {name: value for name, value in known.items() if value})


def _description(message: Message) -> Iterator[str]:
    for paragraph in list(paragraphs(message))[:MOST_LINES]:
        yield plain(paragraph, LONGEST_TEXT)
    for part in message.problems[:MOST_LINES]:
        yield plain(f"{part.saga_type}: {part.title} ({part.count:,})", LONGEST_TEXT)
    if message.sagas:
        yield "Sagas: " + ", ".join(plain(one.id, LONGEST_TEXT) for one in message.sagas)
    for label, address in links(message):
        yield f"{label}: {address}"
    # By which whoever got it twice can tell.
    yield f"Message {message.id}"


def plain(text: str, longest: int) -> str:
    """Opsgenie takes some of these texts for HTML, and passes them on to chats."""
    return fit(harmless(text), longest)
