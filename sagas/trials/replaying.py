"""One saga as it would have been seen with another definition, from its first event to now. Pure.

Judging it as it stands now would miss what was wrong only for a while: a step that took twice its new
deadline and then completed. So its events are taken in the order in which they were received, and it is
judged at the end of each pause between them, as the sweep would have. Only what depends on other sagas is
judged as of now alone, as nobody kept how those stood at the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sagas import facts, fold
from sagas.definitions import Definition
from sagas.detection import beyond, judge
from sagas.detection.sight import Sight
from sagas.detection.verdict import Verdict
from sagas.facts import SECOND, Facts
from sagas.fold import State
from sagas.trials.recorded import Arrival, Recorded
from sagas.vocabulary import Code

# The sweep comes round once a second: what was over sooner, it has not seen.
SWEEP = SECOND
# Pauses in which a saga is judged, the longest ones: a saga with thousands of events is not judged as often.
MOST_PAUSES = 50


@dataclass(frozen=True, slots=True)
class Replayed:
    """Where the saga stands now, what is wrong with it, and what was wrong at any time, now included."""

    state: State
    now: list[Verdict]
    ever: dict[tuple[Code, str], Verdict]


def replay(saga: Recorded, linked: Sequence[Sight], definition: Definition, now: int) -> Replayed:
    """`linked`: the sagas that share a business key with it. `now` in microseconds, after all arrivals."""
    ordered = sorted(saga.arrivals, key=lambda arrival: arrival.at)
    known = Facts()
    ever: dict[tuple[Code, str], Verdict] = {}
    begin = 0
    for end in _pauses(ordered):
        facts.merge(known, (arrival.event for arrival in ordered[begin:end]))
        begin = end
        mine = _sight(saga, known, definition, ordered[end].at - SWEEP)
        for verdict in _judge(mine, definition, ordered[end].at - SWEEP, None):
            ever.setdefault((verdict.code, verdict.step), verdict)
    facts.merge(known, (arrival.event for arrival in ordered[begin:]))
    mine = _sight(saga, known, definition, now)
    found = _judge(mine, definition, now, linked)
    for verdict in found:
        ever.setdefault((verdict.code, verdict.step), verdict)
    return Replayed(mine.state, found, ever)


def _sight(saga: Recorded, known: Facts, definition: Definition, at: int) -> Sight:
    state = fold.derive(known, definition, facts.moment(at))
    return Sight(definition.type, saga.saga_id, known, state, definition)


def _judge(mine: Sight, definition: Definition, at: int, linked: Sequence[Sight] | None) -> list[Verdict]:
    prospects = judge.prospects(mine.state, definition)
    if definition.looks_beyond:
        prospects += beyond.prospects(mine, linked)
    return judge.holding(prospects, at)


def _pauses(ordered: Sequence[Arrival]) -> list[int]:
    """Before which arrivals the sweep would have come round, in order."""
    pauses = [
        (ordered[place].at - ordered[place - 1].at, place)
        for place in range(1, len(ordered))
        if ordered[place].at - ordered[place - 1].at >= SWEEP
    ]
    return sorted(place for _, place in sorted(pauses, reverse=True)[:MOST_PAUSES])
