"""kill -9 all over an adoption: each chunk is whole or was never begun; the next goes on."""

import time

import psycopg
import pytest
from django.db import connection

from sagas import audit, definitions, ingest, participants
from sagas.events import Incoming
from sagas.ingest import adopting
from sagas.models import Adoption, Participant, Saga
from sagas.vocabulary import Kind
from tests.sagas.dying import NOW, Worker

pytestmark = pytest.mark.django_db(transaction=True)

# More than a pass has places; the last one finds it finished.
ENOUGH = 60


def store(saga_type: str, shop: Participant) -> None:
    events = [
        Incoming(source="//shop", id="e", kind=Kind.SAGA_STARTED, saga_type=saga_type, saga_id=f"o-{number}")
        for number in range(2)
    ]
    ingest.store(events, participant=shop, now=NOW)


def load(saga_type: str) -> Adoption:
    text = f'type: {saga_type}\nversion: "1"\nsteps: [{{name: charge, kind: compensatable}}]'
    return definitions.load(text, "order.yaml", audit.Actor.system()).row.adoption


def have_it(adoption: Adoption) -> int:
    """How many sagas have the definition; the row says the same, as both changed together or not at all."""
    adoption.refresh_from_db()
    count = Saga.objects.filter(definition_id=adoption.definition_id, unmet_version=None).count()
    assert count == adoption.adopted
    return count


def go_on(adoption: Adoption, *, is_waiting: bool) -> None:
    """PostgreSQL lets go of a dead worker's locks when it has noticed; until then it is left alone."""
    for _ in range(1000):
        adopting.go_on()
        adoption.refresh_from_db()
        if adoption.waits_for_writers if is_waiting else not adoption.is_running:
            break
        time.sleep(0.05)


def test_an_adoption_that_dies_is_gone_on_with() -> None:
    shop = participants.create("shop", audit.Actor.system())
    settings = connection.get_connection_params()
    first: list[str] = []
    second: list[str] = []
    with Worker(str(connection.settings_dict["NAME"])) as worker, psycopg.connect(**settings) as writer:
        for line in range(1, ENOUGH):
            store(f"order-{line}", shop)
            adoption = load(f"order-{line}")
            # Somebody writes sagas and has not committed.
            writer.execute("LOCK TABLE sagas_saga IN ROW SHARE MODE")
            first.append(worker.work("adopt", die_at=line))
            assert have_it(adoption) in {0, 2}, first[-1]
            go_on(adoption, is_waiting=True)
            assert have_it(adoption) == 2
            assert adoption.waits_for_writers
            # As they leave one behind who did not know of the definition.
            Saga.objects.filter(saga_type=f"order-{line}", saga_id="o-1").update(
                definition=None, unmet_version=""
            )
            Adoption.objects.filter(pk=adoption.pk).update(adopted=1)
            writer.commit()
            second.append(worker.work("adopt", die_at=line))
            assert have_it(adoption) in {1, 2}, second[-1]
            go_on(adoption, is_waiting=False)
            assert have_it(adoption) == 2
            assert (adoption.state, adoption.looked_at, adoption.total) == ("done", 3, 3)
            if first[-1] == second[-1] == "finished":
                break
    assert first[-1] == second[-1] == "finished"
    assert {place.partition(":")[0] for place in first + second} == {
        "ingest/adopting.py",
        "ingest/refolding.py",
        "ingest/folding.py",
        "ingest/holding.py",
        "finished",
    }
    assert len({*first, *second}) > 15
