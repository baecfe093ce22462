"""What masks hide, and that they hide it whatever payloads hold: tables, and properties over any JSON."""

import json
import string
import textwrap
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagas import definitions, fold, masking
from sagas.audit import Actor
from sagas.definitions import DefinitionError, comparing
from sagas.definitions.masked import covers, split
from sagas.facts import Facts
from sagas.masking import MASK, NOTHING, Masks, mask
from sagas.masking.kept import kept
from sagas.masking.text import tells_less

HIDDEN = f'"{MASK}"'


def masked(text: str, *paths: str) -> str:
    return mask(text, [split(path) for path in paths])


@pytest.mark.parametrize(
    ("paths", "text", "expected"),
    [
        ("a", '{"a": 1, "b": 2}', '{"a":"•••","b":2}'),
        ("a", '{"a": {"b": [1, 2]}}', '{"a":"•••"}'),
        ("a", '{"a": null}', '{"a":"•••"}'),
        ("a.b", '{"a": {"b": "x", "c": 1}}', '{"a":{"b":"•••","c":1}}'),
        ("a.b", '{"a": null, "c": 1}', '{"a":null,"c":1}'),
        ("a.b", '{"c": 1}', '{"c":1}'),
        # What cannot be followed to its end is masked where it ends.
        ("a.b", '{"a": "{\\"b\\": 1}"}', '{"a":"•••"}'),
        ("a.b", '{"a": [{"b": 1}]}', '{"a":"•••"}'),
        ("a.b", '[{"a": {"b": 1}}]', HIDDEN),
        ("a.0", '{"a": [1, 2]}', '{"a":["•••",2]}'),
        ("a.01", '{"a": [1, 2]}', '{"a":[1,"•••"]}'),
        ("a.7", '{"a": [1, 2]}', '{"a":[1,2]}'),
        ("a.0", '{"a": {"0": 1, "1": 2}}', '{"a":{"0":"•••","1":2}}'),
        ("a.*", '{"a": [1, {"b": 2}]}', '{"a":["•••","•••"]}'),
        ("a.*.b", '{"a": [{"b": 1, "c": 2}, 3, null]}', '{"a":[{"b":"•••","c":2},"•••",null]}'),
        ("a.*.b", '{"a": {"x": {"b": 1}, "*": {"b": 2}}}', '{"a":{"x":{"b":"•••"},"*":{"b":"•••"}}}'),
        ("*", '{"a": 1, "b": {"c": 2}}', '{"a":"•••","b":"•••"}'),
        ("*.x", "[[1], {}]", '["•••",{}]'),
        # Nobody knows what stands in a payload that cannot be looked into.
        ("a", '"<a>secret</a>"', HIDDEN),
        ("a", "17", HIDDEN),
        ("a", "null", "null"),
        ("a", "", HIDDEN),
        ("a", '{"a": 1', HIDDEN),
        ("a", '{"b": NaN}', HIDDEN),
        ("a", '{"b": 1} {"a": 2}', HIDDEN),
        ("a", '{"b": "\\ud800"}', HIDDEN),
        ("a", "[" * 100_000, HIDDEN),
        ("a", "[" * 2_000 + "]" * 2_000, HIDDEN),
        # The last of equal names counts, as for whoever reads it; the others are gone.
        ("a.b", '{"a": {"b": "x"}, "a": {"c": 1}}', '{"a":{"c":1}}'),
    ],
)
def test_a_payload(paths: str, text: str, expected: str) -> None:
    assert masked(text, paths) == expected


def test_what_is_not_masked_stays_to_the_letter() -> None:
    text = '{"z":49.90,"a":1e400,"n":-0,"big":12345678901234567890123,"s":"\\u00e9\\/","k":[ 1.0 ],"m":1}'
    assert masked(text, "m") == text.replace('"m":1', '"m":"•••"')
    assert mask(text, []) == text


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('{"a": 1, "b": [1, 2]}', "c", False),
        ('{"a": 1, "b": [1, 2]}', "b", True),
        ('{"a": 1,', "b", True),
        ('{"a": 1, "a": 2}', "b", True),
    ],
)
def test_whether_the_mask_took_anything(text: str, path: str, expected: bool) -> None:
    """Spaces that are gone are nothing: nobody is told of a mask where none is."""
    assert tells_less(masked(text, path).encode(), text.encode()) == expected


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
names = st.sampled_from(["a", "b", "0", "1", "*", "é"])
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=20,
)
paths = st.lists(names, min_size=1, max_size=4).map(tuple)


