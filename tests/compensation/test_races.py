"""Workers, operators and deaths that meet over one action."""

import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from compensation import executor, recovery, repairs
from compensation.calling import Claim
from compensation.models import ActionAttempt, Repair
from compensation.transports import Answer
from sagas.models import AuditEntry
from tests.compensation.participants import Received, Reply
from tests.compensation.shop import BEN, Shop, actions, make_due, start, state_of, states, told, work

Intent = Repair.Intent


def test_workers_at_once_make_one_call(open_shop: Shop, monkeypatch: pytest.MonkeyPatch):
    look = executor.evidence.before_sending

    def look_slowly(*what: Any) -> Any:
        """Between the look and the claim all the others get their chance."""
        time.sleep(0.2)
        return look(*what)

    monkeypatch.setattr(executor.evidence, "before_sending", look_slowly)
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    together = threading.Barrier(6)
    went_well: list[bool] = []

    def execute() -> None:
        together.wait()
        try:
            executor.execute(action.pk)
            went_well.append(True)
        finally:
            connection.close()

    threads = [threading.Thread(target=execute) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever lost has lost the claim, and not run into a constraint.
    assert len(went_well) == 6
    assert len(open_shop.served.received) == 1
    assert states(repair) == ["done"]
    assert ActionAttempt.objects.filter(action=action).count() == 1


def test_who_comes_back_after_the_lease_records_only_its_attempt(open_shop: Shop):
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE, "charge")
    (action,) = actions(repair)

    def overtake(request: Received) -> None:
        open_shop.served.during = None
        make_due(repair)
        recovery.recover()
        executor.execute(action.pk)
        connection.close()

    open_shop.served.during = overtake
    executor.execute(action.pk)
    first, second = action.tries.order_by("number")
    assert first.started_at < second.started_at < second.finished_at < first.finished_at
    assert (first.status_code, second.status_code) == (200, 200)
    action.refresh_from_db()
    assert (action.state, action.attempts, action.fence) == ("done", 2, 2)
    assert open_shop.served.done == {action.idempotency_key: 1}
    assert told(saga).count(("operator.compensation_completed", "charge")) == 1
    assert AuditEntry.objects.filter(action="action.done").count() == 1


@pytest.mark.parametrize("reply", [Reply(409), Reply(503), Reply(202, ""), Reply(200)])
def test_who_is_overtaken_changes_nothing_while_the_other_is_at_work(open_shop: Shop, reply: Reply):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    claims: list[Claim | None] = []

    def overtake(request: Received) -> None:
        make_due(repair)
        recovery.recover()
        claims.append(executor.take(action.pk, timezone.now()))
        connection.close()

    open_shop.served.during = overtake
    open_shop.served.will(reply)
    executor.execute(action.pk)
    assert states(repair) == ["sending"]
    (claim,) = claims
    assert claim is not None
    executor.record(claim, Answer(200, "{}"), timezone.now())
    assert states(repair) == ["done"]


def test_a_late_answer_counts_while_nobody_else_has_claimed(open_shop: Shop):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)

    def expire(request: Received) -> None:
        make_due(repair)
        recovery.recover()
        connection.close()

    open_shop.served.during = expire
    executor.execute(action.pk)
    assert states(repair) == ["done"]


def test_the_participants_word_is_kept_even_where_it_comes_too_late_for_its_action(open_shop: Shop):
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE, "charge")
    (action,) = actions(repair)

    def give_up(request: Received) -> None:
        make_due(repair)
        recovery.recover()
        repairs.cancel(repair, BEN, "it takes too long")
        connection.close()

    open_shop.served.during = give_up
    executor.execute(action.pk)
    assert states(repair) == ["cancelled"]
    assert state_of(saga).open_effects == ["reserve"]


def test_an_operator_who_cancels_hears_what_was_on_its_way(open_shop: Shop):
    saga = open_shop.saga()
    repair = start(saga, Intent.COMPENSATE)
    first, _ = actions(repair)
    seen: list[str] = []

    def cancel(request: Received) -> None:
        repairs.cancel(repair, BEN, "stop")
        # Until it was heard out, nobody else starts.
        seen.extend(refusal.code for refusal in repairs.preview(saga, Intent.COMPENSATE).plan.refusals)
        connection.close()

    open_shop.served.during = cancel
    executor.execute(first.pk)
    assert seen == ["in_repair"]
    assert states(repair) == ["done", "cancelled"]
    repair.refresh_from_db()
    assert repair.state == "cancelled"
    assert state_of(saga).open_effects == ["reserve"]
    assert repairs.preview(saga, Intent.COMPENSATE).plan.can_start


@pytest.mark.parametrize("reply", [Reply(503), Reply(202, ""), Reply(cut=True)])
def test_a_cancelled_repair_sends_nothing_again(open_shop: Shop, reply: Reply):
    repair = start(open_shop.saga(), Intent.COMPENSATE, "charge")

    def cancel(request: Received) -> None:
        repairs.cancel(repair, BEN, "stop")
        connection.close()

    open_shop.served.during = cancel
    open_shop.served.will(reply)
    executor.execute(actions(repair)[0].pk)
    assert states(repair) == ["cancelled"]
    assert actions(repair)[0].result["detail"]
    assert work(repair).state == "cancelled"
    assert len(open_shop.served.received) == 1


def test_a_death_in_a_cancelled_repair_is_told_and_not_repeated(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    assert executor.take(action.pk, timezone.now()) is not None
    repairs.cancel(repair, BEN, "stop")
    assert states(repair) == ["sending"]
    make_due(repair)
    recovery.recover()
    assert states(repair) == ["cancelled"]
    assert "Ask to be sure" in actions(repair)[0].result["detail"]


def test_a_request_that_kills_every_worker_is_not_sent_for_ever(shop: Shop):
    repair = start(shop.saga(), Intent.COMPENSATE, "charge")
    (action,) = actions(repair)
    for _ in range(recovery.MOST_DEATHS):
        make_due(repair)
        recovery.recover()
        assert executor.take(action.pk, timezone.now()) is not None
    make_due(repair)
    recovery.recover()
    assert states(repair) == ["exhausted"]
