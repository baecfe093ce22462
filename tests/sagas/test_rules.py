"""Rules: what they say of a saga's facts, whatever comes out of what nobody knows, and when they count."""

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold, story
from sagas.definitions.business import STEP_FIELDS
from sagas.detection import beyond, deciding, judge
from sagas.detection.sight import Sight
from sagas.facts import SECOND, Facts, Observed
from sagas.vocabulary import Code, Kind, Severity
from tests.sagas.ruling import CONFLICT, NOT_REFUNDED, REFUND, SHIPPED_IS_PAID, rule, see
from tests.sagas.saying import START, event_sets

PAID = "!steps.ship.open || steps.charge.open"


def decide(expression: str, words: str, **how) -> deciding.Decision:
    definition = rule(expression)
    return deciding.decide(definition.rules[0], see(words, definition, **how))


@pytest.mark.parametrize(
    ("expression", "words", "holds"),
    [
        (PAID, "saga.started", True),
        (PAID, "charge:C ship:C", True),
        (PAID, "charge:C ship:C saga.completed", True),
        (PAID, "charge:C charge:K+ ship:C", False),
        (PAID, "charge:F ship:C", False),
        (PAID, "ship:C", False),
        ('steps["charge"].state == "compensated"', "charge:C charge:K+", True),
        ("steps.charge.undone && !steps.charge.open && steps.charge.completed", "charge:C charge:K+", True),
        ("steps.charge.failed", "charge:F", True),
        ("steps.charge.skipped", "charge:N", True),
        ("steps.charge.attempts == 3", "charge:S charge:R charge:S charge:R charge:S charge:R", True),
        ("steps.charge.started && !steps.ship.started", "charge:S", True),
        ("steps.charge.completed_at <= steps.ship.completed_at", "charge:C ship:C", True),
        ("steps.charge.completed_at <= steps.ship.completed_at", "ship:C charge:C", False),
        (
            "timestamp(steps.ship.completed_at) - timestamp(steps.charge.completed_at) < duration('10s')",
            "charge:C ship:C",
            False,
        ),
        ("has(steps.ship.completed_at)", "charge:C", False),
        ("steps.all(name, steps[name].completed)", "charge:C ship:C", True),
        ("saga.id == 'o-1' && saga.type == 'order' && saga.version == '1'", "charge:C", True),
        ("saga.over && saga.status == 'completed' && has(saga.ended_at)", "charge:C ship:C", True),
        ("saga.went_back", "charge:C charge:K+", True),
        ("saga.started_at < '2024'", "saga.started", True),
    ],
)
def test_what_a_rule_says(expression, words, holds):
    assert decide(expression, words) == deciding.Decision(holds)


@pytest.mark.parametrize(
    ("expression", "values", "holds"),
    [
        ("data.total.amount > 100", {"total.amount": "100.5"}, True),
        ("data.net + data.tax == data.gross", {"net": "40.0", "tax": "9.9", "gross": "49.9"}, True),
        ("data.count == 3", {"count": "3.0"}, True),
        ("data.items.exists(i, i.sku == 'a')", {"items": '[{"sku":"a"}]'}, True),
        ("data.items[0].sku == 'a'", {"items": '[{"sku":"a"}]'}, True),
        ('data["charge-id"] == "c"', {"charge-id": '"c"'}, True),
        ("has(data.total.amount)", {}, False),
        ("data.total == null", {"total": "null"}, True),
        ("data.is_gift", {"is_gift": "true"}, True),
    ],
)
def test_what_a_rule_sees_of_payloads(expression, values, holds):
    assert decide(expression, "saga.started", values=values) == deciding.Decision(holds)


