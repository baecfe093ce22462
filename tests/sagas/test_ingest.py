"""Storing batches: what is new, what is repeated, and that the result does not depend on how it came."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sagas import audit, definitions, facts, ingest, participants, sql
from sagas.events import Incoming, Reason, Refused
from sagas.ingest import Outcome
from sagas.ingest.sending import Sent
from sagas.models import Due, Event, Participant, Quarantined, Saga, SagaKey
from sagas.vocabulary import Condition, Kind, Status

ME = audit.Actor.system()
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

ORDER = """
type: order
version: "VERSION"
keys: {order: order_id, customer: customer.id}
display: {total: [total.amount, total.currency], order: order_id}
steps:
  - {name: charge, kind: compensatable, participant: payment, deadline: 10s}
  - {name: ship, kind: pivot, participant: shipping}
"""


def define(version: str = "1", text: str = ORDER) -> int:
    row = definitions.load(text.replace("VERSION", version), "order.yaml", ME).row
    ingest.adopt(row, NOW)
    return row.pk


@pytest.fixture
def shop(db: None) -> Participant:
    return participants.create("shop", ME)


def event(number: int, kind: Kind = Kind.STEP_COMPLETED, saga: str = "o-1", **more: Any) -> Incoming:
    given: dict[str, Any] = {
        "source": "//shop",
        "id": f"e-{number}",
        "kind": kind,
        "saga_type": "order",
        "saga_id": saga,
        "step": "charge" if kind.needs_step else "",
        "time": NOW + timedelta(seconds=number),
    }
    return Incoming(**given | more)


def outcomes(results: Sequence[ingest.Result]) -> str:
    """S, D and Q, one an event."""
    return "".join(result.outcome[0].upper() for result in results)


DERIVED = [
    "facts",
    "revision",
    "status",
    "open_effects",
    "unknown_effects",
    "waiting_on",
    "display",
    "started_at",
    "last_event_at",
    "ended_at",
    "unmet_version",
]


def standing(saga: str = "o-1") -> tuple[Any, ...]:
    """All that follows from a saga's events, wherever it is kept."""
    row = Saga.objects.get(saga_id=saga)
    columns = {name: getattr(row, name) for name in DERIVED}
    columns["facts"] = facts.decode(row.facts)
    columns["definition"] = row.definition.version if row.definition else None
    keys = sorted(row.keys.values_list("name", "value", "links"))
    return columns, keys


