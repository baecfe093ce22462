"""Signs of Amends' own life: judged by a table, read from rows and broker, shown, and told to a watchdog."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis import Redis
from structlog.testing import capture_logs

from console import beating, vitals, watchdog
from console.celery import app
from console.permissions import Role
from sagas.models import Due, Hearing, Heartbeat, Participant, Saga
from tests.console.cast import person

pytestmark = pytest.mark.django_db

WELL = {"beat": 1.0, "worker": 1.0, "sweep": 1.0, "queue": 3.0}


def beats(**ages: float) -> None:
    now = timezone.now()
    for name, age in ages.items():
        Heartbeat.objects.update_or_create(name=name, defaults={"at": now - timedelta(seconds=age)})


def whys(values: dict[str, float | None], *, is_known: bool = True) -> dict[str, str]:
    return {vital.sign.name: vital.why for vital in vitals.judge(values, is_known=is_known) if not vital.ok}


@pytest.mark.parametrize(
    ("values", "unwell"),
    [
        (WELL, {}),
        (WELL | {"sweep": 30.0, "queue": 1000.0, "outbox": 60.0}, {}),
        (WELL | {"beat": 31.0}, {"beat": "no tick for more than 30 s"}),
        (WELL | {"beat": None}, {"beat": "no tick yet"}),
        (WELL | {"sweep": 99.0}, {"sweep": "no sweep has finished for more than 30 s"}),
        (WELL | {"backlog": 61.0}, {"backlog": "a saga has waited for the sweep for more than 60 s"}),
        (WELL | {"outbox": 61.0}, {"outbox": "a message has waited to be sent for more than 60 s"}),
        (WELL | {"repairs": 61.0}, {"repairs": "a call has waited to be made for more than 60 s"}),
        (WELL | {"queue": 1500.0}, {"queue": "too many messages wait: 1,500, more than 1,000"}),
        # A clock of another machine may be ahead.
        (WELL | {"sweep": -5.0}, {}),
        # Quiet nights are normal.
        (WELL | {"ingest": 1e6}, {}),
    ],
)
def test_judged(values: dict[str, float | None], unwell: dict[str, str]) -> None:
    assert whys(values) == unwell


def test_a_gap_counts_where_one_is_set(settings: Any) -> None:
    settings.INGEST_GAP = 600
    assert whys(WELL | {"ingest": 601.0}) == {"ingest": "nothing has been heard for more than 600 s"}
    assert whys(WELL) == {"ingest": "nothing has been heard yet"}


def test_nothing_is_known_without_the_database() -> None:
    found = whys({"queue": 5.0}, is_known=False)
    assert set(found.values()) == {vitals.UNKNOWN} and "queue" not in found


def test_read_from_rows_and_broker() -> None:
    now = timezone.now()
    beats(beat=2, sweep=3, learn=100, watchdog=50)
    saga = Saga.objects.create(saga_type="order", saga_id="1")
    Due.objects.create(saga=saga, at=now - timedelta(seconds=7))
    Hearing.objects.create(
        participant=Participant.objects.create(name="payment"), heard_at=now - timedelta(seconds=11)
    )
    with Redis.from_url(vitals.broker_url()) as broker:
        broker.rpush("calls", *"abc")
        try:
            found = {vital.sign.name: vital.value or 0 for vital in vitals.look()}
        finally:
            broker.delete("calls")
    expected = {"beat": 2, "worker": 3, "sweep": 3, "backlog": 7, "ingest": 11, "outbox": 0, "repairs": 0}
    assert {name: int(found[name]) for name in expected} == expected
    assert found["queue"] >= 3


def test_beat_leaves_its_own_heartbeat() -> None:
    scheduler = beating.Beating(app, lazy=True)
    scheduler.schedule = {}
    scheduler.tick()
    left = Heartbeat.objects.get(name="beat").at
    scheduler.tick()
    assert Heartbeat.objects.get(name="beat").at == left


def test_the_page_says_what_to_do(client: Any) -> None:
    client.force_login(person("vera", Role.VIEWER).user)
    beats(beat=1, sweep=1)
    assert "Amends itself is well" in client.get("/system/").content.decode()
    beats(beat=1, sweep=100, learn=1)
    shown = client.get("/system/").content.decode()
    assert "Amends itself is not well: no sweep has finished for more than 30 s." in shown
    assert "the worker&#x27;s log says what a sweep fails at" in shown


class Watchdog(HTTPServer):
    """Somebody outside who is told that all is well."""

    status = 200

    def __init__(self) -> None:
        self.told: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.told.append(self.path)
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def outside(settings: Any) -> Iterator[Watchdog]:
    with Watchdog() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        settings.WATCHDOG_URL = f"http://127.0.0.1:{server.server_port}/secret-id"
        cache.delete("watchdog")
        yield server
        server.shutdown()
        thread.join()
        cache.delete("watchdog")


def test_the_watchdog_is_told_once_a_time(outside: Watchdog) -> None:
    beats(beat=1, sweep=1)
    assert watchdog.tell()
    assert not watchdog.tell()
    assert outside.told == ["/secret-id"]
    assert Heartbeat.objects.filter(name="watchdog").exists()


def test_the_watchdog_hears_nothing_while_something_is_not_well(outside: Watchdog) -> None:
    beats(beat=100, sweep=1)
    assert not watchdog.tell()
    assert outside.told == []


def test_a_watchdog_that_does_not_take_it_shows(outside: Watchdog, settings: Any) -> None:
    beats(beat=1, sweep=1, watchdog=600)
    outside.status = 500
    with capture_logs() as said:
        assert not watchdog.tell()
        settings.WATCHDOG_URL = "http://127.0.0.1:1/secret-id"
        cache.delete("watchdog")
        assert not watchdog.tell()
    assert [entry["event"] for entry in said] == ["watchdog: was not told"] * 2
    # Whoever knows the address could say that all is well.
    assert "secret-id" not in str(said)
    assert "watchdog" in whys(WELL | vitals.values_of([("job watchdog", 600.0)]))


def test_a_broker_that_is_away_is_not_well(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis+socket:///nowhere/valkey.sock"
    beats(beat=1, sweep=1)
    unwell = {vital.sign.name: vital.why for vital in vitals.look() if not vital.ok}
    assert unwell == {"queue": "the broker does not answer"}
