"""Over real HTTP, through uvicorn as `make run` starts it: what only a server can get wrong."""

import hashlib
import os
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import pytest
from django.conf import settings
from django.db import connection

from console.permissions import Role
from sagas import ingest
from sagas.models import AuditEntry
from sagas.vocabulary import Kind
from tests.bench import http
from tests.console import world
from tests.console.cast import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def port(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a server on the tests' own database."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", here)
        patch.setenv("DATA", str(settings.DATA))
        with http.server(tmp_path_factory.mktemp("server") / "web.log") as port:
            yield port


@pytest.fixture
def client(port: int) -> Iterator[httpx.Client]:
    """An admin's program."""
    headers = {"Authorization": f"Bearer {person('ada', Role.ADMIN).token}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:
        yield client


def test_every_id_has_an_address_of_its_own(client: httpx.Client) -> None:
    shipping = world.build().shipping
    ids = ["a", "a/events", "a/repairs/preview", "a/b", "/", "a b", "ä", "%2F", "?x=1#y", "💥"]
    for saga_id in ids:
        event = world.told(saga_id, Kind.SAGA_STARTED, ago=1)
        event.saga_type = "ty/pe"
        ingest.store([event], participant=shipping)
    for saga_id in ids:
        address = f"/api/v1/sagas/ty%2Fpe/{quote(saga_id, safe='')}"
        answer = client.get(address)
        assert (answer.status_code, answer.json().get("id")) == (200, saga_id)
        answer = client.get(f"{address}/events?limit=1")
        assert [event["type"] for event in answer.json()["results"]] == ["saga.started"]


def test_links_lead_on_whatever_the_names_hold(client: httpx.Client) -> None:
    shipping = world.build().shipping
    for kind in (Kind.SAGA_STARTED, Kind.SAGA_COMPENSATING):
        event = world.told("a/events", kind, ago=1)
        ingest.store([event], participant=shipping)
    page = client.get("/api/v1/sagas/order/a%2Fevents/events?limit=1").json()
    rest = client.get(page["next"]).json()
    assert rest["next"] is None
    assert [event["type"] for event in page["results"] + rest["results"]] == [
        "saga.started",
        "saga.compensating",
    ]
    assert client.get(rest["previous"]).json()["results"] == page["results"]


def test_an_act_has_its_address_in_the_audit_log(client: httpx.Client) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    answer = client.post("/api/v1/participants", json={"name": "a/b"}, headers=forged)
    assert answer.status_code == 201
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor, entry.address) == ("participant.created", "ada", "127.0.0.1")
    assert client.get("/api/v1/participants/a%2Fb").json()["name"] == "a/b"


def test_programs_on_this_machine_may_read_metrics(client: httpx.Client) -> None:
    del client.headers["Authorization"]
    assert client.get("/metrics").status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json()["checks"]["database"] == {"ok": True}


def test_a_file_of_the_audit_log_comes_whole(client: httpx.Client) -> None:
    export = world.build().export
    answer = client.get(f"/api/v1/audit/exports/{export.pk}/file")
    assert answer.headers["content-length"] == str(export.size)
    assert hashlib.sha256(answer.content).hexdigest() == export.digest
