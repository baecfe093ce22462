"""What changed between two versions of a definition."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from sagas import definitions
from sagas.definitions import Definition, Seconds, comparing
from sagas.definitions.comparing import Kind, compare

OLD = """
type: order
version: "1"
owner: orders@shop.example
keys: {order: order_id}
steps:
  - {name: reserve, kind: compensatable, participant: inventory, deadline: 10s}
  - name: charge
    title: charge card
    kind: compensatable
    participant: payment
    compensation: {request: POST /refund, deadline: 10s, retries: {attempts: 6}}
  - {name: ship, kind: pivot, participant: shipping}
  - {name: thank, kind: retriable, required: false}
"""


AGREE = "Who must agree to a repair was {}, and is {}."


def changes(*swaps: tuple[str, str]) -> list[comparing.Change]:
    new = OLD.replace('version: "1"', 'version: "2"')
    for old_text, new_text in swaps:
        assert old_text in new
        new = new.replace(old_text, new_text)
    return compare(definitions.parse(OLD, "old.yaml"), definitions.parse(new, "new.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("owner: orders", "owner: night", ["Owner was orders@shop.example, and is night@shop.example."]),
        ("owner: orders@shop.example\n", "", ["Owner was removed; it was orders@shop.example."]),
        ("owner:", "runbook: https://r.example\nowner:", ["Runbook was added: https://r.example."]),
        ("owner:", "deadline: 5m\nowner:", ["Deadline was added: 5 min."]),
        ("{order: order_id}", "{order: id}", ["Key order was order_id, and is id."]),
        ("{order: order_id}", "{order: order_id, customer: c.id}", ["Key customer was added: c.id."]),
        ("{order: order_id}", "{}", ["Key order was removed; it was order_id."]),
        ("deadline: 10s}\n", "deadline: 1500ms}\n", ["Reserve: deadline was 10 s, and is 1.5 s."]),
        ("kind: pivot", "kind: retriable", ["Ship: kind was pivot, and is retriable."]),
        ("required: false", "required: true", ["Thank: required was no, and is yes."]),
        (
            "POST /refund, deadline: 10s, retries: {attempts: 6}",
            "POST /pay-back, deadline: 20s, retries: {attempts: 9}",
            [
                "Charge card: compensation, request was POST /refund, and is POST /pay-back.",
                "Charge card: compensation, retries, attempts was 6, and is 9.",
                "Charge card: compensation, deadline was 10 s, and is 20 s.",
            ],
        ),
        (
            "    compensation: {request: POST /refund, deadline: 10s, retries: {attempts: 6}}\n",
            "",
            [
                "Charge card: compensation was removed; it was request: POST /refund; "
                "title: undo charge card; deadline: 10 s."
            ],
        ),
        ("required: false", "required: false, participant: mail", ["Thank: participant was added: mail."]),
        (
            "  - {name: ship,",
            "  - {name: pack, kind: compensatable}\n  - {name: ship,",
            ["Step pack was added.", "Ship: waits for was charge, and is pack."],
        ),
        (
            "  - {name: ship, kind: pivot, participant: shipping}\n",
            "",
            ["Step ship was removed.", "Thank: waits for was ship, and is charge."],
        ),
        ("owner:", "approval: []\nowner:", [AGREE.format("as the default policy says", "nobody")]),
        (
            "owner:",
            "approval: [{when: pivot, because: Back from the road.}]\nowner:",
            [AGREE.format("as the default policy says", "when: pivot, because: Back from the road.")],
        ),
        # Written out, and the same as before.
        ("{name: ship,", "{name: ship, after: [charge],", []),
        (
            "{name: ship,",
            "{name: ship, after: [charge, reserve],",
            ["Ship: waits for was charge, and is charge, reserve."],
        ),
        ("{name: ship,", "{name: ship, after: [],", ["Ship: waits for was charge, and is nothing."]),
    ],
)
def test_a_change_in_words(old: str, new: str, sentences: list[str]) -> None:
    assert [change.sentence for change in changes((old, new))] == sentences


def test_the_fewest_steps_are_said_to_have_moved() -> None:
    first = "  - {name: reserve, kind: compensatable, participant: inventory, deadline: 10s}\n"
    last = "  - {name: thank, kind: retriable, required: false}\n"
    found = changes((first, ""), (last, last + first))
    assert [change.sentence for change in found if change.kind == Kind.MOVED] == [
        "Step reserve moved from place 1 to place 4."
    ]
    assert comparing.changed_names(found) == {"reserve": Kind.CHANGED, "charge": Kind.CHANGED}


def test_what_happened_to_each_step() -> None:
    found = changes(("name: thank", "name: greet"), ("kind: pivot", "kind: retriable"))
    assert comparing.changed_names(found) == {
        "ship": Kind.CHANGED,
        "greet": Kind.ADDED,
        "thank": Kind.REMOVED,
    }


def test_a_new_step_is_told_with_all_that_it_says_and_no_more() -> None:
    (added,) = [change for change in changes(("name: thank", "name: greet")) if change.kind == Kind.ADDED]
    assert added.where == ("steps", "greet")
    assert added.title == "greet"
    assert added.new == ("name: greet", "kind: retriable", "title: greet", "required: no")
    assert added.old == ()


def test_long_values_are_cut() -> None:
    (change,) = changes(("POST /refund", f"POST /{'x' * 1900}"))
    assert all(len(line) <= comparing.LONGEST for line in change.new)


class Rule(Struct, frozen=True):
    name: str
    expression: str
    settle: Seconds = Seconds(30)


class Pair(Struct, frozen=True, rename={"other": "with"}):
    other: str


class Wider(Definition, frozen=True, dict=True):
    """As a schema that has gained fields."""

    rules: list[Rule] = []
    conflicts: list[Pair] = []
    stake: str | Pair | None = None


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        (
            {"rules": [Rule("a", "x"), Rule("b", "y")]},
            {"rules": [Rule("b", "z", Seconds(60)), Rule("c", "y")]},
            [
                "B: expression was y, and is z.",
                "B: settle was 30 s, and is 1 min.",
                "Rule c was added.",
                "Rule a was removed.",
            ],
        ),
        (
            {"conflicts": [Pair("returns"), Pair("refunds")]},
            {"conflicts": [Pair("refunds"), Pair("orders")]},
            ["Conflict was removed; it was with: returns.", "Conflict was added: with: orders."],
        ),
        ({}, {"stake": "total"}, ["Stake was added: total."]),
        ({"stake": "total"}, {"stake": Pair("x")}, ["Stake was total, and is with: x."]),
        ({"stake": Pair("y")}, {"stake": Pair("x")}, ["Stake, with was y, and is x."]),
    ],
)
def test_fields_that_the_schema_gains_are_compared_too(
    old: dict[str, Any], new: dict[str, Any], sentences: list[str]
) -> None:
    found = compare(Wider("order", "1", **old), Wider("order", "2", **new))
    assert [change.sentence for change in found] == sentences


names = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


def described(steps: list[str]) -> definitions.Definition:
    return definitions.parse(
        f'type: t\nversion: "1"\nsteps: [{", ".join(f"{{name: {name}, kind: pivot}}" for name in steps)}]',
        "x.yaml",
    )


@given(old=names, new=names)
def test_properties(old: list[str], new: list[str]) -> None:
    found = compare(described(old), described(new))
    by_kind = {
        kind: [change.where[1] for change in found if change.kind == kind and change.is_whole]
        for kind in Kind
    }
    assert by_kind[Kind.ADDED] == [name for name in new if name not in old]
    assert by_kind[Kind.REMOVED] == [name for name in old if name not in new]
    # Without those that moved, the others kept their order.
    moved = set(by_kind[Kind.MOVED])
    assert [name for name in new if name in old and name not in moved] == [
        name for name in old if name in new and name not in moved
    ]
    assert (found == []) == (old == new)


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("[]", "", [AGREE.format("nobody", "as the default policy says")]),
        ("[{when: pivot}]", "", [AGREE.format("when: pivot, because: pivot", "as the default policy says")]),
        ("[{when: pivot}]", "[]", [AGREE.format("when: pivot, because: pivot", "nobody")]),
        ("[{when: pivot}]", "[{when: pivot, groups: [approver, admin], expires: 1d}]", []),
        ("[{when: pivot}, {when: count > 9}]", "[{when: count > 9}, {when: pivot}]", []),
        (
            "[{when: pivot}]",
            "[{when: pivot}, {when: count > 9, groups: [admin, finance], expires: 2h, because: x}]",
            ["Approval was added: when: count > 9; groups: admin, finance; expires: 2 h; because: x."],
        ),
        (
            "[{when: pivot, because: x}]",
            "[{when: pivot, approvers: 3, because: x}]",
            [
                "Approval was removed; it was when: pivot; because: x.",
                "Approval was added: when: pivot; approvers: 3; because: x.",
            ],
        ),
    ],
)  # fmt: skip
def test_who_must_agree_is_compared_rule_by_rule(old: str, new: str, sentences: list[str]) -> None:
    texts = [OLD + (f"approval: {approval}\n" if approval else "") for approval in (old, new)]
    changed = compare(*(definitions.parse(text, "x.yaml") for text in texts))
    assert [change.sentence for change in changed] == sentences