def unique(value: Any, used: list[str]) -> Any:
    """The same with a text of its own in place of each single value, but for null."""
    if isinstance(value, dict):
        return {name: unique(inner, used) for name, inner in value.items()}
    if isinstance(value, list):
        return [unique(inner, used) for inner in value]
    if value is None:
        return None
    used.append(f"leaf-{len(used)}-")
    return used[-1]


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def reached(value: Any, path: tuple[str, ...]) -> list[str]:
    """The texts that a path masks, said once more and otherwise."""
    if not path or not isinstance(value, dict | list):
        return texts(value)
    if isinstance(value, dict):
        below = [inner for name, inner in value.items() if path[0] in (name, "*")]
    elif path[0] == "*":
        below = value
    elif path[0].isdecimal():
        below = value[int(path[0]) : int(path[0]) + 1]
    else:
        return texts(value)
    return [text for inner in below for text in reached(inner, path[1:])]


@given(values, st.lists(paths, min_size=1, max_size=4))
@example({"a": [{"b": "x"}], "b": {"a": 1}}, [("a", "*", "b"), ("*", "a")])
def test_no_masked_value_is_left_and_every_other_is(value: Any, several: list[tuple[str, ...]]) -> None:
    used: list[str] = []
    sent = unique(value, used)
    hidden = {text for path in several for text in reached(sent, path)}
    found = set(texts(json.loads(mask(json.dumps(sent), several)))) - {MASK}
    assert found == set(used) - hidden


@given(values, st.lists(paths, min_size=1, max_size=4))
def test_what_is_around_keeps_its_shape(value: Any, several: list[tuple[str, ...]]) -> None:
    def same(one: Any, other: Any) -> bool:
        if other == MASK:
            return True
        if isinstance(one, dict):
            return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
        if isinstance(one, list):
            return len(one) == len(other) and all(map(same, one, other))
        return bool(one == other)

    assert same(value, json.loads(mask(json.dumps(value), several)))


@given(values, st.lists(paths, min_size=1, max_size=4), st.data())
def test_a_broken_text_is_masked_as_a_whole(value: Any, several: list[tuple[str, ...]], data: Any) -> None:
    text = json.dumps(value)
    place = data.draw(st.integers(0, len(text)))
    broken = text[:place] + data.draw(st.text(string.printable, max_size=3)) + text[place + 1 :]
    try:
        json.loads(broken)
    except ValueError:
        assert mask(broken, several) == HIDDEN


@given(values, st.lists(paths, min_size=1, max_size=4))
def test_masking_twice_changes_nothing(value: Any, several: list[tuple[str, ...]]) -> None:
    once = mask(json.dumps(value), several)
    assert mask(once, several) == once


DEFINITION = """
type: order
version: "{version}"
keys: {{order: order_id, customer: {customer}}}
display: {{total: [total.amount, customer.name], place: address.city}}
steps: [{{name: charge, kind: compensatable}}]
rules:
  - name: known
    expression: data.customer.email != ""
    message: "{{saga}}: {{key.order}} for {{data.customer.email}}, {{data.total.amount}}"
  - name: plain
    expression: data.total.amount > 0.0
    message: Order {{key.order}} costs {{data.total.amount}}.
events:
  - type: Shipped
    kind: saga.note
    saga: event.subject
    keys: {{customer: event.data.who, order: event.data.order}}
masked: {masked}
"""


def definition(masked: str, version: str = "1", customer: str = "customer.email") -> definitions.Definition:
    text = DEFINITION.format(masked=masked, version=version, customer=customer)
    return definitions.parse(text, "x.yaml")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("[customer.email]", {"customer"}),
        ("[customer]", {"customer", "total"}),
        ("[customer.name]", {"total"}),
        ("[customer.email.host]", {"customer"}),
        # Where it meets a single value before its end, it masks that.
        ('["*.city"]', {"place", "order", "customer"}),
        ("[who]", {"customer"}),
        ("[card]", set()),
    ],
)
def test_keys_and_labels_that_come_from_what_is_masked(given: str, names: set[str]) -> None:
    masks = Masks.of([definition(given)])
    assert masks.names == names
    shown = masks.values({"order": "1", "customer": "2", "total": "3", "place": "4"})
    assert {name for name, value in shown.items() if value == MASK} == names


