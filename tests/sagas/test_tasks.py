"""A real worker over the real broker."""

import json
import time
from collections.abc import Callable

from django.db.models import Model
from django.utils import timezone

from sagas import audit, definitions, events, ingest, participants, replays, trials
from sagas.ingest import adopting
from sagas.models import ForeignType, Quarantined, Replay, Saga, Trial
from sagas.trials import queue
from tests.compensation.test_tasks import broker, worker
from tests.sagas.storing import put
from tests.sagas.trying import HASTY, put_slow

__all__ = ["broker", "worker"]

ME = audit.Actor.system()
ORDER = """\
type: order
version: "1"
events: [{type: OrderPlaced, kind: saga.started, saga: event.id}]
"""


def await_end(
    row: Model, is_begun: Callable[[], bool], is_over: Callable[[], bool], nudge: Callable[[], None]
) -> None:
    """One nudge was sent, and work begins. A busy machine needs several: beat's, which does not run here."""
    until = time.monotonic() + 60
    while not is_over():
        assert time.monotonic() < until
        time.sleep(0.05)
        row.refresh_from_db()
        if is_begun():
            nudge()


def test_a_replay_is_done_by_the_worker_that_is_nudged(worker: None) -> None:
    shop = participants.create("shop", ME)
    placed = {"specversion": "1.0", "source": "//shop", "type": "OrderPlaced"}
    bodies = [json.dumps(placed | {"id": f"o-{number}"}).encode() for number in range(250)]
    ingest.store([events.read(body, now=timezone.now(), largest=1000) for body in bodies], participant=shop)
    definitions.load(ORDER, "order.yaml", ME)
    replay = replays.ask(ForeignType.objects.get(), ME)
    assert replay
    await_end(replay, lambda: replay.taken > 0, lambda: replay.state == Replay.State.DONE, replays.nudge)
    assert (replay.state, replay.taken) == ("done", 250)
    assert Saga.objects.count() == 250
    assert not Quarantined.objects.filter(state="open").exists()


def test_an_adoption_is_gone_on_with_by_the_worker_that_is_nudged(worker: None) -> None:
    for number in range(202):
        put("saga.started", f"o-{number}")
    # Time for one chunk.
    adoption = ingest.adopt(definitions.load(ORDER, "order.yaml", ME).row, patience=0)
    assert (adoption.state, adoption.adopted) == ("running", 200)
    await_end(adoption, lambda: adoption.adopted > 200, lambda: not adoption.is_running, adopting.nudge)
    assert (adoption.state, adoption.adopted) == ("done", 202)


def test_a_trial_is_done_by_the_worker_that_is_nudged(worker: None) -> None:
    for number in range(3):
        put_slow(f"slow-{number}", pause=9)
    trial = trials.ask(HASTY, "draft", ME)
    await_end(trial, lambda: trial.looked_at > 0, lambda: not trial.is_at_work, queue.nudge)
    assert (trial.state, trial.looked_at) == (Trial.State.DONE, 3)
