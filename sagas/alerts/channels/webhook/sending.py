"""Signed JSON over HTTP, as Standard Webhooks says (https://www.standardwebhooks.com)."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from sagas.alerts.channels.calling import Answer, call
from sagas.alerts.channels.kind import DeliveryError, Destination, Sent
from sagas.alerts.message import Message


def send(message: Message, destination: Destination, state: Mapping[str, Any]) -> Sent:
    """Send an alert once; raises DeliveryError."""
    answer = post(message.id, destination, payload(message))
    return Sent({}, answer.request, answer.said)


def targets(config: Mapping[str, Any], owner: str) -> Iterable[str]:
    return dict.fromkeys(config.get("urls", ()))


def check(config: Mapping[str, Any]) -> Iterable[str]:
    try:
        Webhook(config.get("secret", ""))
    except (ValueError, EmptyWebhookSecretError):
        yield "The signing secret must be whsec_ and base64, as `openssl rand -base64 24` makes it."


def post(id: UUID, destination: Destination, body: str) -> Answer:
    """Send JSON once to the target, signed, and follow no redirect; raises DeliveryError."""
    now = datetime.now(UTC)
    headers = {
        "webhook-id": str(id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": _sign(id, now, body, destination.config["secret"]),
        "content-type": "application/json",
    }
    # What is a mistake of ours today may be mended there tomorrow; only "gone" is meant for good.
    return call(
        destination,
        destination.target,
        body.encode(),
        headers,
        is_permanent=lambda status: status == HTTPStatus.GONE,
    )


def _sign(id: UUID, now: datetime, body: str, secret: str) -> str:
    try:
        return Webhook(secret).sign(str(id), now, body)
    except (ValueError, EmptyWebhookSecretError):
        # Without `from`: the library's own words could hold the secret.
        raise DeliveryError("Its secret (ALERT_WEBHOOK_SECRET) is no secret to sign with.") from None


def payload(message: Message) -> str:
    """`{"type": "problem.opened", "timestamp": …, "data": {…}}`; docs/alerts.md tells the fields."""
    data = msgspec.to_builtins(message)
    for name in ("id", "at", "sentence", "about"):
        del data[name]
    content = {
        "type": f"problem.{message.occasion}",
        "timestamp": message.at.isoformat(),
        "data": data,
    }
    return json.dumps(content, ensure_ascii=False)
