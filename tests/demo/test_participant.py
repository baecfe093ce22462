"""One participant over HTTP: signed, idempotent by key, truthful about what it did."""

import json

import pytest

from demo import signatures
from tests.demo.running import HTTP, SECRET, WRONG_SECRET, Demo, wait_for

# One worker runs what shares one demo.
pytestmark = pytest.mark.xdist_group("demo")


def test_a_step_is_done_once_however_often_it_is_asked_for(demo: Demo) -> None:
    answers = [demo.do("p-once", "debit-wallet") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    demo.heard("p-once", "debit-wallet", "step.completed")
    assert demo.do("p-once", "debit-wallet").status_code == 202
    assert demo.counts("p-once", "debit-wallet") == (1, 0)
    assert demo.events("p-once", "debit-wallet") == ["step.started", "step.completed"]


def test_a_step_is_done_once_also_for_another_key(demo: Demo) -> None:
    demo.done("p-keys", "debit-wallet")
    again = demo.retry("p-keys", "debit-wallet", "another")
    assert (again.status_code, again.json()["outcome"]) == (200, "completed")
    assert demo.counts("p-keys", "debit-wallet") == (1, 0)


def test_a_compensation_gives_the_same_answer_to_the_same_key(demo: Demo) -> None:
    demo.done("p-undo", "debit-wallet")
    first, second = (demo.undo("p-undo", "debit-wallet", "undo-1") for _ in range(2))
    assert (first.status_code, first.json()["outcome"]) == (200, "compensated")
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert demo.undo("p-undo", "debit-wallet", "undo-2").json()["detail"] == "already undone"
    assert demo.counts("p-undo", "debit-wallet") == (1, 1)
    assert demo.heard("p-undo", "debit-wallet", "compensation.completed") == [
        "step.started",
        "step.completed",
        "compensation.started",
        "compensation.completed",
    ]


def test_a_step_that_was_compensated_before_it_was_done_is_never_done(demo: Demo) -> None:
    empty = demo.undo("p-early", "debit-wallet", "early")
    assert (empty.status_code, empty.json()["outcome"]) == (200, "compensated")
    late = demo.do("p-early", "debit-wallet")
    assert (late.status_code, late.json()["detail"]) == (409, "debit-wallet of p-early was taken back")
    assert demo.counts("p-early", "debit-wallet") == (0, 0)


def test_a_step_that_is_compensated_while_it_runs_is_never_done(demo: Demo) -> None:
    demo.fault("debit-wallet", "slow", saga="p-running")
    demo.do("p-running", "debit-wallet")
    assert demo.ask("p-running", "debit-wallet")["outcome"] == "running"
    assert demo.undo("p-running", "debit-wallet", "running").status_code == 200
    assert demo.retry("p-running", "debit-wallet", "running-retry").status_code == 409
    assert demo.ask("p-running", "debit-wallet")["outcome"] == "compensated"


def test_a_declined_step_leaves_nothing_behind(demo: Demo) -> None:
    lines = [{"sku": "rare", "quantity": 1}, {"sku": "rare-too", "quantity": 500}]
    demo.do("o-declined", "reserve-stock", lines=lines)
    assert demo.heard("o-declined", "reserve-stock", "step.failed") == ["step.started", "step.failed"]
    assert demo.ask("o-declined", "reserve-stock")["detail"] == "out of stock: 500 × rare-too"
    assert demo.counts("o-declined", "reserve-stock") == (0, 0)
    with demo.books("inventory") as db:
        assert db.execute("SELECT count(*) FROM reservations WHERE saga = 'o-declined'").fetchone() == (0,)


def test_a_declined_step_can_be_declined_again(demo: Demo) -> None:
    demo.do("p-poor", "debit-wallet", total={"amount": "9999.00", "currency": "EUR"})
    demo.heard("p-poor", "debit-wallet", "step.failed")
    again = demo.retry("p-poor", "debit-wallet", "poor")
    assert (again.status_code, again.json()["detail"]) == (409, "insufficient funds")


def test_the_status_names_what_the_step_made(demo: Demo) -> None:
    assert demo.ask("p-status", "debit-wallet") == {
        "outcome": "not_started",
        "detail": "wallet was never asked for it",
        "data": {},
    }
    demo.done("p-status", "debit-wallet")
    made = demo.ask("p-status", "debit-wallet")["data"]["debit_id"]
    demo.undo("p-status", "debit-wallet", "status", debit_id=made)
    told = demo.ask("p-status", "debit-wallet")
    assert (told["outcome"], list(told["data"])) == ("compensated", ["refund_id"])


@pytest.mark.parametrize("path", ["/compensations/debit-wallet", "/steps/debit-wallet/retry"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "k"},
        signatures.sign(WRONG_SECRET, "k", '{"saga": "p-unsigned"}'),
        signatures.sign(SECRET, "k", '{"saga": "another"}'),
        signatures.sign(SECRET, "k", '{"saga": "p-unsigned"}') | {"webhook-timestamp": "1700000000"},
        signatures.sign(SECRET, "k", '{"saga": "p-unsigned"}') | {"webhook-signature": "v1,no base64"},
        signatures.sign(SECRET, "k", '{"saga": "p-unsigned"}') | {"webhook-signature": "none"},
    ],
    ids=["unsigned", "another secret", "another body", "long ago", "not base64", "no version"],
)
def test_what_is_not_signed_is_refused(demo: Demo, path: str, headers: dict[str, str]) -> None:
    answer = HTTP.post(demo.url("wallet") + path, content='{"saga": "p-unsigned"}', headers=headers)
    assert answer.status_code == 401
    assert demo.ask("p-unsigned", "debit-wallet")["outcome"] == "not_started"


