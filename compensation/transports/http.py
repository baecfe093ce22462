"""Requests to a participant over HTTP, signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks: the headers webhook-id, webhook-timestamp and
webhook-signature. The id is the idempotency key; it also goes as Idempotency-Key.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache

import aiohttp
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError
from yarl import URL

from compensation.filling import is_below
from compensation.transports import MOST_BYTES, Answer, Call, TransportError
from sagas import retry_after

# Seconds. The whole call, and the part of it until somebody picks up.
LONGEST = 10.0
CONNECT = 5.0


def send(call: Call) -> Answer:
    """Send once and wait at most LONGEST seconds. Follows no redirect, reads at most MOST_BYTES."""

    async def alone() -> Answer:
        async with session() as opened:
            return await send_over(opened, call)

    return asyncio.run(alone())


@asynccontextmanager
async def session(connections: int = 1) -> AsyncIterator[aiohttp.ClientSession]:
    """What many calls share: at most so many connections at a time, kept while they are of use."""
    connector = aiohttp.TCPConnector(limit=connections, ssl=_trusted())
    # Without trust_env, by which .netrc would add credentials and the environment send it through a proxy;
    # nor does a participant's cookie go to another.
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=LONGEST, sock_connect=CONNECT),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as opened:
        yield opened


async def send_over(opened: aiohttp.ClientSession, call: Call) -> Answer:
    """As `send`, over a session that others use, too."""
    if not is_below(call.url, call.base_url):
        raise TransportError(
            f"{call.url} is not below the participant's address {call.base_url}, so it was not sent.",
            permanent=True,
        )
    headers = _headers(call, datetime.now(UTC))
    try:
        return await _send(opened, call, headers)
    except aiohttp.ConnectionTimeoutError:
        raise TransportError(f"Nobody picked up within {CONNECT:.0f} s.") from None
    except TimeoutError:
        raise TransportError(f"There was no answer within {LONGEST:.0f} s.") from None
    except aiohttp.InvalidURL as error:
        raise TransportError(f"{call.url} is no address: {error}.", permanent=True) from None
    except aiohttp.ClientConnectorError as error:
        raise TransportError(f"The connection could not be made: {_words(error)}.") from None
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError) as error:
        raise TransportError(f"The connection broke before the answer: {_words(error)}.") from None
    except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
        raise TransportError(f"The call failed: {_words(error)}.") from None


async def _send(opened: aiohttp.ClientSession, call: Call, headers: dict[str, str]) -> Answer:
    # To the letter: as it was written, not as yarl would write it.
    url = URL(call.url, encoded=True)
    body = call.body.encode() or None
    async with opened.request(
        call.method, url, headers=headers, data=body, allow_redirects=False
    ) as response:
        return Answer(
            status=response.status,
            # PostgreSQL keeps no NUL in a text.
            text=(await _read(response)).decode("utf-8", "replace").replace("\x00", "\ufffd"),
            wait=retry_after.seconds(response.headers.get("retry-after"), datetime.now(UTC)),
        )


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that this system trusts, so that a company's own authority can be among them."""
    return ssl.create_default_context()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The first MOST_BYTES as they came: unpacking them could make them grow without end."""
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= MOST_BYTES:
            # What is left is not read: the connection is of no more use.
            response.close()
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
