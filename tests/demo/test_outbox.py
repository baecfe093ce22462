"""Nothing that was done is left untold: not over kill -9, not while Amends is down."""

import pytest

from tests.demo.running import Demo, wait_for

# One worker runs what shares one demo.
pytestmark = pytest.mark.xdist_group("demo")


def test_events_wait_for_amends_also_when_their_sender_is_killed(demo: Demo) -> None:
    sagas = [f"x-{number}" for number in range(10)]
    demo.amends.is_up = False
    try:
        for saga in sagas:
            demo.do(saga, "accept-order")
        wait_for(lambda: all(demo.counts(saga, "accept-order") == (1, 0) for saga in sagas))
        assert not any(demo.events(saga) for saga in sagas)
        demo.kill("order")
    finally:
        demo.amends.is_up = True
    for saga in sagas:
        assert demo.heard(saga, "accept-order", "step.completed") == ["step.started", "step.completed"]


def test_work_that_was_accepted_is_done_after_kill_9(demo: Demo) -> None:
    sagas = [f"y-{number}" for number in range(10)]
    for saga in sagas:
        demo.do(saga, "prepare-parcel")
    demo.kill("fulfilment")
    for saga in sagas:
        demo.heard(saga, "prepare-parcel", "step.completed")
        assert demo.counts(saga, "prepare-parcel") == (1, 0)


def test_the_sequence_of_a_source_has_no_gap(demo: Demo) -> None:
    demo.done("z-1", "debit-wallet")
    demo.heard("z-1", "debit-wallet", "step.completed")
    with demo.books("wallet") as db:
        wait_for(lambda: db.execute("SELECT count(*) FROM outbox_events").fetchone() == (0,))
    numbers = {int(e["sequence"]) for e in demo.amends.events if e["source"] == "//shop.example/wallet"}
    assert numbers == set(range(1, len(numbers) + 1))