def test_a_key_that_an_older_version_took_from_there_is_masked_too() -> None:
    newest, older = definition("[customer.email]", "2", "customer.id"), definition("[]")
    assert Masks.of([newest, older]).names == {"customer"}
    assert not Masks.of([newest]).names
    assert not Masks.of([older, newest])


RULE = {
    "rule": "known",
    "error": "no such key",
    "message": "o-1: 8492 for ada@x, 5",
    "values": {"data.customer.email": "ada@x", "key.order": "8492"},
}


def test_a_finding_tells_nothing_of_it() -> None:
    masks = Masks.of([definition("[customer.email]")])
    found = masks.detail("rule:known", RULE)
    assert found["message"] == f"{MASK}: 8492 for {MASK}, {MASK}"
    assert found["values"] == {"data.customer.email": MASK, "key.order": "8492"}
    assert found["error"] == MASK
    assert masks.detail("rule:plain", RULE | {"values": {}})["message"] == RULE["message"]
    overlap = {"key": "customer", "value": "ada@x", "more": 0}
    assert masks.detail("charge", overlap) == overlap | {"value": MASK}
    reused = {"key": "customer", "values": ["ada@x", "bob@x"]}
    assert masks.detail("", reused) == {"key": "customer", "values": [MASK, MASK]}
    assert masks.detail("", reused | {"key": "order"}) == reused | {"key": "order"}
    assert "ada" not in masks.explanation("rule:known", "data.customer.email is ada@x")
    assert masks.explanation("rule:plain", "it is 5") == "it is 5"
    assert NOTHING.detail("rule:known", RULE) == RULE


@pytest.mark.parametrize("path", ["error", "error.message", "message", "reason.code", "*"])
def test_what_failures_say_is_masked_with_where_they_say_it(path: str) -> None:
    masks = Masks.of([definition(f'["{path}"]')])
    assert masks.error("card of Ada refused") == MASK
    assert masks.error("") == ""
    assert masks.detail("charge", {"error": "card of Ada refused"}) == {"error": MASK}
    assert "Ada" not in masks.explanation("charge", "it keeps failing: card of Ada refused")


def test_an_event_of_ours_holds_answers() -> None:
    masks = Masks.of([definition("[customer.email]")])
    told = {
        "by": "payment",
        "why": "400: <email>ada@x</email>",
        "answer": {"customer": {"email": "ada@x"}, "data": {"customer": {"email": "ada@x", "id": 1}}},
    }
    shown = json.loads(masks.told(json.dumps(told)) or "")
    hidden = {"customer": {"email": MASK}, "data": {"customer": {"email": MASK, "id": 1}}}
    assert shown == {"by": "payment", "why": MASK, "answer": hidden}
    assert masks.told(None) is None and NOTHING.told('{"why": 1}') == '{"why": 1}'


def test_keys_that_a_mapping_found_stand_among_the_attributes() -> None:
    masks = Masks.of([definition("[who]")])
    sent = {"mappedkeys": '{"customer":"ada@x","order":"1"}', "subject": "s"}
    assert masks.attributes(sent) == {"mappedkeys": '{"customer":"•••","order":"1"}', "subject": "s"}


def test_a_state_is_shown_masked_and_stays_clear_below() -> None:
    known = fold.derive(Facts(), definition("[]"), datetime.now(UTC))
    known.keys, known.display = {"order": "1", "customer": "ada@x"}, {"total": "5 Ada"}
    shown = Masks.of([definition("[customer]")]).state(known)
    assert (shown.keys, shown.display) == ({"order": "1", "customer": MASK}, {"total": MASK})
    assert known.keys["customer"] == "ada@x"


MASKS = {"order": Masks.of([definition("[customer.email]")])}
KNOWN = {"order", "refund"}


