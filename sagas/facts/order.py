"""When something was said, how often, and what is known to have come before what."""

from sagas.facts.model import Moment, Said, sequence_order

ANSWERS = ("completed", "failed", "timed_out")


def first(said: Said, *words: str) -> Moment | None:
    """The earliest moment at which any source said any of `words`."""
    return earliest(
        [
            Moment(source, phase.first)
            for word in words
            if word in said
            for source, phase in said[word].items()
        ]
    )


def last(said: Said, *words: str) -> Moment | None:
    """The latest moment at which any source said any of `words`."""
    return latest(
        [
            Moment(source, phase.newest)
            for word in words
            if word in said
            for source, phase in said[word].items()
        ]
    )


def earliest(moments: list[Moment]) -> Moment | None:
    """Within a source by its own order; of several sources the one whose first has the earlier time."""
    if len(moments) < 2:
        return moments[0] if moments else None
    return min(_one_a_source(moments, newest=False), key=when)


def latest(moments: list[Moment]) -> Moment | None:
    """Within a source by its own order; of several sources the one whose last has the later time."""
    if len(moments) < 2:
        return moments[0] if moments else None
    return max(_one_a_source(moments, newest=True), key=when)


def _one_a_source(moments: list[Moment], *, newest: bool) -> list[Moment]:
    """What `sequence` orders no clock does. Where nobody sends one, the times say the same."""
    for moment in moments:
        if moment.stamp.sequence:
            break
    else:
        return moments
    found: dict[str, Moment] = {}
    for moment in moments:
        known = found.get(moment.source)
        if known is None or (moment.stamp.order() > known.stamp.order()) is newest:
            found[moment.source] = moment
    return list(found.values())


def newest(said: Said) -> dict[str, Moment]:
    """Per word that was said, its latest moment: all of `last` at the price of one."""
    found: dict[str, Moment] = {}
    for word, by_source in said.items():
        if len(by_source) == 1:
            [(source, phase)] = by_source.items()
            found[word] = Moment(source, phase.last or phase.first)
        else:
            found[word] = max((Moment(source, phase.newest) for source, phase in by_source.items()), key=when)
    return found


def count(said: Said, word: str) -> int:
    return sum([phase.count for phase in said[word].values()]) if word in said else 0


def most(said: Said, word: str) -> int:
    """How often it was said by the source that said it most: two sources may tell of the same thing."""
    return max([phase.count for phase in said[word].values()]) if word in said else 0


def when(moment: Moment) -> tuple[int, str, str]:
    """By time; of equal ones source and id decide, so that any order of arrival agrees."""
    return moment.stamp.time, moment.source, moment.stamp.event_id


def precedes(one: Moment | None, other: Moment | None, skew: int) -> bool:
    """Whether `one` is known to have happened before `other`. `skew` in microseconds.

    Within a source its `sequence` decides, else its clock. Across sources a difference within the skew
    allowance proves nothing, and a time of receipt never does.
    """
    if one is None or other is None:
        return False
    a, b = one.stamp, other.stamp
    if one.source == other.source:
        mine, theirs = sequence_order(a.sequence), sequence_order(b.sequence)
        if mine[0] and mine[0] == theirs[0]:
            return mine < theirs
        return a.given and b.given and a.time < b.time
    return a.given and b.given and b.time - a.time > skew


def skewed(said: Said, skew: int) -> tuple[Moment, Moment] | None:
    """The only start that was told, and its answer, where by another clock that is clearly the older.

    Nothing else shows that the step began again: it is the clocks that disagree.
    """
    by_source = said.get("started")
    if by_source is None or len(by_source) > 1:
        return None
    [(source, phase)] = by_source.items()
    if phase.count > 1:
        return None
    for word in ANSWERS:
        if word in said and source in said[word]:
            # Whoever told both knows their order.
            return None
    started, answer = Moment(source, phase.first), first(said, *ANSWERS)
    if answer is None or (answer.stamp.attempt and phase.first.attempt > answer.stamp.attempt):
        return None
    return (started, answer) if precedes(answer, started, skew) else None
