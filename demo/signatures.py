"""Standard Webhooks: signing what is sent to a participant, refusing what was not signed with its secret."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def sign(secret: str, key: str, body: str) -> dict[str, str]:
    """The headers of a request whose idempotency key is `key`."""
    now = datetime.now(UTC)
    return {
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, now, body),
        "idempotency-key": key,
        "content-type": "application/json",
    }


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the request was signed with `secret` within the last five minutes."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        # A signature that is no base64, or a body that is no UTF-8, is a ValueError of the library.
        return False
    return True


def signed(secret: str, handler: Handler) -> Handler:
    """The handler, behind a check that answers 401 to what was not signed with `secret`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if not verified(secret, request.headers, await request.read()):
            return web.json_response({"detail": "not signed with this participant's secret"}, status=401)
        return await handler(request)

    return handle
