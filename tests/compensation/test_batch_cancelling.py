"""Cancelling a batch while its runner holds claims that it has not sent: nothing stays behind."""

import threading
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from compensation import executor, recovery, repairs
from compensation.batches import deciding, planning, statements, waves
from compensation.batches.deciding import Chosen
from compensation.calling import Claim
from compensation.models import ActionAttempt, Batch, RepairAction
from sagas.models import AuditEntry, Saga
from sagas.threads import hangs_up
from tests.blocking import PATIENCE, wait_until_somebody_waits
from tests.compensation.shop import BEN, Shop
from tests.compensation.test_batches import CHARGED, started


def claimed(shop: Shop, count: int = 3) -> tuple[Batch, list[Claim]]:
    """A batch whose runner has just claimed all that it has."""
    batch = started(shop, [shop.saga(CHARGED) for _ in range(count)])
    fence = waves.take(batch.pk, timezone.now())
    assert fence
    claims = waves.claim(batch.pk, fence, count, count, timezone.now())
    assert claims and len(claims) == count
    return batch, claims


def assert_free(batch: Batch) -> None:
    """Nothing of it is open, and each of its sagas can be repaired by somebody else."""
    assert set(RepairAction.objects.values_list("state", flat=True)) == {"cancelled"}
    assert set(batch.repairs.values_list("state", flat=True)) == {"cancelled"}
    for saga in Saga.objects.filter(pk__in=batch.sagas.values("saga")):
        assert repairs.preview(saga, "compensate", "charge").plan.can_start


def test_what_a_cancelled_batch_gives_back_ends(shop: Shop) -> None:
    batch, claims = claimed(shop)
    deciding.cancel(batch, BEN, "wrong day")
    # The runner has not seen it yet: what it holds may be on its way.
    assert set(RepairAction.objects.values_list("state", flat=True)) == {"sending"}
    waves.give_back(claims, timezone.now())
    assert_free(batch)
    # It was never sent, so that its keys count as new ones.
    assert not ActionAttempt.objects.exists()
    assert set(RepairAction.objects.values_list("attempts", flat=True)) == {0}
    assert AuditEntry.objects.filter(action="action.cancelled").count() == 3
    assert recovery.recover() == 0


def test_what_a_paused_batch_gives_back_waits_for_its_turn(shop: Shop) -> None:
    batch, claims = claimed(shop)
    deciding.pause(batch, BEN)
    waves.give_back(claims, timezone.now())
    assert not ActionAttempt.objects.exists()
    assert list(RepairAction.objects.values_list("state", "attempts")) == [("ready", 0)] * 3
    recovery.recover()
    assert set(RepairAction.objects.values_list("state", flat=True)) == {"ready"}


def test_what_another_has_claimed_since_is_not_given_back(shop: Shop) -> None:
    _, claims = claimed(shop)
    past = timezone.now()
    RepairAction.objects.update(next_attempt_at=past, lease_until=past)
    recovery.recover()
    pks = [claim.action_pk for claim in claims]
    assert all(executor.take(pk, timezone.now()) for pk in pks)
    waves.give_back(claims, timezone.now())
    assert list(RepairAction.objects.values_list("state", "attempts")) == [("sending", 2)] * 3
    assert list(ActionAttempt.objects.values_list("number", flat=True)) == [2] * 3


@pytest.mark.parametrize("mends", ["the beat", "a worker"])
def test_what_was_left_behind_is_ended(shop: Shop, mends: str) -> None:
    """By a version that gave back what had been cancelled, or by whatever else."""
    batch, claims = claimed(shop)
    deciding.cancel(batch, BEN, "wrong day")
    RepairAction.objects.update(state="ready", next_attempt_at=timezone.now(), lease_until=None)
    saga = batch.sagas.select_related("saga")[0].saga
    codes = [refusal.code for refusal in repairs.preview(saga, "compensate", "charge").plan.refusals]
    assert codes == ["in_repair"]
    if mends == "the beat":
        assert recovery.recover() == 3
    else:
        assert [executor.take(claim.action_pk, timezone.now()) for claim in claims] == [None] * 3
    assert_free(batch)
    assert recovery.recover() == 0


def test_it_can_be_cancelled_while_it_is_planned(open_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both want the batch and its sagas. The cancel comes in when planning has just taken sagas."""
    sagas = [open_shop.saga(CHARGED).pk for _ in range(3)]
    chosen = Chosen("three", sagas, {})
    batch = deciding.create(chosen, "compensate", "charge", "OPS-7", BEN, open_shop.anna)
    errors: list[BaseException] = []

    def cancel() -> None:
        try:
            deciding.cancel(batch, BEN, "wrong day")
        except OperationalError as error:
            errors.append(error)

    cancelling = threading.Thread(target=hangs_up(cancel))
    real = planning.run

    def run(statement: str, **given: Any) -> Any:
        rows = real(statement, **given)
        if statement is statements.TAKE_CHOSEN and not cancelling.ident:
            cancelling.start()
            wait_until_somebody_waits()
        return rows

    monkeypatch.setattr(planning, "run", run)
    planning.plan(batch.pk)
    cancelling.join(PATIENCE)
    assert errors == []
    batch.refresh_from_db()
    assert batch.state == Batch.State.CANCELLED
    assert set(batch.sagas.values_list("state", flat=True)) == {"cancelled"}
