"""Replaying what was refused: taken once, with what its key could do, and on record."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sagas import audit, events, ingest, participants, quarantine
from sagas.models import AuditEntry, Event, Participant, Quarantined, Saga
from sagas.quarantine import Replayed

ME = audit.Actor("person", "anna", "192.0.2.1")

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "//shop",
    "type": "step.completed",
    "correlationid": "o-1",
    "sagatype": "order",
    "sagastep": "charge",
    "data": {"a": 1.50},
}


@pytest.fixture
def shop(db: None) -> Participant:
    return participants.create("shop", ME)


def arrive(by: Participant, *bodies: dict[str, Any] | bytes, scope: list[str] | None = None) -> list[int]:
    """Send these; the keys of those in quarantine."""
    found = [
        events.read(
            body if isinstance(body, bytes) else json.dumps(body).encode(), now=timezone.now(), largest=300
        )
        for body in bodies
    ]
    ingest.store(found, participant=by, scope=scope or [])
    return list(Quarantined.objects.order_by("pk").values_list("pk", flat=True))


def test_what_can_be_read_by_now_is_stored_as_if_it_had_just_come(shop: Participant) -> None:
    large = EVENT | {"data": "x" * 300}
    ids = arrive(shop, large)
    assert Quarantined.objects.get().reason == "too_large"
    assert quarantine.replay(ids, ME) == Replayed(taken=1, refused=0, gone=0)
    event = Event.objects.get()
    assert (event.data, event.participant) == (json.dumps("x" * 300), shop)
    row = Quarantined.objects.get()
    assert (row.state, row.replays) == ("replayed", 1)
    assert row.replayed_at
    entry = AuditEntry.objects.get(action="quarantine.replayed")
    assert (entry.actor, entry.object_id, entry.after) == ("anna", str(ids[0]), {str(ids[0]): "replayed"})


def test_what_is_refused_again_stays_with_the_reason_of_today(shop: Participant) -> None:
    ids = arrive(shop, {"data": "x" * 300}, EVENT | {"type": "un.heard", "data": 1})
    first, second = (Quarantined.objects.get(pk=pk).reason for pk in ids)
    assert (first, second) == ("too_large", "unknown_kind")
    assert quarantine.replay(ids, ME) == Replayed(taken=0, refused=2, gone=0)
    row = Quarantined.objects.get(pk=ids[0])
    assert (row.state, row.replays, row.reason, row.detail) == (
        "open",
        1,
        "missing_attribute",
        "specversion is missing.",
    )
    assert Quarantined.objects.count() == 2
    assert AuditEntry.objects.get(action="quarantine.replayed").after == {
        str(ids[0]): "missing_attribute",
        str(ids[1]): "unknown_kind",
    }


def test_a_replay_may_do_no_more_than_the_key_could(shop: Participant) -> None:
    ids = arrive(shop, EVENT, scope=["wallet"])
    assert quarantine.replay(ids, ME) == Replayed(taken=0, refused=1, gone=0)
    assert Quarantined.objects.get().reason == "not_allowed"
    assert not Saga.objects.exists()


def test_each_event_is_taken_for_whom_it_came_from(shop: Participant) -> None:
    other = participants.create("other", ME)
    arrive(shop, EVENT | {"data": "x" * 300})
    ids = arrive(other, EVENT | {"id": "e-2", "data": "x" * 300})
    assert str(quarantine.replay(ids, ME)) == "2 taken."
    assert dict(Event.objects.values_list("event_id", "participant__name")) == {"e-1": "shop", "e-2": "other"}


def test_an_event_that_has_come_again_meanwhile_is_only_counted(shop: Participant) -> None:
    ids = arrive(shop, EVENT | {"data": "x" * 300})
    arrive(shop, EVENT)
    assert str(quarantine.replay(ids, ME)) == "1 taken."
    assert (Saga.objects.get().revision, Saga.objects.get().redeliveries) == (1, 1)


def test_what_was_replayed_already_is_left_alone_and_not_recorded(shop: Participant) -> None:
    ids = arrive(shop, EVENT | {"data": "x" * 300})
    quarantine.replay(ids, ME)
    before = AuditEntry.objects.count()
    assert str(quarantine.replay([*ids, *ids, 10**9], ME)) == "0 taken, 2 replayed already."
    assert AuditEntry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_replay_it_once(transactional_db: None) -> None:
    shop = participants.create("shop", ME)
    bodies = [EVENT | {"id": f"e-{number}", "data": "x" * 300} for number in range(150)]
    ids = arrive(shop, *bodies)
    results: list[Replayed] = []
    barrier = threading.Barrier(3)

    def press() -> None:
        barrier.wait()
        try:
            results.append(quarantine.replay(ids, ME))
        finally:
            connection.close()

    pressing = [threading.Thread(target=press) for _ in range(3)]
    for thread in pressing:
        thread.start()
    for thread in pressing:
        thread.join(30)
    assert sum(result.taken for result in results) == 150
    assert sum(result.gone for result in results) == 300
    assert Event.objects.count() == 150
    assert (Saga.objects.get().revision, Saga.objects.get().redeliveries) == (150, 0)
    assert set(Quarantined.objects.values_list("state", "replays")) == {("replayed", 1)}
    assert audit.verify() == audit.Verified(AuditEntry.objects.count(), AuditEntry.objects.first().hash)
