"""Plans: tables of what each story allows."""

import msgspec
import pytest

from compensation import planner
from compensation.drafting import Words
from compensation.plan import Intent, Plan
from compensation.subject import Address, Payload, Rival, Sent
from tests.compensation.stories import ADDRESSES, SHOP, told
from tests.sagas.saying import NOW

DONE = "saga.started check:S check:C reserve:S reserve:C charge:S charge:C"


def make(words: str, intent: str, step: str = "", **changes: object) -> Plan:
    outcome = str(changes.pop("outcome", ""))
    subject, now = told(words, **changes)  # type: ignore[arg-type]
    return planner.plan(subject, intent, step, now, outcome=outcome)


def acts(plan: Plan) -> list[tuple[str, str]]:
    return [(action.kind, action.step) for action in plan.actions]


def codes(plan: Plan) -> list[str]:
    return [refusal.code for refusal in plan.refusals]


def left(plan: Plan) -> dict[str, str]:
    return {left.step: left.code for left in plan.left_alone}


def test_a_whole_saga_is_undone_in_the_reverse_of_its_order():
    plan = make(f"{DONE} ship:S ship:F", Intent.COMPENSATE)
    assert acts(plan) == [("compensate", "charge"), ("compensate", "reserve")]
    assert left(plan) == {"check": "no_effect", "ship": "failed", "thank": "not_started"}
    assert plan.can_start


def test_the_request_is_shown_to_the_letter():
    (action,) = make(DONE, Intent.COMPENSATE, "reserve").actions
    assert action.title == "release stock"
    assert action.request is not None
    assert action.request.method == "POST"
    assert action.request.url == "http://inventory.example/api/compensations/reserve"
    assert action.request.body == '{"saga": "o-1", "reservation": "rs_1", "reason": "{reason}"}'
    assert action.idempotency_key == "order/o-1/reserve/c1"
    assert msgspec.structs.asdict(action.retries) == {
        "attempts": 3,
        "first": 1.0,
        "most": 4.0,
        "deadline": 30.0,
    }


def test_only_the_start_fills_in_what_only_the_start_knows():
    subject, now = told(DONE, payloads={"reserve": [Payload("", {"reservation_id": "{reason}"})]})
    words = Words(repair="R-7", reason='said "no"')
    (action,) = planner.plan(subject, Intent.COMPENSATE, "reserve", now, words=words).actions
    assert action.request is not None
    # A payload that looks like a placeholder stays what it is.
    assert action.request.body == ('{"saga": "o-1", "reservation": "{reason}", "reason": "said \\"no\\""}')


UNDO_ONE = [
    # story, step, refused with (empty: it is planned)
    (DONE, "charge", ""),
    (DONE, "ship", "not_started"),
    (DONE, "check", "no_effect"),
    (DONE, "nothing", "unknown_step"),
    (f"{DONE} charge:K+", "charge", "already_compensated"),
    (f"{DONE} charge:KS charge:K-", "charge", ""),
    (f"{DONE} ship:S ship:T", "ship", ""),
    (f"{DONE} ship:S", "ship", ""),
    (f"{DONE} ship:S ship:F", "ship", "failed"),
    (f"{DONE} ship:N", "ship", "skipped"),
    (f"{DONE} ship:S ship:C thank:S thank:C", "thank", "no_compensation"),
]


@pytest.mark.parametrize(("words", "step", "code"), UNDO_ONE)
def test_undoing_one_step(words: str, step: str, code: str):
    plan = make(words, Intent.COMPENSATE, step)
    assert codes(plan) == ([code] if code else [])
    assert acts(plan) == ([] if code else [("compensate", step)])


@pytest.mark.parametrize(
    ("words", "code"),
    [(f"{DONE} ship:S", "still_running"), (f"{DONE} charge:KS", "being_compensated")],
)
def test_who_is_at_work_is_left_to_it_until_the_deadline(words: str, code: str):
    step = "ship" if code == "still_running" else "charge"
    early = make(words, Intent.COMPENSATE, step, after=1)
    assert codes(early) == [code]
    assert early.left_alone[0].until > 0
    assert codes(make(words, Intent.COMPENSATE, "", after=1)) == ["busy"]
    assert make(words, Intent.COMPENSATE, step, after=60).can_start


def test_what_amends_itself_has_begun_needs_no_waiting():
    sent = {"order/o-1/charge/c1": Sent("compensate", "charge", "", 0)}
    plan = make(f"{DONE} charge:KS", Intent.COMPENSATE, "charge", after=1, sent=sent)
    assert [action.idempotency_key for action in plan.actions] == ["order/o-1/charge/c1"]


