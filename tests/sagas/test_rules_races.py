"""Linked sagas that change while somebody judges, writes or nudges: nothing is overlooked."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from sagas.detection import sweep as sweeping
from sagas.detection.sweep import sweep
from sagas.models import Finding, Nudge, Saga
from tests.blocking import PATIENCE, wait_until_somebody_waits
from tests.sagas.ruling import NOT_REFUNDED, REFUND, define, put

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHIPPED = "saga.started charge:S charge:C ship:S ship:C"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def beside(work) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_linked_saga_that_changes_while_its_reader_is_judged_is_not_overlooked(monkeypatch):
    define(NOT_REFUNDED, REFUND)
    put(SHIPPED, now=NOW)
    fetch = sweeping.links.fetch

    def overtaken(sagas):
        found = fetch(sagas)
        monkeypatch.setattr(sweeping.links, "fetch", fetch)
        beside(lambda: put("pay-out:S pay-out:C", "r-1", type="refund", now=NOW)).join()
        return found

    monkeypatch.setattr(sweeping.links, "fetch", overtaken)
    assert sweep(at(60)) == 1
    assert not Finding.objects.filter(code="rule_broken").exists()
    assert sweep(at(60)) == 1
    assert Finding.objects.get(code="rule_broken").closed_at is None


def test_a_nudge_waits_for_whoever_writes_the_saga_that_it_reaches():
    define(NOT_REFUNDED, REFUND)
    put(SHIPPED, now=NOW)
    sweep(at(60))
    put("pay-out:S pay-out:C", "r-1", type="refund", now=at(70))
    held, waited_for = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Saga.objects.select_for_update().get(saga_id="o-1")
            held.set()
            wait_until_somebody_waits()
            waited_for.set()

    writer = beside(write)
    assert held.wait(PATIENCE)
    sweep(at(110))
    assert waited_for.is_set(), "a nudge that did not wait would be lost"
    writer.join()
    assert Finding.objects.get(code="rule_broken").closed_at is None
    assert not Nudge.objects.exists()


def test_writers_and_sweeps_side_by_side_come_to_the_same_end():
    define(NOT_REFUNDED, REFUND)
    for number in range(10):
        put(SHIPPED, f"o-{number}", order=str(number), now=NOW)

    def write(first: int) -> None:
        for number in range(10):
            put("pay-out:S", f"r-{number}", type="refund", first=first, order=str(number), now=NOW)

    def look() -> None:
        for _ in range(5):
            sweep(at(5))

    threads = [beside(lambda first=first: write(first)) for first in range(3)]
    threads += [beside(look) for _ in range(2)]
    for thread in threads:
        thread.join()
    for number in range(10):
        put("pay-out:C", f"r-{number}", type="refund", first=10, order=str(number), now=NOW)
    sweep(at(60))
    assert Finding.objects.filter(code="rule_broken", closed_at=None).count() == 10
    assert not Nudge.objects.exists()
