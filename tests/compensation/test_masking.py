"""What is masked in a plan, in what was sent and in what was answered."""

import json
from typing import Any

import pytest

from compensation import masking
from compensation.plan import Action, LeftAlone, Plan, Question, Refusal, Request
from sagas import definitions
from sagas.masking import MASK, NOTHING, Masks

TEXT = """
type: order
version: "{version}"
keys: {{order: order_id, customer: customer.email}}
steps:
  - name: charge
    kind: compensatable
    participant: payment
    compensation: {{request: "POST /undo?of={{saga}}", body: {body}}}
    retry: {{request: "POST /retry/{{key.customer}}"}}
    status: {{request: "GET /charges/{{data.card.number}}"}}
masked: {masked}
"""
BODY = (
    '{saga: "{saga}", to: "{data.receipt.to}", card: ["{data.card}", 1], text: "of {key.customer}", n: 1.50}'
)
FILLED = '{"saga": "o-1", "to": "ada@x", "card": [{"number": 42}, 1], "text": "of ada@x", "n": 1.50}'


def version(
    body: str = BODY, masked: str = "[customer.email, receipt, card.number]"
) -> definitions.Definition:
    return definitions.parse(TEXT.format(version="1", body=body, masked=masked), "x.yaml")


MASKS = Masks.of([version()])


def body(text: str, masks: Masks = MASKS, kind: str = "compensate", step: str = "charge") -> str:
    return masking.body(text, kind, step, masks)


def test_a_body_is_masked_where_its_text_names_something_masked() -> None:
    assert body(FILLED) == (
        f'{{"saga": "o-1", "to": "{MASK}", "card": ["{MASK}", 1], "text": "{MASK}", "n": 1.50}}'
    )
    assert body(FILLED, NOTHING) == FILLED
    assert body("") == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"saga": "o-1"}',
        '{"saga": "o-1", "to": "ada@x", "card": ["ada@x"], "text": "", "n": 1}',
        '{"saga": "o-1", "to": "ada@x", "card": "ada@x", "text": "", "n": 1}',
        '["ada@x"]',
        "ada@x",
        "{",
    ],
)
def test_a_body_that_no_version_describes_is_masked_as_a_whole(text: str) -> None:
    assert body(text) == f'"{MASK}"'


@pytest.mark.parametrize(
    ("kind", "step"), [("compensate", "ship"), ("record", "charge"), ("retry_step", "charge")]
)
def test_a_body_of_which_nothing_is_known_is_masked_as_a_whole(kind: str, step: str) -> None:
    assert body('"ada@x"', kind=kind, step=step) == f'"{MASK}"'


def test_all_versions_that_fit_have_their_say() -> None:
    """What was filled by the older one is masked by it, though the newest would fit and names nothing."""
    harmless = '{saga: "{saga}", to: "{key.order}", card: ["{saga}", 1], text: "{saga}", n: 1}'
    newest, older = version(harmless), version()
    assert "ada@x" not in body(FILLED, Masks.of([newest, older]))
    other = version('{id: "{saga}"}')
    assert body('{"id": "o-1"}', Masks.of([other, older])) == '{"id": "o-1"}'


def test_an_address_below_which_something_masked_stands_keeps_its_host() -> None:
    sent = {"method": "POST", "url": "https://pay.example:8443/v1/retry/ada%40x?a=1", "body": ""}
    shown = masking.request(sent, "retry_step", "charge", MASKS)
    assert shown == sent | {"url": f"https://pay.example:8443/{MASK}"}
    assert masking.url("https://pay.example/undo?of=o-1", "compensate", "charge", MASKS).endswith("?of=o-1")
    assert MASK in masking.url("https://pay.example/charges/42", "ask", "charge", MASKS)
    assert masking.request({}, "record", "charge", MASKS) == {}
    assert masking.request(sent, "retry_step", "charge", NOTHING) == sent


def plan() -> Plan:
    action = Action(
        "compensate", "charge", "", "undo", "payment", "k", "The last try failed: ada@x.",
        Request("POST", "https://pay.example/undo?of=o-1", FILLED),
        question=Question(Request("GET", "https://pay.example/charges/42"), "k/a1"),
    )  # fmt: skip
    left = LeftAlone("ship", "", "ship", "failed", "It failed: ada@x")
    return Plan("compensate", "", (action,), (left,), (Refusal("no", "", "It failed: ada@x"),), ("ada@x",))


def test_a_plan_keeps_its_words_unless_errors_are_masked() -> None:
    shown = masking.plan(plan(), MASKS)
    assert [shown.left_alone, shown.refusals, shown.warnings] == [
        plan().left_alone,
        plan().refusals,
        plan().warnings,
    ]
    assert shown.actions[0].request and "ada@x" not in shown.actions[0].request.body
    asked = shown.actions[0].question
    assert asked and asked.request.url == f"https://pay.example/{MASK}"
    assert shown.can_start == plan().can_start
    errors = Masks.of([version(masked="[customer.email, receipt, card, error]")])
    assert "ada@x" not in json.dumps(masking.plan(plan(), errors).content())
    assert masking.plan(plan(), NOTHING) == plan()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"receipt": "x", "n": 1}', f'{{"receipt":"{MASK}","n":1}}'),
        ('{"data": {"receipt": "x", "n": 1}}', f'{{"data":{{"receipt":"{MASK}","n":1}}}}'),
        ("<receipt>x</receipt>", f'"{MASK}"'),
        ('{"receipt": "cut off at 16 Ki', f'"{MASK}"'),
        ("", ""),
    ],
)
def test_an_answer_is_a_payload(text: str, expected: str) -> None:
    assert masking.answer(text, MASKS) == expected
    assert masking.answer(text, NOTHING) == text


@pytest.mark.parametrize(
    ("result", "answers", "detail"),
    [
        ({"detail": "409: not now"}, ['{"detail": "not now"}'], "409: not now"),
        ({"detail": "409: not now"}, [], "409: not now"),
        ({"detail": "409: ada@x"}, ["ada@x"], MASK),
        ({"detail": "409: ada@x"}, ["", "ada@x"], MASK),
        ({"detail": "409: ada@x"}, None, MASK),
        ({"by": "event", "detail": "The event has come."}, None, "The event has come."),
    ],
)
def test_what_ended_an_action(result: dict[str, Any], answers: list[str] | None, detail: str) -> None:
    assert masking.result(result, MASKS, answers)["detail"] == detail
    assert masking.result(result, NOTHING, answers) == result


def test_what_ended_an_action_with_its_answer() -> None:
    stored = {"by": "answer", "answer": {"receipt": {"to": "ada@x"}, "n": 1}}
    assert masking.result(stored, MASKS, []) == {"by": "answer", "answer": {"receipt": MASK, "n": 1}}
    assert stored["answer"]["receipt"] == {"to": "ada@x"}  # type: ignore[index]  # as it was
    titles = Masks.of([version(masked="[title]")])
    assert masking.result({"detail": "409: ada@x"}, titles, [])["detail"] == MASK
