"""Whole sagas over all participants, and their books afterwards."""

from collections.abc import Iterator

import pytest

from demo.steps import ORDER, STEPS
from tests.demo.running import Demo, wait_for

# One worker runs what shares one demo.
pytestmark = pytest.mark.xdist_group("demo")

FORWARD = [step.name for step in ORDER.steps]


def settle(demo: Demo, saga: str, status: str) -> None:
    wait_for(lambda: demo.run_of(saga)["status"] == status)


@pytest.fixture(scope="module", autouse=True)
def sagas(demo: Demo) -> Iterator[None]:
    """Every saga of this module, started together, as each takes seconds."""
    demo.fault("ship-parcel", "no_answer", saga="order-stuck")
    demo.fault("ship-parcel", "no_answer", saga="order-resumed")
    demo.fault("charge-card", "flaky", saga="order-flaky")
    demo.fault("reserve-stock", "refuse_compensation", saga="order-refused")
    demo.fault("record-entry", "die", saga="pay-dies")
    demo.begin("order-good")
    demo.begin("order-stuck")
    demo.begin("order-resumed")
    demo.begin("order-flaky")
    demo.begin("order-far", address={"country": "AQ"})
    demo.begin("order-refused", card="declined")
    demo.begin("pay-dies")
    demo.begin("pay-closed", merchant="m-0")
    demo.begin("pay-poor", total={"amount": "9999.00", "currency": "EUR"})
    yield


def test_an_ordinary_saga_is_told_from_its_start_to_its_end(demo: Demo) -> None:
    settle(demo, "order-good", "completed")
    steps = ["step.started", "step.completed"] * len(FORWARD)
    wait_for(lambda: len(demo.events("order-good")) == len(steps) + 2)
    assert demo.events("order-good") == ["saga.started", *steps, "saga.completed"]
    assert [demo.counts("order-good", step) for step in FORWARD] == [(1, 0)] * len(FORWARD)


def test_the_first_event_tells_the_business_but_not_the_card(demo: Demo) -> None:
    wait_for(lambda: demo.events("order-good"))
    (started,) = [
        event["data"]
        for event in demo.amends.events
        if (event["correlationid"], event["type"]) == ("order-good", "saga.started")
    ]
    assert set(started) == {"order_id", "customer", "total", "lines", "channel"}


def test_a_saga_that_is_declined_is_undone_in_reverse(demo: Demo) -> None:
    settle(demo, "order-far", "compensated")
    demo.heard("order-far", None, "saga.compensated")
    wait_for(lambda: demo.events("order-far").count("compensation.completed") == 4)
    undone = {
        event["sagastep"]: event["time"]
        for event in demo.amends.events
        if (event["correlationid"], event["type"]) == ("order-far", "compensation.completed")
    }
    assert sorted(undone, key=undone.__getitem__, reverse=True) == FORWARD[:4]
    assert [demo.counts("order-far", step) for step in FORWARD[:5]] == [(1, 1)] * 4 + [(0, 0)]


def test_what_stumbles_and_who_dies_is_healed_without_anybody(demo: Demo) -> None:
    settle(demo, "order-flaky", "completed")
    settle(demo, "pay-dies", "completed")
    assert demo.counts("pay-dies", "record-entry") == (1, 0)


def test_a_payment_that_cannot_be_recorded_is_refunded(demo: Demo) -> None:
    settle(demo, "pay-closed", "compensated")
    assert demo.counts("pay-closed", "debit-wallet") == (1, 1)
    settle(demo, "pay-poor", "failed")
    assert demo.run_of("pay-poor")["settled"]


def test_a_refused_compensation_waits_for_a_person(demo: Demo) -> None:
    settle(demo, "order-refused", "failed")
    assert not demo.run_of("order-refused")["settled"]
    assert demo.undo("order-refused", "reserve-stock", "by-a-person").status_code == 200
    wait_for(lambda: demo.run_of("order-refused")["settled"])


def test_a_stuck_saga_that_a_person_takes_back_step_by_step_is_over(demo: Demo) -> None:
    wait_for(lambda: demo.run_of("order-stuck")["steps"].get("ship-parcel"))
    demo.heard("order-stuck", "ship-parcel", "step.started")
    for step in reversed(FORWARD[:5]):
        assert demo.undo("order-stuck", step, f"person:{step}").status_code == 200
    settle(demo, "order-stuck", "compensated")
    demo.heard("order-stuck", None, "saga.compensated")
    assert [demo.counts("order-stuck", step) for step in FORWARD] == [(1, 1)] * 4 + [(0, 0)] * 2


def test_a_stuck_saga_goes_on_when_its_step_is_retried(demo: Demo) -> None:
    wait_for(lambda: demo.run_of("order-resumed")["steps"].get("ship-parcel"))
    demo.heard("order-resumed", "ship-parcel", "step.started")
    assert demo.retry("order-resumed", "ship-parcel", "person").status_code == 200
    settle(demo, "order-resumed", "completed")


def test_an_orchestrator_that_is_killed_goes_on_where_it_was(demo: Demo) -> None:
    sagas = [f"pay-killed-{number}" for number in range(6)]
    for saga in sagas:
        demo.begin(saga)
    demo.kill("wallet")
    for saga in sagas:
        settle(demo, saga, "completed")
        for step in ("debit-wallet", "record-entry", "notify-customer"):
            assert demo.counts(saga, step) == (1, 0)


def test_a_saga_starts_once_and_only_when_it_is_whole(demo: Demo) -> None:
    demo.begin("order-good")
    assert demo.heard("order-good", None, "saga.started").count("saga.started") == 1
    answer = demo.post("order", "/sagas", {"saga": "order-empty", "data": {}}, "order-empty")
    assert answer.status_code == 400
    assert demo.post("order", "/replies", {"saga": "none", "step": "s", "outcome": "completed"}, "r").is_error


def test_the_books_balance(demo: Demo) -> None:
    for name in {step.participant for step in STEPS.values()}:
        with demo.books(name) as db:
            assert db.execute("SELECT * FROM effects WHERE done > 1 OR undone > done").fetchall() == []
    with demo.books("inventory") as db:
        assert (
            db.execute(
                "SELECT sku FROM stock WHERE available != delivered - (SELECT coalesce(sum(quantity), 0)"
                " FROM reservations AS r WHERE r.sku = stock.sku AND r.state = 'reserved')"
            ).fetchall()
            == []
        )
    with demo.books("wallet") as db:
        assert (
            db.execute(
                "SELECT wallet FROM wallets WHERE balance != paid_in - (SELECT coalesce(sum(cents), 0)"
                " FROM debits AS d WHERE d.wallet = wallets.wallet AND d.state = 'debited')"
            ).fetchall()
            == []
        )
    with demo.books("ledger") as db:
        assert db.execute("SELECT coalesce(sum(cents), 0) FROM entries").fetchone() == (0,)