def test_the_point_of_no_return_that_can_be_undone_is_warned_of():
    plan = make(f"{DONE} ship:S ship:C", Intent.COMPENSATE)
    assert acts(plan) == [("compensate", "ship"), ("compensate", "charge"), ("compensate", "reserve")]
    assert any("point of no return" in warning for warning in plan.warnings)


@pytest.mark.parametrize(("result", "code"), [("ship:C", "past_pivot"), ("ship:T", "pivot_unknown")])
def test_the_point_of_no_return_that_cannot_be_undone_refuses_the_whole_saga(result: str, code: str):
    steps = [
        msgspec.structs.replace(step, compensation=None) if step.name == "ship" else step
        for step in SHOP.steps
    ]
    definition = msgspec.structs.replace(SHOP, steps=steps)
    plan = make(f"{DONE} ship:S {result}", Intent.COMPENSATE, definition=definition)
    assert codes(plan) == [code]
    assert not plan.can_start
    alone = make(f"{DONE} ship:S {result}", Intent.COMPENSATE, "charge", definition=definition)
    assert alone.can_start
    assert any("point of no return" in warning for warning in alone.warnings)


def test_an_unknown_effect_can_be_undone_and_says_that_asking_would_tell():
    plan = make(f"{DONE} ship:S", Intent.COMPENSATE, "ship")
    assert "nobody knows" in plan.actions[0].explanation
    assert any("Asking first would tell" in warning for warning in plan.warnings)


def test_what_an_unanswered_step_never_told_goes_as_null():
    plan = make("saga.started reserve:S", Intent.COMPENSATE, "reserve", payloads={})
    (action,) = plan.actions
    assert action.request is not None
    assert '"reservation": null' in action.request.body
    assert "No event has told reservation_id" in action.explanation


UNTOLD = [
    # story, whether "charge", of which nobody has told, is planned to be undone
    ("saga.started reserve:S reserve:C ship:S ship:C", True),
    ("saga.started reserve:S reserve:C ship:S", True),
    ("saga.started reserve:S reserve:C thank:S", True),
    ("saga.started reserve:S reserve:C saga.completed", True),
    ("saga.started reserve:S reserve:C", False),
    ("saga.started reserve:S reserve:C ship:N", False),
]


@pytest.mark.parametrize(("words", "is_undone"), UNTOLD)
def test_a_step_that_nobody_has_told_of_is_undone_where_later_ones_have_begun(words: str, is_undone: bool):
    plan = make(words, Intent.COMPENSATE)
    planned = {action.step: action for action in plan.actions}
    assert ("charge" in planned) == is_undone
    assert left(plan).get("charge") == (None if is_undone else "not_started")
    # Never an optional one.
    assert "thank" not in planned
    if is_undone:
        assert "Nobody has told" in planned["charge"].explanation
        assert [action.step for action in plan.actions if action.step != "ship"] == ["charge", "reserve"]
        assert codes(make(words, Intent.RETRY, "charge")) == ["untold"]
        assert ("ask", "charge") in acts(make(words, Intent.ASK))


def test_a_completed_step_without_its_data_is_refused():
    plan = make(DONE, Intent.COMPENSATE, "reserve", payloads={})
    assert codes(plan) == ["incomplete"]
    assert "no event of “reserve stock” carries reservation_id" in plan.refusals[0].why


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ({}, "no participant is registered as payment"),
        ({"payment": Address("", can_sign=True)}, "payment has no base address"),
        ({"payment": Address("http://p.example", can_sign=False)}, "payment has no signing secret"),
        ({"payment": Address("ftp://p.example", can_sign=True)}, "is not below"),
    ],
)
def test_a_participant_that_cannot_be_called_refuses_the_plan(addresses: dict[str, Address], words: str):
    plan = make(DONE, Intent.COMPENSATE, addresses=ADDRESSES | {"payment": Address("", False)} | addresses)
    if not addresses:
        plan = make(DONE, Intent.COMPENSATE, addresses={"inventory": ADDRESSES["inventory"]})
    assert [refusal.step for refusal in plan.refusals] == ["charge"]
    assert words in plan.refusals[0].why
    assert not plan.can_start


def test_without_a_definition_only_recording_is_left():
    for intent in (Intent.COMPENSATE, Intent.RETRY, Intent.ASK):
        assert codes(make(DONE, intent, definition=None)) == ["no_definition"]
    assert make(DONE, Intent.RECORD, "charge", outcome="compensated", definition=None).can_start


