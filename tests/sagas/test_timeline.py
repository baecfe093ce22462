"""The timeline: tables for what is shown, properties for how it lies."""

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import definitions, facts, fold, timeline
from sagas.facts import Facts, Observed
from sagas.fold import SECOND
from sagas.timeline import NARROW, WIDE, Frame, Mode, Timeline
from sagas.timeline.rows import GAP, MOST_PER_LANE
from sagas.timeline.scale import DAY, HOUR, MINUTE, duration, fitted, linear, ticks
from sagas.timeline.shapes import Bar, Lane, Point
from sagas.timeline.spans import Sort
from sagas.timeline.told import MOST_MARKS, MOST_PER_STEP
from sagas.timeline.words import shorten, width
from sagas.vocabulary import Kind, StepState
from tests.sagas.saying import START, say

DEFINITION = definitions.parse(
    """
type: order
version: "1"
deadline: 10m
steps:
  - {name: reserve, title: reserve stock, kind: compensatable, participant: inventory, deadline: 30s,
     compensation: {title: release stock, request: POST /release, deadline: 30s}}
  - {name: charge, title: charge card, kind: compensatable, participant: payment, deadline: 30s,
     compensation: {title: refund card, request: POST /refund, deadline: 30s}}
  - {name: ship, title: ship parcel, kind: pivot, participant: shipping, deadline: 30s}
  - {name: finalise, title: finalise payment, kind: retriable, participant: payment}
""",
    "order.yaml",
)


def drawn(
    words: str | list[Observed],
    *,
    after: float = 1,
    definition: definitions.Definition | None = DEFINITION,
    mode: Mode = Mode.FIT,
    frame: Frame = WIDE,
) -> Timeline:
    """The timeline of a saga spelt as in `saying`, `after` seconds past its last event."""
    events = say(words) if isinstance(words, str) else words
    now = facts.moment(max(event.time for event in events)) + timedelta(seconds=after)
    state = fold.derive(facts.merge(Facts(), events), definition, now)
    return timeline.lay_out(state, events, now, mode=mode, frame=frame)


def bars(drawing: Timeline) -> list[Bar]:
    return [bar for lane in drawing.lanes for bar in lane.bars]


def labels(drawing: Timeline) -> list[str]:
    return [bar.label.text for bar in bars(drawing) if not bar.span.is_expected]


def lane(drawing: Timeline, name: str) -> Lane:
    return next(lane for lane in drawing.lanes if lane.name == name)


@pytest.mark.parametrize(
    ("words", "after", "expected"),
    [
        ("reserve:S reserve:C", 1, ["reserve stock 10 s"]),
        ("reserve:C", 1, ["reserve stock"]),
        ("reserve:S reserve:R reserve:C", 1, ["reserve stock 20 s · 2 attempts"]),
        ("reserve:S reserve:F", 1, ["reserve stock · failed"]),
        ("reserve:S reserve:R reserve:R reserve:F", 1, ["reserve stock · failed · 2 attempts"]),
        ("reserve:S", 4, ["reserve stock · running for 4 s"]),
        ("reserve:S", 960, ["reserve stock · no answer for 16 min"]),
        ("reserve:S reserve:R", 3600, ["reserve stock · overdue, 1 h 00 min"]),
        ("reserve:S reserve:T", 1, ["reserve stock · timed out, outcome unknown"]),
        ("reserve:S reserve:T reserve:C", 1, ["reserve stock 20 s"]),
        ("reserve:N", 1, ["reserve stock · skipped"]),
        ("reserve:S reserve:F reserve:S reserve:C", 1, ["reserve stock · failed", "reserve stock 10 s"]),
        ("reserve:S reserve:C reserve:KS reserve:K+", 1, ["reserve stock 10 s", "release stock"]),
        ("reserve:C reserve:K+", 1, ["reserve stock", "release stock"]),
        ("reserve:C reserve:KS", 5, ["reserve stock", "release stock · running for 5 s"]),
        ("reserve:C reserve:KS", 50, ["reserve stock", "release stock · not confirmed for 50 s"]),
        ("reserve:C reserve:KS reserve:K-", 5, ["reserve stock", "release stock · failed"]),
        ("reserve:KS reserve:K+", 5, ["release stock"]),  # an empty rollback
    ],
)
def test_what_bars_say(words: str, after: float, expected: list[str]) -> None:
    assert labels(drawn(words, after=after)) == expected


