"""`approval` of a definition and of a default policy: what is taken, and what is wrong where."""

import re
import textwrap
from pathlib import Path

import pytest

from sagas import definitions
from sagas.audit import Actor
from sagas.definitions import ApprovalRule, DefinitionError
from sagas.definitions.approval import VARIABLES

DOCS = Path(definitions.__file__).parents[2] / "docs/repairs.md"

HEAD = """\
type: order
version: "1"
steps:
  - {name: charge, kind: compensatable, participant: payment}
  - {name: ship-parcel, kind: pivot}
"""


def complaints(text: str, head: str = HEAD) -> list[str]:
    """Of what follows HEAD; its first line is line 6."""
    with pytest.raises(DefinitionError) as caught:
        if head:
            definitions.parse(head + textwrap.dedent(text), "x.yaml")
        else:
            definitions.parse_policy(textwrap.dedent(text), "x.yaml")
    return [line.removeprefix("x.yaml:") for line in str(caught.value).splitlines()]


def test_a_whole_rule_is_read() -> None:
    text = HEAD + textwrap.dedent("""
        approval:
          - when: count > 100 && intent != "record" && 'charge' in steps
            approvers: 2
            groups: [admin, finance]
            expires: 2h
            because: Many orders at once.
        """)
    approval = definitions.parse(text, "x.yaml").approval
    assert approval == [
        ApprovalRule(
            when="""count > 100 && intent != "record" && 'charge' in steps""",
            approvers=2,
            groups=("admin", "finance"),
            expires=definitions.Seconds(7200),
            because="Many orders at once.",
        )
    ]


def test_what_is_left_out_has_a_default() -> None:
    [rule] = definitions.parse_policy("approval: [{when: pivot}]", "x.yaml").approval
    assert (rule.approvers, rule.groups, rule.expires, rule.because) == (
        1, ("approver", "admin"), 86400, "pivot"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("when", "within", "looks_back", "window"),
    [
        ("count > 50", None, False, 86400),
        ("cumulative.count > 50", None, True, 86400),
        ("pivot && cumulative.stake.EUR > 5", "7d", True, 604800),
        ("cumulative.stake.exists(c, cumulative.stake[c] > 5)", "31d", True, 31 * 86400),
        ("[1].exists(cumulative, cumulative > 0)", None, False, 86400),
    ],
)
def test_a_rule_looks_back_where_it_names_cumulative(
    when: str, within: str | None, looks_back: bool, window: float
) -> None:
    said = f"{{when: '{when}'{f', within: {within}' if within else ''}}}"
    [rule] = definitions.parse_policy(f"approval: [{said}]", "x.yaml").approval
    assert (rule.looks_back, rule.window) == (looks_back, window)


def test_a_rule_that_is_not_understood_any_more_looks_nowhere() -> None:
    assert not ApprovalRule("cumulative.count >").looks_back


