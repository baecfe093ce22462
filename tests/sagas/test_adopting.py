"""Definitions reach the sagas that waited for them: in chunks, past races, and past what is broken."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sagas import audit, definitions, ingest, participants, sql
from sagas.events import Incoming
from sagas.ingest import adopting
from sagas.models import Adoption, Definition, Participant, Saga
from sagas.vocabulary import Kind

ME = audit.Actor.system()

ORDER = """
type: order
version: "{version}"
keys: {{order: order_id}}
steps: [{{name: charge, kind: compensatable}}]
"""


def load(version: str = "1") -> Definition:
    return definitions.load(ORDER.format(version=version), "order.yaml", ME).row


def store(*sagas: str, version: str = "", number: int = 1, now: datetime | None = None) -> None:
    """An event for each saga; `version` is the one that it names."""
    ingest.store(
        [
            Incoming(
                source="//shop",
                id=f"e-{number}",
                kind=Kind.SAGA_STARTED,
                saga_type="order",
                saga_id=saga,
                attributes={"sagaversion": version} if version else {},
                data=f'{{"order_id": "{saga}"}}',
            )
            for saga in sagas
        ],
        participant=Participant.objects.get(),
        now=now,
    )


def versions() -> dict[str, str]:
    """Of each saga the version that it has; without one it is missing."""
    return dict(Saga.objects.filter(definition__isnull=False).values_list("saga_id", "definition__version"))


@pytest.fixture
def shop(transactional_db: None) -> Participant:
    return participants.create("shop", ME)


@contextmanager
def elsewhere(work: Callable[[], None]) -> Iterator[None]:
    """Have done the work in a transaction of another connection, which is open until the block ends."""
    is_done, may_end = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                is_done.set()
                may_end.wait(30)
        except BaseException as failure:  # noqa: BLE001  (raised below)
            failures.append(failure)
            is_done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert is_done.wait(30)
    yield
    may_end.set()
    thread.join(30)
    if failures:
        raise failures[0]


class TestWriters:
    def test_one_that_is_open_over_the_load_leaves_no_saga_behind(self, shop: Participant) -> None:
        store("before")
        with elsewhere(lambda: store("meanwhile")):
            adoption = ingest.adopt(load(), patience=0.05)
            assert adoption.waits_for_writers
            assert versions() == {"before": "1"}
            assert adopting.go_on() == 0
        assert versions() == {"before": "1"}
        assert adopting.go_on() == 1
        adoption.refresh_from_db()
        assert versions() == {"before": "1", "meanwhile": "1"}
        assert (adoption.state, adoption.adopted, adoption.looked_at, adoption.total) == ("done", 2, 2, 2)
        assert adoption.finished_at

    def test_nor_one_that_names_the_version_for_a_saga_of_old(self, shop: Participant) -> None:
        ingest.adopt(load("1"))
        store("old")
        with elsewhere(lambda: store("old", version="2", number=2)):
            adoption = ingest.adopt(load("2"), patience=0.05)
            assert adoption.waits_for_writers
        adopting.go_on()
        assert versions() == {"old": "2"}

    def test_nor_one_that_came_after_the_load_and_before_its_commit(self, shop: Participant) -> None:
        ingest.adopt(load("1"))
        store("old")
        with transaction.atomic():
            row = load("2")
            with elsewhere(lambda: store("new")):
                pass
        assert versions() == {"old": "1", "new": "1"}
        adoption = ingest.adopt(row)
        assert versions() == {"old": "1", "new": "2"}
        assert (adoption.state, adoption.adopted) == ("done", 1)

    def test_nor_one_that_came_meanwhile_and_is_still_open(self, shop: Participant) -> None:
        ingest.adopt(load("1"))
        opened: list[Any] = []
        with transaction.atomic():
            row = load("2")
            opened.append(elsewhere(lambda: store("new")))
            opened[0].__enter__()
        assert ingest.adopt(row, patience=0.05).waits_for_writers
        opened[0].__exit__(None, None, None)
        assert ingest.adopt(row).adopted == 1
        assert versions() == {"new": "2"}

    def test_those_that_begin_later_are_not_waited_for(self, shop: Participant) -> None:
        row = load()
        with elsewhere(lambda: store("first")):
            assert ingest.adopt(row, patience=0).is_running
            with elsewhere(lambda: store("second")):
                pass
        with elsewhere(lambda: store("third")):
            assert ingest.adopt(row).state == "done"

    def test_those_who_only_read_are_not_waited_for(self, shop: Participant) -> None:
        with elsewhere(lambda: list(Saga.objects.all()) and None):
            assert ingest.adopt(load()).state == "done"

    def test_two_loads_are_seen_in_their_order(self, shop: Participant) -> None:
        """Else a saga could take the later of two, and the first, which it should have, not look for it."""
        loaded: list[str] = []

        def load_second() -> None:
            loaded.append(load("2").version)
            connection.close()

        second = threading.Thread(target=load_second)
        with elsewhere(lambda: load("1") and None):
            second.start()
            # Of this database, as each process of a run has one there.
            waiting = (
                "SELECT 1 FROM pg_locks JOIN pg_database database ON database.oid = pg_locks.database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
            )
            while not sql.run(waiting):
                assert second.is_alive()
            assert not Definition.objects.exists()
        second.join(30)
        assert loaded == ["2"]
        assert list(Definition.objects.order_by("loaded_at").values_list("version", flat=True)) == ["1", "2"]


@pytest.mark.django_db
class TestChunks:
    @pytest.fixture
    def shop(self) -> Participant:
        return participants.create("shop", ME)

    def test_nobody_needs_to_begin_with_it(self, shop: Participant) -> None:
        store(*(f"o-{number}" for number in range(250)))
        row = load()
        assert versions() == {}
        assert adopting.go_on() == 250
        assert adopting.go_on() == 0
        assert len(versions()) == 250
        assert (row.adoption.state, Adoption.objects.get().state) == ("running", "done")

    def test_what_does_not_fit_into_the_time_is_left_where_it_was(self, shop: Participant) -> None:
        store(*(f"o-{number:03}" for number in range(450)))
        row = load()
        adoption = ingest.adopt(row, patience=0)
        assert (adoption.state, adoption.looked_at, adoption.total) == ("running", 200, 450)
        assert sorted(versions()) == [f"o-{number:03}" for number in range(200)]
        assert ingest.adopt(row, patience=0).looked_at == 400
        assert adopting.go_on(budget=30) == 50
        assert len(versions()) == 450

    def test_only_those_that_are_waiting_are_looked_at(self, shop: Participant) -> None:
        ingest.adopt(load("1"))
        store("of-1")
        store("of-2", "of-3", version="2")
        store("of-long", version="2" * 101)
        store("named", version="1")
        adoption = ingest.adopt(load("2"))
        assert (adoption.looked_at, adoption.adopted) == (2, 2)
        assert versions() == {"of-1": "1", "of-2": "2", "of-3": "2", "of-long": "1", "named": "1"}
        unmet = dict(Saga.objects.exclude(unmet_version=None).values_list("saga_id", "unmet_version"))
        assert unmet == {}

    def test_a_saga_tells_what_it_waits_for(self, shop: Participant) -> None:
        store("undescribed", version="7")
        assert Saga.objects.get().unmet_version == ""
        ingest.adopt(load())
        assert Saga.objects.get().unmet_version == "7"
        store("undescribed", version="1", number=2, now=datetime(2100, 1, 1, tzinfo=UTC))
        assert Saga.objects.get().unmet_version is None

    def test_one_that_cannot_be_read_anew_keeps_no_other_waiting(
        self, shop: Participant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store("good-1", "bad", "good-2")
        bad = Saga.objects.get(saga_id="bad").pk
        take_anew = ingest.folding.take_anew

        def break_down(sagas: list[Any], now: datetime) -> list[Any]:
            assert all(saga.pk != bad for saga in sagas)
            return take_anew(sagas, now)

        monkeypatch.setattr(ingest.folding, "take_anew", break_down)
        adoption = ingest.adopt(load())
        assert (adoption.state, adoption.looked_at, adoption.adopted, adoption.failed) == ("done", 3, 2, 1)
        assert versions() == {"good-1": "1", "good-2": "1"}

    def test_the_same_text_again_begins_nothing(self, shop: Participant) -> None:
        ingest.adopt(load())
        ingest.adopt(load())
        assert Adoption.objects.count() == 1

    @pytest.mark.parametrize(
        ("statement", "index"),
        [
            (adopting.WAITING, "saga_unmet"),
            (adopting.COUNT, "saga_unmet"),
            (adopting.UNAWARE, "saga_of_type"),
        ],
    )
    def test_sagas_are_found_by_their_indexes(self, shop: Participant, statement: str, index: str) -> None:
        """As of a type that is one of many; with few rows PostgreSQL would read them all."""
        ingest.adopt(load())
        store(*(f"o-{number}" for number in range(300)))
        sql.run("UPDATE sagas_saga SET saga_type = saga_id WHERE saga_id NOT LIKE 'o-1'")
        sql.run("ANALYZE sagas_saga")
        sql.run("SET LOCAL enable_seqscan = off")
        wanted = {"saga_type": "order", "version": "2", "definition": 2**40, "loaded_at": timezone.now()}
        lines = sql.run(f"EXPLAIN {statement}", **wanted, position=1, since=1)
        plan = "\n".join(line for (line,) in lines)
        assert f"using {index} on sagas_saga" in plan
        assert "Seq Scan on sagas_saga" not in plan


def test_workers_and_writers_at_once(shop: Participant) -> None:
    """Every saga has the newest of two definitions that it should have, whoever was first."""
    store(*(f"o-{number}" for number in range(300)))
    row = load("1")
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  (told below)
            failures.append(failure)
        finally:
            connection.close()

    def write(name: str, version: str) -> Callable[[], None]:
        def work() -> None:
            for start in range(0, 300, 20):
                store(
                    *(f"o-{number}" for number in range(start, start + 20)), version=version, number=start + 2
                )
                store(f"{name}-{start}", version=version)

        return work

    works = [lambda: adopting.go_on(budget=30), lambda: ingest.adopt(row, patience=30)]
    works += [write("named", "2"), lambda: ingest.adopt(load("2"), patience=30)]
    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    adopting.go_on(budget=30)
    assert set(Adoption.objects.values_list("state", flat=True)) == {"done"}
    assert set(versions().values()) == {"2"}
    assert Saga.objects.count() == len(versions()) == 315
    assert not Saga.objects.exclude(unmet_version=None).exists()
