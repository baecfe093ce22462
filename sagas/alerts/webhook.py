"""Signed JSON over HTTP, as Standard Webhooks says (https://www.standardwebhooks.com)."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import httpx
from django.conf import settings
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from sagas.alerts.channels import DeliveryError, Message

# Seconds. The whole call, and the part of it until somebody picks up.
LONGEST = 10.0
CONNECT = 5.0

# Characters of a refusal that are kept.
LONGEST_ANSWER = 300

GONE = 410


def send(message: Message) -> None:
    """Send an alert once; raises DeliveryError. Only addresses in the settings are ever called."""
    if message.target not in settings.ALERT_WEBHOOK_URLS:
        raise DeliveryError("It is no longer among ALERT_WEBHOOK_URLS.", permanent=True)
    post(message.id, message.target, payload(message))


def post(id: UUID, target: str, body: str) -> None:
    """Send JSON once, signed, and follow no redirect; raises DeliveryError."""
    try:
        asyncio.run(_post(id, target, body, datetime.now(UTC)))
    except TimeoutError:
        raise DeliveryError(f"There was no answer within {LONGEST:.0f} s.") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise DeliveryError(f"The call failed: {error or type(error).__name__}") from None


async def _post(id: UUID, target: str, body: str, now: datetime) -> None:
    headers = {
        "webhook-id": str(id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": _sign(id, now, body),
        "content-type": "application/json",
        "user-agent": "Amends",
    }
    timeout = httpx.Timeout(LONGEST, connect=CONNECT)
    # trust_env would let .netrc add credentials and the environment send it through a proxy.
    async with (
        asyncio.timeout(LONGEST),
        httpx.AsyncClient(timeout=timeout, trust_env=False) as client,
        client.stream("POST", target, headers=headers, content=body.encode()) as answer,
    ):
        if not answer.is_success:
            raise DeliveryError(await _refusal(answer), permanent=answer.status_code == GONE)


async def _refusal(answer: httpx.Response) -> str:
    said = await anext(answer.aiter_raw(), b"")
    text = " ".join(said[:LONGEST_ANSWER].decode("utf-8", "replace").replace("\x00", "").split())
    return f"It answered {answer.status_code}{': ' if text else ''}{text}"


def _sign(id: UUID, now: datetime, body: str) -> str:
    try:
        return Webhook(settings.ALERT_WEBHOOK_SECRET).sign(str(id), now, body)
    except (ValueError, EmptyWebhookSecretError):
        # Without `from`: the library's own words could hold the secret.
        raise DeliveryError("ALERT_WEBHOOK_SECRET is no secret to sign with.") from None


def payload(message: Message) -> str:
    """`{"type": "problem.opened", "timestamp": …, "data": {…}}`; docs/alerts.md tells the fields."""
    content = {
        "type": f"problem.{message.summary['occasion']}",
        "timestamp": message.created_at.isoformat(),
        "data": message.summary,
    }
    return json.dumps(content, ensure_ascii=False)