class TestStore:
    def test_what_is_new_is_stored_with_its_saga(self, shop: Participant) -> None:
        define()
        results = ingest.store(
            [
                event(1, Kind.SAGA_STARTED, data='{"order_id": 8492, "customer": {"id": "c-1"}}'),
                event(
                    2, Kind.STEP_STARTED, attempt=2, sequence="7", execution="x", attributes={"subject": "é"}
                ),
                event(3, Kind.STEP_FAILED, data='{"error": {"message": "declined"}}'),
            ],
            participant=shop,
            now=NOW,
        )
        assert outcomes(results) == "SSS"
        saga = Saga.objects.get()
        assert {result.saga_pk for result in results} == {saga.pk}
        assert (saga.saga_type, saga.saga_id, saga.revision, saga.status) == (
            "order",
            "o-1",
            3,
            Status.RUNNING,
        )
        assert saga.display == {"order": "8492"}
        assert sorted(saga.keys.values_list("name", "value", "links")) == [
            ("customer", "c-1", True),
            ("order", "8492", True),
        ]
        stored = Event.objects.get(event_id="e-2")
        assert (stored.attempt, stored.sequence, stored.execution, stored.attributes) == (
            2,
            "7",
            "x",
            {"subject": "é"},
        )
        assert (stored.participant, stored.received_at, stored.data) == (shop, NOW, None)

    def test_an_event_without_time_has_the_time_of_receipt(self, shop: Participant) -> None:
        ingest.store([event(1, time=None)], participant=shop, now=NOW)
        stored = Event.objects.get()
        assert (stored.time, stored.time_given) == (NOW, False)

    def test_what_is_repeated_is_counted_and_changes_nothing(self, shop: Participant) -> None:
        ingest.store([event(1), event(2)], participant=shop, now=NOW)
        before = standing()
        other = event(1, Kind.STEP_FAILED, data='"other"')
        assert outcomes(ingest.store([other, event(2), event(2)], participant=shop, now=NOW)) == "DDD"
        assert standing() == before
        saga = Saga.objects.get()
        assert (saga.revision, saga.redeliveries) == (2, 3)

    def test_a_batch_of_old_and_new_and_the_same_twice(self, shop: Participant) -> None:
        ingest.store([event(1)], participant=shop, now=NOW)
        batch = [event(2), event(1), event(2), event(3, saga="o-2"), event(3), event(3, saga="o-2")]
        assert outcomes(ingest.store(batch, participant=shop, now=NOW)) == "SDDSSD"
        assert list(Saga.objects.order_by("saga_id").values_list("saga_id", "revision", "redeliveries")) == [
            ("o-1", 3, 2),
            ("o-2", 1, 1),
        ]
        folded = standing()
        ingest.refold([Saga.objects.get(saga_id="o-1").pk], NOW)
        assert standing() == folded

    def test_one_id_from_two_sources_or_types_is_two_events(self, shop: Participant) -> None:
        batch = [event(1), event(1, source="//other"), event(1, saga_type="wallet")]
        assert outcomes(ingest.store(batch, participant=shop, now=NOW)) == "SSS"
        assert Saga.objects.count() == 2

    def test_refused_events_go_to_quarantine_and_the_rest_is_taken(self, shop: Participant) -> None:
        refused = Refused(Reason.BAD_TIME, "time is bad.", b"{}")
        batch = [event(1), refused, event(2, saga_type="wallet", raw=b'{"w": 1}')]
        results = ingest.store(batch, participant=shop, scope=["order"], now=NOW)
        assert outcomes(results) == "SQQ"
        assert results[2].detail == "This key may not report on sagas of type wallet."
        kept = Quarantined.objects.order_by("pk").values_list("reason", "body", "saga_types", "participant")
        assert [(reason, bytes(body), types, pk) for reason, body, types, pk in kept] == [
            ("bad_time", b"{}", ["order"], shop.pk),
            ("not_allowed", b'{"w": 1}', ["order"], shop.pk),
        ]
        assert not Saga.objects.filter(saga_type="wallet").exists()

    def test_what_amends_records_itself_belongs_to_no_participant(self, db: None) -> None:
        ingest.store([event(1, Kind.OPERATOR_NOTE, source="amends")], participant=None, now=NOW)
        assert Event.objects.get().participant is None

    def test_nothing_to_store_is_nothing(self, shop: Participant) -> None:
        assert ingest.store([], participant=shop) == []

    def test_it_is_part_of_the_callers_transaction(self, shop: Participant) -> None:
        with transaction.atomic():
            ingest.store([event(1)], participant=shop, now=NOW)
            transaction.set_rollback(True)
        assert not Saga.objects.exists()

    def test_a_saga_that_was_not_well_is_looked_at_at_once(self, shop: Participant) -> None:
        ingest.store([event(1, Kind.STEP_STARTED)], participant=shop, now=NOW)
        Saga.objects.update(condition=Condition.STUCK, has_findings=True)
        later = NOW + timedelta(seconds=3)
        ingest.store([event(2)], participant=shop, now=later)
        assert Due.objects.get().at == later

    def test_the_number_of_statements_does_not_grow_with_the_batch(
        self, shop: Participant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        define()
        counted: list[str] = []
        run, enter = sql.run, Sent.__enter__

        def counting_run(statement: str, **parameters: Any) -> Any:
            counted.append(statement)
            return run(statement, **parameters)

        def counting_enter(self: Sent) -> Sent:
            counted.append("sent")
            return enter(self)

        monkeypatch.setattr(sql, "run", counting_run)
        monkeypatch.setattr(Sent, "__enter__", counting_enter)
        data = '{"order_id": "1"}'
        ingest.store([event(1, data=data)], participant=shop, now=NOW)
        few = len(counted)
        batch = [event(number, saga=f"s-{number % 90}", data=data) for number in range(1000)]
        ingest.store(batch, participant=shop, now=NOW)
        assert len(counted) - few == few == 5

    def test_what_fails_while_the_server_inserts_leaves_nothing_and_a_usable_connection(
        self, shop: Participant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*given: Any) -> Any:
            raise RuntimeError("in the middle")

        with monkeypatch.context() as patched:
            patched.setattr(ingest.folding, "take", fail)
            with pytest.raises(RuntimeError, match="in the middle"), transaction.atomic():
                ingest.store([event(1)], participant=shop, now=NOW)
        assert not Saga.objects.exists()
        assert outcomes(ingest.store([event(1)], participant=shop, now=NOW)) == "S"


# What a saga may hear, in any order, any number of times, in any number of batches.
KINDS = [kind for kind in Kind if kind.family != "operator"]
PAYLOADS = [
    None,
    '{"order_id": 1}',
    '{"order_id": 2, "customer": {"id": "c-1"}}',
    '{"total": {"amount": 49.90, "currency": "EUR"}}',
    '{"error": "declined", "customer": {"id": "c-2"}}',
]
history = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(["charge", "ship", "other"]),
        st.sampled_from(["//a", "//b"]),
        st.integers(0, 6),
        st.sampled_from(PAYLOADS),
        st.sampled_from(["", "", "1", "2", "3"]),
    ),
    min_size=1,
    max_size=14,
).map(
    lambda told: [
        event(
            number,
            kind,
            step=step if kind.needs_step else "",
            source=source,
            time=NOW + timedelta(seconds=second),
            data=data,
            attributes={"sagaversion": version} if version else {},
        )
        for number, (kind, step, source, second, data, version) in enumerate(told)
    ]
)