def test_a_question_that_is_not_signed_is_refused(demo: Demo) -> None:
    answer = HTTP.get(f"{demo.url('wallet')}/steps/debit-wallet", params={"saga": "p-unsigned"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/compensations/ship-parcel", '{"saga": "s"}', 404),  # another participant's
        ("/compensations/debit-wallet", "{}", 400),
        ("/compensations/debit-wallet", '{"saga": 7}', 400),
        ("/compensations/debit-wallet", "[]", 400),
        ("/compensations/debit-wallet", "no JSON", 400),
        ("/steps/debit-wallet", '{"saga": "s"}', 400),  # without the payload
        ("/steps/debit-wallet/retry", '{"saga": "never asked for"}', 409),
    ],
)
def test_what_cannot_be_done_is_refused(demo: Demo, path: str, body: str, status: int) -> None:
    headers = signatures.sign(SECRET, f"wrong {path} {body}", body)
    answer = HTTP.post(demo.url("wallet") + path, content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])


def test_a_step_without_compensation_cannot_be_undone(demo: Demo) -> None:
    assert demo.undo("p-told", "notify-customer", "told").json() == {
        "detail": "notify-customer cannot be undone"
    }


def test_the_key_must_be_given_twice_and_the_same(demo: Demo) -> None:
    text = json.dumps({"saga": "p-nokey"})
    headers = signatures.sign(SECRET, "one", text) | {"idempotency-key": "two"}
    url = f"{demo.url('wallet')}/compensations/debit-wallet"
    assert HTTP.post(url, content=text, headers=headers).status_code == 400


def test_a_key_that_was_used_for_something_else_is_refused(demo: Demo) -> None:
    demo.done("p-key-a", "debit-wallet")
    demo.done("p-key-b", "debit-wallet")
    assert demo.undo("p-key-a", "debit-wallet", "shared").status_code == 200
    assert demo.undo("p-key-b", "debit-wallet", "shared").status_code == 422
    assert demo.counts("p-key-b", "debit-wallet") == (1, 0)


def test_a_compensation_that_names_anothers_debit_is_refused(demo: Demo) -> None:
    demo.done("p-mixed", "debit-wallet")
    assert demo.undo("p-mixed", "debit-wallet", "mixed", debit_id="db_other").status_code == 422
    assert demo.counts("p-mixed", "debit-wallet") == (1, 0)


def test_each_participant_sends_in_its_own_mode(demo: Demo) -> None:
    for step in ("debit-wallet", "record-entry", "notify-customer"):
        demo.do("p-modes", step)
    for step in ("debit-wallet", "record-entry", "notify-customer"):
        demo.heard("p-modes", step, "step.completed")
    wait_for(lambda: {"wallet", "ledger", "notification"} <= demo.amends.modes.keys())
    assert demo.amends.modes["wallet"] == {"application/cloudevents-batch+json"}
    assert demo.amends.modes["ledger"] == {"application/cloudevents+json"}
    assert demo.amends.modes["notification"] == {"application/json"}