@pytest.mark.parametrize(
    ("expression", "words", "after", "reason", "unknown"),
    [
        # T, or past the deadline without a result: nobody knows.
        (PAID, "charge:S charge:T ship:C", 0, "unknown", ["charge"]),
        (PAID, "charge:S ship:C", 1, "unknown", ["charge"]),
        # What it depends on no more is known well enough.
        (PAID, "charge:S charge:T ship:F", 0, "", []),
        (PAID, "charge:C ship:S ship:T", 0, "", []),
        (PAID, "charge:S charge:T ship:S ship:T", 0, "unknown", ["charge", "ship"]),
        ("!steps.charge.open || steps.charge.open", "charge:S charge:T", 0, "", []),
        # A step that nobody named has no say.
        ("steps.ship.open", "charge:S charge:T ship:C", 0, "", []),
        ("steps.exists(name, steps[name].open)", "charge:S charge:T", 0, "unknown", ["charge"]),
        # It can only be asked for one of the cases.
        ("steps.charge.completed_at != '' || true", "charge:S charge:T", 0, "", []),
        ("steps.charge.completed_at != ''", "charge:S charge:T", 0, "unknown", ["charge"]),
        ("steps.charge.completed_at != ''", "ship:C", 0, "missing", []),
        ("data.total.amount > 100", "ship:C", 0, "missing", []),
        ("1 / 0 == 1", "ship:C", 0, "error", []),
        ("data.total + 1 == 2", "ship:C", 0, "error", []),
    ],
)
def test_what_nobody_can_decide(expression, words, after, reason, unknown):
    decision = decide(expression, words, after=after, values={"total": "1.0"})
    assert (decision.reason, [step for _, step in decision.unknown]) == (reason, unknown)
    assert (decision.holds is None) == bool(reason)


def test_a_step_has_the_fields_that_definitions_are_checked_against():
    assert set(deciding.FIELDS) == set(STEP_FIELDS)


def test_more_unknown_effects_than_can_be_gone_through():
    steps = [{"name": f"s{number}", "kind": "retriable"} for number in range(6)]
    rules = [{"name": "r", "expression": "steps.all(name, steps[name].open || true)"}]
    text = json.dumps({"type": "t", "version": "1", "steps": steps, "rules": rules})
    definition = definitions.parse(text, "x.yaml")
    for count, reason in ((5, ""), (6, "many")):
        words = " ".join(f"s{number}:T" for number in range(count))
        assert deciding.decide(definition.rules[0], see(words, definition)).reason == reason


TRUTHS = st.recursive(
    st.sampled_from(
        [f"steps.{step}.{field}" for step in ("charge", "ship") for field in ("open", "completed")]
    ),
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, st.sampled_from(["&&", "||", "=="]), inner).map(" ".join).map("({})".format),
    ),
    max_leaves=4,
)


@given(event_sets, TRUTHS)
def test_a_decided_rule_stays_so_whatever_comes_out(events, expression):
    """Of what nobody knows, each outcome is reported; the rule says what it said before."""
    definition = rule(expression)
    now = START + 41 * SECOND
    decision = _decide(events, definition, now)
    unknown = _unknown(events, definition, now)
    if decision.holds is None or not unknown:
        return
    for kind in (Kind.STEP_COMPLETED, Kind.STEP_FAILED):
        told = [Observed("z", f"told {step}", kind, now, step=step, execution=run) for step, run in unknown]
        again = _decide([*events, *told], definition, now)
        assert again.holds in {decision.holds, None}
        if not _unknown([*events, *told], definition, now):
            assert again.holds == decision.holds


def _see(events, definition, now) -> Sight:
    known = facts.merge(Facts(), events)
    return Sight("order", "o-1", known, fold.derive(known, definition, facts.moment(now)), definition)


def _decide(events, definition, now) -> deciding.Decision:
    return deciding.decide(definition.rules[0], _see(events, definition, now))


def _unknown(events, definition, now) -> list[tuple[str, str]]:
    state = _see(events, definition, now).state
    return [
        (step.name, run.execution)
        for step in state.steps
        for run in step.runs
        if step.name in state.unknown_effects and run.is_unknown
    ]


