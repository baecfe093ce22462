"""Definitions: what is taken, what is refused and where, and how they are kept."""

import textwrap
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import audit, definitions, models
from sagas.definitions import Definition, DefinitionError, Seconds
from sagas.vocabulary import StepKind

WHOLE = """\
type: order-fulfilment
version: "1"
owner: orders-oncall@shop.example
runbook: https://runbooks.shop.example/order-fulfilment
deadline: 5m
keys:
  order: order_id
  customer: customer.id
display:
  order total: [total.amount, total.currency]
  first item: items.0.sku
steps:
  - name: charge-card
    kind: compensatable
    participant: payment
    deadline: 1500ms
    compensation:
      title: refund card
      request: POST /compensations/charge-card
      body: {saga: "{saga}", charge: "{data.charge_id}", reason: "{reason}", order: "{key.order}"}
      deadline: 10s
      retries: {attempts: 3, first: 1s, most: 1h}
    retry: {request: POST /steps/charge-card/retry}
    status: {request: "GET /steps/charge-card?saga={saga}"}
  - {name: ship-parcel, kind: pivot, title: ship it}
  - {name: notify, kind: retriable, after: [charge-card, ship-parcel], required: false}
"""


def complaints(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        definitions.parse(textwrap.dedent(text), "x.yaml")
    return str(caught.value).splitlines()


def test_a_whole_definition_is_read() -> None:
    definition = definitions.parse(WHOLE, "x.yaml")
    assert definition.title == "order fulfilment"
    assert definition.deadline == 300
    step = definition.step("charge-card")
    assert step is not None
    assert (step.kind, step.title, step.participant, step.required) == (
        StepKind.COMPENSATABLE,
        "charge card",
        "payment",
        True,
    )
    assert step.deadline == 1.5
    assert step.compensation is not None
    assert (step.compensation.method, step.compensation.path) == ("POST", "/compensations/charge-card")
    assert step.compensation.retries == definitions.Retries(3, Seconds(1), Seconds(3600))
    assert step.retry == definitions.Order("POST /steps/charge-card/retry")
    assert definition.step("unheard-of") is None


def test_order_is_as_written_unless_after_says_otherwise() -> None:
    definition = definitions.parse(WHOLE, "x.yaml")
    assert definition.predecessors == {
        "charge-card": (),
        "ship-parcel": ("charge-card",),
        "notify": ("charge-card", "ship-parcel"),
    }
    assert definition.successors == {
        "charge-card": ("ship-parcel", "notify"),
        "ship-parcel": ("notify",),
        "notify": (),
    }


def test_a_compensation_without_title_is_told_by_its_step() -> None:
    text = WHOLE.replace("      title: refund card\n", "")
    step = definitions.parse(text, "x.yaml").steps[0]
    assert step.compensation is not None
    assert step.compensation.title == "undo charge card"


@pytest.mark.parametrize(
    ("payload", "keys", "display"),
    [
        ('{"order_id": 8492}', {"order": "8492"}, {}),
        ('{"customer": {"id": "c-1"}}', {"customer": "c-1"}, {}),
        ('{"total": {"amount": 49.90, "currency": "EUR"}}', {}, {"order total": "49.90 EUR"}),
        ('{"total": {"amount": 49.90}}', {}, {}),
        ('{"items": [{"sku": "a"}, {"sku": "b"}]}', {}, {"first item": "a"}),
        ('{"items": []}', {}, {}),
        ('{"order_id": null, "customer": {"id": ""}}', {}, {}),
        ('{"order_id": {"a": 1}, "customer": [1]}', {}, {}),
        ('{"order_id": true}', {"order": "true"}, {}),
        ('{"order_id": "a\\u0000b"}', {"order": "a\ufffdb"}, {}),
        ('"text"', {}, {}),
        ("no json", {}, {}),
        (None, {}, {}),
        ('{"order_id": ' + "[" * 5000 + "]" * 5000 + "}", {}, {}),
        ('{"order_id": "' + "x" * 600 + '"}', {"order": "x" * 500}, {}),
        ('{"order_id": 1e400}', {"order": "1e400"}, {}),
        ('{"order_id": ' + "9" * 600 + "}", {"order": "9" * 500}, {}),
        ('{"order_id": ' + "9" * 4301 + "}", {}, {}),
        (
            '{"total": {"amount": "' + "a" * 300 + '", "currency": "' + "b" * 300 + '"}}',
            {},
            {"order total": "a" * 300 + " " + "b" * 199},
        ),
    ],
)
def test_values_are_found_by_path(payload: str | None, keys: dict[str, str], display: dict[str, str]) -> None:
    definition = definitions.parse(WHOLE, "x.yaml")
    assert definition.extract(definitions.paths.decode(payload)) == (keys, display)


long_values = (
    st.text(max_size=700)
    | st.integers(0, 4000).map(lambda digits: 10**digits)
    | st.integers(0, 700).map("\N{GRINNING FACE}".__mul__)
)


@given(order=long_values, amount=long_values, currency=long_values)
def test_no_value_is_longer_than_its_column(order: object, amount: object, currency: object) -> None:
    payload = {"order_id": order, "total": {"amount": amount, "currency": currency}}
    for found in definitions.parse(WHOLE, "x.yaml").extract(payload):
        assert all(0 < len(value) <= 500 and "\0" not in value for value in found.values())


def test_what_is_wrong_in_shape_is_told_together_with_its_place() -> None:
    assert complaints("""\
        type: order
        version: 1.10
        keys: {customer: 4}
        display: {a: [b, 3], c: {}}
        steps:
          - name: a
            kind: foo
          - kind: pivot
          - x
          - {name: q, kind: pivot, retry: {request: POST /, retries: {attempts: 0}}}
          - {name: r, kind: pivot, deadline: 5}
          - {name: s, kind: pivot, compensations: {}}
        """) == [
        'x.yaml:2:10: version must be text; got 1.10: write "1.10"',
        'x.yaml:3:18: keys.customer must be text; got 4: write "4"',
        'x.yaml:4:18: display.a[1] must be text; got 3: write "3"',
        "x.yaml:4:25: display.c must be text or a list; got a mapping",
        'x.yaml:7:11: steps[0].kind must be one of compensatable, pivot, retriable, readonly; got "foo"',
        "x.yaml:8:5: steps[1].name is missing",
        "x.yaml:9:5: steps[2] must be a mapping; got x",
        "x.yaml:10:73: steps[3].retry.retries.attempts must be at least 1",
        "x.yaml:11:38: steps[4].deadline must be a duration such as 500ms, 30s, 10m, 2h or 1d "
        '(at most 3650d); got "5"',
        "x.yaml:12:28: steps[5].compensations is not known; did you mean compensation?",
    ]


def test_what_contradicts_itself_is_told_together_with_its_place() -> None:
    assert complaints("""\
        type: order
        version: "1"
        runbook: javascript:alert(1)
        keys: {order: a..b}
        steps:
          - {name: a, kind: readonly, participant: p, compensation: {request: POST /}}
          - {name: b, kind: retriable, participant: p, compensation: {request: POST /}}
          - {name: c, kind: pivot, after: [zz, c]}
          - {name: c, kind: pivot, retry: {request: POST /}}
          - name: d
            kind: pivot
            participant: p
            status: {request: "POST /{word}"}
            retry:
              request: POST //evil.example/
              body: [{x: "{saga} {data.} {key.nope}"}]
              retries: {first: 10s, most: 1s}
        """) == [
        'x.yaml:3:10: runbook must be an http or https address; got "javascript:alert(1)"',
        'x.yaml:4:15: keys.order must be a path such as customer.id; got "a..b"',
        "x.yaml:6:61: steps[0].compensation must go: a readonly step leaves nothing to undo",
        "x.yaml:7:62: steps[1].compensation must go: a retriable step goes forward until it succeeds; "
        "call the step compensatable if it can be undone",
        'x.yaml:8:36: steps[2].after[0] must be one of a, b, c, d; got "zz"',
        "x.yaml:8:40: steps[2].after[1] must be another step than c itself",
        'x.yaml:9:12: steps[3].name must be its own; "c" is also steps[2]',
        "x.yaml:9:35: steps[3] must name the participant that its retry is sent to",
        'x.yaml:13:23: steps[4].status.request must be such as "GET /path"; got "POST /{word}"',
        "x.yaml:13:23: steps[4].status.request has {word}: a placeholder must be one of {saga}, {type}, "
        "{step}, {execution}, {repair}, {reason}, {key.NAME}, {data.PATH}",
        "x.yaml:15:16: steps[4].retry.request must be a path below the participant's address, not a host",
        "x.yaml:16:18: steps[4].retry.body[0].x has {data.}: data must be followed by a path such as "
        "data.charge_id",
        'x.yaml:16:18: steps[4].retry.body[0].x has {key.nope}: the key must be one of order; got "nope"',
        "x.yaml:17:35: steps[4].retry.retries.most must not be shorter than first",
    ]


def test_steps_that_wait_for_one_another_are_refused() -> None:
    assert complaints("""\
        type: order
        version: "1"
        steps:
          - {name: a, kind: pivot}
          - {name: b, kind: pivot, after: [a, d]}
          - {name: c, kind: pivot}
          - {name: d, kind: pivot}
          - {name: e, kind: pivot}
        """) == ["x.yaml:5:35: steps[1].after must not lead back to the step: b → c → d → b"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "x.yaml:1:1: is empty; must hold a mapping"),
        ("[1]", "x.yaml:1:1: a definition must be a mapping; got a list"),
        ("a: [", "x.yaml:1:5: is no YAML: while parsing a flow node, expected the node content"),
        ("a: 1\na: 2", "x.yaml:2:1: a must be given once; it is here twice"),
        ("1: a", 'x.yaml:1:1: a name here must be text: write "1"'),
        ("? [a]\n: b", "x.yaml:1:3: a name here must be text: write text"),
        ("a: !!python/object/apply:os.system [ls]", "x.yaml:1:4: a must not have the tag !!python/object"),
        ("a: !!binary eA==", "x.yaml:1:4: a must not have the tag !!binary"),
        ("a: \x00", "x.yaml:1:4: holds a character that YAML does not allow: U+0000"),
        ('a: "\\0"', "x.yaml:1:4: a must not hold NUL or half a character"),
        ('a: "\\ud800"', "x.yaml:1:4: a must not hold NUL or half a character"),
        ('"\\0": a', "x.yaml:1:1: a name here must be text"),
        ("---\na: 1\n---\nb: 1", "x.yaml:3:1: is no YAML: expected a single document"),
        ("a: .inf", "x.yaml:1:1: a is not known"),
        ("a: !!float .inf", "x.yaml:1:4: a must be a number, text, true, false or null"),
        ("a: 1.0e999", "x.yaml:1:4: a must be a number, text, true, false or null"),
        ("a: " + "9" * 5000, "x.yaml:1:4: a must be a number, text, true, false or null"),
        ("<<: {type: a}", "x.yaml:1:1: << is not known"),
        ("[" * 100_000, "is no YAML: it is nested too deeply"),
        ("- " * 40, "x.yaml:1:63: must not be nested deeper than 30 levels"),
        ("a: &x [*x]", "x.yaml:1:4: must not be nested deeper than 30 levels"),
        ("a" * 600_000, "x.yaml:1:1: must be at most 524,288 characters; is 600,000"),
    ],
)
def test_what_is_no_definition_is_refused_with_its_place(text: str, complaint: str) -> None:
    assert complaint in complaints(text)[0]


