"""/healthz answers while the process lives; /readyz looks at what it needs, and never waits long."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test import AsyncClient, Client
from django.utils import timezone

from console import health
from sagas.models import Due, Heartbeat, Saga

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def look_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_latest", health.Latest())


VITAL = ("database", "broker", "beat", "worker", "sweep")


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    assert answer["Cache-Control"].startswith("max-age=0")
    body = answer.json()
    assert body["ok"] == all(body["checks"][name]["ok"] for name in VITAL)
    return answer.status_code, body["checks"]


def beat(ago: float, name: str = "sweep") -> None:
    Heartbeat.objects.create(name=name, at=timezone.now() - timedelta(seconds=ago))


def test_alive() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_alive_without_a_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/healthz").status_code == 200


def test_ready() -> None:
    beat(1)
    beat(1, "beat")
    status, checks = ready()
    assert status == 200
    assert 0.9 < checks["sweep"]["age"] < 5
    assert set(checks) == {*VITAL, "backlog", "outbox", "repairs", "queue", "ingest"}
    assert checks["queue"]["ok"] and checks["queue"]["count"] >= 0


def test_what_lags_is_told_and_takes_nobody_away() -> None:
    beat(1)
    beat(1, "beat")
    saga = Saga.objects.create(saga_type="order", saga_id="1")
    Due.objects.create(saga=saga, at=timezone.now() - timedelta(seconds=99))
    status, checks = ready()
    assert (status, checks["backlog"]["ok"]) == (200, False)


def test_a_beat_that_died_is_told_from_workers_that_did() -> None:
    beat(1)
    beat(100, "beat")
    status, checks = ready()
    assert (status, checks["beat"]["why"]) == (503, "no tick for more than 30 s")
    assert checks["worker"]["ok"]


def test_no_worker_yet() -> None:
    status, checks = ready()
    assert status == 503
    assert checks["database"]["ok"] and checks["broker"]["ok"]
    assert checks["sweep"] == {"ok": False, "why": "no sweep has finished yet"}


def test_a_sweep_that_hangs_is_told_from_a_worker_that_died() -> None:
    beat(100)
    beat(1, "deliver_alerts")
    status, checks = ready()
    assert status == 503
    assert checks["worker"]["ok"]
    assert checks["sweep"]["why"] == "no sweep has finished for more than 30 s"
    assert checks["sweep"]["age"] >= 100


def test_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"host": "/nowhere", "port": 1, "password": "secret"}
    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", lambda self: params)
    status, checks = ready()
    assert status == 503
    assert checks["database"] == {"ok": False, "why": "no connection"}
    assert checks["broker"]["ok"]
    assert checks["sweep"]["why"] == "not known without the database"


def test_no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    given = connection.get_connection_params()
    monkeypatch.setattr(
        DatabaseWrapper, "get_connection_params", lambda self: {**given, "dbname": "postgres"}
    )
    assert ready()[1]["database"]["why"] == "its tables are missing: run manage.py migrate"


def test_no_broker(settings: Any) -> None:
    beat(1)
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere/valkey.sock"
    status, checks = ready()
    assert (status, checks["broker"]) == (503, {"ok": False, "why": "no connection"})


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[socket.socket]:
    """A server in the place of both that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        params = {"host": "127.0.0.1", "port": port, "dbname": "x"}
        monkeypatch.setattr(DatabaseWrapper, "get_connection_params", lambda self: params)
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{port}/0"
        yield server


def test_servers_that_take_connections_and_say_nothing(silent: socket.socket) -> None:
    status, checks = ready()
    assert status == 503
    assert checks["database"]["why"] == checks["broker"]["why"] == "no answer within 2 s"


def test_both_are_waited_for_at_once(silent: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 60.0)

    def hang_up_on_both() -> None:
        both = [silent.accept()[0] for _ in range(2)]
        silent.close()
        for one in both:
            one.close()

    server = threading.Thread(target=hang_up_on_both)
    server.start()
    _, checks = ready()
    server.join()
    assert checks["database"]["why"] == checks["broker"]["why"] == "no connection"


def test_many_who_ask_at_once_cost_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = health._check_all

    async def counted() -> Any:
        nonlocal looks
        looks += 1
        return await look()

    async def ask() -> list[int]:
        client = AsyncClient()
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
        return [answer.status_code for answer in answers]

    monkeypatch.setattr(health, "_check_all", counted)
    # However slow the machine is.
    monkeypatch.setattr(health, "FRESH", 60)
    assert asyncio.run(ask()) == [503] * 20
    assert looks == 1
