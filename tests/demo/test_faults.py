"""Each fault, on demand: what the caller sees, what Amends hears, and what was really done."""

import time

import httpx
import pytest

from tests.demo.running import HTTP, Demo, wait_for

# One worker runs what shares one demo.
pytestmark = pytest.mark.xdist_group("demo")


def test_no_answer_starts_and_then_is_silent_until_somebody_asks_again(demo: Demo) -> None:
    demo.fault("ship-parcel", "no_answer", saga="f-silent")
    assert demo.do("f-silent", "ship-parcel").status_code == 202
    assert demo.do("f-silent", "ship-parcel").status_code == 202
    time.sleep(0.5)  # more than the work takes at the pace of these tests
    assert demo.heard("f-silent", "ship-parcel", "step.started") == ["step.started"]
    assert demo.ask("f-silent", "ship-parcel")["outcome"] == "not_started"
    assert demo.counts("f-silent", "ship-parcel") == (0, 0)
    assert demo.retry("f-silent", "ship-parcel", "again").status_code == 200
    assert demo.counts("f-silent", "ship-parcel") == (1, 0)
    assert demo.heard("f-silent", "ship-parcel", "step.completed") == [
        "step.started",
        "step.started",
        "step.completed",
    ]


def test_lost_reply_does_the_work_and_only_the_status_tells(demo: Demo) -> None:
    demo.fault("debit-wallet", "lost_reply", saga="f-lost")
    demo.done("f-lost", "debit-wallet")
    assert demo.counts("f-lost", "debit-wallet") == (1, 0)
    assert demo.heard("f-lost", "debit-wallet", "step.started") == ["step.started"]
    assert demo.retry("f-lost", "debit-wallet", "lost").status_code == 200
    demo.heard("f-lost", "debit-wallet", "step.completed")
    assert demo.counts("f-lost", "debit-wallet") == (1, 0)


def test_a_lost_reply_of_a_compensation_is_given_again_to_the_same_key(demo: Demo) -> None:
    demo.done("f-lost-undo", "debit-wallet")
    demo.fault("debit-wallet", "lost_reply", saga="f-lost-undo", on="compensation")
    with pytest.raises(httpx.TransportError):
        demo.undo("f-lost-undo", "debit-wallet", "lost-undo")
    assert demo.counts("f-lost-undo", "debit-wallet") == (1, 1)
    assert demo.undo("f-lost-undo", "debit-wallet", "lost-undo").status_code == 200
    assert demo.counts("f-lost-undo", "debit-wallet") == (1, 1)


def test_a_job_undoes_what_nobody_asked_it_to_and_only_its_event_tells(demo: Demo) -> None:
    demo.fault("charge-card", "undone_unasked", saga="f-unasked")
    demo.done("f-unasked", "charge-card")
    assert demo.counts("f-unasked", "charge-card") == (1, 0)
    heard = demo.heard("f-unasked", "charge-card", "compensation.completed")
    assert heard == ["step.started", "step.completed", "compensation.completed"]
    assert demo.counts("f-unasked", "charge-card") == (1, 1)
    # Asked for afterwards, there is nothing left to undo.
    assert demo.undo("f-unasked", "charge-card", "too-late").status_code == 200
    assert demo.counts("f-unasked", "charge-card") == (1, 1)


def test_slow_takes_longer_than_its_deadline(demo: Demo) -> None:
    demo.fault("ship-parcel", "slow", saga="f-slow")
    demo.do("f-slow", "ship-parcel")
    with demo.books("shipping") as db:
        (due,) = db.execute("SELECT due FROM pending WHERE saga = 'f-slow'").fetchone()
    assert 14 < due - time.time() < 17
    assert demo.ask("f-slow", "ship-parcel")["outcome"] == "running"


def test_a_refused_compensation_does_nothing_and_may_be_asked_for_again(demo: Demo) -> None:
    demo.done("f-refused", "reserve-stock")
    demo.fault("reserve-stock", "refuse_compensation", saga="f-refused")
    refused = demo.undo("f-refused", "reserve-stock", "refused")
    assert (refused.status_code, refused.json()) == (409, {"detail": "reservation already consumed"})
    assert demo.counts("f-refused", "reserve-stock") == (1, 0)
    assert demo.ask("f-refused", "reserve-stock")["outcome"] == "completed"
    assert demo.undo("f-refused", "reserve-stock", "refused").status_code == 200
    assert demo.counts("f-refused", "reserve-stock") == (1, 1)
    assert demo.heard("f-refused", "reserve-stock", "compensation.completed")[2:] == [
        "compensation.started",
        "compensation.failed",
        "compensation.started",
        "compensation.completed",
    ]


