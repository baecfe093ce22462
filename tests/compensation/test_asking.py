"""Asking a participant, and what becomes of its answer."""

import json

import pytest

from compensation.models import Repair
from sagas.vocabulary import StepState
from tests.compensation.participants import Reply
from tests.compensation.shop import DONE, Shop, actions, start, state_of, states, told, work

Intent = Repair.Intent


@pytest.mark.parametrize(
    ("answer", "state", "event"),
    [
        ({"outcome": "completed"}, StepState.COMPLETED, "operator.step_completed"),
        ({"outcome": "failed", "detail": "no carrier"}, StepState.FAILED, "operator.step_failed"),
        ({"outcome": "compensated"}, StepState.COMPENSATED, "operator.compensation_completed"),
        ({"outcome": "running"}, StepState.RUNNING, None),
        ({"outcome": "not_started"}, StepState.RUNNING, None),
        ({"outcome": "unknown"}, StepState.RUNNING, None),
        ({"outcome": "eaten"}, StepState.RUNNING, None),
        ("<html>", StepState.RUNNING, None),
    ],
)
def test_asking_settles_what_the_participant_knows(
    shop: Shop, answer: object, state: StepState, event: str | None
):
    saga = shop.saga(f"{DONE} ship:S")
    shop.served.will(Reply(200, answer))
    repair = work(start(saga, Intent.ASK))
    assert repair.state == "done"
    (received,) = shop.served.received
    assert (received.method, received.path) == ("GET", f"/shipping/steps/ship?saga={saga.saga_id}")
    step = state_of(saga).step("ship")
    assert step is not None
    assert step.state == state
    outcome = [("ship", event)] if event else []
    assert [(step, kind) for kind, step in told(saga) if kind != "operator.asked"] == [
        ("", "operator.repair_started"),
        *outcome,
        ("", "operator.repair_finished"),
    ]
    (action,) = actions(repair)
    expected = answer.get("outcome") if isinstance(answer, dict) and answer["outcome"] != "eaten" else None
    assert action.result["outcome"] == expected


def test_what_is_known_already_is_not_told_twice(shop: Shop):
    saga = shop.saga(f"{DONE} charge:KS charge:K-")
    shop.served.will(Reply(200, {"outcome": "completed"}))
    work(start(saga, Intent.ASK))
    assert ("operator.step_completed", "charge") not in told(saga)


def test_questions_do_not_wait_for_each_other(shop: Shop):
    saga = shop.saga(f"{DONE} charge:KS charge:K- ship:S")
    shop.served.will(Reply(404), Reply(200, {"outcome": "completed"}))
    repair = work(start(saga, Intent.ASK))
    assert states(repair) == ["refused", "done"]
    assert repair.state == "stopped"


def test_what_an_answer_told_serves_the_next_request(shop: Shop):
    saga = shop.saga("saga.started reserve:S")
    shop.served.will(Reply(200, {"outcome": "completed", "data": {"reservation_id": "rs_9"}}))
    work(start(saga, Intent.ASK))
    work(start(saga, Intent.COMPENSATE, "reserve"))
    assert json.loads(shop.served.received[-1].body)["reservation"] == "rs_9"
