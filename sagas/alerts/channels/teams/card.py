"""A message as an Adaptive Card (pure).

All text stands in text runs, which are taken to the letter: text blocks and facts read Markdown.
"""

import json
from collections.abc import Iterator
from typing import Any

from sagas.addresses import is_web_address
from sagas.alerts.message import Message
from sagas.alerts.wording import facts, fit, headline, links, paragraphs
from sagas.vocabulary import Occasion, Severity

Element = dict[str, Any]

# What Teams shows of webhooks in all its clients.
VERSION = "1.4"
# Bytes of a request: Teams refuses what is over 28 KB, its own wrapping included.
LONGEST_REQUEST = 24_000
LONGEST_TEXT = 500
LONGEST_ADDRESS = 2_000
MOST_LINES = 20


def request(message: Message) -> dict[str, Any]:
    """What the workflow takes. Lines that do not fit are left out, from the end, and that is said."""
    body = list(_body(message))
    whole = _wrapped(body, message)
    if _size(whole) <= LONGEST_REQUEST:
        return whole
    while len(body) > 1 and _size(whole) > LONGEST_REQUEST:
        body.pop()
        whole = _wrapped([*body, _line(_run("There is more than fits here.", isSubtle=True))], message)
    return whole


def _wrapped(body: list[Element], message: Message) -> dict[str, Any]:
    actions = [
        {"type": "Action.OpenUrl", "title": label, "url": address}
        for label, address in links(message)
        if len(address) <= LONGEST_ADDRESS
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "body": body,
        "actions": actions,
        "msteams": {"width": "Full"},
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _size(content: dict[str, Any]) -> int:
    return len(json.dumps(content, ensure_ascii=False).encode())


def _body(message: Message) -> Iterator[Element]:
    head = _line(_run(headline(message), size="Large", weight="Bolder"))
    yield {"type": "Container", "style": _style(message), "bleed": True, "items": [head]}
    for paragraph in list(paragraphs(message))[:MOST_LINES]:
        yield _line(_run(paragraph))
    for name, value in facts(message):
        shown = _link(value, value) if name == "Runbook" else _run(value)
        yield _line(_run(name, weight="Bolder"), _run("  "), shown) | {"spacing": "Small"}
    for part in message.problems[:MOST_LINES]:
        many = _run(f" · {part.saga_type} · {part.count:,}", isSubtle=True)
        yield _line(_link(part.title, part.link), many) | {"spacing": "Small"}
    if not message.is_over:
        for one in message.sagas:
            yield _line(_link(one.id, one.link)) | {"spacing": "Small"}
        if message.sagas and (more := message.count - len(message.sagas)) > 0:
            yield _line(_run(f"and {more:,} more", isSubtle=True)) | {"spacing": "Small"}


def _style(message: Message) -> str:
    if message.is_over:
        return "good"
    if message.occasion in {Occasion.ACKNOWLEDGED, Occasion.ASSIGNED} or not message.severity:
        return "accent"
    return "attention" if message.severity == Severity.CRITICAL else "warning"


def _line(*runs: Element) -> Element:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **looks: object) -> Element:
    # A run of spaces parts two others.
    return {"type": "TextRun", "text": fit(text, LONGEST_TEXT) or "\N{NO-BREAK SPACE}", **looks}


def _link(text: str, address: str) -> Element:
    if not is_web_address(address) or len(address) > LONGEST_ADDRESS:
        return _run(text)
    return _run(text, selectAction={"type": "Action.OpenUrl", "url": address})
