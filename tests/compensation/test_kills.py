"""kill -9 wherever it matters between claim and record: each action is done once by key, and none is lost."""

import pytest

from compensation.models import Repair
from sagas import audit
from sagas.models import AuditEntry
from sagas.vocabulary import Status
from tests.compensation.dying import Worker
from tests.compensation.participants import Reply
from tests.compensation.shop import Shop, actions, start, state_of, told, work

Intent = Repair.Intent


def undo_dying(shop: Shop, worker: Worker, die_at: int, replies: list[Reply]) -> str:
    """Undo a saga of two steps with a worker that dies over the first; all must come right afterwards."""
    shop.served.replies[:] = replies
    shop.served.done.clear()
    saga = shop.saga("reserve:C charge:C")
    repair = start(saga, Intent.COMPENSATE)
    first, second = actions(repair)
    place = worker.execute(first.pk, die_at=die_at)
    work(repair)
    assert repair.state == "done", place
    assert [action.state for action in actions(repair)] == ["done", "done"], place
    assert shop.served.done == {first.idempotency_key: 1, second.idempotency_key: 1}, place
    state = state_of(saga)
    assert (state.status, state.open_effects) == (Status.COMPENSATED, []), place
    assert told(saga) == [
        ("operator.repair_started", ""),
        ("operator.compensation_completed", "charge"),
        ("operator.compensation_completed", "reserve"),
        ("operator.repair_finished", ""),
    ], place
    done = AuditEntry.objects.filter(action="action.done", object_id=str(repair))
    assert list(done.values_list("after__action", flat=True).order_by("sequence")) == [1, 2], place
    return place


@pytest.mark.parametrize(
    ("replies", "stride"),
    # At every line; the other ways differ only in what is recorded, so that every second one will do.
    [([], 1), ([Reply(503)], 2), ([Reply(cut=True)], 2)],
    ids=["answered", "put off", "cut after the work"],
)
def test_a_worker_may_die_at_any_line(open_shop: Shop, worker: Worker, replies: list[Reply], stride: int):
    places = []
    for die_at in range(1, 1000, stride):
        place = undo_dying(open_shop, worker, die_at, replies)
        if place == "finished":
            break
        places.append(place)
    assert place == "finished"
    # It really died along the whole way.
    died_in = {place.partition(":")[0] for place in places}
    assert died_in >= {"compensation/executor.py", "compensation/transports/http.py"}
    assert len(places) * stride > 25
    assert isinstance(audit.verify(), audit.Verified)