def test_a_compensation_that_is_accepted_is_confirmed_by_its_event(demo: Demo) -> None:
    demo.done("f-later", "debit-wallet")
    demo.fault("debit-wallet", "accept_later", saga="f-later")
    first, second = (demo.undo("f-later", "debit-wallet", "later") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert demo.counts("f-later", "debit-wallet") == (1, 0)
    demo.heard("f-later", "debit-wallet", "compensation.completed")
    assert demo.undo("f-later", "debit-wallet", "later").status_code == 202
    assert demo.counts("f-later", "debit-wallet") == (1, 1)


def test_a_compensation_that_never_answers_is_done_when_it_is_asked_for_again(demo: Demo) -> None:
    demo.done("f-never", "debit-wallet")
    demo.fault("debit-wallet", "no_answer", saga="f-never", on="compensation")
    assert demo.undo("f-never", "debit-wallet", "never").status_code == 202
    assert demo.counts("f-never", "debit-wallet") == (1, 0)
    assert demo.undo("f-never", "debit-wallet", "never").status_code == 200
    assert demo.counts("f-never", "debit-wallet") == (1, 1)


def test_flaky_fails_so_many_times_and_tells_each_attempt(demo: Demo) -> None:
    demo.fault("debit-wallet", "flaky", saga="f-flaky", times=2)
    assert [demo.do("f-flaky", "debit-wallet").status_code for _ in range(3)] == [503, 503, 202]
    assert demo.heard("f-flaky", "debit-wallet", "step.completed") == [
        "step.started",
        "step.attempt_failed",
        "step.attempt_failed",
        "step.completed",
    ]
    attempts = {e["type"]: e["sagaattempt"] for e in demo.amends.events if e["correlationid"] == "f-flaky"}
    assert attempts == {"step.started": 1, "step.attempt_failed": 2, "step.completed": 3}


def test_a_flaky_compensation_is_done_in_the_end(demo: Demo) -> None:
    demo.done("f-flaky-undo", "debit-wallet")
    demo.fault("debit-wallet", "flaky", saga="f-flaky-undo", on="compensation")
    codes = [demo.undo("f-flaky-undo", "debit-wallet", "flaky-undo").status_code for _ in range(2)]
    assert codes == [503, 200]
    assert demo.heard("f-flaky-undo", "debit-wallet", "compensation.completed")[2:] == [
        "compensation.started",
        "compensation.attempt_failed",
        "compensation.completed",
    ]


def test_flaky_without_a_number_lasts_until_it_is_cleared(demo: Demo) -> None:
    demo.fault("record-entry", "flaky", saga="f-ever", times=None)
    assert {demo.do("f-ever", "record-entry").status_code for _ in range(5)} == {503}
    assert HTTP.delete(f"{demo.url('ledger')}/faults").json() == []
    assert demo.do("f-ever", "record-entry").status_code == 202


def test_who_dies_after_its_step_tells_it_when_it_is_back(demo: Demo) -> None:
    before = demo.pid("fulfilment")
    demo.fault("prepare-parcel", "die", saga="f-die")
    demo.do("f-die", "prepare-parcel")
    demo.heard("f-die", "prepare-parcel", "step.completed")
    assert wait_for(lambda: demo.pid("fulfilment")) != before
    assert demo.counts("f-die", "prepare-parcel") == (1, 0)


def test_who_dies_after_its_compensation_gives_the_answer_to_the_same_key(demo: Demo) -> None:
    demo.done("f-die-undo", "prepare-parcel")
    demo.fault("prepare-parcel", "die", saga="f-die-undo", on="compensation")
    with pytest.raises(httpx.TransportError):
        demo.undo("f-die-undo", "prepare-parcel", "die-undo")
    wait_for(lambda: demo.pid("fulfilment"))
    assert demo.undo("f-die-undo", "prepare-parcel", "die-undo").status_code == 200
    assert demo.counts("f-die-undo", "prepare-parcel") == (1, 1)


def test_a_fault_is_for_its_saga_alone_and_is_used_up(demo: Demo) -> None:
    demo.fault("notify-customer", "flaky", saga="f-mine", times=2)
    listed = [{"step": "notify-customer", "fault": "flaky", "on": "step", "saga": "f-mine", "times": 2}]
    url = f"{demo.url('notification')}/faults"
    assert HTTP.get(url).json() == listed
    assert demo.do("f-other", "notify-customer").status_code == 202
    assert demo.do("f-mine", "notify-customer").status_code == 503
    assert HTTP.get(url).json() == [listed[0] | {"times": 1}]
    assert demo.do("f-mine", "notify-customer").status_code == 503
    assert HTTP.get(url).json() == []


def test_a_fault_outlives_the_process(demo: Demo) -> None:
    demo.fault("notify-customer", "no_answer", saga="f-kept")
    demo.kill("notification")
    assert len(HTTP.get(f"{demo.url('notification')}/faults").json()) == 1
    HTTP.delete(f"{demo.url('notification')}/faults")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "expected a JSON object"),
        ({"step": "ship-parcel", "fault": "die"}, "step must be one of debit-wallet"),
        ({"step": "debit-wallet", "fault": "fire"}, "fault must be one of no_answer, slow"),
        ({"step": "debit-wallet", "fault": "die", "times": 0}, "times must be"),
        ({"step": "debit-wallet", "fault": "die", "times": True}, "times must be"),
        ({"step": "debit-wallet", "fault": "die", "saga": 1}, "saga must be"),
        ({"step": "debit-wallet", "fault": "accept_later", "on": "step"}, "accept_later can be on"),
        ({"step": "debit-wallet", "fault": "die", "often": 1}, "unknown: often"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(demo: Demo, body: object, said: str) -> None:
    answer = HTTP.post(f"{demo.url('wallet')}/faults", json=body)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(said)


def test_a_page_of_another_site_cannot_order_faults(demo: Demo) -> None:
    answer = HTTP.post(
        f"{demo.url('wallet')}/faults",
        content='{"step": "debit-wallet", "fault": "die"}',
        headers={"content-type": "text/plain"},
    )
    assert answer.status_code == 415
