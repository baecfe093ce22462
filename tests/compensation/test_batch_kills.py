"""kill -9 all over a batch's runner: each action is done once by key, none is lost, and it ends."""

import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from compensation import recovery
from compensation.batches import deciding, planning, runner
from compensation.batches.deciding import Care, Chosen
from compensation.models import ActionAttempt, Batch, BatchSaga, Repair, RepairAction
from sagas import audit
from sagas.models import AuditEntry
from sagas.threads import hangs_up
from sagas.vocabulary import Status
from tests.compensation.dying import BATCH, Worker
from tests.compensation.participants import Received, Reply
from tests.compensation.shop import ANNA, Shop, state_of, told

# Runners that die over one batch. A call that nobody has recorded so often is left to a person at five.
DEATHS = 4
RECORDING = {f"compensation/{name}.py" for name in ("executor", "outcomes", "ledger", "batches/lanes")}
JUDGING = {f"compensation/batches/{name}.py" for name in ("waves", "progress")}


def started(shop: Shop, care: Care, *, sagas: int = 2) -> Batch:
    """A batch that runs, of sagas with two actions each."""
    found = [shop.saga("reserve:C charge:C") for _ in range(sagas)]
    chosen = Chosen("reserved and charged", [saga.pk for saga in found], {})
    batch = deciding.create(chosen, Repair.Intent.COMPENSATE, "", "OPS-7", ANNA, shop.anna, care=care)
    planning.plan(batch.pk)
    batch.refresh_from_db()
    return deciding.start(batch, batch.plan_hash, ANNA)


def let_time_pass(batch: Batch) -> None:
    """All leases and pauses of it run out, and the beat looks."""
    past = timezone.now() - timedelta(seconds=1)
    Batch.objects.filter(pk=batch.pk, lease_until__isnull=False).update(lease_until=past)
    due = RepairAction.objects.filter(repair__batch=batch, next_attempt_at__isnull=False)
    due.update(next_attempt_at=past)
    due.filter(lease_until__isnull=False).update(lease_until=past)
    recovery.recover()


def finish(batch: Batch) -> None:
    """Do what workers and the beat do, until nobody is to run it any more."""
    for _ in range(30):
        let_time_pass(batch)
        runner.run(batch.pk)
        batch.refresh_from_db()
        if batch.state != Batch.State.RUNNING:
            break


def assert_right(batch: Batch, shop: Shop, place: str) -> None:
    """Each action was done once, and everything says so."""
    assert batch.state == Batch.State.DONE, place
    actions = RepairAction.objects.filter(repair__batch=batch).order_by("repair", "position")
    sagas = batch.sagas.count()
    assert [action.state for action in actions] == ["done"] * 2 * sagas, place
    assert shop.served.done == dict.fromkeys((action.idempotency_key for action in actions), 1), place
    assert list(batch.repairs.values_list("state", flat=True)) == ["done"] * sagas, place
    for one in batch.sagas.select_related("saga"):
        assert one.state == BatchSaga.State.BEGUN, place
        state = state_of(one.saga)
        assert (state.status, state.open_effects) == (Status.COMPENSATED, []), place
        assert told(one.saga) == [
            ("operator.repair_started", ""),
            ("operator.compensation_completed", "charge"),
            ("operator.compensation_completed", "reserve"),
            ("operator.repair_finished", ""),
        ], place
        acts = AuditEntry.objects.filter(saga=one.saga, object_kind="repair").order_by("sequence")
        expected = ["repair.started", "action.done", "action.done", "repair.done"]
        assert list(acts.values_list("action", flat=True)) == expected, place
    acts = AuditEntry.objects.filter(object_kind="batch", object_id=str(batch))
    assert acts.filter(action="batch.done").count() == 1, place


def die_and_take_over(
    shop: Shop, worker: Worker, care: Care, die_in: str, die_at: int, step: int
) -> list[str]:
    """Where runners of one batch died, one after the other, some places apart; all came right afterwards."""
    shop.served.done.clear()
    batch = started(shop, care)
    places = []
    for death in range(DEATHS):
        places.append(worker.run(batch.pk, die_in=die_in, die_at=die_at + death * step))
        let_time_pass(batch)
    finish(batch)
    assert_right(batch, shop, f"{places}")
    return places


@pytest.mark.parametrize(
    ("care", "reply", "files"),
    # The other ways differ from the first only where an answer is recorded and a canary judged.
    [
        (Care(canary=0), None, BATCH),
        (Care(canary=0), Reply(503), RECORDING),
        (Care(canary=0), Reply(cut=True), RECORDING),
        (Care(canary=1, holds=False), None, JUDGING),
    ],
    ids=["answered", "put off", "cut after the work", "after a canary"],
)
def test_a_runner_may_die_all_along_its_way(
    open_shop: Shop, worker: Worker, care: Care, reply: Reply | None, files: set[str]
) -> None:
    # A runner comes through some 170 places, and a death at each would take minutes. So the first runners die
    # at one in 24 of each file, their heirs, who begin elsewhere, at one in six between.
    for file in sorted(files):
        for die_at in range(1, 1000, 6 * DEATHS):
            open_shop.served.replies[:] = [reply] * 2 if reply else []
            died = die_and_take_over(open_shop, worker, care, file, die_at, 6)
            assert die_at > 1 or died[0].startswith(file)
            if "finished" in died:
                break
    assert not RepairAction.objects.exclude(state="done").exists()
    assert isinstance(audit.verify(), audit.Verified)


@pytest.mark.parametrize("is_late", [False, True], ids=["side by side", "after its heir"])
def test_a_runner_whose_lease_ran_out_does_no_harm(open_shop: Shop, is_late: bool) -> None:
    """Its calls are on their way when another takes the batch over, and are answered then, or after it."""
    batch = started(open_shop, Care(canary=0), sagas=6)
    go_on, first = threading.Event(), set[str]()

    def hold(request: Received) -> None:
        if len(first) < 6 and request.key not in first:
            first.add(request.key)
            go_on.wait(20)

    open_shop.served.during = hold
    fenced = threading.Thread(target=hangs_up(runner.run), args=[batch.pk])
    fenced.start()
    while len(first) < 6:
        time.sleep(0.01)
    batch.refresh_from_db()
    before = batch.fence
    for _ in range(10):
        let_time_pass(batch)
        if not is_late:
            go_on.set()
        runner.run(batch.pk)
        batch.refresh_from_db()
        # The first runner may just have made its lease longer.
        if not is_late or batch.fence > before:
            break
    go_on.set()
    fenced.join()
    finish(batch)
    assert_right(batch, open_shop, "")
    # What came back is kept with each attempt, also by whoever came too late to change anything.
    sent = len(open_shop.served.received)
    assert sent in ({18} if is_late else range(12, 19))
    assert ActionAttempt.objects.filter(status_code=200).count() == ActionAttempt.objects.count() == sent
    assert isinstance(audit.verify(), audit.Verified)
