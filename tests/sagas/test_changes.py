"""Telling of changes: after commit, few at a time, none lost."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
import structlog
from django.db import connection, transaction

from sagas import changes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[psycopg.Connection]:
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as listening:
        listening.execute(f"LISTEN {changes.CHANNEL}")
        yield listening


@pytest.fixture(autouse=True)
def nothing_left_to_tell() -> Iterator[None]:
    wait_for_the_teller()
    yield
    wait_for_the_teller()


def wait_for_the_teller() -> None:
    for thread in threading.enumerate():
        if thread.name == "changes":
            thread.join(60)


def heard(listener: psycopg.Connection) -> list[str]:
    """All that has been told, once the teller has nothing more to tell."""
    wait_for_the_teller()
    # Comes after everything that was told before.
    listener.execute(f"NOTIFY {changes.CHANNEL}, 'the end'")
    told: list[str] = []
    for notice in listener.notifies(timeout=60):
        if notice.payload == "the end":
            return told
        told.append(notice.payload)
    raise AssertionError("the listener has gone deaf")


def test_it_is_told_after_commit_and_only_then(listener: psycopg.Connection) -> None:
    with transaction.atomic():
        changes.tell("sagas", "saga:1")
        assert heard(listener) == []
    assert heard(listener) == ["saga:1 sagas"]


def test_what_was_rolled_back_is_not_told(listener: psycopg.Connection) -> None:
    with transaction.atomic():
        changes.tell("sagas")
        transaction.set_rollback(True)
    assert heard(listener) == []


def test_many_become_few_and_the_last_is_among_them(listener: psycopg.Connection) -> None:
    started = time.monotonic()
    for number in range(2000):
        changes.tell(f"saga:{number}")
        time.sleep(0.0005)
    told = heard(listener)
    assert {topic for payload in told for topic in payload.split()} == {f"saga:{n}" for n in range(2000)}
    assert len(told) <= (time.monotonic() - started) / changes.PACE + 2


def test_more_than_one_notification_holds_goes_in_several(listener: psycopg.Connection) -> None:
    topics = {f"saga:{number}" for number in range(5000)}
    changes.tell(*topics)
    told = heard(listener)
    assert {topic for payload in told for topic in payload.split()} == topics
    assert max(map(len, told)) <= changes.LONGEST


def test_a_database_that_is_away_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    with structlog.testing.capture_logs() as logs:
        changes._notify({"sagas"})
    assert [entry["event"] for entry in logs] == ["changes: nobody could be told"]