def test_a_step_that_nobody_described_is_called_by_its_name() -> None:
    drawing = drawn("pack:S pack:C pack:K+", definition=None)
    assert labels(drawing) == ["pack 10 s", "undo pack"]


def test_lanes_stand_in_the_order_of_the_definition_and_the_orchestrator_first() -> None:
    drawing = drawn("saga.started charge:S reserve:S reserve:C charge:C saga.compensating")
    assert [(lane.title, lane.note) for lane in drawing.lanes] == [
        ("engine", "orchestrator"),
        ("inventory", "compensatable"),
        ("payment", "compensatable"),
    ]


def test_a_lane_names_every_kind_of_its_steps() -> None:
    drawing = drawn("reserve:S reserve:C charge:S charge:C ship:S ship:C finalise:S")
    assert lane(drawing, "payment").note == "compensatable, retriable"


def test_an_open_bar_reaches_now_and_is_in_doubt_once_its_deadline_passed() -> None:
    running, late = (bars(drawn("reserve:S", after=after))[0] for after in (5, 50))
    assert running.span.is_open and not running.span.is_late and running.tone == "info"
    assert late.span.is_late and late.tone == "doubt"
    assert late.right == pytest.approx(drawn("reserve:S", after=50).now)


def test_the_deadline_of_what_is_open_is_marked() -> None:
    drawing = drawn("reserve:S", after=50)
    (deadline,) = lane(drawing, "inventory").deadlines
    assert deadline.label.text == "deadline 30 s" and deadline.is_past
    assert bars(drawing)[0].x < deadline.x < bars(drawing)[0].right
    assert not drawn("reserve:S reserve:C").lanes[0].deadlines


def test_the_deadline_of_the_saga_is_marked_once_it_passed() -> None:
    assert drawn("reserve:S", after=500).deadline is None
    late = drawn("reserve:S", after=700).deadline
    assert late and late.label.text == "saga deadline 10 min"


def test_a_deadline_far_ahead_leaves_room_for_what_has_been() -> None:
    drawing = drawn("reserve:S", after=1)
    (deadline,) = lane(drawing, "inventory").deadlines
    assert not deadline.is_past
    assert drawing.now < deadline.x
    assert bars(drawing)[0].width > 400
    assert drawing.breaks, "the stretch ahead is not to scale, and says so"


def test_the_arrow_leads_from_the_compensation_to_the_step() -> None:
    drawing = drawn("reserve:S reserve:C charge:S charge:F reserve:KS reserve:K+")
    (arrow,) = drawing.arrows
    step, back = lane(drawing, "inventory").bars[0], lane(drawing, "inventory").bars[1]
    assert (step.span.sort, back.span.sort) == (Sort.FORWARD, Sort.BACK)
    assert back.row > step.row
    begin, _, _, end = arrow.points
    assert begin == (pytest.approx(back.x, abs=2), back.middle)
    assert step.x <= end[0] <= step.right and end[1] > step.bottom


def test_a_compensation_before_its_step_by_another_clock_is_drawn_and_points_to_it() -> None:
    events = say("reserve:KS reserve:K+ reserve:S reserve:C")
    drawing = drawn(events)
    assert {bar.span.sort for bar in bars(drawing)} >= {Sort.FORWARD, Sort.BACK}
    begin, _, _, end = drawing.arrows[0].points
    assert begin[0] < end[0]


