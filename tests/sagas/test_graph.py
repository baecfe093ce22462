"""A definition as a drawing: nothing covers anything else, no arrow is missing, and it is always the same."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, graph
from sagas.definitions import Compensation, Definition, StepDefinition
from sagas.graph import ACROSS, DOWN, Box, Drawing, Edge, Frame
from sagas.graph.layout import wrap
from sagas.graph.places import Cell, place
from sagas.timeline import words
from sagas.vocabulary import StepKind

FRAMES = [ACROSS, DOWN]

BOOKING = definitions.parse(
    """
type: booking
version: "1"
steps:
  - {name: check, kind: readonly, participant: customers}
  - name: flight
    kind: compensatable
    participant: flights
    after: [check]
    compensation: {title: cancel flight, request: POST /x}
  - {name: hotel, kind: compensatable, participant: hotels, after: [check]}
  - {name: charge, kind: pivot, participant: payment, after: [flight, hotel]}
  - {name: mail, kind: retriable, participant: mail}
  - {name: miles, kind: retriable, participant: loyalty, after: [flight, charge], required: false}
""",
    "x.yaml",
)


def test_steps_stand_one_layer_after_the_last_they_wait_for() -> None:
    assert place(BOOKING.predecessors).cells == {
        "check": Cell(0, 0),
        "flight": Cell(1, 0),
        "hotel": Cell(1, 1),
        "charge": Cell(2, 0),
        "mail": Cell(3, 0),
        "miles": Cell(3, 1),
    }


def test_only_a_longer_way_takes_a_slot() -> None:
    ways = {(way.before, way.after): way.slot for way in place(BOOKING.predecessors).ways}
    assert ways == {
        ("check", "flight"): None,
        ("check", "hotel"): None,
        ("flight", "charge"): None,
        ("hotel", "charge"): None,
        ("charge", "mail"): None,
        ("flight", "miles"): 0,
        ("charge", "miles"): None,
    }


def test_long_ways_beside_one_another_take_slots_of_their_own() -> None:
    chain = {"a": [], "b": ["a"], "c": ["b"], "d": ["c", "a"], "e": ["d", "b"], "f": ["e"], "g": ["f", "d"]}
    slots = {(way.before, way.after): way.slot for way in place(chain).ways if way.slot is not None}
    assert slots == {("a", "d"): 0, ("b", "e"): 1, ("d", "g"): 0}


def test_what_undoes_a_step_is_drawn_below_it_and_points_back() -> None:
    drawing = drawn(BOOKING, ACROSS)
    flight, hotel = box(drawing, "flight"), box(drawing, "hotel")
    assert hotel.back is None
    assert flight.back
    assert (flight.back.title, flight.back.label) == ("cancel flight", "cancel flight")
    tip = min(flight.back.outline)
    assert tip == (flight.x, pytest.approx((flight.bottom + 4 + flight.foot) / 2))


@pytest.mark.parametrize("frame", FRAMES)
def test_the_line_after_a_pivot_parts_what_comes_after_it(frame: Frame) -> None:
    drawing = drawn(BOOKING, frame)
    (line,) = drawing.lines
    assert line.pivots == ("charge",)
    along = 1 if frame.is_down else 0
    assert line.begin[along] == line.end[along]
    before = [box(drawing, name) for name in ("check", "flight", "hotel", "charge")]
    after = [box(drawing, name) for name in ("mail", "miles")]
    assert max(each.foot if frame.is_down else each.right for each in before) < line.begin[along]
    assert min(each.y if frame.is_down else each.x for each in after) > line.begin[along]


def test_long_names_are_broken_and_cut_to_the_room_there_is() -> None:
    assert wrap("charge card", 148, 13) == ("charge card",)
    assert wrap("reserve stock for the whole order", 148, 13) == ("reserve stock for the", "whole order")
    first, second = wrap("reserve stock " * 20, 148, 13)
    assert second.endswith("…")
    assert max(words.width(line, 13) for line in (first, second)) <= 148
    (one,) = wrap("x" * 200, 148, 13)
    assert one.endswith("…")
    assert wrap("", 148, 13) == ("",)


def test_a_chain_has_a_phones_screen_for_itself_and_two_branches_still_fit() -> None:
    chain = Definition("order", "1", steps=[StepDefinition(str(n), StepKind.PIVOT) for n in range(3)])
    assert drawn(chain, DOWN).boxes[0].width > 300
    assert drawn(chain, DOWN).width <= 360
    assert drawn(BOOKING, DOWN).width <= 380


def test_what_no_picture_can_tell_is_not_drawn() -> None:
    steps = [StepDefinition(str(n), StepKind.READONLY, after=[]) for n in range(graph.MOST_STEPS + 1)]
    assert graph.lay_out(Definition("order", "1", steps=steps), ACROSS) is None
    assert graph.lay_out(Definition("order", "1", steps=steps[:-1]), ACROSS) is not None
    assert graph.lay_out(Definition("order", "1"), ACROSS) is None
    every = [
        StepDefinition(str(n), StepKind.READONLY, after=[str(earlier) for earlier in range(n)])
        for n in range(40)
    ]
    assert graph.lay_out(Definition("order", "1", steps=every), ACROSS) is None


def drawn(definition: Definition, frame: Frame) -> Drawing:
    drawing = graph.lay_out(definition, frame)
    assert drawing
    return drawing


def box(drawing: Drawing, name: str) -> Box:
    return next(box for box in drawing.boxes if box.step.name == name)


@st.composite
def described(draw: st.DrawFn) -> Definition:
    count = draw(st.integers(1, 25))
    steps = []
    for number in range(count):
        kind = draw(st.sampled_from(StepKind))
        others = [str(earlier) for earlier in range(number)]
        after = (
            st.none() | st.lists(st.sampled_from(others), unique=True, max_size=3) if others else st.none()
        )
        undone = Compensation("POST /x", title=draw(st.text(max_size=40))) if draw(st.booleans()) else None
        steps.append(
            StepDefinition(
                str(number),
                kind,
                title=draw(st.text(max_size=60)),
                participant=draw(st.text(max_size=30)),
                after=draw(after),
                required=draw(st.booleans()),
                compensation=undone,
            )
        )
    return Definition("order", "1", steps=draw(st.permutations(steps)) if all_say(steps) else steps)


def all_say(steps: list[StepDefinition]) -> bool:
    """Whether they may be written in any order."""
    return all(step.after is not None for step in steps)


@pytest.mark.parametrize("frame", FRAMES)
@given(definition=described())
def test_properties(frame: Frame, definition: Definition) -> None:
    drawing = drawn(definition, frame)
    assert drawing == graph.lay_out(definition, frame)
    assert [each.step.name for each in drawing.boxes] == [step.name for step in definition.steps]
    for one, other in combinations(drawing.boxes, 2):
        assert one.right < other.x or other.right < one.x or one.foot < other.y or other.foot < one.y, (
            f"{one.step.name} covers {other.step.name}"
        )
    for each in drawing.boxes:
        assert 0 <= each.x <= each.right <= drawing.width
        assert 0 <= each.y <= each.foot <= drawing.height
        for line, _ in each.lines:
            assert words.width(line, frame.title) <= each.width
    waiting = {(other, name) for name, others in definition.predecessors.items() for other in others}
    assert {(edge.before, edge.after) for edge in drawing.edges} == waiting
    assert len(drawing.edges) == len(waiting)
    for edge in drawing.edges:
        check_way(edge, drawing)
    pivots = [step.title for step in definition.steps if step.kind == StepKind.PIVOT]
    assert sorted(title for line in drawing.lines for title in line.pivots) == sorted(pivots)


def check_way(edge: Edge, drawing: Drawing) -> None:
    """From one box to the other, always onwards, and through no box or band on the way."""
    before, after = box(drawing, edge.before), box(drawing, edge.after)
    along = 1 if drawing.frame.is_down else 0
    begin, end = edge.points[0], edge.points[-1]
    assert begin[along] == (before.bottom if drawing.frame.is_down else before.right)
    assert end[along] == (after.y if drawing.frame.is_down else after.x)
    assert len(edge.points) % 3 == 1
    ways = [point[along] for point in edge.points]
    assert ways == sorted(ways)
    for x, y in edge.points[1:-1]:
        for each in drawing.boxes:
            assert not (each.x < x < each.right and each.y < y < each.bottom), each.step.name
    for (x, y), (to_x, to_y) in pairwise(edge.points[::3]):
        if drawing.frame.is_down and x == to_x:
            # Straight pieces pass the bands, too.
            for each in drawing.boxes:
                if each.back:
                    left = min(point[0] for point in each.back.outline)
                    assert not (left < x < each.right and y < each.foot and to_y > each.bottom)
