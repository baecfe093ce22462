"""Calling a channel's HTTP endpoint once: bounded, without redirects, and with what was said kept masked."""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus

import httpx

from sagas import retry_after
from sagas.alerts.channels.kind import DeliveryError, Destination

# Seconds. The whole call, and the part of it until somebody picks up.
LONGEST = 10.0
CONNECT = 5.0

# Bytes of an answer that are read, and characters of a refusal that stand in its sentence.
LONGEST_BODY = 65536
LONGEST_WORDS = 300

# Seconds: nobody makes us wait longer.
LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`request` and `said` are the excerpts for `Sent`."""

    status: int
    body: bytes
    request: str
    said: str


def by_status(status: int) -> bool:
    """Whether an answer with this status will be the same next time: what the caller did wrong."""
    passing = {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in passing


def call(
    destination: Destination,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    is_permanent: Callable[[int], bool] = by_status,
    parts: int = 1,
) -> Answer:
    """Call once. Raises `DeliveryError` for anything but a 2xx; `is_permanent` judges its status.

    The headers are never kept: they hold what the caller signs in with. `parts`: of how many calls this is
    one; together they take as long as one may.
    """
    longest = LONGEST / parts
    request = destination.mask(f"{method} {url}\n{body.decode('utf-8', 'replace')}".strip())
    try:
        answer, retry_after = asyncio.run(_call(method, url, body, headers or {}, longest))
    except TimeoutError:
        raise DeliveryError(f"There was no answer within {longest:g} s.", request=request) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        words = destination.mask(str(error)) or type(error).__name__
        raise DeliveryError(f"The call failed: {words}", request=request) from None
    said = destination.mask(f"{answer.status} {answer.said}".strip())
    if not HTTPStatus(200) <= answer.status < HTTPStatus(300):
        words = " ".join(destination.mask(answer.said).split())[:LONGEST_WORDS]
        raise DeliveryError(
            f"It answered {answer.status}{': ' if words else ''}{words}",
            permanent=is_permanent(answer.status),
            retry_after=retry_after,
            request=request,
            answer=said,
        )
    return replace(answer, request=request, said=said)


def post_json(
    destination: Destination,
    url: str,
    content: object,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    is_permanent: Callable[[int], bool] = by_status,
    parts: int = 1,
) -> Answer:
    """`call` with JSON."""
    body = json.dumps(content, ensure_ascii=False).encode()
    own = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    return call(destination, url, body, own, method=method, is_permanent=is_permanent, parts=parts)


async def _call(
    method: str, url: str, body: bytes, headers: Mapping[str, str], longest: float
) -> tuple[Answer, float | None]:
    timeout = httpx.Timeout(longest, connect=min(CONNECT, longest))
    # trust_env would let .netrc add credentials and the environment send it through a proxy.
    async with (
        asyncio.timeout(longest),
        httpx.AsyncClient(timeout=timeout, trust_env=False, verify=_trusted()) as client,
        client.stream(method, url, headers={"user-agent": "Amends", **headers}, content=body) as answer,
    ):
        said = b""
        async for chunk in answer.aiter_raw():
            said += chunk
            if len(said) >= LONGEST_BODY:
                break
        said = said[:LONGEST_BODY]
        text = said.decode("utf-8", "replace").replace("\x00", "")
        return Answer(answer.status_code, said, "", text), pause_of(answer.headers.get("retry-after"))


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we trust; read once, as it takes longer than many a call."""
    return httpx.create_ssl_context(trust_env=False)


def pause_of(header: str | None) -> float | None:
    """Seconds that a Retry-After asks for, as far as we let ourselves be made to wait."""
    asked = retry_after.seconds(header, datetime.now(UTC))
    return None if asked is None else min(asked, LONGEST_PAUSE)
