"""Rules and conflicts in a definition: what is taken, and what is wrong where, inside of texts too."""

import re
import textwrap
from pathlib import Path

import pytest

from sagas import definitions, models
from sagas.audit import Actor
from sagas.definitions import DefinitionError, paths
from sagas.definitions.business import SAGA_FIELDS, STEP_FIELDS, VARIABLES
from sagas.definitions.mentions import Mentions
from tests.sagas.ruling import NOT_REFUNDED, ORDER, REFUND

DOCS = Path(definitions.__file__).parents[2] / "docs/rules.md"

LONG = "x" * 2_000

HEAD = """\
type: order
version: "1"
keys: {order: order_id}
steps:
  - {name: charge, kind: compensatable}
  - {name: ship-parcel, kind: pivot}
"""


def complaints(text: str) -> list[str]:
    """Of what follows HEAD; its first line is line 7."""
    with pytest.raises(DefinitionError) as caught:
        definitions.parse(HEAD + textwrap.dedent(text), "x.yaml")
    return [line.removeprefix("x.yaml:") for line in str(caught.value).splitlines()]


def test_a_whole_rule_is_read() -> None:
    definition = definitions.parse(
        HEAD
        + textwrap.dedent("""
            rules:
              - name: shipped-is-paid
                title: what is shipped is paid
                expression: >
                  !steps["ship-parcel"].open
                  || steps.charge.open && data.total.amount > 0.0 && data["total"].currency == "EUR"
                message: "Order {key.order} costs {data.total.amount} {data.total.currency}."
                severity: warning
                settle: 1m
                by: order
            conflicts:
              - {with: refund, key: order, steps: [charge], their: [pay-out]}
            """),
        "x.yaml",
    )
    [rule] = definition.rules
    assert (rule.title, rule.severity, rule.settle, rule.by) == (
        "what is shipped is paid", "warning", 60, "order"
    )  # fmt: skip
    assert rule.mentions == Mentions(
        steps=frozenset({("ship-parcel", "open"), ("charge", "open")}),
        paths=frozenset({"total.amount", "total.currency"}),
    )
    [conflict] = definition.conflicts
    assert (conflict.other, conflict.key, conflict.steps, conflict.their) == (
        "refund", "order", ["charge"], ["pay-out"]
    )  # fmt: skip
    assert definition.linking == {"order"}


def test_what_is_left_out_has_a_default() -> None:
    [rule] = definitions.parse(HEAD + 'rules: [{name: is-paid, expression: "true"}]', "x.yaml").rules
    assert (rule.title, rule.severity, rule.settle, rule.message, rule.by) == ("is paid", None, 30, "", None)


@pytest.mark.parametrize(
    "expression",
    [
        "steps.chrge.open",
        "'steps.chrge.open'",
        '"steps.chrge.open"',
        "|\n  true &&\n    steps.chrge.open",
        "|-\n\n  true &&\n\n  steps.chrge.open || false\n",
        ">\n  steps.chrge.open",
        "|2\n    steps.chrge.open",
    ],
)
def test_the_place_inside_of_an_expression_is_the_place_in_the_file(expression: str) -> None:
    text = "rules:\n- name: r\n" + textwrap.indent(f"expression: {expression}\n", "  ")
    [told] = complaints(text)
    before = (HEAD + text).partition("chrge")[0]
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    assert told.startswith(f"{place}: rules[0].expression: chrge is not a step")


@pytest.mark.parametrize(
    ("expression", "inside"),
    [
        (">\n  true\n  && steps.chrge.open", "line 1, column 15"),
        ("true &&\n    steps.chrge.open", "line 1, column 15"),
        ('"\\u0074rue && steps.chrge.open"', "line 1, column 15"),
        ("'key.order == ''x'' || steps.chrge.open'", "line 1, column 27"),
        ('"true &&\\n steps.chrge.open"', "line 2, column 8"),
    ],
)
def test_where_yaml_made_another_text_the_place_is_told_in_words(expression: str, inside: str) -> None:
    [told] = complaints("rules:\n- name: r\n" + textwrap.indent(f"expression: {expression}\n", "  "))
    assert told.startswith("9:15: rules[0].expression: chrge is not a step")
    assert told.endswith(f"({inside} of it)")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("steps.chrge.open", "chrge is not a step of this definition; did you mean charge?"),
        ('steps["ship-parc"].open', "ship-parc is not a step of this definition; did you mean ship-parcel?"),
        ("has(steps.refund)", "refund is not a step of this definition; known are charge, ship-parcel"),
        ("steps.charge.opened", "opened is not told of a step; did you mean open?"),
        ("saga.state == 'x'", "state is not told of a saga; did you mean status?"),
        ("key.ordr == 'x'", "ordr is not a business key of this definition; did you mean order?"),
        ("others.exists(o, o.typ == 'x')", "typ is not told of another saga; did you mean type?"),
        (
            "others.filter(o, true).exists(o, o.steps['x'].opn)",
            "opn is not told of a step; did you mean open?",
        ),
        ("data[key.order] == 1", "data must be followed by a path such as data.total.amount"),
        ("size(data) > 1", "data must be followed by a path such as data.total.amount"),
        ('data["a.b"] == 1', "a path must be made of names without dots and spaces"),
        ("now > timestamp('2026-01-01T00:00:00Z')", "`now` is neither a variable nor a function here"),
        ("1 + 1", "gives int; must give bool (true or false)"),
        ("steps.charge.open ||", "something is missing at the end"),
        ("steps.all(n, steps.all(m, n + m == ''))", "`+` in a loop must add numbers"),
    ],
)
def test_what_leads_nowhere_is_refused(expression: str, message: str) -> None:
    [told] = complaints(f"rules:\n- name: r\n  expression: |\n    {expression}\n")
    assert f"rules[0].expression: {message}" in told


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{name: r}", "expression is missing"),
        ("{name: r, expression: ''}", "expression must be at least 1 characters long"),
        ("{name: r, expression: true}", 'expression must be text; got true: write "true"'),
        ('{name: r, expresion: "true"}', "expresion is not known; did you mean expression?"),
        ('{name: r, expression: "true", settle: 5}', "settle must be a duration such as 500ms, 30s"),
        ('{name: r, expression: "true", severity: bad}', "severity must be one of warning, error, critical"),
        ('{name: r, expression: "true", severity: note}', "severity must be one of warning, error, critical"),
        ('{name: r, expression: "true", by: customer}', 'by must be one of order; got "customer"'),
        ('{name: r, expression: "true", message: "{step}"}', "message has {step}: a placeholder must be"),
        ('{name: r, expression: "true", message: "{key.x}"}', "message has {key.x}: the key must be one of"),
        (
            '{name: r, expression: "true", message: "{data.}"}',
            "message has {data.}: data must be followed by",
        ),
        ('{name: "r\\n", expression: "true"}', "name must not hold control characters"),
        ('{name: taken, expression: "true"}', 'name must be its own; "taken" is also rules[0]'),
    ],
)
def test_what_is_wrong_with_a_rule(rule: str, expected: str) -> None:
    [told] = complaints(f'rules: [{{name: taken, expression: "true"}}, {rule}]\n')
    assert f": rules[1].{expected}" in told