def test_a_bomb_of_aliases_is_refused_before_it_goes_off() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert "must hold at most 20,000 values, aliases counted each time" in complaints("\n".join(lines))[0]


def test_words_of_yaml_1_1_stay_text() -> None:
    text = WHOLE.replace("name: notify", "name: on").replace("ship-parcel", "no")
    assert [step.name for step in definitions.parse(text, "x.yaml").steps] == ["charge-card", "no", "on"]


ME = audit.Actor("system", "test")


@pytest.mark.django_db
class TestLoad:
    def test_it_is_kept_and_audited_once(self) -> None:
        first = definitions.load(WHOLE, "x.yaml", ME)
        again = definitions.load(WHOLE, "elsewhere.yaml", ME)
        assert (first.is_new, again.is_new) == (True, False)
        assert first.row.pk == again.row.pk
        assert first.row.source == WHOLE
        entry = models.AuditEntry.objects.get()
        assert (entry.action, entry.object_kind, entry.object_id, entry.actor) == (
            "definition.loaded",
            "definition",
            "order-fulfilment/1",
            "test",
        )

    def test_it_comes_back_as_it_was(self) -> None:
        loaded = definitions.load(WHOLE, "x.yaml", ME)
        parsed = definitions.parse(WHOLE, "x.yaml")
        assert definitions.by_key(loaded.row.pk) == parsed
        assert definitions.of("order-fulfilment", "1") == parsed
        assert definitions.of("order-fulfilment", "2") is None

    def test_other_content_needs_a_new_version(self) -> None:
        definitions.load(WHOLE, "x.yaml", ME)
        with pytest.raises(DefinitionError, match=r'x.yaml:2:10: version must be a new one: "1" of order-f'):
            definitions.load(WHOLE.replace("1500ms", "2s"), "x.yaml", ME)
        definitions.load(WHOLE.replace("1500ms", "2s").replace('"1"', '"2"'), "x.yaml", ME)
        assert models.Definition.objects.count() == 2

    def test_every_field_survives_the_database(self) -> None:
        """The stored JSON names every field that the schema has, so that nothing falls back to a default."""
        body = definitions.load(WHOLE, "x.yaml", ME).row.body
        assert set(body) == {field.name for field in msgspec.structs.fields(Definition)}


def test_the_examples_in_the_documentation_are_definitions() -> None:
    text = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text()
    examples = [block.split("```")[0] for block in text.split("```yaml\n")[1:]]
    assert examples
    for example in examples:
        definitions.parse(example, "docs/definitions.md")
