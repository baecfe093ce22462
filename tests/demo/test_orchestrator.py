"""The orchestrator's decisions, by tables."""

import pytest

from demo import orchestrator
from demo.orchestrator import Decision, Run
from demo.steps import ORDER, WALLET

ORDER_STEPS = [step.name for step in ORDER.steps]


def up_to(step: str) -> Run:
    """An order whose steps before this one are done, and which waits for it."""
    run = orchestrator.begin(ORDER).run
    for name in ORDER_STEPS[: ORDER.position(step)]:
        run = orchestrator.hear(run, name, "completed").run
    assert run.steps[step] == "asked"
    return run


def hear_all(run: Run, *said: tuple[str, str]) -> Decision:
    decision = Decision(run)
    for step, outcome in said:
        decision = orchestrator.hear(decision.run, step, outcome, "why")
    return decision


def test_the_first_step_is_asked_for_when_the_saga_starts() -> None:
    decision = orchestrator.begin(WALLET)
    assert (decision.event, decision.do, decision.undo) == ("saga.started", "debit-wallet", None)


def test_each_completed_step_asks_for_the_next_and_the_last_ends_the_saga() -> None:
    run, asked = orchestrator.begin(ORDER).run, ["accept-order"]
    for name in ORDER_STEPS:
        decision = orchestrator.hear(run, name, "completed")
        run = decision.run
        asked.append(decision.do or decision.event or "")
    assert asked == [*ORDER_STEPS, "saga.completed"]
    assert (run.status, run.is_settled) == ("completed", True)


def test_a_declined_step_undoes_the_ones_before_it_in_reverse() -> None:
    decision = orchestrator.hear(up_to("prepare-parcel"), "prepare-parcel", "failed", "no box fits")
    assert (decision.event, decision.run.reason) == ("saga.compensating", "no box fits")
    undone = [decision.undo]
    while decision.undo:
        decision = orchestrator.hear(decision.run, decision.undo, "compensated")
        undone.append(decision.undo)
    assert undone == ["charge-card", "reserve-stock", "accept-order", None]
    assert (decision.event, decision.run.is_settled) == ("saga.compensated", True)


def test_a_first_step_that_is_declined_fails_the_saga_with_nothing_to_undo() -> None:
    decision = orchestrator.hear(orchestrator.begin(WALLET).run, "debit-wallet", "failed", "no funds")
    assert (decision.event, decision.undo, decision.run.is_settled) == ("saga.failed", None, True)


def test_a_refused_compensation_is_left_to_a_person_and_the_rest_is_undone() -> None:
    decision = hear_all(up_to("charge-card"), ("charge-card", "failed"), ("reserve-stock", "refused"))
    assert decision.undo == "accept-order"
    decision = hear_all(decision.run, ("accept-order", "compensated"))
    assert (decision.event, decision.run.is_settled) == ("saga.failed", False)
    assert decision.run.reason == "reserve-stock could not be undone: why"
    decision = hear_all(decision.run, ("reserve-stock", "compensated"))
    assert (decision.event, decision.run.is_settled) == (None, True)


def test_a_step_that_is_taken_back_by_somebody_else_stops_the_saga() -> None:
    decision = hear_all(up_to("ship-parcel"), ("ship-parcel", "compensated"))
    assert decision == Decision(decision.run)
    assert (decision.run.status, decision.run.is_settled) == ("running", False)
    decision = hear_all(decision.run, ("ship-parcel", "completed"))
    assert decision.do is None


def test_a_saga_whose_every_step_was_taken_back_by_somebody_else_is_over() -> None:
    done = ORDER_STEPS[: ORDER.position("ship-parcel") + 1]
    decision = hear_all(up_to("ship-parcel"), *((step, "compensated") for step in reversed(done)))
    assert (decision.event, decision.run.status) == ("saga.compensated", "compensated")


@pytest.mark.parametrize("outcome", sorted(orchestrator.OUTCOMES))
def test_hearing_the_same_twice_changes_nothing(outcome: str) -> None:
    once = orchestrator.hear(up_to("charge-card"), "charge-card", outcome).run
    assert orchestrator.hear(once, "charge-card", outcome) == Decision(once)
