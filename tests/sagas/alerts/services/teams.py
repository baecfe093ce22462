"""A workflow of Teams, and Adaptive Cards of the elements that we use (adaptivecards.io/explorer, 1.4)."""

import re
from dataclasses import dataclass
from typing import Any

from tests.sagas.alerts.services.server import Reply, Request, Service, WrongError, need, need_text

PATH = "/powerautomate/automations/direct/workflows/0123456789abcdef/triggers/manual/paths/invoke"
SIGNATURE = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789-_aBcDe"
QUERY = f"?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"

LONGEST = 28 * 1024
RUN = {"type", "text", "size", "weight", "isSubtle", "color", "selectAction", "italic", "underline"}


def check_card(card: dict[str, Any]) -> None:
    need(card["type"] == "AdaptiveCard", "no card")
    need(re.fullmatch(r"1\.[0-5]", card["version"]), "a version that Teams does not show")
    need(card["body"], "an empty card")
    for element in card["body"]:
        _element(element)
    need(len(card["actions"]) <= 6, "more than six actions")
    for action in card["actions"]:
        _open(action)
        need_text(action["title"], 100, "title of an action")


def _element(element: dict[str, Any]) -> None:
    match element:
        case {"type": "Container", "items": [_, *_] as items}:
            need(
                element.keys() <= {"type", "items", "style", "bleed", "spacing"}, f"unknown parts: {element}"
            )
            styles = {"default", "emphasis", "good", "attention", "warning", "accent"}
            need(element.get("style", "default") in styles, "no such style")
            for item in items:
                _element(item)
        case {"type": "RichTextBlock", "inlines": [_, *_] as inlines}:
            need(element.keys() <= {"type", "inlines", "spacing"}, f"unknown parts: {element}")
            for run in inlines:
                need(run["type"] == "TextRun" and run.keys() <= RUN, f"no text run: {run}")
                need_text(run["text"], LONGEST, "text of a run")
                if "selectAction" in run:
                    _open(run["selectAction"])
        case _:
            # Text blocks and facts would be read as Markdown.
            raise WrongError(f"not an element that takes texts to the letter: {element}")


def _open(action: dict[str, Any]) -> None:
    need(action["type"] == "Action.OpenUrl", f"not an Action.OpenUrl: {action}")
    need(re.match(r"https?://", action["url"]), f"no address: {action['url']}")


@dataclass
class Teams(Service):
    """`is_on`: whether the workflow is switched on."""

    is_on: bool = True

    @property
    def address(self) -> str:
        return self.url + PATH + QUERY

    def answer(self, request: Request) -> Reply:
        need(request.method == "POST", "not a POST")
        path, _, query = request.path.partition("?")
        if path != PATH:
            return _error(404, "WorkflowNotFound", "The workflow could not be found.")
        if f"?{query}" != QUERY:
            return _error(
                401, "DirectApiAuthorizationRequired", "The OAuth authorization scheme is required."
            )
        if not self.is_on:
            return _error(400, "WorkflowTriggerIsNotEnabled", "The workflow is not enabled.")
        need(request.headers["content-type"].startswith("application/json"), "no JSON")
        if len(request.body) > LONGEST:
            self.wrong.append(f"{len(request.body)} bytes")
            return _error(413, "RequestEntityTooLarge", "The request entity is too large.")
        content = request.json
        need(content["type"] == "message", "no message")
        (attachment,) = content["attachments"]
        need(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", "no card")
        check_card(attachment["content"])
        return Reply(202)

    def refuse(self, why: str) -> Reply:
        return _error(400, "InvalidRequestContent", "The request content is not valid.")


def _error(status: int, code: str, words: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": words}})
