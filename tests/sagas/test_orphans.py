"""Events that nobody mapped: kept, counted, bounded; and taken once somebody does."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagas import audit, definitions, events, facts, ingest, participants, quarantine, replays
from sagas.ingest import keeping
from sagas.models import AuditEntry, Definition, Event, ForeignType, Participant, Quarantined, Replay, Saga
from sagas.quarantine import Replayed

ME = audit.Actor("person", "anna", "192.0.2.1")

ORDER = """\
type: order
version: "%s"
steps:
  - {name: ship, kind: pivot}
events:
  - type: "com.shop.*"
    when: event.data.status != "DRAFT"
    kind: step.completed
    saga: event.data.order
    step: ship
"""
WALLET = """\
type: wallet
version: "1"
events:
  - {type: com.shop.shipped, kind: saga.note, saga: "string(event.data.wallet)"}
"""


def shipped(number: int | str, **changed: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "//shop",
        "type": "com.shop.shipped",
        "time": "2026-01-01T12:00:00Z",
        "data": {"order": f"o-{number}", "status": "SENT"},
    }
    return event | changed


@pytest.fixture
def shop(db: None) -> Participant:
    return participants.create("shop", ME)


def send(by: Participant, *bodies: dict[str, Any], scope: list[str] | None = None) -> list[ingest.Result]:
    found = [events.read(json.dumps(body).encode(), now=timezone.now(), largest=100_000) for body in bodies]
    return ingest.store(found, participant=by, scope=scope or [])


def load(text: str) -> None:
    definitions.load(text, "x.yaml", ME)


def kept() -> list[tuple[str, int, int, int]]:
    return list(ForeignType.objects.order_by("type").values_list("type", "count", "kept", "dropped"))


class TestTaken:
    def test_a_foreign_event_becomes_one_of_ours(self, shop: Participant) -> None:
        load(ORDER % 1)
        (result,) = send(shop, shipped(1))
        saga = Saga.objects.get()
        assert (result.outcome, result.saga_pk, result.reason) == ("stored", saga.pk, "")
        assert [(each.event.kind, each.outcome) for each in result.mapped] == [("step.completed", "stored")]
        event = Event.objects.get()
        assert (event.source, event.event_id, event.kind, event.step) == (
            "//shop",
            "e-1",
            "step.completed",
            "ship",
        )
        assert event.attributes == {"foreigntype": "com.shop.shipped", "mappedby": "order v1, events[0]"}
        assert json.loads(event.data or "") == shipped(1)["data"]
        assert (saga.saga_type, saga.saga_id, saga.status) == ("order", "o-1", "completed")
        assert not Quarantined.objects.exists()

    def test_again_it_is_a_duplicate(self, shop: Participant) -> None:
        load(ORDER % 1)
        first, second = send(shop, shipped(1), shipped(1))
        (third,) = send(shop, shipped(1))
        assert [first.outcome, second.outcome, third.outcome] == ["stored", "duplicate", "duplicate"]
        assert (Saga.objects.get().revision, Saga.objects.get().redeliveries) == (1, 2)

    def test_native_foreign_and_faulty_events_each_have_their_result(self, shop: Participant) -> None:
        load(ORDER % 1)
        native = shipped(2, type="saga.started", correlationid="o-2", sagatype="order")
        results = send(shop, native, shipped(1), {"id": 7}, shipped(3, type="else.where"), native)
        assert [(each.outcome, each.reason) for each in results] == [
            ("stored", ""),
            ("stored", ""),
            ("quarantined", "missing_attribute"),
            ("quarantined", "orphan_event"),
            ("duplicate", ""),
        ]

    def test_the_newest_version_maps_and_one_without_events_maps_nothing(self, shop: Participant) -> None:
        load(ORDER % 1)
        assert send(shop, shipped(1))[0].outcome == "stored"
        load(ORDER.replace("step.completed", "step.failed") % 2)
        assert send(shop, shipped(2))[0].mapped[0].event.kind == "step.failed"
        load("type: order\nversion: '3'\n")
        assert send(shop, shipped(3))[0].reason == "orphan_event"

    def test_sagas_of_two_types_and_one_of_them_fails(self, shop: Participant) -> None:
        load(ORDER % 1)
        load(WALLET)
        data = {"order": "o-1", "status": "SENT", "wallet": 7}
        (result,) = send(shop, shipped(1, data=data))
        assert [(each.event.saga_type, each.outcome) for each in result.mapped] == [
            ("order", "stored"),
            ("wallet", "stored"),
        ]
        (result,) = send(shop, shipped(2))
        assert (result.outcome, result.reason) == ("stored", "mapping_failed")
        assert [each.event.saga_type for each in result.mapped] == ["order"]
        row = Quarantined.objects.get()
        assert (row.reason, row.foreign_type and row.foreign_type.type) == (
            "mapping_failed",
            "com.shop.shipped",
        )
        assert "wallet v1, events[0]: saga has no value" in row.detail

    def test_a_key_writes_no_other_type_by_a_mapping(self, shop: Participant) -> None:
        load(ORDER % 1)
        load(WALLET)
        both = {"order": "o-1", "status": "SENT", "wallet": 7}
        (result,) = send(shop, shipped(1, data=both), scope=["wallet"])
        assert [each.event.saga_type for each in result.mapped] == ["wallet"]
        (result,) = send(shop, shipped(2, data=both), scope=["else"])
        assert (result.outcome, result.reason) == ("quarantined", "not_allowed")
        assert set(Saga.objects.values_list("saga_type", flat=True)) == {"wallet"}
        # Nor by a replay.
        assert quarantine.replay([Quarantined.objects.get().pk], ME) == Replayed(0, 1, 0)
        assert Saga.objects.count() == 1

    def test_business_keys_are_found_where_the_mapping_says(self, shop: Participant) -> None:
        keys = 'keys: {order: "has(event.data.no) ? event.data.no : null", other: event.id}'
        load((ORDER % 1) + f"    {keys}\nkeys: {{order: order_id, other: data.other}}\n")
        send(shop, shipped(1, data={"order": "o-1", "status": "SENT", "no": 8492, "order_id": "not this"}))
        send(shop, shipped(2, data={"order": "o-2", "status": "SENT", "order_id": "77"}))
        first, second = Saga.objects.order_by("pk")
        assert dict(first.keys.values_list("name", "value")) == {"order": "8492", "other": "e-1"}
        assert dict(second.keys.values_list("name", "value")) == {"order": "77", "other": "e-2"}
        before = first.facts
        ingest.refold([first.pk])
        first.refresh_from_db()
        assert facts.decode(first.facts) == facts.decode(before)

    @pytest.mark.parametrize("said", ['{"order": 7}', "[]", "x", '{"order": ""}', '{"else": "1"}', 7, True])
    def test_an_attribute_of_that_name_may_hold_anything(self, shop: Participant, said: Any) -> None:
        load("type: order\nversion: '1'\nkeys: {order: order_id}\n")
        native = {"type": "saga.note", "correlationid": "o-1", "sagatype": "order", "mappedkeys": said}
        assert send(shop, shipped(1, **native))[0].outcome == "stored"
        assert not Saga.objects.get().keys.exists()

    def test_what_amends_records_itself_is_never_foreign(self, db: None) -> None:
        event = events.read(json.dumps(shipped(1)).encode(), now=timezone.now(), largest=1000)
        with pytest.raises(ValueError, match="own event was refused"):
            ingest.store([event], participant=None)

    def test_nothing_is_looked_up_for_native_events(self, shop: Participant) -> None:
        native = shipped(1, type="saga.note", correlationid="o-1", sagatype="order")
        load(ORDER % 1)
        ingest.admitting._of.cache_clear()
        send(shop, native)
        assert ingest.admitting._of.cache_info().misses == 0
        send(shop, shipped(1))
        assert ingest.admitting._of.cache_info().misses == 1


class TestKept:
    def test_orphans_are_counted_by_participant_and_type(self, shop: Participant) -> None:
        other = participants.create("other", ME)
        send(shop, shipped(1), shipped(2), shipped(2), shipped(3, type="b"))
        send(other, shipped(1))
        assert kept() == [("b", 1, 1, 0), ("com.shop.shipped", 3, 3, 0), ("com.shop.shipped", 1, 1, 0)]
        row = ForeignType.objects.get(participant=shop, type="com.shop.shipped")
        assert row.quarantined.count() == 3
        assert row.first_at == row.last_at

    def test_the_newest_are_kept_and_the_others_counted(self, shop: Participant, settings: Any) -> None:
        settings.FOREIGN_EVENTS_KEPT = 3
        send(shop, *(shipped(number) for number in range(5)))
        send(shop, shipped(5), shipped(6, type="b"))
        assert kept() == [("b", 1, 1, 0), ("com.shop.shipped", 6, 3, 3)]
        ids = [json.loads(bytes(row.body))["id"] for row in Quarantined.objects.order_by("pk")]
        assert ids == ["e-3", "e-4", "e-5", "e-6"]

    def test_types_without_number_share_one_bound(
        self, shop: Participant, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping, "MOST_TYPES", 2)
        settings.FOREIGN_EVENTS_KEPT = 2
        send(shop, *(shipped(number, type=f"t{number}") for number in range(5)))
        send(shop, shipped(5, type="t5"), shipped(6, type="t0"))
        assert kept() == [("", 4, 2, 2), ("t0", 2, 2, 0), ("t1", 1, 1, 0)]

    def test_what_is_addressed_but_no_kind_is_counted_too(self, shop: Participant) -> None:
        send(shop, shipped(1, correlationid="o-1", sagatype="order"))
        assert kept() == [("com.shop.shipped", 1, 1, 0)]
        assert Quarantined.objects.get().reason == "unknown_kind"


class TestReplayed:
    def replay(self, type: str = "com.shop.shipped") -> Replay:
        replay = replays.ask(ForeignType.objects.get(type=type), ME)
        assert replay
        return replay

    def test_a_mapping_that_comes_later_takes_all_that_was_kept(self, shop: Participant) -> None:
        send(shop, *(shipped(number) for number in range(250)), shipped("b", type="b"))
        load(ORDER % 1)
        replay = self.replay()
        assert (replay.total, replay.state) == (250, "running")
        assert self.replay() == replay
        # What comes meanwhile is mapped as it comes.
        send(shop, shipped("new"), shipped(7))
        assert replays.go_on(budget=60) == 250
        replay.refresh_from_db()
        assert (replay.state, replay.taken, replay.refused, replays.gone(replay)) == ("done", 250, 0, 0)
        assert replay.finished_at
        assert (Saga.objects.count(), Event.objects.count()) == (251, 251)
        assert Saga.objects.get(saga_id="o-7").redeliveries == 1
        assert kept() == [("b", 1, 1, 0), ("com.shop.shipped", 250, 0, 0)]
        assert [entry.action for entry in AuditEntry.objects.order_by("sequence")][2:] == [
            "replay.asked",
            "quarantine.replayed",
            "quarantine.replayed",
            "quarantine.replayed",
            "replay.finished",
        ]
        assert AuditEntry.objects.first().actor == "anna"
        assert AuditEntry.objects.first().after == {"taken": 250, "refused": 0, "gone": 0}
        assert replays.go_on() == 0
        assert replays.ask(ForeignType.objects.get(type="com.shop.shipped"), ME) is None

    def test_what_is_refused_again_stays_and_the_replay_ends(self, shop: Participant) -> None:
        send(shop, shipped(1), shipped(2, data={"order": "o-2", "status": "DRAFT"}), shipped(3, data={}))
        load(ORDER % 1)
        replay = self.replay()
        replays.go_on()
        replay.refresh_from_db()
        assert (replay.state, replay.taken, replay.refused) == ("done", 1, 2)
        assert list(Quarantined.objects.order_by("pk").values_list("state", "reason")) == [
            ("replayed", "orphan_event"),
            ("open", "orphan_event"),
            ("open", "mapping_failed"),
        ]
        assert kept() == [("com.shop.shipped", 3, 2, 0)]

    def test_what_somebody_else_replayed_meanwhile_is_told(self, shop: Participant) -> None:
        send(shop, shipped(1), shipped(2))
        load(ORDER % 1)
        replay = self.replay()
        quarantine.replay([Quarantined.objects.earliest("pk").pk], ME)
        replays.go_on()
        replay.refresh_from_db()
        assert (replay.taken, replay.refused, replays.gone(replay)) == (1, 0, 1)
        assert kept() == [("com.shop.shipped", 2, 0, 0)]

    def test_one_that_our_code_cannot_go_on_with_does_not_stop_the_others(
        self, shop: Participant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send(shop, shipped(1, type="a"), shipped(2))
        load(ORDER % 1)
        bad, good = self.replay("a"), self.replay()
        read_again = quarantine.read_again

        def break_down(rows: list[Quarantined], *rest: Any) -> tuple[int, int]:
            assert all(row.foreign_type_id != bad.foreign_type_id for row in rows)
            return read_again(rows, *rest)

        monkeypatch.setattr(quarantine, "read_again", break_down)
        assert replays.go_on() == 1
        good.refresh_from_db()
        bad.refresh_from_db()
        assert (good.state, bad.state, bad.position) == ("done", "running", 0)

    def test_what_was_kept_without_its_type_is_counted_when_it_is_read_again(self, shop: Participant) -> None:
        send(shop, shipped(1))
        Quarantined.objects.update(foreign_type=None)
        ForeignType.objects.all().delete()
        assert quarantine.replay([Quarantined.objects.get().pk], ME) == Replayed(0, 1, 0)
        assert kept() == [("com.shop.shipped", 1, 1, 0)]
        assert Quarantined.objects.get().foreign_type == ForeignType.objects.get()


@pytest.mark.django_db(transaction=True)
def test_workers_and_writers_at_once_take_each_event_once(transactional_db: None) -> None:
    shop = participants.create("shop", ME)
    send(shop, *(shipped(number) for number in range(300)))
    load(ORDER % 1)
    assert replays.ask(ForeignType.objects.get(), ME)
    pks = list(Quarantined.objects.values_list("pk", flat=True))
    barrier = threading.Barrier(4)
    broken: list[Exception] = []

    def run(work: Any) -> None:
        barrier.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001  (whatever it is, the test tells it)
            broken.append(error)
        finally:
            connection.close()

    work = [
        lambda: replays.go_on(budget=30),
        lambda: replays.go_on(budget=30),
        lambda: quarantine.replay(pks[50:250], ME),
        lambda: send(shop, *(shipped(number, type="elsewhere") for number in range(100))),
    ]
    threads = [threading.Thread(target=run, args=[each]) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    replays.go_on(budget=30)
    assert broken == []
    replay = Replay.objects.get()
    assert (replay.state, Event.objects.count()) == ("done", 300)
    assert set(Saga.objects.values_list("revision", "redeliveries")) == {(1, 0)}
    assert kept() == [("com.shop.shipped", 300, 0, 0), ("elsewhere", 100, 100, 0)]
    assert isinstance(audit.verify(), audit.Verified)


KINDS = ["step.started", "step.completed", "step.failed", "compensation.completed"]
JOURNEY = """\
type: order
version: "1"
steps: [{name: charge, kind: compensatable}, {name: ship, kind: pivot}]
events:
  - type: s.*
    kind: {cel: event.data.kind}
    saga: event.data.order
    step: {cel: event.data.step}
    time: event.data.at