def test_nothing_said_is_something_else_than_nobody() -> None:
    assert definitions.parse(HEAD, "x.yaml").approval is None
    assert definitions.parse(HEAD + "approval:\n", "x.yaml").approval is None
    assert definitions.parse(HEAD + "approval: []\n", "x.yaml").approval == []
    assert definitions.parse_policy("approval: []", "x.yaml").approval == []


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "approval: []\n", "approval: [{when: pivot, expires: 90m}]\n"])
def test_it_is_kept_as_it_was_said(text: str) -> None:
    definitions.load(HEAD + text, "x.yaml", Actor.system())
    kept = definitions.of("order", "1")
    assert kept == definitions.parse(HEAD + text, "x.yaml")
    assert kept.approval is None or all(isinstance(rule.groups, tuple) for rule in kept.approval)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{approvers: 2}", "6:12: approval[0].when is missing"),
        ("{when: ''}", "6:19: approval[0].when must be at least 1 characters long"),
        ("{when: true}", '6:19: approval[0].when must be text; got true: write "true"'),
        ("{wen: pivot}", "6:13: approval[0].wen is not known; did you mean when?"),
        ("{when: pivot, approvers: 0}", "6:37: approval[0].approvers must be at least 1"),
        ("{when: pivot, approvers: 6}", "6:37: approval[0].approvers must be at most 5"),
        ("{when: pivot, groups: admin}", "6:34: approval[0].groups must be a list; got admin"),
        ("{when: pivot, groups: []}", "6:34: approval[0].groups must be at least 1 entries long"),
        ('{when: pivot, groups: ["a\\tb"]}', "6:35: approval[0].groups[0] must not hold control characters"),
        ("{when: pivot, expires: 24}", "6:35: approval[0].expires must be a duration such as 500ms, 30s"),
        ("{when: count}", "6:19: approval[0].when: gives int; must give bool (true or false)"),
        ("{when: count > }", "6:26: approval[0].when: something is missing at the end"),
        ("{when: pivot && cuont > 3}", "6:28: approval[0].when: `cuont` is neither a variable nor"),
        ("{when: pivot && type == 'order'}", "6:33: approval[0].when: `==` cannot be applied to"),
        ("{when: intent == 'compensat'}", "6:29: approval[0].when: compensat is not an intent; did you mean"),
        ("{when: \"'undo' != intent\"}", "6:20: approval[0].when: undo is not an intent; known are ask,"),
        ('{when: "intent in [\'ask\', \'rty\']"}', "6:38: approval[0].when: rty is not an intent; did you"),
        ("{when: \"kinds.exists(k, k == 'retry')\"}", "6:41: approval[0].when: retry is not a kind of"),
        ("{when: \"'chrge' in steps\"}", "6:20: approval[0].when: chrge is not a step of this definition;"),
        ("{when: \"'shop' in participants\"}", "6:20: approval[0].when: shop is not a participant of this"),
        ("{when: saga_type == 'other'}", "6:32: approval[0].when: other is not the type of this definition"),
        ("{when: stake.eur > 5}", "6:25: approval[0].when: currencies are told in capital letters; write"),
        ("{when: has(stake.Eur)}", "6:23: approval[0].when: currencies are told in capital letters"),
        ("{when: \"stake['eur'] > 5\"}", "6:26: approval[0].when: currencies are told in capital letters"),
        ("{when: \"'eur' in stake\"}", "6:20: approval[0].when: currencies are told in capital letters"),
        ("{when: cumulative.stake.eur > 5}", "6:36: approval[0].when: currencies are told in capital"),
        ("{when: \"'eur' in cumulative.stake\"}", "6:20: approval[0].when: currencies are told in capital"),
        ("{when: pivot || cumulative.cuont > 3}", "6:28: approval[0].when: `cumulative.cuont` is not known"),
        ("{when: cumulative.stakes.EUR > 3}", "6:19: approval[0].when: `cumulative.stakes` is not known"),
        ("{when: cumulative > 3}", "6:19: approval[0].when: `cumulative` is not known here; known are"),
        ("{when: cumulative.stake > 3}", "6:36: approval[0].when: `>` cannot be applied to (map(string,"),
        ("{when: count > 3, within: 7d}", "6:38: approval[0].within says how far back `cumulative` looks,"),
        ("{when: cumulative.count > 3, within: 32d}", "6:49: approval[0].within must be at most 31d"),
        ("{when: cumulative.count > 3, within: 24}", "6:49: approval[0].within must be a duration such as"),
        ("{when: \"steps.map(s, s) == steps\"}", "6:29: approval[0].when: `map` is not offered"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule(rule: str, expected: str) -> None:
    [told] = complaints(f"approval: [{rule}]\n")
    assert told.startswith(expected)


def test_every_mistake_of_every_rule_is_told_at_its_place() -> None:
    told = complaints("""\
        approval:
          - when: |
              pivot ||
                'chrge' in steps
          - {when: count > 3, approver: 2}
          - {approvers: 2}
        """)
    assert told == [
        "10:23: approval[1].approver is not known; did you mean approvers?",
        "11:5: approval[2].when is missing",
    ]
    told = complaints("""\
        approval:
          - when: |
              pivot ||
                'chrge' in steps
          - {when: count}
        """)
    assert told == [
        "9:9: approval[0].when: chrge is not a step of this definition; did you mean charge?",
        "10:12: approval[1].when: gives int; must give bool (true or false)",
    ]


def test_a_loop_may_call_its_variable_as_it_likes() -> None:
    text = "approval: [{when: 'participants.exists(intent, intent == \"payment\")'}]"
    assert definitions.parse(HEAD + text, "x.yaml").approval


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: is empty; must hold a mapping"),
        ("- {when: pivot}", "1:1: a policy must be a mapping; got a list"),
        ("{}", "1:1: approval is missing"),
        ("approval:", "1:10: approval must be a list; got nothing"),
        ("type: order\napproval: []", "1:1: type is not known; known are approval"),
        ("approval:\n  - {when: intent == 'rtry'}", "2:22: approval[0].when: rtry is not an intent"),
    ],
)
def test_what_is_wrong_with_a_policy(text: str, expected: str) -> None:
    [told] = complaints(text, head="")
    assert told.startswith(expected)


def test_a_policy_may_name_steps_and_types_that_it_cannot_know() -> None:
    text = "approval: [{when: \"'charge' in steps && saga_type == 'order' && 'shop' in participants\"}]"
    assert definitions.parse_policy(text, "x.yaml").approval


def test_the_docs_name_every_variable() -> None:
    _, _, section = DOCS.read_text().partition("## Who must agree")
    for name in VARIABLES:
        assert f"`{name}`" in section


def test_the_example_of_the_docs_is_taken() -> None:
    [example] = re.findall(r"```yaml\n(approval:.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(definitions.parse_policy(example, "docs").approval) == 3
