"""What the traffic plays is something that the participants understand."""

import random
from dataclasses import replace
from typing import Any

import pytest

from demo import faults, runs, scenes
from demo.business import cents
from demo.scenes import Scene
from demo.steps import STEPS

ALL = [*scenes.ORDINARY.values(), *scenes.DECLINED, *scenes.HICCUPS, *scenes.TROUBLES]


@pytest.mark.parametrize("scene", ALL, ids=lambda scene: scene.name)
def test_a_scene_is_understood_by_the_participants(scene: Scene) -> None:
    data = scenes.payload(scene, "order-8401", random.Random(1))
    assert runs.NEEDED[scene.saga_type.name] <= data.keys()
    for fault in scene.faults:
        order = faults.parse({**fault, "saga": "order-8401"}, frozenset({fault["step"]}))
        assert STEPS[order.step] in scene.saga_type.steps


@pytest.mark.parametrize("scene", scenes.DECLINED, ids=lambda scene: scene.name)
def test_what_is_declined_differs_from_what_is_ordinary(scene: Scene) -> None:
    ordinary = replace(scene, change=None)
    assert scenes.payload(scene, "1", random.Random(1)) != scenes.payload(ordinary, "1", random.Random(1))


def test_stories_are_troubles_of_both_types() -> None:
    assert all(story in scenes.TROUBLES for story in scenes.STORIES)
    assert {story.saga_type for story in scenes.STORIES} == set(scenes.ORDINARY)


def test_an_order_costs_what_its_lines_cost() -> None:
    data: dict[str, Any] = scenes.order("order-1", random.Random(3))
    lines = sum(line["quantity"] * cents({"amount": line["price"]}) for line in data["lines"])
    assert cents(data["total"]) == lines
