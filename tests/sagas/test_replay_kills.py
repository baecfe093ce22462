"""kill -9 all over a replay: each chunk is whole or was never begun; the next goes on."""

import json
import time
from typing import Any

import pytest
from django.db import connection

from sagas import audit, definitions, events, ingest, participants, replays
from sagas.models import Event, ForeignType, Quarantined, Replay, Saga
from tests.sagas.dying import NOW, Worker

pytestmark = pytest.mark.django_db(transaction=True)

# More than the job has places; the last one finds it finished.
ENOUGH = 60

ORDER = """
type: order
version: "1"
events: [{type: "OrderPlaced*", kind: saga.started, saga: event.data.order}]
"""


def placed(line: int, **data: Any) -> bytes:
    event = {"specversion": "1.0", "id": "e-1", "source": "//shop", "type": f"OrderPlaced{line}"}
    return json.dumps(event | {"data": data}).encode()


def ask(line: int, by: audit.Actor) -> Replay:
    """Of three events that came before there was a mapping: two that it takes, and one that it cannot."""
    replay = replays.ask(ForeignType.objects.get(type=f"OrderPlaced{line}"), by)
    assert replay
    return replay


def test_a_replay_that_dies_is_gone_on_with() -> None:
    me = audit.Actor("person", "anna")
    shop = participants.create("shop", me)
    for line in range(1, ENOUGH):
        bodies = [placed(line, order=f"{line}-1"), placed(line), placed(line, order=f"{line}-2")]
        found = [events.read(body, now=NOW, largest=1000) for body in bodies]
        ingest.store(found, participant=shop, now=NOW)
    definitions.load(ORDER, "order.yaml", me)
    places = []
    with Worker(str(connection.settings_dict["NAME"])) as worker:
        for line in range(1, ENOUGH):
            replay = ask(line, me)
            places.append(worker.work("replay", die_at=line))
            replay.refresh_from_db()
            taken = Event.objects.filter(saga__saga_id__startswith=f"{line}-").count()
            row = ForeignType.objects.get(type=f"OrderPlaced{line}")
            # Events, rows, counts and position changed together, or not at all.
            assert (taken, replay.taken, replay.refused, row.kept) in {(0, 0, 0, 3), (2, 2, 1, 1)}, places[-1]
            assert row.quarantined.filter(state="open").count() == row.kept, places[-1]
            # PostgreSQL lets go of the dead worker's locks when it has noticed; until then it is left alone.
            for _ in range(1000):
                replays.go_on()
                replay.refresh_from_db()
                if replay.state != Replay.State.RUNNING:
                    break
                time.sleep(0.05)
            assert (replay.state, replay.taken, replay.refused) == ("done", 2, 1), places[-1]
            if places[-1] == "finished":
                break
    assert places[-1] == "finished"
    assert {place.partition(":")[0] for place in places} == {"replays.py", "quarantine.py", "finished"}
    assert len(places) > 15
    assert Event.objects.count() == Saga.objects.count() == 2 * len(places)
    assert Quarantined.objects.filter(state="replayed").count() == 2 * len(places)
    assert isinstance(audit.verify(), audit.Verified)
