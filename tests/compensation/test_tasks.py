"""A real worker over the real broker; and no broker at all."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from compensation import recovery, tasks
from compensation.models import Repair
from console.celery import app
from tests.compensation.dying import environment
from tests.compensation.shop import Shop, actions, make_due, start

Intent = Repair.Intent


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(app.conf, "broker_url", url)
    monkeypatch.setattr(app.conf, "broker_write_url", url)
    # Made anew for the address.
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr(app, "_pool", None)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A broker's client, on a database that no other test has, and that holds no messages yet."""
    use(monkeypatch, f"{settings.BROKER_URL}?virtual_host=1")
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        client.flushdb()
        yield client


@pytest.fixture
def worker(transactional_db: None, broker: Any, tmp_path: Path) -> Iterator[None]:
    with (tmp_path / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "celery", "-A", "console", "worker", "--pool", "solo"]
        process = subprocess.Popen(
            command,
            cwd=settings.BASE_DIR,
            env=environment() | {"BROKER_URL": app.conf.broker_url},
            stdout=log,
            stderr=log,
        )
        until = time.monotonic() + 60
        while not app.control.ping(timeout=0.5):
            assert time.monotonic() < until, (tmp_path / "worker.log").read_text()
        yield
        process.kill()
        process.wait()


def wait_for_end(repair: Repair, seconds: float) -> Repair:
    until = time.monotonic() + seconds
    while time.monotonic() < until and repair.state == Repair.State.RUNNING:
        time.sleep(0.05)
        repair.refresh_from_db()
    return repair


def test_a_started_repair_is_done_by_the_worker_that_is_nudged(open_shop: Shop, worker: None):
    repair = start(open_shop.saga(), Intent.COMPENSATE)
    # No beat runs here: the start nudges for the first action, the record of that one for the second.
    assert wait_for_end(repair, 30).state == "done"
    assert set(open_shop.served.done.values()) == {1}


def test_a_message_that_was_lost_is_sent_again(open_shop: Shop, broker: Any):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")
    broker.flushdb()
    tasks.recover()
    assert broker.llen("calls") == 0
    make_due(repair)
    tasks.recover()
    assert broker.llen("calls") == 1
    assert [action.state for action in actions(repair)] == ["ready"]


def test_a_broker_that_is_down_keeps_nobody_waiting(open_shop: Shop, monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, "redis+socket:///nowhere.sock")
    begin = time.monotonic()
    repair = start(open_shop.saga(), Intent.COMPENSATE)
    assert time.monotonic() - begin < 5
    assert repair.state == "running"
    make_due(repair)
    assert recovery.recover() == 1
