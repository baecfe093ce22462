"""Events through the ASGI application itself, as a server calls it."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from console.api import events
from console.asgi import application
from sagas import audit, participants
from sagas.models import Saga
from tests.console.test_events_api import BATCH, EVENT, ONE, URL

pytestmark = pytest.mark.django_db(transaction=True)

Answer = tuple[int, dict[str, str], Any]


@pytest.fixture
def key(transactional_db: None) -> str:
    return participants.issue_key(
        participants.create("payment", audit.Actor.system()), [], audit.Actor.system()
    )


def call(
    parts: Iterable[bytes],
    *,
    headers: dict[str, str],
    path: str = URL,
    method: str = "POST",
    ends: bool = True,
) -> Answer | None:
    """Send a body in these parts; None where nothing was answered."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 5000),
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in ({"host": "127.0.0.1"} | headers).items()
        ],
    }
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    incoming.append({"type": "http.request"} if ends else {"type": "http.disconnect"})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not incoming:
            await asyncio.sleep(30)
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    if not sent:
        return None
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(message.get("body", b"") for message in sent[1:])
    assert int(given["Content-Length"]) == len(content)
    return sent[0]["status"], given, json.loads(content)


def sending(key: str, content_type: str = ONE) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": content_type}


def test_an_event_in_pieces_is_stored(key: str) -> None:
    body = json.dumps(EVENT).encode()
    answer = call([body[:10], b"", body[10:]], headers=sending(key))
    assert answer
    assert (answer[0], answer[1]["Content-Type"], answer[2]["stored"]) == (200, "application/json", 1)
    assert Saga.objects.get().revision == 1


def test_many_at_once_are_all_stored(key: str) -> None:
    batch = [EVENT | {"id": f"e-{number}", "correlationid": f"o-{number % 7}"} for number in range(500)]
    answer = call([json.dumps(batch).encode()], headers=sending(key, BATCH))
    assert answer
    assert answer[2]["stored"] == 500


def test_binary_mode(key: str) -> None:
    headers = {f"ce-{name}": str(value) for name, value in EVENT.items() if name != "data"}
    answer = call([b"{}"], headers=sending(key, "application/json") | headers)
    assert answer
    assert answer[2]["stored"] == 1


def test_without_a_key(transactional_db: None) -> None:
    answer = call([b"{}"], headers={"content-type": ONE})
    assert answer
    assert (answer[0], answer[1]["WWW-Authenticate"]) == (401, 'Bearer realm="amends"')
    assert answer[1]["Content-Type"] == "application/problem+json"


def test_a_body_without_end_is_not_kept(key: str, settings: Any) -> None:
    settings.INGEST_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = call([b"x" * 600] * 50, headers=sending(key) | {"content-length": "30000"})
    assert answer
    assert (answer[0], answer[2]["code"]) == (413, "too_large")


def test_a_sender_that_goes_away_leaves_nothing(key: str) -> None:
    assert call([json.dumps(EVENT).encode()], headers=sending(key), ends=False) is None
    assert not Saga.objects.exists()


def test_a_mistake_of_ours_is_a_problem_too(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any) -> Any:
        raise ImproperlyConfigured("ours")

    monkeypatch.setattr(events, "_read", fail)
    answer = call([json.dumps(EVENT).encode()], headers=sending(key))
    assert answer
    assert (answer[0], answer[2]["code"]) == (500, "server_error")


def test_everything_else_goes_the_usual_way(transactional_db: None) -> None:
    answer = call([], headers={}, path="/api/v1/schema", method="GET")
    assert answer
    assert (answer[0], answer[2]["openapi"]) == (200, "3.1.0")