def test_steps_that_have_not_come_are_ghosted_right_of_now() -> None:
    drawing = drawn("reserve:S")
    ghosts = [bar for bar in bars(drawing) if bar.span.is_expected]
    assert [bar.span.step for bar in sorted(ghosts, key=lambda bar: bar.x)] == ["charge", "ship", "finalise"]
    assert all(bar.x > drawing.now for bar in ghosts)


def test_once_it_goes_back_compensations_are_expected_and_no_steps() -> None:
    drawing = drawn("reserve:S reserve:C charge:S charge:C ship:S ship:F charge:KS")
    ghosts = [bar for bar in bars(drawing) if bar.span.is_expected]
    assert [(bar.span.sort, bar.span.title) for bar in ghosts] == [(Sort.EXPECTED_BACK, "release stock")]


def test_nothing_is_expected_of_a_saga_that_is_over() -> None:
    drawing = drawn("reserve:S reserve:F saga.failed")
    assert drawing.now is None
    assert not [bar for bar in bars(drawing) if bar.span.is_expected]


def test_what_people_did_has_a_lane_of_its_own_and_what_they_settled_is_drawn_as_a_bar() -> None:
    events = say("reserve:S reserve:C charge:F operator.repair_started")
    told = Observed(
        "amends", "R-1/answer", Kind.OPERATOR_COMPENSATION_COMPLETED, START + 60 * SECOND, True, "reserve"
    )
    drawing = drawn([*events, told])
    people = lane(drawing, "")
    assert drawing.lanes[-1] is people and people.title == "people"
    assert [point.label.text for point in people.points] == ["repair started"]
    back = next(bar for bar in bars(drawing) if bar.span.sort == Sort.BACK)
    assert back.span.is_told_here and back.span.outcome == StepState.COMPENSATED


def test_a_late_witness_does_not_open_a_step_again() -> None:
    """Clocks disagree: the orchestrator says that the step began after it was finished."""
    done = Observed("payment", "1", Kind.STEP_COMPLETED, START, True, "charge", participant="payment")
    asked = Observed("order", "2", Kind.STEP_STARTED, START + SECOND, True, "charge", participant="order")
    (bar,) = [bar for bar in bars(drawn([done, asked])) if not bar.span.is_expected]
    assert bar.span.outcome == StepState.COMPLETED and not bar.span.is_open


def test_two_witnesses_of_one_result_make_one_bar() -> None:
    events = say("charge:S charge:C")
    again = Observed("order", "9", Kind.STEP_COMPLETED, START + 10 * SECOND + 5000, True, "charge")
    assert labels(drawn([*events, again])) == ["charge card 10 s"]


def test_executions_of_a_loop_are_capped_and_the_rest_is_counted() -> None:
    words = " ".join(f"pack#{n}:S pack#{n}:C" for n in range(100)) + " pack#100:S"
    drawing = drawn(words, definition=None)
    assert len(bars(drawing)) == MOST_PER_STEP
    assert drawing.folded == 101 - MOST_PER_STEP
    assert any(bar.span.is_open for bar in bars(drawing)), "what still runs is shown"


def test_many_steps_and_marks_are_capped_too() -> None:
    steps = " ".join(f"s{n}:S s{n}:C" for n in range(120))
    notes = " ".join(["saga.note"] * 100)
    events = say(f"{steps} {notes}", source="engine")
    drawing = drawn(events, definition=None)
    (only,) = drawing.lanes
    assert (len(only.bars), len(only.points)) == (MOST_PER_LANE, MOST_MARKS)
    assert only.folded == 120 - MOST_PER_LANE + 100 - MOST_MARKS


def test_one_event_is_a_timeline() -> None:
    drawing = drawn("saga.started", definition=None, after=0)
    assert [point.label.text for point in drawing.lanes[0].points] == ["started"]
    assert drawing.ticks[-1].label == "now"


