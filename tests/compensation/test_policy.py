"""Who must agree: which rules hold of a plan, what they come to together, and who counts."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compensation import agreement, default_policy, policy
from compensation.models import Repair, RepairAction
from compensation.policy import Approval, PlanFacts, Recent, Requirement
from sagas import definitions
from sagas.audit import Actor
from sagas.definitions import ApprovalRule, Seconds
from sagas.definitions.approval import INTENTS, KINDS

UNDO = PlanFacts("compensate", "order", kinds={"compensate"}, steps={"charge"}, participants={"payment"})
QUESTION = PlanFacts("ask", "order", count=500, kinds={"ask"}, steps={"charge"}, participants={"payment"})


EITHER = "of the group approver or admin"


def rule(when: str, approvers: int = 1, *groups: str, expires: float = 86400) -> ApprovalRule:
    return ApprovalRule(when, approvers, groups or ("approver", "admin"), Seconds(expires))


def agreed(*people: tuple[int, str]) -> list[Approval]:
    return [Approval(person, set(groups.split())) for person, groups in people]


def needed(*rules: ApprovalRule, facts: PlanFacts = UNDO) -> Requirement:
    requirement = policy.required(rules, facts)
    assert requirement
    return requirement


def test_the_words_of_rules_are_those_of_repairs() -> None:
    assert set(INTENTS) == set(Repair.Intent)
    assert set(KINDS) == set(RepairAction.Kind)


@pytest.mark.parametrize(
    ("when", "facts", "is_needed"),
    [
        ("count > 25", replace(UNDO, count=25), False),
        ("count > 25", replace(UNDO, count=26), True),
        ("stake.EUR > 10000", replace(UNDO, stake={"EUR": Decimal("10000.00")}), False),
        ("stake.EUR > 10000", replace(UNDO, stake={"EUR": Decimal("10000.01")}), True),
        ("stake.exists(c, stake[c] > 99.9)", replace(UNDO, stake={"": Decimal(100)}), True),
        ("has(stake.EUR) && stake.EUR > 1", replace(UNDO, stake={"USD": Decimal(100)}), False),
        ("stake[''] > 49", replace(UNDO, stake={"": Decimal(50)}), True),
        ("intent == 'compensate'", UNDO, True),
        ("intent == 'record'", UNDO, False),
        ("'retry_step' in kinds", UNDO, False),
        ("'compensate' in kinds", UNDO, True),
        ("pivot", UNDO, False),
        ("pivot", replace(UNDO, pivot=True), True),
        ("'payment' in participants", UNDO, True),
        ("steps.exists(step, step.startsWith('ch'))", UNDO, True),
        ("size(steps) > 1", replace(UNDO, steps={"a", "b"}), True),
        ("saga_type != 'order'", UNDO, False),
    ],
)  # fmt: skip
def test_a_rule_holds_of_what_it_says(when: str, facts: PlanFacts, is_needed: bool) -> None:
    assert (policy.required([rule(when)], facts) is not None) == is_needed


@pytest.mark.parametrize(
    ("when", "facts", "why"),
    [
        ("stake.EUR > 10000", UNDO, 'there is no "EUR"'),
        ("stake.EUR > 10000", replace(UNDO, stake={"USD": Decimal(5)}), 'there is no "EUR"'),
        ("steps[5] == 'charge'", UNDO, "Index error: index=5 size=1"),
        ("count / (count - 1) > 3", UNDO, "divide by zero"),
        ("size(steps) > 99999", replace(UNDO, steps={f"s{n}" for n in range(20_001)}), "more than 20,000"),
        # As if a later release had stopped to take it.
        ("no longer understood", UNDO, "is not expected here"),
        ("no longer understood", QUESTION, "is not expected here"),
        ("intent == 'ask' && stake.EUR > 5", QUESTION, 'there is no "EUR"'),
    ],
)
def test_what_cannot_be_decided_needs_agreement_and_says_why(when: str, facts: PlanFacts, why: str) -> None:
    [because] = needed(rule(when), facts=facts).because
    assert because.startswith(f"{when} (Nobody can tell whether this is so: ")
    assert why in because


@pytest.mark.parametrize(
    ("when", "lacks_stakes", "why"),
    [
        ("stake.EUR > 1000", False, None),
        ("stake.EUR > 1000", True, 'there is no "EUR"'),
        ("has(stake.EUR) && stake.EUR > 1000", True, None),
        ("has(stake.EUR) && stake.EUR > 100", True, "has(stake.EUR)"),
        ("count > 25", True, None),
    ],
)
def test_what_is_known_to_be_at_stake_is_the_least_where_more_is_not_known(
    when: str, lacks_stakes: bool, why: str | None
) -> None:
    facts = replace(UNDO, stake={"EUR": Decimal("129.90")}, lacks_stakes=lacks_stakes)
    found = policy.required([rule(when)], facts)
    assert (why in " ".join(found.because)) if found and why else found is why


DAY = 86400.0
BEGUN = Recent("anna", DAY, 60, {"EUR": Decimal("1250.00"), "": Decimal(7)})


@pytest.mark.parametrize(
    ("when", "count", "is_needed"),
    [
        ("cumulative.count > 85", 25, False),
        ("cumulative.count > 85", 26, True),
        ("count > 25", 25, False),
        ("cumulative.stake.EUR > 1750", 1, False),
        ("cumulative.stake.EUR > 1749.99", 1, True),
        ("cumulative.stake.USD > 99", 1, True),
        ("has(cumulative.stake.CHF) && cumulative.stake.CHF > 5", 1, False),
        ("cumulative.stake[''] > 6", 1, True),
        ("cumulative.stake.exists(c, cumulative.stake[c] > 1750)", 1, False),
        ("cumulative.stake.exists(c, cumulative.stake[c] > 1749)", 1, True),
        ("cumulative.count - count > 60", 1, False),
    ],
)
def test_what_was_begun_of_late_is_added(when: str, count: int, is_needed: bool) -> None:
    stake = {"EUR": Decimal(500), "USD": Decimal(100)}
    facts = replace(UNDO, count=count, stake=stake, recent={DAY: BEGUN})
    assert (policy.required([rule(when)], facts) is not None) == is_needed


def test_each_rule_looks_back_as_far_as_it_says() -> None:
    week = ApprovalRule("cumulative.count > 100", within=Seconds(7 * DAY), because="a week")
    day = ApprovalRule("cumulative.count > 100", because="a day")
    assert policy.windows([week, day, rule("count > 3")]) == {DAY, 7 * DAY}
    recent = {DAY: BEGUN, 7 * DAY: replace_count(BEGUN, 7 * DAY, 100)}
    assert needed(week, day, facts=replace(UNDO, recent=recent)).because == ("a week",)


def replace_count(recent: Recent, within: float, count: int) -> Recent:
    return msgspec.structs.replace(recent, within=within, count=count)


@pytest.mark.parametrize("when", [
    "cumulative.stake.EUR > 9000",
    "has(cumulative.stake.EUR) && cumulative.stake.EUR > 9000",
    "cumulative.stake.exists(c, cumulative.stake[c] > 9000)",
])  # fmt: skip
@pytest.mark.parametrize("facts", [
    replace(UNDO, is_short=True),
    replace(UNDO, stake={"EUR": Decimal(5)}, recent={DAY: Recent("anna", DAY, 3, {"EUR": Decimal(5)}, 1)}),
])  # fmt: skip
def test_a_total_of_which_a_part_is_not_known_cannot_be_decided(when: str, facts: PlanFacts) -> None:
    [because] = needed(rule(when), facts=facts).because
    assert because == f"{when} (Nobody can tell whether this is so: nobody knows cumulative.stake.)"
    assert policy.required([rule("cumulative.count > 25")], facts) is None


@pytest.mark.parametrize(
    ("recent", "words"),
    [
        (BEGUN, "60 other sagas, 7, 1,250.00 EUR, which anna began to repair in the last 24 h and"),
        (Recent("ben", 3600.0, 1), "1 other saga, which ben began to repair in the last 1 h and"),
        (Recent("ben", 7 * DAY, 1000, {}, 2), "1,000 other sagas, an unknown stake in 2, which ben began"),
    ],
)
def test_what_was_counted_is_told(recent: Recent, words: str) -> None:
    assert str(recent).startswith(f"Counted with it: {words}")
    assert str(recent).endswith("nobody else agreed to.")


@pytest.mark.parametrize(
    ("when", "is_needed"),
    [
        ("true", False),
        ("count > 25", False),
        ("intent != 'compensate'", False),
        ("stake.EUR > 5", False),
        ("intent == 'ask'", True),
        ("intent == 'ask' && count > 500", False),
        ("intent in ['ask', 'retry'] && count > 499", True),
        ("'ask' in kinds", True),
        ("intent != 'ask'", False),
    ],
)
def test_a_question_needs_agreement_only_where_a_rule_speaks_of_asking(when: str, is_needed: bool) -> None:
    assert (policy.required([rule(when)], QUESTION) is not None) == is_needed


def test_what_calls_itself_a_question_and_changes_something_is_none() -> None:
    facts = replace(QUESTION, kinds={"ask", "compensate"})
    assert policy.required([rule("count > 25")], facts)


def test_where_no_rule_holds_nobody_has_to_agree() -> None:
    assert policy.required([], UNDO) is None
    assert policy.required([rule("pivot"), rule("count > 1")], UNDO) is None


def test_until_a_policy_is_loaded_many_sagas_and_pivots_need_one_person() -> None:
    assert policy.required(policy.BUILT_IN, replace(UNDO, count=25)) is None
    assert policy.windows(policy.BUILT_IN) == {DAY}
    begun = {DAY: Recent("anna", DAY, 25)}
    assert policy.required(policy.BUILT_IN, replace(UNDO, recent=begun))
    assert policy.required(policy.BUILT_IN, replace(QUESTION, recent=begun)) is None
    assert policy.required(policy.BUILT_IN, QUESTION) is None
    both = policy.required(policy.BUILT_IN, replace(UNDO, count=26, pivot=True))
    assert both
    assert (both.approvers, both.groups, both.expires) == (1, {"approver", "admin"}, 86400)
    assert both.because == (
        "One person repairs more than 25 sagas in 24 h.",
        "It goes back across a point of no return.",
    )
    assert policy.missing(both, []) == "1 person of the group approver or admin"


HEAD = 'type: order\nversion: "1"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [(HEAD, ["pivot"]), (HEAD + "approval: []", []), (HEAD + "approval: [{when: count > 3}]", ["count > 3"])],
)
def test_a_definition_that_says_nothing_takes_the_default(db: None, text: str, expected: list[str]) -> None:
    default_policy.load("approval: [{when: pivot}]", "policy.yaml", Actor.system())
    rules = agreement.rules_for(definitions.parse(text, "x.yaml"))
    assert [each.when for each in rules] == expected
    assert [each.when for each in agreement.rules_for(None)] == ["pivot"]


def test_each_rule_that_holds_is_met_by_its_own_groups() -> None:
    requirement = needed(
        rule("count > 0", 2, "approver", "admin", expires=3600),
        rule("!pivot", 1, "finance", expires=7200),
    )
    assert (requirement.approvers, requirement.expires) == (2, 3600)
    assert requirement.groups == {"approver", "admin", "finance"}
    assert not policy.satisfied(requirement, agreed((1, "admin"), (2, "approver")))
    assert policy.satisfied(requirement, agreed((1, "admin"), (2, "approver"), (3, "finance")))
    # One who is of both counts for both.
    assert policy.satisfied(requirement, agreed((1, "admin finance viewer"), (2, "approver")))


def test_a_plan_of_several_definitions_needs_what_all_of_them_need() -> None:
    first = policy.required([rule("saga_type == 'order'", 2)], UNDO)
    other = policy.required([rule("saga_type == 'refund'", 1, "finance")], replace(UNDO, saga_type="refund"))
    together = policy.strictest([first, None, other])
    assert first and other and together
    assert together.demands == first.demands + other.demands
    assert policy.strictest([first, first]) == first
    assert policy.strictest([None, None]) is None


@pytest.mark.parametrize(
    ("approvals", "excluded", "missing"),
    [
        ([], set(), f"2 people {EITHER}; 1 person of the group finance"),
        ([(1, "viewer operator")], set(), f"2 people {EITHER}; 1 person of the group finance"),
        ([(1, "admin")], set(), f"1 person {EITHER}; 1 person of the group finance"),
        ([(1, "admin"), (1, "approver")], set(), f"1 person {EITHER}; 1 person of the group finance"),
        ([(1, "admin"), (2, "approver finance")], set(), ""),
        ([(1, "admin"), (2, "approver finance")], {2}, f"1 person {EITHER}; 1 person of the group finance"),
        ([(1, "admin"), (2, "approver finance")], {1}, f"1 person {EITHER}"),
        ([(1, "admin"), (2, "approver finance")], {3}, ""),
    ],
)  # fmt: skip
def test_who_has_still_to_agree(approvals: list[tuple[int, str]], excluded: set[int], missing: str) -> None:
    requirement = needed(rule("true", 2), rule("!pivot", 1, "finance"))
    assert policy.missing(requirement, agreed(*approvals), excluded) == missing
    assert policy.satisfied(requirement, agreed(*approvals), excluded) == (not missing)


def test_what_a_stricter_demand_says_is_not_said_twice() -> None:
    requirement = needed(rule("true", 1), rule("count > 0", 2), rule("!pivot", 2, "admin"))
    assert policy.missing(requirement, []) == "2 people of the group admin"
    assert policy.missing(requirement, agreed((1, "admin"), (2, "admin"))) == ""
    # The same groups in another order.
    turned = needed(rule("true", 1, "a", "b"), rule("!pivot", 1, "b", "a"))
    assert policy.missing(turned, []) == "1 person of the group a or b"


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"demands": [], "expires": 60.0},
        {"demands": [{"approvers": 0, "groups": ["admin"], "because": ""}], "expires": 60.0},
        {"demands": [{"approvers": 1, "groups": [], "because": ""}], "expires": 60.0},
        {"demands": [{"approvers": 1, "groups": ["admin"], "because": ""}], "expires": 0},
        [],
        "",
    ],
)
def test_what_is_stored_and_would_ask_for_nothing_is_refused(content: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        policy.read(content)


# What holds of all rules, plans and people.

groups_ = st.sampled_from(["approver", "admin", "finance", "viewer"])
whens = st.sampled_from(
    [
        "true",
        "pivot",
        "count > 3",
        "cumulative.count > 5",
        "stake.EUR > 10",
        "'ask' in kinds",
        "intent == 'retry'",
        "steps[1] == 'a'",
    ]
)
rules_ = st.builds(
    ApprovalRule,
    when=whens,
    approvers=st.integers(1, 5),
    groups=st.lists(groups_, min_size=1, max_size=3).map(tuple),
    expires=st.integers(60, 600).map(Seconds),
    because=st.just(""),
)
several = st.lists(rules_, max_size=5)
facts_ = st.builds(
    PlanFacts,
    intent=st.sampled_from(INTENTS),
    saga_type=st.just("order"),
    count=st.integers(1, 9),
    kinds=st.sets(st.sampled_from(KINDS)),
    steps=st.sets(st.sampled_from(["a", "b", "c"])),
    pivot=st.booleans(),
    stake=st.dictionaries(st.sampled_from(["EUR", ""]), st.decimals(0, 20, places=2)),
    lacks_stakes=st.booleans(),
    recent=st.builds(Recent, st.just("anna"), st.just(DAY), st.integers(0, 9)).map(lambda one: {DAY: one}),
)
people = st.integers(1, 9)
approvals_ = st.lists(st.builds(Approval, people, st.frozensets(groups_)), max_size=9)
excluded_ = st.frozensets(people, max_size=4)


def is_met(requirement: Requirement | None, approvals: Sequence[Approval], excluded: frozenset[int]) -> bool:
    return requirement is None or policy.satisfied(requirement, approvals, excluded)


@given(several, rules_, st.integers(0, 5), facts_, approvals_, excluded_)
def test_a_further_rule_never_makes_it_laxer(
    rules: list[ApprovalRule],
    further: ApprovalRule,
    place: int,
    facts: PlanFacts,
    approvals: list[Approval],
    excluded: frozenset[int],
) -> None:
    fewer = policy.required(rules, facts)
    more = policy.required([*rules[:place], further, *rules[place:]], facts)
    if is_met(more, approvals, excluded):
        assert is_met(fewer, approvals, excluded)
    if fewer:
        assert more
        assert more.expires <= fewer.expires
        assert more.approvers >= fewer.approvers
        assert set(more.because) >= set(fewer.because)


@given(several, facts_, approvals_, excluded_)
def test_having_begun_something_never_makes_it_laxer(
    rules: list[ApprovalRule],
    facts: PlanFacts,
    approvals: list[Approval],
    excluded: frozenset[int],
) -> None:
    if is_met(policy.required(rules, facts), approvals, excluded):
        assert is_met(policy.required(rules, replace(facts, recent={})), approvals, excluded)


@given(several, several, facts_, approvals_, excluded_)
def test_several_definitions_are_met_when_each_is(
    rules: list[ApprovalRule],
    others: list[ApprovalRule],
    facts: PlanFacts,
    approvals: list[Approval],
    excluded: frozenset[int],
) -> None:
    each = [policy.required(rules, facts), policy.required(others, facts)]
    together = policy.strictest(each)
    assert is_met(together, approvals, excluded) == all(is_met(one, approvals, excluded) for one in each)


@given(st.lists(rules_, min_size=1, max_size=5), facts_, approvals_, excluded_)
def test_excluded_people_are_as_if_they_had_not_agreed(
    rules: list[ApprovalRule], facts: PlanFacts, approvals: list[Approval], excluded: frozenset[int]
) -> None:
    requirement = policy.required(rules, facts)
    others = [approval for approval in approvals if approval.person not in excluded]
    assert is_met(requirement, approvals, excluded) == is_met(requirement, others, frozenset())
    if requirement:
        assert policy.missing(requirement, approvals, excluded) == policy.missing(requirement, others)
        everybody = frozenset(approval.person for approval in approvals)
        assert not policy.satisfied(requirement, approvals, everybody)


@given(several, facts_, approvals_, excluded_)
def test_agreement_only_helps_and_what_is_missing_is_told_as_long_as_it_is(
    rules: list[ApprovalRule], facts: PlanFacts, approvals: list[Approval], excluded: frozenset[int]
) -> None:
    requirement = policy.required(rules, facts)
    if requirement is None:
        return
    is_satisfied = policy.satisfied(requirement, approvals, excluded)
    assert (policy.missing(requirement, approvals, excluded) == "") == is_satisfied
    if not is_satisfied:
        assert not policy.satisfied(requirement, approvals[1:], excluded)
    counting = {approval.person for approval in approvals} - excluded
    if is_satisfied:
        assert len(counting) >= requirement.approvers


@given(several, facts_)
def test_what_is_stored_reads_back(rules: list[ApprovalRule], facts: PlanFacts) -> None:
    requirement = policy.required(rules, facts)
    assert policy.read(json.loads(json.dumps(policy.to_json(requirement)))) == requirement


@given(several, facts_)
def test_every_rule_is_decided_false_or_asks(rules: list[ApprovalRule], facts: PlanFacts) -> None:
    """By hand, for the rules above: what is missing in the facts counts as true."""
    stake = 11.0 if facts.lacks_stakes else float(facts.stake.get("EUR", 11))
    truth = {
        "true": True,
        "pivot": facts.pivot,
        "count > 3": facts.count > 3,
        "cumulative.count > 5": facts.count + facts.recent[DAY].count > 5,
        "stake.EUR > 10": stake > 10,
        "'ask' in kinds": "ask" in facts.kinds,
        "intent == 'retry'": facts.intent == "retry",
        "steps[1] == 'a'": len(facts.steps) < 2 or sorted(facts.steps)[1] == "a",
    }
    if facts.intent == "ask" and facts.kinds <= {"ask"}:
        truth = {when: holds and "ask" in when for when, holds in truth.items()}
    expected = sum(truth[each.when] for each in dict.fromkeys(rules))
    requirement = policy.required(rules, facts)
    assert (requirement is not None) == (expected > 0)
