"""In which order steps and their executions are undone, where the definition is no plain line."""

from compensation import planner
from compensation.plan import Intent, Plan
from sagas import definitions
from tests.compensation.stories import told

FORKED = definitions.parse(
    """
type: order
version: "2"
steps:
  - {name: a, kind: compensatable, participant: shop, compensation: {request: POST /a}}
  - {name: b, kind: compensatable, participant: shop, compensation: {request: POST /b}, after: [c]}
  - {name: c, kind: compensatable, participant: shop, compensation: {request: POST /c}, after: [a]}
""",
    "forked.yaml",
)


def undo(words: str) -> Plan:
    subject, now = told(words, definition=FORKED)
    return planner.plan(subject, Intent.COMPENSATE, "", now)


def test_the_order_is_the_one_in_which_steps_wait_for_each_other():
    plan = undo("a:C c:C b:C")
    assert [action.step for action in plan.actions] == ["b", "c", "a"]


def test_each_execution_is_undone_on_its_own():
    plan = undo("a#1:S a#1:C a#2:S a#2:C a#1:K+")
    assert [(action.execution, action.idempotency_key) for action in plan.actions] == [
        ("2", "order/o-1/a/2/c1")
    ]
    assert [(left.execution, left.code) for left in plan.left_alone if left.step == "a"] == [
        ("1", "already_compensated")
    ]
