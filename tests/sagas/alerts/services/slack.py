"""Slack: incoming webhooks, chat.postMessage and chat.update (docs.slack.dev/reference)."""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.sagas.alerts.services.server import Reply, Request, Service, WrongError, need, need_text

PATH = "/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx"
TOKEN = "xoxb-1234567890-1234567890123-aBcDeFgHiJkLmNoPqRsTuVwX"
CHANNEL = "C0123456789"

# <!channel>, <@U1>, <#C1>, <http://x|y>: what Slack reads in texts that are not taken to the letter.
CONTROL = re.compile(r"<[^>]*>|&(?!amp;|lt;|gt;)|[<>]")


def check_content(content: dict[str, Any]) -> None:
    need_text(content.get("text"), 40_000, "text")
    need(not CONTROL.search(content["text"]), f"text holds control characters: {content['text']}")
    blocks = content.get("blocks", [])
    need(len(blocks) <= 50, "more than 50 blocks")
    for block in blocks:
        match block:
            case {"type": "header", "text": text}:
                _plain(text, 150)
            case {"type": "rich_text", "elements": [_, *_] as elements}:
                for section in elements:
                    _section(section)
            case {"type": "actions", "elements": [_, *_] as elements}:
                need(len(elements) <= 25, "more than 25 elements")
                names = [_button(one) for one in elements]
                need(len(set(names)) == len(names), "action_id twice in a block")
            case _:
                raise WrongError(f"invalid block: {block}")


def _plain(text: dict[str, Any], longest: int) -> None:
    need(
        text.keys() <= {"type", "text", "emoji"} and text.get("type") == "plain_text",
        f"no plain_text: {text}",
    )
    need_text(text.get("text"), longest, "plain_text")
    need(not CONTROL.search(text["text"]), f"plain_text holds control characters: {text['text']}")


def _section(section: dict[str, Any]) -> None:
    need(section.get("type") == "rich_text_section", f"no rich_text_section: {section}")
    need(section.get("elements"), "a section without elements")
    for element in section["elements"]:
        need_text(element.get("text"), 3000, "text of an element")
        need(element["type"] in {"text", "link"}, f"no text or link: {element}")
        need(element.keys() <= {"type", "text", "url", "style"}, f"unknown parts: {element}")
        if element["type"] == "link":
            need(re.match(r"https?://", element["url"]), f"no address: {element['url']}")


def _button(button: dict[str, Any]) -> str:
    need(button.get("type") == "button", f"no button: {button}")
    need(button.keys() <= {"type", "text", "url", "action_id", "style", "value"}, f"unknown parts: {button}")
    _plain(button["text"], 75)
    need_text(button["url"], 3000, "url of a button")
    need_text(button["action_id"], 255, "action_id")
    need(button.get("style", "primary") in {"primary", "danger"}, "no such style")
    return str(button["action_id"])


@dataclass
class Slack(Service):
    """`archived`: messages are refused as those to an archived channel are. `messages`: by their `ts`."""

    archived: bool = False
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        need(request.method == "POST", "not a POST")
        need(request.headers["content-type"].startswith("application/json"), "no JSON")
        if request.path == PATH:
            return self._webhook(request)
        if not request.path.startswith("/api/"):
            return Reply(404, "no_service")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _not_ok("invalid_auth")
        match request.path:
            case "/api/chat.postMessage":
                return self._post(request.json)
            case "/api/chat.update":
                return self._update(request.json)
        return _not_ok("unknown_method")

    def refuse(self, why: str) -> Reply:
        return Reply(400, "invalid_payload")

    def _webhook(self, request: Request) -> Reply:
        if self.archived:
            return Reply(410, "channel_is_archived")
        check_content(request.json)
        # An incoming webhook decides neither.
        need(not request.json.keys() & {"channel", "thread_ts"}, "not for webhooks")
        return Reply(200, "ok")

    def _post(self, content: dict[str, Any]) -> Reply:
        if content["channel"] not in {CHANNEL, "#alerts"}:
            return _not_ok("channel_not_found")
        if self.archived:
            return _not_ok("is_archived")
        check_content(content)
        self._check_metadata(content)
        ts = f"1700000000.{len(self.messages) + 1:06d}"
        self.messages[ts] = content
        return Reply(200, {"ok": True, "channel": CHANNEL, "ts": ts, "message": {"text": content["text"]}})

    def _update(self, content: dict[str, Any]) -> Reply:
        # Only its id will do here.
        if content["channel"] != CHANNEL:
            return _not_ok("channel_not_found")
        if content["ts"] not in self.messages:
            return _not_ok("message_not_found")
        check_content(content)
        self._check_metadata(content)
        self.messages[content["ts"]] = content
        return Reply(200, {"ok": True, "channel": CHANNEL, "ts": content["ts"], "text": content["text"]})

    def _check_metadata(self, content: dict[str, Any]) -> None:
        metadata = content["metadata"]
        need_text(metadata["event_type"], 255, "event_type")
        need(isinstance(metadata["event_payload"], dict), "event_payload is no object")


def _not_ok(error: str) -> Reply:
    return Reply(200, {"ok": False, "error": error})