def test_events_from_a_clock_that_is_ahead_are_drawn() -> None:
    events = say("reserve:S reserve:R charge:S charge:C")
    now = facts.moment(START - 60 * SECOND)
    drawing = timeline.lay_out(fold.derive(facts.merge(Facts(), events), None, now), events, now)
    assert drawing.now is not None and len(bars(drawing)) == 2


def test_a_saga_without_events_is_an_empty_timeline() -> None:
    now = facts.moment(START)
    drawing = timeline.lay_out(fold.derive(Facts(), None, now), [], now)
    assert (drawing.lanes, drawing.arrows) == ([], [])


def test_times_of_receipt_are_told_as_such() -> None:
    event = Observed("payment", "1", Kind.STEP_COMPLETED, START, False, "charge", participant="payment")
    drawing = drawn([event])
    assert "time of receipt" in drawing.sentences[0].text


def test_sentences_tell_everything_in_order_and_what_is_expected_last() -> None:
    drawing = drawn("saga.started reserve:S reserve:C charge:S charge:F reserve:KS reserve:K+ charge:S")
    assert len(drawing.sentences) == len(bars(drawing)) + 1
    times = [sentence.time for sentence in drawing.sentences if sentence.time]
    assert times == sorted(times)
    assert drawing.sentences[0].text == "started"
    assert "release stock, after 10 s (compensation)" in [one.text for one in drawing.sentences]


def test_on_a_narrow_page_labels_stand_above_their_bars_and_what_is_expected_is_only_named() -> None:
    drawing = drawn("reserve:S", after=960, frame=NARROW)
    (bar,) = bars(drawing)
    assert bar.label.text == "reserve stock · no answer for 16 min"
    assert bar.label.y < bar.y
    assert drawing.expected == ["charge card", "ship parcel", "finalise payment"]


def test_long_idle_time_is_folded_and_the_rest_stays_to_scale() -> None:
    times = [0, 3, 5, 10, 3600]
    scale = fitted([time * SECOND for time in times], 0, 1000)
    assert [(fold.start, fold.end) for fold in scale.folds] == [(10 * SECOND, 3600 * SECOND)]
    places = [scale.x(time * SECOND) for time in times]
    assert (places[1] - places[0]) / 3 == pytest.approx((places[2] - places[1]) / 2)
    assert places[3] > 700


def test_time_in_which_a_step_is_at_work_is_folded_more_reluctantly() -> None:
    times = [0, 3 * SECOND, 5 * SECOND, 15 * SECOND]
    assert fitted(times, 0, 1000).folds
    assert not fitted(times, 0, 1000, busy=[(5 * SECOND, 15 * SECOND)]).folds
    assert fitted([*times[:3], HOUR], 0, 1000, busy=[(5 * SECOND, HOUR)]).folds


def test_gaps_alike_are_folded_together() -> None:
    times = [0, 2 * SECOND, 3 * SECOND, 1500 * SECOND, 1501 * SECOND, 3000 * SECOND]
    assert len(fitted(times, 0, 1000).folds) == 2


def test_waiting_that_a_repair_ended_is_folded_as_waiting() -> None:
    events = say("reserve:S reserve:C charge:S")
    answer = Kind.OPERATOR_STEP_COMPLETED
    told = Observed("amends", "R-1/answer", answer, START + 900 * SECOND, True, "charge")
    assert drawn([*events, told]).breaks


def test_one_long_bar_beside_a_short_one_is_not_folded_but_a_very_long_one_is() -> None:
    assert not fitted([0, SECOND, 11 * SECOND], 0, 1000).folds
    assert fitted([0, SECOND, HOUR], 0, 1000).folds


def test_to_scale_nothing_is_folded() -> None:
    drawing = drawn("reserve:S", after=3600, mode=Mode.SCALE)
    assert not drawing.breaks


