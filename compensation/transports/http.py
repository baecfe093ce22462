"""Requests to a participant over HTTP, signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks: the headers webhook-id, webhook-timestamp and
webhook-signature. The id is the idempotency key; it also goes as Idempotency-Key.
"""

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpx
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from compensation.filling import is_below
from compensation.transports import MOST_BYTES, Answer, Call, TransportError

# Seconds. The whole call, and the part of it until somebody picks up.
LONGEST = 10.0
CONNECT = 5.0


def send(call: Call) -> Answer:
    """Send once and wait at most LONGEST seconds. Follows no redirect, reads at most MOST_BYTES."""
    if not is_below(call.url, call.base_url):
        raise TransportError(
            f"{call.url} is not below the participant's address {call.base_url}, so it was not sent.",
            permanent=True,
        )
    headers = _headers(call, datetime.now(UTC))
    try:
        return asyncio.run(_send(call, headers))
    except TimeoutError:
        raise TransportError(f"There was no answer within {LONGEST:.0f} s.") from None
    except httpx.ConnectTimeout:
        raise TransportError(f"Nobody picked up within {CONNECT:.0f} s.") from None
    except httpx.ConnectError as error:
        raise TransportError(f"The connection could not be made: {_words(error)}.") from None
    except httpx.InvalidURL as error:
        raise TransportError(f"{call.url} is no address: {error}.", permanent=True) from None
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
        raise TransportError(f"The connection broke before the answer: {_words(error)}.") from None
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        raise TransportError(f"The call failed: {_words(error)}.") from None


async def _send(call: Call, headers: dict[str, str]) -> Answer:
    timeout = httpx.Timeout(LONGEST, connect=CONNECT)
    # trust_env would let .netrc add credentials and the environment send it through a proxy.
    client = httpx.AsyncClient(timeout=timeout, trust_env=False, verify=_trusted())
    async with asyncio.timeout(LONGEST), client:
        request = client.build_request(call.method, call.url, headers=headers, content=call.body.encode())
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
    return Answer(
        status=response.status_code,
        # PostgreSQL keeps no NUL in a text.
        text=body.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        wait=_wait(response.headers.get("retry-after"), datetime.now(UTC)),
    )


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that this system trusts, so that a company's own authority can be among them."""
    return ssl.create_default_context()


async def _read(response: httpx.Response) -> bytes:
    """The first MOST_BYTES as they came: unpacking them could make them grow without end."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= MOST_BYTES:
            break
    return body[:MOST_BYTES]


def _headers(call: Call, now: datetime) -> dict[str, str]:
    try:
        signature = Webhook(call.secret).sign(call.idempotency_key, now, call.body)
    except (ValueError, EmptyWebhookSecretError):
        # Without `from`: the library's own words could hold the secret.
        raise TransportError("The participant's signing secret is none.", permanent=True) from None
    headers = {
        "webhook-id": call.idempotency_key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "idempotency-key": call.idempotency_key,
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "Amends",
    }
    if call.body:
        headers["content-type"] = "application/json"
    return headers


def _words(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _wait(header: str | None, now: datetime) -> float | None:
    """Retry-After in seconds, which may also be given as a date; None where it says nothing usable."""
    if not header:
        return None
    if header.strip().isascii() and header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)