@pytest.mark.parametrize(
    ("conflict", "expected"),
    [
        ("{with: refund}", "conflicts[0].key is missing"),
        ("{wth: refund, key: order}", "conflicts[0].wth is not known; did you mean with?"),
        ("{with: refund, key: customer}", 'conflicts[0].key must be one of order; got "customer"'),
        (
            "{with: refund, key: order, steps: [x]}",
            "conflicts[0].steps[0] must be one of charge, ship-parcel",
        ),
        ("{with: order, key: order, their: [x]}", "conflicts[0].their[0] must be one of charge, ship-parcel"),
    ],
)
def test_what_is_wrong_with_a_conflict(conflict: str, expected: str) -> None:
    assert any(expected in line for line in complaints(f"conflicts: [{conflict}]\n"))


def test_what_rules_look_at_in_payloads_is_bounded() -> None:
    looks = " || ".join(f"data.p{number} == 1.0" for number in range(31))
    [told] = complaints(f"rules:\n- name: r\n  expression: {looks}\n")
    assert told == "8:1: rules must look at no more than 30 payload paths; got 31"


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ('{"a": {"b": 49.90}}', "49.9"),
        ('{"a": {"b": 50}}', "50.0"),
        ('{"a": {"b": "49.90"}}', '"49.90"'),
        ('{"a": {"b": true}}', "true"),
        ('{"a": {"b": [{"n": 1}, "x"]}}', '[{"n":1.0},"x"]'),
        ('{"a": {"b": 123456789012345678901234567890}}', "1.2345678901234568e29"),
        # Too long to be kept: what was there before is not the newest value either.
        (f'{{"a": {{"b": "{LONG}"}}}}', ""),
        (f'{{"a": {{"b": {"[" * 21}1{"]" * 21}}}}}', ""),
        (f'{{"a": {{"b": {"9" * 400}}}}}', "null"),
        ('{"a": {"b": 1e400}}', "null"),
        ('{"a": {"b": null}}', None),
        ('{"a": 1}', None),
        ("[1, 2]", None),
        ("no JSON", None),
    ],
)  # fmt: skip
def test_what_is_kept_of_a_payload(payload: str, kept: str | None) -> None:
    definition = definitions.parse(f'{HEAD}rules: [{{name: r, expression: "data.a.b == 1.0"}}]', "x.yaml")
    values = definition.values(paths.decode_marking(payload))
    assert values.get("a.b") in {kept, "" if kept is None else kept}


@pytest.mark.django_db
def test_what_it_links_by_is_kept_beside_it() -> None:
    for text in (ORDER.replace("order", "plain", 1), NOT_REFUNDED, REFUND):
        definitions.load(text, "x.yaml", Actor.system())
    rows = models.Definition.objects.order_by("saga_type").values_list("saga_type", "keys", "links")
    assert list(rows) == [
        ("order", ["order"], ["order"]),
        ("plain", ["order"], []),
        ("refund", ["order"], []),
    ]
    kept = definitions.of("order", "1")
    assert kept == definitions.parse(NOT_REFUNDED, "x.yaml")


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL))
def test_the_examples_of_the_docs_are_taken(example: str) -> None:
    head = HEAD.replace("charge", "charge-card")
    assert definitions.parse(head + example, "docs").looks_beyond


def test_the_docs_name_every_field() -> None:
    text = DOCS.read_text()
    for field in (*STEP_FIELDS, *SAGA_FIELDS, *VARIABLES):
        assert f"`{field}`" in text
