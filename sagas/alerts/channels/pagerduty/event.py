"""A message as events of PagerDuty's Events API v2 (pure)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from sagas.addresses import is_web_address
from sagas.alerts.message import Message
from sagas.alerts.wording import facts, fit, headline, links, paragraphs
from sagas.vocabulary import Occasion, Severity

# Characters, as PagerDuty's reference gives them; of the rest there is as much as anybody reads.
LONGEST_SUMMARY = 1024
LONGEST_TEXT = 500
MOST_LINES = 20

# PagerDuty's words for how bad it is. What has no severity is a test, or about Amends itself.
SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "info",
}
NONE = {Occasion.TEST: "info"}


def events(message: Message, source: str) -> Iterator[dict[str, Any]]:
    """One; for a test a second that ends it, as nobody else would. `source`: the address of the console."""
    match message.occasion:
        case Occasion.RESOLVED:
            yield _event("resolve", message)
        case Occasion.ACKNOWLEDGED:
            yield _event("acknowledge", message)
        case _:
            yield _event("trigger", message) | _told(message, source)
    if message.occasion == Occasion.TEST:
        yield _event("resolve", message)


def _event(action: str, message: Message) -> dict[str, Any]:
    return {"event_action": action, "dedup_key": message.thread}


def _told(message: Message, source: str) -> dict[str, Any]:
    severity = (
        SEVERITIES[Severity(message.severity)] if message.severity else NONE.get(message.occasion, "warning")
    )
    payload = {
        "summary": fit(headline(message), LONGEST_SUMMARY),
        "source": fit(message.participant, LONGEST_TEXT) or urlsplit(source).hostname or "amends",
        "severity": severity,
        "timestamp": message.at.isoformat(),
        "component": fit(message.step, LONGEST_TEXT),
        "group": fit(message.saga_type, LONGEST_TEXT),
        "class": message.code,
        "custom_details": _details(message),
    }
    shown = [{"href": address, "text": label} for label, address in _links(message)]
    return {
        "payload": {name: value for name, value in payload.items() if value},
        "links": shown,
        "client": "Amends",
        "client_url": message.link or source,
    }


def _details(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {name: fit(value, LONGEST_TEXT) for name, value in facts(message)}
    if said := [fit(paragraph, LONGEST_TEXT) for paragraph in paragraphs(message)]:
        found["What happened"] = said[:MOST_LINES]
    if message.sagas:
        found["Sagas that have it"] = [fit(one.id, LONGEST_TEXT) for one in message.sagas]
    if message.problems:
        found["Problems"] = [
            fit(f"{part.saga_type}: {part.title} ({part.count:,})", LONGEST_TEXT)
            for part in message.problems[:MOST_LINES]
        ]
    # By which whoever got it twice can tell.
    return found | {"Message": str(message.id)}


def _links(message: Message) -> Iterator[tuple[str, str]]:
    yield from links(message)
    if is_web_address(message.runbook):
        yield "Runbook", message.runbook
