"""Where everything of a saga's timeline stands (pure: it draws nothing, a template does).

Nothing leaves the frame, and nothing within one row of a lane overlaps, labels included.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from sagas import facts
from sagas.facts import Observed
from sagas.fold import State
from sagas.timeline import scale as scales
from sagas.timeline import words
from sagas.timeline.rows import Filler
from sagas.timeline.scale import Fold, Scale, Tick
from sagas.timeline.shapes import WIDE, Arrow, Bar, Break, Frame, Label, Lane, Mode, Timeline
from sagas.timeline.spans import Sort, Span
from sagas.timeline.told import Told, tell

# What is expected stands this far right of now, each a little further than the one before it.
EXPECTED_GAP = 24.0
EXPECTED_STAGGER = 12.0
EXPECTED_SHARE = 0.36
# A break says how long it is where so many tick distances lie between its ends.
ROOM_TO_SAY = 1.9


def lay_out(
    state: State,
    events: Iterable[Observed],
    now: datetime,
    *,
    mode: Mode = Mode.FIT,
    frame: Frame = WIDE,
    zone: tzinfo = UTC,
) -> Timeline:
    """`events` in any order, or only the newest of them; `zone` is the reader's, for times on the axis."""
    at = facts.microseconds(now)
    told = tell(state, events, at)
    goes_on = not state.is_over or any(span.is_open for span in told.spans)
    ghosts, ghosts_width = _ghosts(told, frame)
    left, right = frame.gutter + 8, frame.width - frame.margin - ghosts_width
    times = _times(state, told, at, goes_on, mode)
    if mode == Mode.SCALE:
        scale = scales.linear(times, left, right)
    else:
        busy = [(span.start, span.end) for span in told.spans if span.is_at_work]
        scale = scales.fitted(times, left, right, busy=busy, now=at)
    filler = Filler(told, scale, frame, zone, at, ghosts)
    lanes = _lanes(state, told, frame)
    top = frame.axis
    for lane in lanes:
        lane.top = top
        filler.fill(lane)
        lane.heading.y = top + (15 if frame.head else frame.pad + 9)
        lane.about.y = lane.heading.y + (0 if frame.head else 16)
        top = lane.bottom
    deadline = filler.saga_deadline(state, top) if goes_on else None
    return Timeline(
        mode=mode,
        frame=frame,
        height=top + (20 if deadline else 2),
        lanes=lanes,
        arrows=_arrows(lanes),
        ticks=_ticks(scale, frame, zone, mode, at if goes_on else None),
        breaks=[_break(fold, frame) for fold in scale.folds],
        now=scale.x(at) if goes_on else None,
        deadline=deadline,
        expected=[span.title for span in told.spans if span.is_expected],
        sentences=words.sentences(told, at),
    )


def _times(state: State, told: Told, now: int, goes_on: bool, mode: Mode) -> list[int]:
    """All that must lie on the axis; one time at least."""
    spans = [span for span in told.spans if not span.is_expected]
    times = [time for span in spans for time in (span.start, span.end, *span.tries)]
    times += [mark.time for mark in told.marks]
    if goes_on:
        times.append(now)
    if not times:
        times.append(state.first or now)
    deadlines = [span.deadline for span in spans if span.deadline is not None]
    begin, end = min(times), max(times)
    # To scale, what is still far ahead would leave no room for what has been.
    most = end + (end - begin) // 2 if mode == Mode.SCALE else max([end, *deadlines])
    return times + [deadline for deadline in deadlines if begin <= deadline <= most]


def _ticks(scale: Scale, frame: Frame, zone: tzinfo, mode: Mode, now: int | None) -> list[Tick]:
    origin = scale.times[0] if mode == Mode.RELATIVE else None
    found = scales.ticks(scale, frame.tick_distance, zone, origin=origin)
    if now is not None:
        # "now" keeps its place free; what is expected stands right of it, without times.
        x = scale.x(now)
        found = [tick for tick in found if abs(tick.x - x) >= frame.tick_distance * 0.7]
        found = sorted([*found, Tick(x, now, "now")], key=lambda tick: tick.x)
    half, last = frame.tick_distance / 2, frame.width - frame.margin
    return [
        replace(tick, anchor="end" if tick.x + half > last else "start" if tick.x < half else "middle")
        for tick in found
    ]


def _break(fold: Fold, frame: Frame) -> Break:
    length = scales.duration(fold.end - fold.start)
    has_room = fold.right - fold.left >= frame.tick_distance * ROOM_TO_SAY
    return Break(fold.middle, f"{length} shown shorter than they were", length if has_room else "")


