"""One event that nobody has thought of costs the others of its batch nothing, and stops no replay."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sagas import audit, definitions, events, ingest, participants, quarantine, replays
from sagas.events import Incoming, Reason, Refused
from sagas.events.mapping import Mappings
from sagas.models import Event, ForeignType, Participant, Quarantined, Saga
from sagas.quarantine import Replayed
from sagas.vocabulary import Kind

ME = audit.Actor("person", "anna", "192.0.2.1")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

# What no event of the wire can hold, so that it stands for all that was overlooked: the database refuses the
# one, and our own code the other.
FATAL: list[dict[str, Any]] = [{"data": "\0"}, {"attributes": {"n": 10**5000}}]

MAPPED = """
type: order
version: "1"
steps: [{name: ship, kind: pivot}]
events: [{type: com.shop.shipped, kind: step.completed, saga: event.data.order, step: ship}]
"""


@pytest.fixture
def shop(db: None) -> Participant:
    return participants.create("shop", ME)


def event(number: int, saga: str = "o-1", **more: Any) -> Incoming:
    given = {"source": "//shop", "id": f"e-{number}", "kind": Kind.SAGA_NOTE, "saga_type": "order"}
    return Incoming(**given | {"saga_id": saga, "time": NOW, "raw": b"e-%d" % number} | more)


def outcomes(results: list[ingest.Result]) -> str:
    return "".join(result.outcome[0].upper() for result in results)


def shipped(number: int, **data: Any) -> bytes:
    envelope = {"specversion": "1.0", "id": f"e-{number}", "source": "//shop", "type": "com.shop.shipped"}
    return json.dumps(envelope | {"data": {"order": f"o-{number}"} | data}).encode()


def send(by: Participant, *bodies: bytes) -> list[ingest.Result]:
    return ingest.store([events.read(body, now=NOW, largest=99_999) for body in bodies], participant=by)


@pytest.mark.parametrize("fatal", FATAL)
def test_it_is_quarantined_as_it_came_with_the_reason(shop: Participant, fatal: dict[str, Any]) -> None:
    refused = Refused(Reason.BAD_TIME, "time is bad.", b"{}")
    batch = [event(1), event(2, saga="o-2", **fatal), refused, event(3), event(3)]
    with capture_logs() as logged:
        results = ingest.store(batch, participant=shop, scope=["order"], now=NOW)
    assert outcomes(results) == "SQQSD"
    assert (results[1].reason, results[1].saga_pk) == ("not_storable", None)
    assert results[1].detail.startswith("Amends cannot store it")
    kept = Quarantined.objects.order_by("reason").values_list("reason", "body", "saga_types", "participant")
    assert [(reason, bytes(body), types, by) for reason, body, types, by in kept] == [
        ("bad_time", b"{}", ["order"], shop.pk),
        ("not_storable", b"e-2", ["order"], shop.pk),
    ]
    # Its saga, of which nothing is known, was not made.
    assert list(Saga.objects.values_list("saga_id", "revision", "redeliveries")) == [("o-1", 2, 1)]
    [told] = logged
    assert (told["source"], told["id"]) == ("//shop", "e-2")
    assert "/sagas/" in told["place"]


@pytest.mark.django_db(transaction=True)
def test_it_is_the_same_where_each_batch_is_a_transaction(transactional_db: None) -> None:
    shop = participants.create("shop", ME)
    assert outcomes(ingest.store([event(1), event(2, **FATAL[0])], participant=shop, now=NOW)) == "SQ"
    assert outcomes(ingest.store([event(1), event(2)], participant=shop, now=NOW)) == "DS"
    assert not connection.in_atomic_block


@given(bad=st.sets(st.integers(0, 11)), cut=st.integers(0, 12))
@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_others_are_taken_wherever_they_stand(shop: Participant, bad: set[int], cut: int) -> None:
    Event.objects.all().delete()
    Saga.objects.all().delete()
    batch = [event(n, f"o-{n % 3}", **FATAL[n % 2] if n in bad else {}) for n in range(12)]
    told = [
        outcome
        for some in (batch[:cut], batch[cut:])
        for outcome in outcomes(ingest.store(some, participant=shop, now=NOW))
    ]
    assert told == ["Q" if number in bad else "S" for number in range(12)]
    folded = list(Saga.objects.order_by("pk").values_list("facts", "revision"))
    ingest.refold(list(Saga.objects.values_list("pk", flat=True)), NOW)
    assert list(Saga.objects.order_by("pk").values_list("facts", "revision")) == folded


def test_what_amends_records_itself_is_never_left_out(db: None) -> None:
    mine = event(1, source="amends", **FATAL[0])
    with pytest.raises(DataError):
        ingest.store([mine], participant=None)


def test_a_database_that_is_away_is_no_fault_of_an_event(
    shop: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: Any) -> Any:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(ingest.storing, "hold", away)
    with pytest.raises(OperationalError):
        ingest.store([event(1), event(2)], participant=shop, now=NOW)
    assert not Quarantined.objects.exists()


def test_a_number_beyond_counting_is_refused_when_it_comes_and_when_it_is_replayed(shop: Participant) -> None:
    send(shop, shipped(1), shipped(2, big=int("9" * 400)))
    definitions.load(MAPPED, "order.yaml", ME)
    replay = replays.ask(ForeignType.objects.get(), ME)
    assert replay
    assert replays.go_on(budget=60) == 2
    replay.refresh_from_db()
    assert (replay.state, replay.taken, replay.refused) == ("done", 1, 1)
    assert Quarantined.objects.get(state="open").reason == "mapping_failed"
    assert [result.reason for result in send(shop, shipped(3, big=10**400), shipped(4))] == [
        "mapping_failed",
        "",
    ]


def test_a_key_of_more_digits_than_its_column_holds_is_taken(shop: Participant) -> None:
    ingest.adopt(definitions.load('{type: order, version: "1", keys: {order: id}}', "x.yaml", ME).row)
    results = ingest.store([event(1, data=f'{{"id": {"9" * 600}}}')], participant=shop, now=NOW)
    assert outcomes(results) == "S"
    assert Saga.objects.get().keys.get().value == "9" * 500


@pytest.mark.parametrize("fails", ["mapping", "storing"])
def test_a_replay_leaves_what_it_cannot_deal_with_and_goes_on(
    shop: Participant, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Injected, as what is known to do it has been mended."""
    send(shop, *map(shipped, range(5)))
    definitions.load(MAPPED, "order.yaml", ME)
    take = Mappings.take

    def taking(self: Mappings, foreign: Any, **more: Any) -> Any:
        mapped = take(self, foreign, **more)
        if foreign.id != "e-2":
            return mapped
        if fails == "mapping":
            raise OverflowError("int too large to convert to float")
        mapped.taken[0].data = "\0"
        return mapped

    monkeypatch.setattr(Mappings, "take", taking)
    replay = replays.ask(ForeignType.objects.get(), ME)
    assert replay
    assert replays.go_on(budget=60) == 5
    replay.refresh_from_db()
    assert (replay.state, replay.taken, replay.refused) == ("done", 4, 1)
    row = Quarantined.objects.get(state="open")
    assert (row.reason, row.replays, bytes(row.body)) == ("not_storable", 1, shipped(2))
    assert (ForeignType.objects.get().kept, Quarantined.objects.count(), Saga.objects.count()) == (1, 5, 4)
    monkeypatch.undo()
    assert quarantine.replay([row.pk], ME) == Replayed(1, 0, 0)
    assert (ForeignType.objects.get().kept, Saga.objects.count()) == (0, 5)