@pytest.mark.parametrize(
    ("body", "scope", "expected"),
    [
        ({"sagatype": "order", "data": {"customer": {"email": "x"}, "n": 1}}, [], "masked"),
        ({"sagatype": "order", "data_base64": "eA=="}, [], "masked"),
        ({"sagatype": "order", "customer": {"email": "x"}}, [], "masked"),
        ({"sagatype": "refund", "data": {"customer": {"email": "x"}}}, [], "clear"),
        ({"sagatype": "ordr", "data": 1}, [], "hidden"),
        ({"sagatype": "ordr", "data": 1}, ["order"], "hidden"),
        ({"sagatype": "ordr", "data": 1}, ["refund"], "clear"),
        ({"type": "Shipped", "data": 1}, [], "hidden"),
        ({"type": "Shipped", "data": 1}, ["refund"], "clear"),
        ({"sagatype": ["order"]}, [], "hidden"),
        ([{"sagatype": "refund"}], [], "hidden"),
    ],
)
def test_an_event_in_quarantine(body: Any, scope: list[str], expected: str) -> None:
    sent = json.dumps(body).encode()
    shown = kept(sent, scope, MASKS, KNOWN)
    told = "clear" if shown == sent else "hidden" if shown == HIDDEN.encode() else "masked"
    assert told == expected
    assert told == "clear" or (b'"x"' not in shown and b"eA==" not in shown)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"", b"{", b'{"sagatype": "order", "data": '])
def test_bytes_in_quarantine_that_nobody_can_read(body: bytes) -> None:
    assert kept(body, [], MASKS, KNOWN) == HIDDEN.encode()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.b", "a.b", True),
        ("a", "a.b", True),
        ("a.b", "a", True),
        ("a.*.c", "a.0.c", True),
        ("a.1", "a.01", True),
        ("a.b", "a.c", False),
        ("a.*.c", "a.0.d", False),
        ("a.1", "a.2", False),
        ("a", "", True),
    ],
)
def test_which_paths_touch(one: str, other: str, expected: bool) -> None:
    assert covers([split(one)], other) == expected


HEAD = """\
type: order
version: "1"
stake: {amount: total.amount, currency: EUR}
steps:
  - {name: ship, kind: pivot}
events:
  - type: Shipped
    kind: step.completed
    step: {cel: "event.data.step"}
    saga: event.data.order.id
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("masked: [a, 'b..c']", ['11:13: masked[1] must be a path such as customer.id; got "b..c"']),
        ("masked:\n  - a\n  - a", ['13:5: masked[1] must go: "a" is masked already']),
        ("masked: a", ["11:9: masked must be a list; got a"]),
        ("masked: [1]", ['11:10: masked[0] must be text; got 1: write "1"']),
        ("mask: [a]", ["11:1: mask is not known; did you mean masked?"]),
        (
            'masked: ["total.*"]',
            [
                "11:10: masked[0] must not cover what is at stake (total.amount), which everybody is told; "
                'got "total.*"'
            ],
        ),
        (
            "masked: [order, step]",
            [
                "11:10: masked[0] must not cover what events[0].saga is made of, which everybody is told; "
                'got "order"',
                "11:17: masked[1] must not cover what events[0].step is made of, which everybody is told; "
                'got "step"',
            ],
        ),
    ],
)
def test_what_is_wrong_with_masks(given: str, expected: list[str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        definitions.parse(HEAD + textwrap.dedent(given), "x.yaml")
    assert [line.removeprefix("x.yaml:") for line in str(caught.value).splitlines()] == expected


def test_a_changed_mask_is_told_when_versions_are_compared() -> None:
    (change,) = definitions_compared("[a]", "[a, b.c]")
    assert change == "Masked was a, and is a, b.c."


def definitions_compared(old: str, new: str) -> list[str]:
    return [change.sentence for change in comparing.compare(definition(old), definition(new))]


@pytest.mark.django_db
def test_the_newest_definition_counts_for_all_sagas_of_its_type() -> None:
    by = Actor.system()

    def load(version: str, masked: str) -> None:
        text = DEFINITION.format(masked=masked, version=version, customer="customer.email")
        definitions.load(text, "x.yaml", by)

    load("1", "[]")
    assert masking.in_force() == {} and not masking.of("order")
    load("2", "[card]")
    assert masking.in_force()["order"].paths == (("card",),) == masking.of("order").paths
    load("3", "[customer.email]")
    assert masking.in_force().keys() == {"order"}
    assert masking.of("order").names == {"customer"}
    load("4", "[]")
    assert masking.in_force() == {} and not masking.of("nobody")