def _lanes(state: State, told: Told, frame: Frame) -> list[Lane]:
    """In the order of the steps; who only speaks of the whole saga comes first, people come last."""
    kinds: dict[str, list[str]] = {}
    order: dict[str, tuple[int, int]] = {}
    of_step = {span.step: span.participant for span in reversed(told.spans)}
    for place, step in enumerate(state.steps):
        if step.name not in of_step:
            continue
        name = of_step[step.name]
        order.setdefault(name, (1, place))
        several = kinds.setdefault(name, [])
        if step.kind and step.kind.value not in several:
            several.append(step.kind.value)
    for mark in told.marks:
        order.setdefault(mark.participant, (0 if mark.participant else 2, mark.time))
    lanes = []
    for name in sorted(order, key=lambda name: (order[name], name)):
        if name in told.orchestrators:
            note = "orchestrator"
        else:
            note = ", ".join(kinds.get(name, [])) if name else "in Amends"
        lanes.append(_lane(name, note, frame, told.folded.get(name, 0)))
    return lanes


def _lane(name: str, note: str, frame: Frame, folded: int) -> Lane:
    """Its labels hold no places in height yet: those follow once its top is known."""
    title = name or "people"
    room = frame.width - frame.margin if frame.head else frame.gutter - 10
    heading = words.shorten(title, room * (0.6 if frame.head else 1), frame.name)
    begin = words.width(heading, frame.name) + 8 if frame.head else 0.0
    about = words.shorten(note, room - begin, frame.text)
    left = frame.gutter if frame.head else 0.0
    return Lane(
        name,
        title,
        note,
        Label(heading, left, words.width(heading, frame.name), is_inside=True),
        Label(about, left + begin, words.width(about, frame.text), is_inside=True),
        folded=folded,
    )


def _ghosts(told: Told, frame: Frame) -> tuple[dict[Span, Bar], float]:
    """Bars of what has not come yet, placed right of the axis, and the room that they take there."""
    spans = [span for span in told.spans if span.is_expected and frame.has_ghosts]
    if not spans:
        return {}, 0.0
    most = (frame.width - frame.gutter) * EXPECTED_SHARE
    stagger = min(EXPECTED_STAGGER, most / 3 / len(spans))
    bars = {}
    for place, span in enumerate(spans):
        x = EXPECTED_GAP + place * stagger
        wide = min(words.width(span.title, frame.text) + 18, most - x)
        text = words.shorten(span.title, wide - 16, frame.text)
        label = Label(text, x + 8, wide - 16, is_inside=True)
        bars[span] = Bar(span, "undo" if span.is_back else "quiet", words.sentence(span, 0), x, wide, label)
    room = max(bar.right for bar in bars.values())
    for bar in bars.values():
        bar.x += frame.width - frame.margin - room
        bar.label.x += frame.width - frame.margin - room
    return bars, room


def _arrows(lanes: Iterable[Lane]) -> list[Arrow]:
    """To each step from its newest compensation; one that names no known execution is of the newest drawn."""
    found = []
    for lane in lanes:
        forward = sorted((bar for bar in lane.bars if bar.span.sort == Sort.FORWARD), key=_by_start)
        newest: dict[int, tuple[Bar, Bar]] = {}
        for bar in sorted((bar for bar in lane.bars if bar.span.sort == Sort.BACK), key=_by_start):
            same = [other for other in forward if other.span.step == bar.span.step]
            exact = [other for other in same if other.span.execution == bar.span.execution]
            if same:
                undone = (exact or same)[-1]
                newest[id(undone)] = (bar, undone)
        found += [_arrow(bar, undone) for bar, undone in newest.values()]
    return found


def _by_start(bar: Bar) -> tuple[int, float]:
    return bar.span.start, bar.x


def _arrow(back: Bar, forward: Bar) -> Arrow:
    """Out of the compensation, from its top where a label stands beside it, and from below into the step."""
    end_x = forward.x + min(forward.width * 0.7, max(forward.width - 6, forward.width / 2))
    end = (end_x, forward.bottom + 3)
    is_free = back.label.x > back.x
    if back.x - 8 > end_x and is_free:
        reach = (back.x - end_x) * 0.55
        bend = (back.x - reach, back.middle + 8)
        return Arrow(((back.x - 1, back.middle), bend, (end_x + reach * 0.2, back.middle + 4), end))
    begin = (min(max(end_x, back.x + 2), back.right - 2), back.y - 1)
    bend_y = (begin[1] + end[1]) / 2 if abs(begin[0] - end_x) < 8 else end[1] + 6
    return Arrow((begin, (begin[0], bend_y), (end_x, bend_y + 4), end))