def test_ticks_tell_the_time_of_the_reader_and_shorten_within_a_minute() -> None:
    begin = facts.microseconds(datetime(2026, 3, 2, 10, 1, 52, tzinfo=UTC))
    scale = linear([begin, begin + 20 * SECOND], 0, 400)
    assert [tick.label for tick in ticks(scale, 90, UTC)] == ["10:01:52", "10:02:00", ":05", ":12"]
    found = [tick.label for tick in ticks(scale, 90, ZoneInfo("Europe/Berlin"))]
    assert found[0] == "11:01:52"
    assert all(label.startswith((":", "11:0")) for label in found)


def test_ticks_of_another_day_name_it() -> None:
    begin = facts.microseconds(datetime(2026, 3, 2, 23, 59, 0, tzinfo=UTC))
    found = [tick.label for tick in ticks(linear([begin, begin + DAY], 0, 800), 90, UTC)]
    assert found[0] == "Mar 2 23:59" and "Mar 3" in " ".join(found)


def test_relative_ticks_count_from_the_beginning() -> None:
    found = drawn("reserve:S reserve:C charge:S charge:C", mode=Mode.RELATIVE).ticks
    assert found[0].label == "+0 s" and found[-1].label == "now"
    assert "+10 s" in [tick.label for tick in found]


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0 s"),
        (850_000, "850 ms"),
        (4_500_000, "4.5 s"),
        (30 * SECOND, "30 s"),
        (45 * SECOND + 900_000, "45 s"),
        (MINUTE + 5 * SECOND, "65 s"),
        (4 * MINUTE + 31 * SECOND, "4 min 31 s"),
        (16 * MINUTE + 9 * SECOND, "16 min"),
        (2 * HOUR + 4 * MINUTE, "2 h 04 min"),
        (3 * DAY + 4 * HOUR, "3 d 4 h"),
        (-5 * SECOND, "−5 s"),
    ],
)
def test_durations(microseconds: int, text: str) -> None:
    assert duration(microseconds) == text


def test_words_are_shortened_to_their_room() -> None:
    assert shorten("ship parcel", 500, 12) == "ship parcel"
    short = shorten("ship parcel to the customer", 90, 12)
    assert short.endswith("…") and width(short, 12) <= 90
    assert shorten("ship parcel", 3, 12) == ""


# ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────

STEPS = ["reserve", "charge", "ship", "finalise", "pack", "weigh the very long parcel of the customer"]
KINDS = list(Kind)


@st.composite
def histories(draw: st.DrawFn) -> list[Observed]:
    """Any events in any order, with clocks that disagree, times far apart, and loops."""
    spread = draw(st.sampled_from([1, 1_000, SECOND, MINUTE, DAY, 400 * DAY]))
    count = draw(st.integers(1, 60))
    rng = random.Random(draw(st.integers(0, 2**32)))
    events = []
    for place in range(count):
        kind = rng.choice(KINDS)
        has_step = kind.needs_step or (kind.family == "operator" and rng.random() < 0.7)
        has_step = has_step or kind in {
            Kind.OPERATOR_STEP_COMPLETED,
            Kind.OPERATOR_STEP_FAILED,
            Kind.OPERATOR_COMPENSATION_COMPLETED,
        }
        source = "amends" if kind.family == "operator" else rng.choice(["order", "payment", "ünïcødé ✦"])
        events.append(
            Observed(
                source=source,
                event_id=str(place),
                kind=kind,
                time=START + rng.randint(0, spread) * rng.choice([1, 1, 1000]),
                time_given=rng.random() < 0.9,
                step=rng.choice(STEPS) if has_step else "",
                execution=rng.choice(["", "", "1", "2"]),
                attempt=rng.choice([0, 0, 1, 7]),
                deadline=START + spread if rng.random() < 0.1 else 0,
                participant="" if source == "amends" else source,
            )
        )
    return events