"""
said = st.builds(
    lambda number, kind, step, second: shipped(
        number,
        type=f"s.{kind}",
        data={"order": "o-1", "kind": kind, "step": step, "at": f"2026-01-01T12:00:{second:02}Z"},
    ),
    st.integers(0, 5),
    st.sampled_from(KINDS),
    st.sampled_from(["charge", "ship"]),
    st.integers(0, 59),
)


@pytest.mark.django_db
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(said, min_size=1, max_size=6, unique_by=lambda event: event["id"]),
    st.randoms(use_true_random=False),
)
def test_any_order_and_any_repetition_gives_the_same_facts(told: list[dict[str, Any]], chance: Any) -> None:
    """Mapped as they come, in one batch; or shuffled, doubled, one by one, half before the mapping."""
    found = []
    for late in (False, True):
        Saga.objects.all().delete()
        Quarantined.objects.all().delete()
        Definition.objects.all().delete()
        shop, _ = Participant.objects.get_or_create(name="shop")
        ForeignType.objects.all().delete()
        if not late:
            load(JOURNEY)
            send(shop, *told)
        else:
            again = [*told, *told]
            chance.shuffle(again)
            half = len(again) // 2
            for event in again[:half]:
                send(shop, event)
            load(JOURNEY)
            for event in again[half:]:
                send(shop, event)
            for foreign_type in ForeignType.objects.all():
                replays.ask(foreign_type, ME)
            replays.go_on(budget=30)
            assert not Quarantined.objects.filter(state="open").exists()
        saga = Saga.objects.get()
        found.append((facts.decode(saga.facts), saga.status, saga.revision))
    assert found[0] == found[1]