def fresh_copy(events: list[Incoming], saga: str) -> list[Incoming]:
    return [Incoming(**{f: getattr(e, f) for f in e.__struct_fields__} | {"saga_id": saga}) for e in events]


def send(events: list[Incoming], cuts: list[int], by: Participant) -> None:
    start = 0
    for cut in [*sorted(cuts), len(events)]:
        ingest.store(events[start:cut], participant=by, now=NOW)
        start = max(start, cut)


class TestAnyOrder:
    @given(
        told=history,
        chance=st.randoms(use_true_random=False),
        cuts=st.lists(st.integers(0, 20), max_size=6),
        loaded=st.sampled_from(["before", "between", "after"]),
    )
    @examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_same_events_make_the_same_saga(
        self,
        shop: Participant,
        told: list[Incoming],
        chance: random.Random,
        cuts: list[int],
        loaded: str,
    ) -> None:
        """One batch in order, against shuffled, doubled and cut, with definitions loaded at any time."""
        with transaction.atomic():
            define("1")
            define("2")
            ingest.store(fresh_copy(told, "straight"), participant=shop, now=NOW)
            straight = standing("straight")
            transaction.set_rollback(True)
        mixed = fresh_copy(told + [e for e in told if chance.random() < 0.4], "mixed")
        chance.shuffle(mixed)
        half = len(mixed) // 2
        with transaction.atomic():
            if loaded == "before":
                define("1")
                define("2")
            send(mixed[:half], cuts, shop)
            if loaded == "between":
                define("1")
                define("2")
            send(mixed[half:], cuts, shop)
            if loaded == "after":
                define("1")
                define("2")
            assert standing("mixed") == straight
            transaction.set_rollback(True)

    @given(told=history)
    @examples(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_reading_anew_changes_nothing(self, shop: Participant, told: list[Incoming]) -> None:
        with transaction.atomic():
            define()
            for one in told:
                ingest.store([one], participant=shop, now=NOW)
            before = standing()
            ingest.refold([Saga.objects.get().pk], NOW)
            assert standing() == before
            transaction.set_rollback(True)


class TestDefinitions:
    def version_of(self, saga: str = "o-1") -> str | None:
        definition = Saga.objects.get(saga_id=saga).definition
        return definition.version if definition else None

    def test_the_version_that_events_name_counts(self, shop: Participant) -> None:
        define("1")
        define("2")
        ingest.store([event(1)], participant=shop, now=NOW)
        assert self.version_of() == "1"  # both came after this saga, as far as NOW tells
        ingest.store([event(2, attributes={"sagaversion": "2"})], participant=shop, now=NOW)
        assert self.version_of() == "2"
        ingest.store([event(0, attributes={"sagaversion": "1"})], participant=shop, now=NOW)
        assert self.version_of() == "2", "an older event was heard later"

    def test_else_the_newest_at_first_sight_and_no_other_later(self, shop: Participant) -> None:
        define("1")
        define("2")
        ingest.store([event(1)], participant=shop)
        define("3")
        ingest.store([event(2)], participant=shop)
        assert self.version_of() == "2"

    def test_a_number_for_a_version_is_its_text(self, shop: Participant) -> None:
        define("1")
        define("2")
        ingest.store([event(1, attributes={"sagaversion": 1})], participant=shop)
        assert self.version_of() == "1"

    def test_sagas_that_waited_take_it_up_when_it_comes(self, shop: Participant) -> None:
        define("1")
        data = '{"order_id": 8492, "total": {"amount": 5, "currency": "EUR"}}'
        batch = [event(n, saga=f"o-{n}", data=data, attributes={"sagaversion": "2"}) for n in range(450)]
        ingest.store(batch, participant=shop)
        assert self.version_of("o-7") == "1"
        row = definitions.load(ORDER.replace("VERSION", "2"), "order.yaml", ME).row
        assert ingest.adopt(row, patience=30).adopted == 450
        assert ingest.adopt(row).looked_at == 450
        assert self.version_of("o-7") == "2"
        assert Saga.objects.get(saga_id="o-449").display == {"total": "5 EUR", "order": "8492"}
        assert SagaKey.objects.filter(name="order", value="8492", links=True).count() == 450

    def test_a_newer_value_replaces_a_key(self, shop: Participant) -> None:
        define()
        ingest.store([event(2, data='{"order_id": 2}')], participant=shop)
        ingest.store([event(1, data='{"order_id": 1}')], participant=shop)
        assert list(SagaKey.objects.values_list("value", flat=True)) == ["2"]
        ingest.store([event(3, data='{"order_id": 3}')], participant=shop)
        assert list(SagaKey.objects.values_list("value", flat=True)) == ["3"]


@contextmanager
def threads(*works: Callable[[], None]) -> Iterator[None]:
    """Runs them side by side, each with a connection of its own; what one raises is raised here."""
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  (raised below)
            failures.append(failure)
        finally:
            connection.close()

    running = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in running:
        thread.start()
    yield
    for thread in running:
        thread.join(60)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def story(saga: str) -> list[Incoming]:
    return [
        event(1, Kind.SAGA_STARTED, saga=saga, data=f'{{"order_id": "{saga}"}}'),
        event(2, Kind.STEP_STARTED, saga=saga),
        event(3, Kind.STEP_COMPLETED, saga=saga, data='{"total": {"amount": 1, "currency": "EUR"}}'),
        event(4, Kind.STEP_STARTED, saga=saga, step="ship", attributes={"sagaversion": "1"}),
        event(5, Kind.STEP_FAILED, saga=saga, step="ship", data='{"error": "no"}'),
        event(6, Kind.SAGA_COMPENSATING, saga=saga),
        event(7, Kind.COMPENSATION_COMPLETED, saga=saga),
        event(8, Kind.SAGA_COMPENSATED, saga=saga),
    ]


@pytest.mark.django_db(transaction=True)
class TestManyWriters:
    SAGAS = 25

    @pytest.fixture
    def shop(self, transactional_db: None) -> Participant:
        return participants.create("shop", ME)

    def test_they_lose_nothing_and_never_wait_for_ever(self, shop: Participant) -> None:
        """Eight writers, each with every event of the same sagas in its own order and batches."""
        define()
        told = [one for number in range(self.SAGAS) for one in story(f"o-{number}")]
        counted: list[ingest.Result] = []
        barrier = threading.Barrier(8)

        def writer(seed: int) -> Callable[[], None]:
            def write() -> None:
                chance = random.Random(seed)
                mine = list(told)
                chance.shuffle(mine)
                barrier.wait()
                while mine:
                    size = chance.randint(1, 60)
                    counted.extend(ingest.store(mine[:size], participant=shop, now=NOW))
                    mine = mine[size:]

            return write

        with threads(*(writer(seed) for seed in range(8))):
            pass
        outcome = [result.outcome for result in counted]
        assert outcome.count(Outcome.STORED) == len(told) == Event.objects.count()
        assert outcome.count(Outcome.DUPLICATE) == 7 * len(told)
        ingest.store(story("alone"), participant=shop, now=NOW)
        columns, _ = standing("alone")
        for saga in Saga.objects.exclude(saga_id="alone"):
            assert (saga.revision, saga.redeliveries, saga.status) == (8, 56, Status.COMPENSATED)
            mine, keys = standing(saga.saga_id)
            assert mine | {"display": None, "facts": None} == columns | {"display": None, "facts": None}
            assert ("order", saga.saga_id, True) in keys
            before = standing(saga.saga_id)
            ingest.refold([saga.pk], NOW)
            assert standing(saga.saga_id) == before

    def test_a_definition_that_comes_in_the_middle_reaches_every_saga(self, shop: Participant) -> None:
        told = [one for number in range(self.SAGAS) for one in story(f"o-{number}")]
        random.Random(1).shuffle(told)

        def write() -> None:
            for start in range(0, len(told), 7):
                ingest.store(told[start : start + 7], participant=shop, now=NOW)

        with threads(write, write):
            row = definitions.load(ORDER.replace("VERSION", "1"), "order.yaml", ME).row
            ingest.adopt(row)
        assert Saga.objects.filter(definition=row).count() == self.SAGAS
        assert SagaKey.objects.filter(name="order").count() == self.SAGAS

    def test_who_loses_a_deadlock_tries_again(self, shop: Participant) -> None:
        """Two transactions lock two sagas in opposite order, which `store` never does."""
        ingest.store([event(1, saga="o-1"), event(1, saga="o-2")], participant=shop)
        pks = list(Saga.objects.order_by("pk").values_list("pk", flat=True))
        both_hold_one = threading.Barrier(2)
        tries: list[int] = []

        def locker(order: list[int]) -> Callable[[], None]:
            def work() -> None:
                tries.append(order[0])
                is_first = tries.count(order[0]) == 1
                Saga.objects.select_for_update().get(pk=order[0])
                if is_first:
                    both_hold_one.wait(60)
                Saga.objects.select_for_update().get(pk=order[1])

            return lambda: ingest.persist(work)

        with threads(locker(pks), locker(pks[::-1])):
            pass
        assert len(tries) == 3
