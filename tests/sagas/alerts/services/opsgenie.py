"""Opsgenie's alert API (docs.opsgenie.com/docs/alert-api)."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.sagas.alerts.services.server import Reply, Request, Service, need, need_text

KEY = "eb243592-faa2-4ba2-a551-1afdf565c889"
LONGEST = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100, "user": 100}
CREATE = {*LONGEST, "tags", "details", "priority", "note"}


@dataclass
class Alert:
    content: dict[str, Any]
    status: str = "open"
    is_acknowledged: bool = False
    count: int = 1
    notes: list[str] = field(default_factory=list)


@dataclass
class Opsgenie(Service):
    alerts: dict[str, Alert] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        parts = urlsplit(request.path)
        if request.headers.get("authorization") != f"GenieKey {KEY}":
            return _said(401, "Could not authenticate")
        need(request.headers["content-type"].startswith("application/json"), "no JSON")
        match parts.path.strip("/").split("/"):
            case ["v2", "alerts"]:
                need(request.method == "POST", "not a POST")
                self._create(request.json)
            case ["v2", "alerts", alias, act]:
                need(parse_qs(parts.query).get("identifierType") == ["alias"], "no such alert")
                need(request.method == ("PUT" if act == "priority" else "POST"), "another method")
                self._act(unquote(alias), act, request.json)
            case _:
                return _said(404, "No such path")
        return _said(202, "") if not self.wrong else self.refuse(self.wrong[-1])

    def refuse(self, why: str) -> Reply:
        return Reply(
            422, {"message": "Request body is not processable.", "errors": {"body": why}, "took": 0.1}
        )

    def _create(self, body: dict[str, Any]) -> None:
        need(body.keys() <= CREATE, f"unknown parts: {body.keys() - CREATE}")
        for name, longest in LONGEST.items():
            if name in body:
                need_text(body[name], longest, name)
        need("<" not in body["message"] + body.get("description", ""), "a tag")
        need(body["priority"] in {"P1", "P2", "P3", "P4", "P5"}, "no such priority")
        need(len(body.get("tags", [])) <= 20, "too many tags")
        for tag in body.get("tags", []):
            need_text(tag, 50, "tag")
        details = body.get("details", {})
        need(all(isinstance(value, str) for value in details.values()), "details that are no text")
        need(sum(map(len, [*details, *details.values()])) <= 8000, "details of more than 8,000 characters")
        known = self.alerts.get(body["alias"])
        if known and known.status == "open":
            known.count += 1  # and nothing else
        else:
            self.alerts[body["alias"]] = Alert(body)

    def _act(self, alias: str, act: str, body: dict[str, Any]) -> None:
        alert = self.alerts[alias]
        if act == "priority":
            need(body["priority"] in {"P1", "P2", "P3", "P4", "P5"}, "no such priority")
            alert.content["priority"] = body["priority"]
            return
        need(act in {"acknowledge", "close", "notes"}, "no such act")
        need(body.keys() <= {"user", "source", "note"}, f"unknown parts: {body.keys()}")
        need_text(body["note"], 25_000, "note")
        alert.notes.append(body["note"])
        alert.is_acknowledged |= act == "acknowledge"
        alert.status = "closed" if act == "close" else alert.status


def _said(status: int, words: str) -> Reply:
    body = {"took": 0.107, "requestId": "43a29c5c-3dbf-4fa4-9c26-f4f71023e120"}
    told = {"result": "Request will be processed"} if status == 202 else {"message": words}
    return Reply(status, told | body)