cases = given(
    events=histories(),
    after=st.sampled_from([0.0, 0.5, 60.0, 1e6]),
    definition=st.sampled_from([None, DEFINITION]),
    mode=st.sampled_from(list(Mode)),
    frame=st.sampled_from([WIDE, NARROW]),
)


@cases
def test_everything_lies_inside_the_frame(events, after, definition, mode, frame) -> None:
    drawing = drawn(events, after=after, definition=definition, mode=mode, frame=frame)
    edge = 0.01
    for bar in bars(drawing):
        assert frame.gutter - edge <= bar.x and bar.right <= frame.width + edge
        assert bar.y >= 0 and bar.bottom <= drawing.height
        assert frame.gutter - edge <= bar.label.x and bar.label.right <= frame.width + edge
        if bar.label.is_inside and bar.label.text:
            assert bar.x <= bar.label.x and bar.label.right <= bar.right + edge
        assert all(bar.x - edge <= x <= bar.right + edge for x in bar.tries)
    for point in points(drawing):
        assert frame.gutter - edge <= point.x <= frame.width + edge
        assert frame.gutter - edge <= point.label.x and point.label.right <= frame.width + edge
    for found in drawing.lanes:
        for deadline in found.deadlines:
            assert frame.gutter <= deadline.x <= frame.width
            assert frame.gutter - edge <= deadline.label.x and deadline.label.right <= frame.width + edge


@cases
def test_nothing_overlaps_in_a_row_and_lanes_follow_each_other(
    events, after, definition, mode, frame
) -> None:
    drawing = drawn(events, after=after, definition=definition, mode=mode, frame=frame)
    for found in drawing.lanes:
        rows: dict[int, list[tuple[float, float]]] = {}
        for bar in found.bars:
            rows.setdefault(bar.row, []).append(extent(bar, bar.x, bar.right))
            assert found.top <= bar.y and bar.bottom <= found.bottom
        for point in found.points:
            rows.setdefault(point.row, []).append(extent(point, point.x - 5, point.x + 5))
        for row in rows.values():
            for one, other in combinations(row, 2):
                assert one[1] + GAP <= other[0] + 0.01 or other[1] + GAP <= one[0] + 0.01
    for above, below in pairwise(drawing.lanes):
        assert above.bottom == below.top
    assert drawing.height >= max((found.bottom for found in drawing.lanes), default=0)


@cases
def test_ticks_rise_and_keep_their_distance(events, after, definition, mode, frame) -> None:
    drawing = drawn(events, after=after, definition=definition, mode=mode, frame=frame)
    assert drawing.ticks
    for before, tick in pairwise(drawing.ticks):
        assert before.time <= tick.time
        assert tick.x - before.x >= frame.tick_distance * 0.7 - 0.01


@cases
def test_the_order_of_arrival_changes_nothing(events, after, definition, mode, frame) -> None:
    shuffled = random.Random(7).sample(events, len(events))
    assert drawn(events, after=after, definition=definition, mode=mode, frame=frame) == drawn(
        shuffled, after=after, definition=definition, mode=mode, frame=frame
    )


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=80), st.integers(0, 10**15))
def test_later_is_never_further_left(times: list[int], other: int) -> None:
    for scale in (fitted(times, 10, 900), linear(times, 10, 900)):
        places = [scale.x(time) for time in sorted([*times, other])]
        assert places == sorted(places)
        assert all(10 <= place <= 900 for place in places)


def test_five_hundred_events_are_laid_out_quickly() -> None:
    words = " ".join(f"s{n % 40}#{n}:S s{n % 40}#{n}:C" for n in range(250))
    events = say(words)
    drawing = drawn(events, definition=None)
    assert len(drawing.lanes) == 40


def extent(item: Bar | Point, left: float, right: float) -> tuple[float, float]:
    if not item.label.text:
        return left, right
    return min(left, item.label.x), max(right, item.label.right)


def points(drawing: Timeline) -> list[Point]:
    return [point for found in drawing.lanes for point in found.points]
