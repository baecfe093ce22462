"""Prometheus Alertmanager's API v2 (api/v2/openapi.yaml of prometheus/alertmanager)."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.sagas.alerts.services.server import Reply, Request, Service, need

USER, PASSWORD = "amends", "correct-horse-battery"
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass
class Alertmanager(Service):
    """`alerts`: what it knows, by labels; it forgets what has ended."""

    alerts: dict[frozenset[tuple[str, str]], dict[str, Any]] = field(default_factory=dict)

    def firing(self, at: datetime) -> list[dict[str, Any]]:
        return [one for one in self.alerts.values() if datetime.fromisoformat(one["endsAt"]) > at]

    def answer(self, request: Request) -> Reply:
        expected = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        if request.headers.get("authorization") not in {expected, f"Bearer {PASSWORD}"}:
            return Reply(401, "Unauthorized")
        need(request.method == "POST" and request.path == "/api/v2/alerts", "not POST /api/v2/alerts")
        need(request.headers["content-type"].startswith("application/json"), "unsupported media type")
        need(isinstance(request.json, list) and request.json, "no array of alerts")
        for alert in request.json:
            _check(alert)
        for alert in request.json:
            self.alerts[frozenset(alert["labels"].items())] = alert
        return Reply(200)

    def refuse(self, why: str) -> Reply:
        return Reply(400, why)


def _check(alert: dict[str, Any]) -> None:
    need(alert.keys() <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"}, "unknown parts")
    need(alert.get("labels"), "at least one label pair required")
    for kind in ("labels", "annotations"):
        for name, value in alert.get(kind, {}).items():
            need(NAME.fullmatch(name), f"invalid name {name!r}")
            need(isinstance(value, str) and value, f"invalid value of {name}")
    starts, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
    need(starts.tzinfo and ends.tzinfo, "no RFC 3339")
    need(starts <= ends, "start time must be before end time")
    need(re.match(r"https?://", alert.get("generatorURL", "http://")), "generatorURL is no address")