@given(event_sets, TRUTHS, st.randoms())
def test_no_order_of_arrival_changes_what_is_found(events, expression, random):
    definition = rule(expression)
    now = START + 100 * SECOND
    found = beyond.prospects(_see(events, definition, now), [])
    random.shuffle(events)
    known = Facts()
    for event in events:
        facts.merge(known, [event])
    state = fold.derive(facts.decode(facts.encode(known)), definition, facts.moment(now))
    assert beyond.prospects(Sight("order", "o-1", known, state, definition), []) == found


@given(st.permutations([(1, "1.0"), (1, "2.0"), (3, '"a"'), (3, '"b"'), (2, "null")]))
def test_the_newest_value_of_a_path_counts_in_any_order(said):
    events = [
        Observed("a", str(place), Kind.SAGA_NOTE, time, values={"total": value})
        for place, (time, value) in enumerate(said)
    ]
    assert facts.merge(Facts(), events).values["total"] == facts.Text(3, '"b"')


def found(mine: Sight, linked=(), *, after: float) -> list[str]:
    """Code and step of what holds so many seconds after the saga's last event."""
    moment = mine.state.last + int(after * SECOND)
    held = judge.holding(beyond.prospects(mine, linked), moment)
    return [f"{verdict.code} {verdict.step}" for verdict in held]


@pytest.mark.parametrize(
    ("words", "after", "expected"),
    [
        # 30 s from the newest moment of what it looks at; the others do not put it off.
        ("charge:C ship:C charge:K+", 29, []),
        ("charge:C ship:C charge:K+", 30, ["rule_broken rule:r"]),
        ("charge:C ship:C charge:K+ saga.note saga.note", 10, ["rule_broken rule:r"]),
        ("ship:C charge:K+ charge:C", 30, []),
        ("charge:T ship:C", 29, []),
        ("charge:T ship:C", 30, ["rule_undecided rule:r"]),
        ("charge:S charge:T ship:S ship:C saga.note saga.note saga.note", 0, ["rule_undecided rule:r"]),
    ],
)
def test_a_rule_counts_once_it_has_settled(words, after, expected):
    assert found(see(words, rule(PAID), after=after), after=after) == expected


def test_an_effect_that_becomes_unknown_by_time_settles_from_its_deadline():
    definition = rule(PAID)
    # charge has 10 s from its start, which is 10 s before ship completes.
    assert found(see("charge:S ship:C", definition, after=29), after=29) == []
    assert found(see("charge:S ship:C", definition, after=30), after=30) == ["rule_undecided rule:r"]


@pytest.mark.parametrize(
    ("words", "settled"),
    [
        # ship has 30 s from its start: its saga ended before, or long after, or goes on.
        ("ship:S saga.failed", 30),
        ("ship:S saga.note saga.note saga.note saga.note saga.failed", 10),
        ("ship:S saga.note", 50),
    ],
)
def test_an_effect_that_becomes_unknown_with_the_end_settles_from_the_end(words, settled):
    definition = rule("!steps.ship.open")
    assert found(see(words, definition, after=settled - 1), after=settled - 1) == []
    assert found(see(words, definition, after=settled), after=settled) == ["rule_undecided rule:r"]


def test_an_effect_that_becomes_unknown_with_the_end_of_a_linked_saga_settles_from_there():
    definition = rule("!others.exists(o, o.steps.ship.open)")
    other = see("ship:S saga.failed", definition, after=31, order="1")
    mine = see("charge:C saga.note", definition, after=31, order="1")
    assert found(mine, [other], after=29) == []
    assert found(mine, [other], after=30) == ["rule_undecided rule:r"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("charge:C", []),
        ("charge:C ship:S", []),
        ("charge:C ship:C saga.completed", ["rule_undecided rule:r"]),
    ],
)
def test_what_has_not_come_may_still_come_until_the_saga_is_over(words, expected):
    assert found(see(words, rule("data.total.amount > 1.0")), after=60) == expected