def test_a_saga_in_repair_is_refused_with_who_repairs_it():
    plan = make(DONE, Intent.COMPENSATE, rival=Rival(3, "anna", NOW))
    assert codes(plan) == ["in_repair"]
    assert "R-3 by anna" in plan.refusals[0].why


RETRY = [
    # story, step, what is planned, or refused with
    (f"{DONE} ship:S ship:F", "ship", [("retry_step", "ship")]),
    (f"{DONE} ship:S", "ship", [("retry_step", "ship")]),
    (f"{DONE} ship:S ship:T", "", [("retry_step", "ship")]),
    (f"{DONE} ship:S ship:C", "ship", "already_completed"),
    (f"{DONE} charge:KS charge:K-", "", [("compensate", "charge")]),
    (f"{DONE} charge:KS", "charge", [("compensate", "charge")]),
    (f"{DONE} charge:K+", "charge", "gone_back"),
    (f"{DONE} ship:S ship:F charge:K+", "ship", "gone_back"),
    (f"{DONE} ship:S ship:C thank:S thank:F", "thank", [("retry_step", "thank")]),
    # A saga that stalled: the turn of the next step has come, and nobody has started it.
    (DONE, "ship", [("retry_step", "ship")]),
    (DONE, "thank", "not_started"),
    (f"{DONE} ship:S ship:C thank:S thank:C", "", "nothing_to_do"),
]


@pytest.mark.parametrize(("words", "step", "expected"), RETRY)
def test_trying_again(words: str, step: str, expected: list[tuple[str, str]] | str):
    plan = make(words, Intent.RETRY, step)
    assert (codes(plan) or acts(plan)) == ([expected] if isinstance(expected, str) else expected)


def test_a_definite_failure_gets_a_new_key_and_an_unanswered_try_the_same():
    def key(words: str) -> str:
        return make(words, Intent.RETRY, "ship").actions[0].idempotency_key

    assert key(f"{DONE} ship:S") == "order/o-1/ship/r1"
    assert key(f"{DONE} ship:S ship:T") == "order/o-1/ship/r1"
    assert key(f"{DONE} ship:S ship:F") == "order/o-1/ship/r2"
    assert key(f"{DONE} ship:S ship:F ship:F") == "order/o-1/ship/r3"


def test_a_compensation_keeps_its_key_until_it_was_confirmed():
    def key(words: str) -> str:
        return make(words, Intent.COMPENSATE, "charge").actions[0].idempotency_key

    assert key(DONE) == "order/o-1/charge/c1"
    assert key(f"{DONE} charge:KS charge:K-") == "order/o-1/charge/c1"
    # Done once more after it was undone: another effect.
    assert key(f"{DONE} charge:K+ charge:C") == "order/o-1/charge/c2"


def test_asking_is_for_what_nobody_knows():
    plan = make(f"{DONE} charge:KS charge:K- ship:S", Intent.ASK)
    assert acts(plan) == [("ask", "charge"), ("ask", "ship")]
    assert plan.actions[1].request is not None
    assert plan.actions[1].request.url == "http://shipping.example/api/steps/ship?saga=o-1"
    assert plan.actions[1].request.body == ""
    assert codes(make(DONE, Intent.ASK)) == ["nothing_to_do"]
    # Asked by name, any step can be asked about: it changes nothing.
    assert make(DONE, Intent.ASK, "charge").can_start
    assert codes(make(DONE, Intent.ASK, "thank")) == ["no_status"]


@pytest.mark.parametrize(
    ("words", "outcome", "code"),
    [
        (f"{DONE} ship:S", "completed", ""),
        (f"{DONE} ship:S", "failed", ""),
        (f"{DONE} ship:S", "compensated", ""),
        (f"{DONE} ship:S ship:C", "completed", "already_so"),
        (f"{DONE} ship:S ship:C", "failed", "already_completed"),
        (f"{DONE} ship:S ship:C ship:K+", "completed", "already_compensated"),
    ],
)
def test_recording_what_was_done_elsewhere(words: str, outcome: str, code: str):
    plan = make(words, Intent.RECORD, "ship", outcome=outcome)
    assert codes(plan) == ([code] if code else [])
    if not code:
        assert plan.actions[0].request is None
        assert plan.actions[0].record == {"outcome": outcome, "evidence": "{evidence}"}


def test_words_that_mean_nothing_are_errors_of_the_caller():
    with pytest.raises(ValueError, match="celebrate"):
        make(DONE, "celebrate")
    with pytest.raises(ValueError, match="eaten"):
        make(DONE, Intent.RECORD, "ship", outcome="eaten")
