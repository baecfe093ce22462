"""Refused events fill no disk: the newest of each participant and reason are kept, all are counted."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection

from sagas import audit, ingest, participants, quarantine
from sagas.events import Foreign, Reason, Refused
from sagas.ingest import keeping
from sagas.models import Participant, Quarantined, Refusal

ME = audit.Actor.system()
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop(db: None) -> Participant:
    return participants.create("shop", ME)


def refuse(by: Participant, *bodies: str, reason: Reason = Reason.BAD_TIME) -> None:
    ingest.store([Refused(reason, "why", body.encode()) for body in bodies], participant=by, now=NOW)


def kept(**which: Any) -> str:
    """The bodies that wait, the oldest first."""
    rows = Quarantined.objects.filter(state="open", **which).order_by("pk")
    return " ".join(bytes(body).decode() for body in rows.values_list("body", flat=True))


def counted() -> list[tuple[str, str, int, int]]:
    rows = Refusal.objects.order_by("participant__name", "reason")
    return list(rows.values_list("participant__name", "reason", "count", "dropped"))


def test_the_newest_of_each_participant_and_reason_are_kept(shop: Participant, settings: Any) -> None:
    settings.REFUSED_EVENTS_KEPT = 3
    other = participants.create("other", ME)
    refuse(shop, *"abcde")
    refuse(shop, "x", reason=Reason.NOT_ALLOWED)
    refuse(other, "o")
    refuse(shop, "f")
    assert kept(participant=shop, reason="bad_time") == "d e f"
    assert kept(participant=shop, reason="not_allowed") == "x"
    assert kept(participant=other) == "o"
    assert counted() == [
        ("other", "bad_time", 1, 0),
        ("shop", "bad_time", 6, 3),
        ("shop", "not_allowed", 1, 0),
    ]


def test_foreign_and_replayed_ones_are_no_part_of_it(shop: Participant, settings: Any) -> None:
    settings.REFUSED_EVENTS_KEPT = 1
    refuse(shop, "replayed")
    Quarantined.objects.update(state="replayed")
    foreign = Foreign(Reason.ORPHAN_EVENT, "why", b"foreign", type="com.shop.lost")
    ingest.store([foreign, foreign], participant=shop, now=NOW)
    refuse(shop, "a", "b")
    assert kept() == "foreign foreign b"
    assert Quarantined.objects.count() == 4
    assert counted() == [("shop", "bad_time", 3, 1)]


def test_room_is_made_once_in_a_share_of_what_is_kept(
    shop: Participant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REFUSED_EVENTS_KEPT = 8
    monkeypatch.setattr(keeping, "SHARE", 2)
    numbers = []
    for number in range(17):
        refuse(shop, str(number))
        numbers.append(Quarantined.objects.count())
    assert numbers == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9]
    assert kept() == " ".join(map(str, range(8, 17)))


def test_what_was_kept_without_bound_goes_little_by_little(
    shop: Participant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(shop, *"abcdefghi")
    settings.REFUSED_EVENTS_KEPT = 2
    monkeypatch.setattr(keeping, "GOING_AT_ONCE", 4)
    refuse(shop, "j")
    assert kept() == "e f g h i j"
    refuse(shop, "k")
    assert kept() == "i j k"
    assert counted() == [("shop", "bad_time", 11, 8)]


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_keep_to_it(transactional_db: None, settings: Any) -> None:
    settings.REFUSED_EVENTS_KEPT = 5
    shop = participants.create("shop", ME)
    barrier = threading.Barrier(3)
    broken: list[DatabaseError] = []

    def write(reasons: list[Reason]) -> None:
        barrier.wait()
        try:
            for _ in range(10):
                batch = [Refused(reason, "why", b"{}") for reason in reasons]
                ingest.store(batch, participant=shop, now=NOW)
        except DatabaseError as error:
            broken.append(error)
        finally:
            connection.close()

    orders = [[Reason.BAD_TIME, Reason.BAD_DATA], [Reason.BAD_DATA, Reason.BAD_TIME], [Reason.BAD_TIME]]
    writing = [threading.Thread(target=write, args=[reasons]) for reasons in orders]
    for thread in writing:
        thread.start()
    for thread in writing:
        thread.join(30)
    assert not broken
    assert counted() == [("shop", "bad_data", 20, 15), ("shop", "bad_time", 30, 25)]
    assert Quarantined.objects.count() == 10


def test_what_was_replayed_long_ago_goes_and_nothing_else(
    shop: Participant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REPLAYED_EVENTS_DAYS = 30
    monkeypatch.setattr(quarantine, "FORGOTTEN_AT_ONCE", 2)
    refuse(shop, *"abcdef")
    ages = {"a": 31, "b": 29, "c": 32, "d": 33}
    for body, days in ages.items():
        row = Quarantined.objects.filter(body=body.encode())
        row.update(state="replayed", replayed_at=NOW - timedelta(days=days))
    # Was replayed, too, and refused again.
    Quarantined.objects.filter(body=b"e").update(replayed_at=NOW - timedelta(days=90))
    assert [quarantine.forget_replayed(NOW) for _ in range(3)] == [2, 1, 0]
    assert {bytes(body) for body in Quarantined.objects.values_list("body", flat=True)} == {b"b", b"e", b"f"}
