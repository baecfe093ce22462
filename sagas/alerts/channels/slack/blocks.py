"""A message as Slack shows it: Block Kit (pure).

Texts from outside stand only where Slack reads no markup: in `rich_text` elements, which are taken to the
letter, and in `plain_text`, with `&`, `<` and `>` escaped, so that no `<!channel>` calls anybody.
"""

from collections.abc import Iterator
from typing import Any

from sagas.addresses import is_web_address
from sagas.alerts.message import Message
from sagas.alerts.wording import facts, fit, headline, links, paragraphs

Block = dict[str, Any]

# Characters, as Slack's reference gives them.
LONGEST_HEADER = 150
LONGEST_TEXT = 500
LONGEST_ADDRESS = 3000

# Lines of a digest, and problems of a storm.
MOST_LINES = 20


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def content(message: Message) -> dict[str, Any]:
    """`text` is what notifications and screen readers say; `blocks` is what is seen."""
    return brief(message) | {"blocks": blocks(message)}


def brief(message: Message) -> dict[str, Any]:
    """One line, for a thread."""
    return {
        "text": fit(headline(message), LONGEST_TEXT, escape),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def blocks(message: Message) -> list[Block]:
    header = {"type": "plain_text", "text": fit(headline(message), LONGEST_HEADER, escape), "emoji": False}
    found: list[Block] = [{"type": "header", "text": header}]
    if lines := list(_lines(message)):
        sections = [{"type": "rich_text_section", "elements": elements} for elements in _parted(lines)]
        found.append({"type": "rich_text", "elements": sections})
    buttons = [_button(*link) for link in links(message) if len(link[1]) <= LONGEST_ADDRESS]
    if buttons:
        buttons[0]["style"] = "primary"
        found.append({"type": "actions", "elements": buttons})
    return found


def _lines(message: Message) -> Iterator[list[Block]]:
    for paragraph in list(paragraphs(message))[:MOST_LINES]:
        yield [_text(paragraph)]
    for name, value in facts(message):
        shown = _link(value, value) if name == "Runbook" and is_web_address(value) else _text(value)
        yield [_text(name, bold=True), shown]
    for part in message.problems[:MOST_LINES]:
        yield [_link(part.title, part.link), _text(f"· {part.saga_type} · {part.count:,}")]
    if message.sagas and not message.is_over:
        named: list[Block] = []
        for one in message.sagas:
            named += [_link(one.id, one.link), {"type": "text", "text": "  "}]
        more = message.count - len(message.sagas)
        yield [*named, _text(f"and {more:,} more")] if more > 0 else named


def _parted(lines: list[list[Block]]) -> Iterator[list[Block]]:
    """Each line ends, but for the last."""
    for place, elements in enumerate(lines):
        yield elements + ([{"type": "text", "text": "\n"}] if place < len(lines) - 1 else [])


def _text(text: str, *, bold: bool = False) -> Block:
    edge = "  " if bold else ""
    element: Block = {"type": "text", "text": (fit(text, LONGEST_TEXT) or "–") + edge}
    return element | {"style": {"bold": True}} if bold else element


def _link(text: str, address: str) -> Block:
    if not is_web_address(address) or len(address) > LONGEST_ADDRESS:
        return _text(text)
    return {"type": "link", "url": address, "text": fit(text, LONGEST_TEXT) or address}


def _button(label: str, address: str) -> Block:
    text = {"type": "plain_text", "text": label, "emoji": False}
    return {"type": "button", "text": text, "url": address, "action_id": label.casefold().replace(" ", "_")}
