"""What Amends is told about the sagas is what the participants do."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import demo
from compensation import policy
from compensation.policy import PlanFacts
from demo.businesses import BUSINESSES
from demo.steps import PARTICIPANTS, SAGA_TYPES, STEPS, SagaType
from sagas import definitions

FOLDER = Path(demo.__file__).parent / "definitions"


def definition(saga_type: SagaType) -> definitions.Definition:
    path = FOLDER / f"{saga_type.name}.yaml"
    return definitions.parse(path.read_text(), path.name)


@pytest.mark.parametrize("saga_type", SAGA_TYPES, ids=lambda each: each.name)
def test_a_definition_has_the_steps_of_the_table(saga_type: SagaType) -> None:
    described = definition(saga_type)
    assert described.type == saga_type.name
    assert [(step.name, step.participant) for step in described.steps] == [
        (step.name, step.participant) for step in saga_type.steps
    ]


@pytest.mark.parametrize("saga_type", SAGA_TYPES, ids=lambda each: each.name)
def test_a_definition_compensates_what_can_be_undone_and_names_what_it_made(saga_type: SagaType) -> None:
    for step in definition(saga_type).steps:
        action = BUSINESSES[step.participant].actions[step.name]
        assert (step.compensation is not None) == (action.undo is not None)
        if step.compensation:
            assert step.compensation.body[action.reference] == f"{{data.{action.reference}}}"


def test_every_participant_has_a_business_for_its_steps() -> None:
    assert set(BUSINESSES) == set(PARTICIPANTS)
    for name, business in BUSINESSES.items():
        assert set(business.actions) == {step.name for step in STEPS.values() if step.participant == name}


def test_one_order_of_small_value_is_put_right_by_one_person_and_more_is_not() -> None:
    [orders] = [definition(saga_type) for saga_type in SAGA_TYPES if saga_type.name == "order-fulfilment"]
    rules = orders.approval
    assert rules
    one = PlanFacts("compensate", orders.type, kinds={"compensate"}, stake={"EUR": Decimal("129.90")})
    assert policy.required(rules, one) is None
    assert policy.required(rules, replace(one, stake={})) is None
    for more in (
        replace(one, count=101),
        replace(one, stake={"EUR": Decimal("10000.01")}),
        replace(one, pivot=True),
    ):
        requirement = policy.required(rules, more)
        assert requirement
        assert policy.missing(requirement, []) == "1 person of the group approver or admin"
