"""PagerDuty's Events API v2 (developer.pagerduty.com/docs/events-api-v2)."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.sagas.alerts.services.server import Reply, Request, Service, need, need_text

KEY = "0123456789abcdef0123456789ABCDEF"
LONGEST = 512 * 1024
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


@dataclass
class PagerDuty(Service):
    """`incidents`: the last state of each, by its key; `severities` of its last trigger."""

    incidents: dict[str, str] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        need(request.method == "POST" and request.path == "/v2/enqueue", "not POST /v2/enqueue")
        need(request.headers["content-type"].startswith("application/json"), "no JSON")
        need(len(request.body) <= LONGEST, "more than 512 KB")
        event = request.json
        need(event.get("routing_key") == KEY, "Invalid routing key")
        action = event.get("event_action")
        need(action in {"trigger", "acknowledge", "resolve"}, "'event_action' is invalid")
        need_text(event.get("dedup_key"), 255, "dedup_key")
        if action == "trigger":
            _check_payload(event["payload"])
            for link in event.get("links", []):
                need(re.match(r"https?://", link["href"]), "'links.href' is no address")
                need_text(link["text"], 1024, "links.text")
            self.incidents[event["dedup_key"]] = "triggered"
            self.severities[event["dedup_key"]] = event["payload"]["severity"]
        elif event["dedup_key"] in self.incidents:
            self.incidents[event["dedup_key"]] = f"{action}d"
        body = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return Reply(202, body)

    def refuse(self, why: str) -> Reply:
        return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": [why]})


def _check_payload(payload: dict[str, Any]) -> None:
    need(payload.keys() <= PAYLOAD, f"unknown parts: {payload.keys()}")
    need_text(payload.get("summary"), 1024, "payload.summary")
    need_text(payload.get("source"), 1024, "payload.source")
    need(payload.get("severity") in {"critical", "error", "warning", "info"}, "'payload.severity' is invalid")
    need(datetime.fromisoformat(payload["timestamp"]).tzinfo, "'payload.timestamp' has no zone")
    need(isinstance(payload.get("custom_details", {}), dict), "'payload.custom_details' is no object")