def test_a_rule_that_can_never_be_evaluated_is_told_at_once():
    mine = see("charge:C", rule("data.total + 1 == 2"), values={"total": "1.0"})
    [verdict] = beyond.prospects(mine, [])
    assert (verdict.detail["reason"], verdict.detail["error"]) == (
        "error",
        "`+` cannot be applied to (double, int64)",
    )


def test_a_verdict_carries_what_its_sentence_needs():
    definition = definitions.parse(SHIPPED_IS_PAID, "x.yaml")
    [verdict] = beyond.prospects(see("charge:C ship:C charge:K+", definition, order="8492"), [])
    assert (verdict.code, verdict.step, verdict.severity) == (
        Code.RULE_BROKEN,
        "rule:shipped-is-paid",
        Severity.CRITICAL,
    )
    assert verdict.proof == [
        {"source": "charge", "id": "0"},
        {"source": "ship", "id": "1"},
        {"source": "charge", "id": "2"},
    ]
    assert verdict.detail["message"] == "Order 8492 is out and nobody pays for it."
    assert verdict.due - verdict.since == 30 * SECOND
    assert verdict.since == START + 20 * SECOND


SENTENCES = [
    (
        PAID,
        "charge:C ship:C charge:K+",
        "rule “r” is broken",
        "charge card was undone, ship parcel completed",
        "The rule r is broken: Order ? of order o-1. charge card was undone at 22:13:40 UTC; "
        "ship parcel completed at 22:13:30 UTC.",
    ),
    (
        PAID,
        "charge:T ship:C",
        "rule “r” cannot be decided",
        "it depends on whether charge card was done",
        "Nobody can tell whether the rule r holds: it depends on whether charge card was done.",
    ),
    (
        "data.total > 1.0 && steps.charge.open",
        "charge:F saga.failed",
        "rule “r” is broken",
        "charge card failed, data.total is 49.9",
        "The rule r is broken: Order ? of order o-1. charge card failed at 22:13:20 UTC; data.total is 49.9.",
    ),
    (
        "false",
        "charge:C",
        "rule “r” is broken",
        "false is false",
        "The rule r is broken: Order ? of order o-1. It says false.",
    ),
    (
        "data.gone == 1",
        "charge:F saga.failed",
        "rule “r” cannot be decided",
        'something it looks at never came (there is no "gone")',
        'Nobody can tell whether the rule r holds: something it looks at never came (there is no "gone").',
    ),
    (
        "1 / 0 == 1",
        "charge:F",
        "rule “r” cannot be decided",
        "it is no yes or no (divide by zero)",
        "Nobody can tell whether the rule r holds: it is no yes or no (divide by zero).",
    ),
]


@pytest.mark.parametrize(("expression", "words", "title", "explanation", "sentence"), SENTENCES)
def test_what_people_read(expression, words, title, explanation, sentence):
    definition = rule(expression, message="Order {key.order} of {type} {saga}.")
    mine = see(words, definition, values={"total": "49.9"})
    [verdict] = beyond.prospects(mine, [])
    told = (verdict.code, verdict.step, verdict.detail, definition)
    assert (story.title(*told), story.explanation(*told)) == (title, explanation)
    now = facts.moment(START) + timedelta(minutes=2)
    assert story.plain(story.tell(mine.state, [verdict], definition, now)[:1]) == sentence


