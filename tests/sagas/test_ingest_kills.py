"""kill -9 all over the storing of a batch: all is there or nothing; sending it again completes it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from sagas import audit, definitions, events, facts, ingest, participants
from sagas.models import Event, Participant, Quarantined, Saga
from tests.sagas.dying import NOW, Worker
from tests.sagas.storing import due_at

pytestmark = pytest.mark.django_db(transaction=True)

# More than the job has places; the last one finds it finished.
ENOUGH = 500

ORDER = """
type: order
version: "1"
keys: {order: order_id}
steps:
  - {name: charge, kind: compensatable, participant: payment, deadline: 10s}
events:
  - {type: OrderPaid, kind: step.completed, saga: event.data.saga, step: charge}
"""


def told(saga: str, number: int, kind: str, **more: Any) -> dict[str, Any]:
    attributes = {"specversion": "1.0", "id": f"e-{number}", "source": "//shop", "type": kind}
    return attributes | {"correlationid": saga, "sagatype": "order", "time": "2026-01-01T12:00:00Z"} | more


def batch(line: int) -> list[dict[str, Any]]:
    """A new saga and one that is known, an event that is known, one sent twice, one refused, one mapped."""
    data = {"order_id": line}
    return [
        told(f"new-{line}", 1, "saga.started", data=data),
        told(f"new-{line}", 2, "step.started", sagastep="charge"),
        told(f"new-{line}", 2, "step.started", sagastep="charge"),
        told(f"known-{line}", 1, "saga.started"),
        told(f"known-{line}", 2, "step.failed", sagastep="charge", data=data | {"error": "no"}),
        told(f"new-{line}", 3, "unheard.of"),
        told("", 4, "OrderPaid", sagatype=None, data=data | {"saga": f"new-{line}"}),
    ]


def store(given: list[dict[str, Any]]) -> list[ingest.Result]:
    found = events.read_batch(json.dumps(given).encode(), now=NOW, largest=10_000, most=100)
    return ingest.store(found, participant=Participant.objects.get(), now=NOW)


def standing(saga: str) -> tuple[Any, ...]:
    row = Saga.objects.get(saga_id=saga)
    keys = sorted(row.keys.values_list("name"))
    return facts.decode(row.facts), row.revision, row.status, row.waiting_on, due_at(row), keys


def test_a_batch_is_stored_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    participants.create("shop", audit.Actor.system())
    definitions.load(ORDER, "order.yaml", audit.Actor.system())
    monkeypatch.setenv("BATCH", str(tmp_path / "batch.json"))
    places = []
    with Worker(str(connection.settings_dict["NAME"])) as worker:
        for line in range(1, ENOUGH):
            store([told(f"known-{line}", 1, "saga.started")])
            refused = Quarantined.objects.count()
            (tmp_path / "batch.json").write_text(json.dumps(batch(line)))
            places.append(worker.work("ingest", die_at=line))
            there = Event.objects.filter(saga__saga_id__endswith=f"-{line}").count()
            # One was known before; whole are five, and the one in quarantine.
            assert (there, Quarantined.objects.count() - refused) in {(1, 0), (5, 1)}, places[-1]
            again = "".join(result.outcome[0] for result in store(batch(line)))
            assert again == ("ssddsqs" if there == 1 else "dddddqd"), places[-1]
            for name in ("new", "known"):
                before = standing(f"{name}-{line}")
                ingest.refold([Saga.objects.get(saga_id=f"{name}-{line}").pk], NOW)
                assert standing(f"{name}-{line}") == before, places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert len(places) > 12
    died_in = {place.partition(":")[0] for place in places}
    assert died_in == {
        "ingest/storing.py",
        "ingest/admitting.py",
        "ingest/holding.py",
        "ingest/folding.py",
        "ingest/keeping.py",
        "finished",
    }