def test_a_rule_looks_at_sagas_that_share_its_key():
    definition = definitions.parse(NOT_REFUNDED, "x.yaml")
    refund = definitions.parse(REFUND, "x.yaml")
    mine = see("charge:C ship:C", definition, order="8492")
    paid = see("pay-out:C", refund, order="8492")
    assert found(mine, [], after=60) == []
    assert found(mine, [paid], after=60) == ["rule_broken rule:not-refunded"]
    assert found(mine, [see("pay-out:F", refund, order="8492")], after=60) == []
    assert found(mine, [see("pay-out:T", refund, order="8492")], after=60) == [
        "rule_undecided rule:not-refunded"
    ]
    # It settles from what happened there, too.
    late = see("pay-out:S saga.note saga.note saga.note pay-out:C", refund, order="8492")
    assert found(mine, [late], after=40) == []
    assert found(mine, [late], after=60) == ["rule_broken rule:not-refunded"]
    # One that is linked by another key is not looked at.
    assert found(mine, [see("pay-out:C", refund, customer="8492")], after=60) == []
    # Where nobody looked at others there is nothing to say.
    assert beyond.prospects(mine, None) == []
    assert [verdict.due for verdict in beyond.foreseen(mine)] == [mine.state.last + 30 * SECOND]
    [verdict] = beyond.prospects(mine, [paid])
    there = [{"source": "pay-out", "id": "0"}]
    assert verdict.detail["others"] == [
        {"type": "refund", "id": "o-1", "status": "completed", "events": there}
    ]
    assert verdict.proof == [{"source": "ship", "id": "1"}]


def test_a_key_that_links_too_many_decides_nothing():
    definition = definitions.parse(NOT_REFUNDED, "x.yaml")
    crowd = [see("pay-out:F", definitions.parse(REFUND, "x.yaml"), order="1")] * 51
    [verdict] = beyond.prospects(see("ship:C", definition, order="1"), crowd)
    assert (verdict.code, verdict.detail["reason"]) == (Code.RULE_UNDECIDED, "crowd")
    assert beyond.prospects(see("ship:C", definition, order="1"), crowd[:50]) == []


@pytest.mark.parametrize(
    "expression",
    [
        "steps.all(name, steps[name].state != 'failed' && steps[name].attempts < 2)",
        "steps.charge.started_at < steps.ship.completed_at && steps.ship.failed_at < steps.ship.undone_at",
        "saga.started_at < saga.ended_at && (saga.went_back || saga.status == 'completed')",
        "!others.exists(o, o.over && o.steps.all(name, o.steps[name].open)) && key.order != ''",
        "others.exists_one(o, o.key.order == key.order && has(o.steps.charge))",
        "data.total.amount < 5 && steps.charge.skipped",
    ],
)
@given(events=event_sets, theirs=event_sets, after=st.integers(0, 2_000))
def test_whatever_happened_a_rule_can_be_judged_and_told(expression, events, theirs, after):
    definition = rule(expression, message="{key.order} {data.total.amount}")
    now = START + after * SECOND
    mine = _see(events, definition, now)
    other = dataclasses.replace(_see(theirs, definition, now), saga_id="o-2", shared=frozenset({"order"}))
    beyond.foreseen(mine)
    for verdict in beyond.prospects(mine, [other]):
        told = (verdict.code, verdict.step, verdict.detail, definition)
        assert story.title(*told) and story.explanation(*told)
        assert story.tell(mine.state, [verdict], definition, facts.moment(now))
        assert json.loads(json.dumps(verdict.detail)) == verdict.detail
        assert verdict.due == verdict.since + 30 * SECOND


@given(event_sets, event_sets)
def test_whatever_happened_a_conflict_can_be_judged_and_told(events, theirs):
    definition = definitions.parse(
        CONFLICT.replace("with: refund", "with: order").replace("pay-out", "ship"), "x"
    )
    now = START + 100 * SECOND
    mine = _see(events, definition, now)
    other = dataclasses.replace(_see(theirs, definition, now), saga_id="o-2", shared=frozenset({"order"}))
    for verdict in beyond.prospects(mine, [other]):
        assert not mine.state.is_over and not other.state.is_over
        told = (verdict.code, verdict.step, verdict.detail, definition)
        assert story.title(*told) and story.explanation(*told)
        assert story.tell(mine.state, [verdict], definition, facts.moment(now))
