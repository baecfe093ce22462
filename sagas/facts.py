"""What a saga's events say, merged: the smallest thing from which its state can be derived.

`merge` keeps, for each phase of each step execution and for each source, the first and the last event and
their count. First and last are taken by a total order, so merging is commutative and associative, and
with duplicates kept out by the store it does not matter in which order, or in how many batches, events
arrive. Times are whole microseconds since 1970 UTC.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from sagas.vocabulary import SAID_TO_AMENDS, Kind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


class Observed(msgspec.Struct, frozen=True, gc=False):
    """One event, as far as the fold needs it."""

    source: str
    event_id: str
    kind: Kind
    time: int
    time_given: bool = True  # False: `time` is the time of receipt, which proves no order
    step: str = ""
    execution: str = ""
    attempt: int = 0  # 0: not told
    sequence: str = ""
    deadline: int = 0  # `sagadeadline`; 0: none
    participant: str = ""  # whose key it came with
    version: str = ""  # `sagaversion`
    trace: str = ""  # `traceparent`
    error: str = ""  # what the payload gives as the reason of a failure
    keys: dict[str, str] = {}  # business keys that the definition finds in the payload
    display: dict[str, str] = {}
    values: dict[str, str] = {}  # what rules look at in the payload: path → JSON
    stake: str = ""  # likewise (sagas.stakes)
    ordinal: int = 0  # its number within its source and saga, where the definition says that there is one


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When and by which event something was said."""

    time: int
    event_id: str
    given: bool = True
    sequence: str = ""
    attempt: int = 0
    deadline: int = 0

    def order(self) -> tuple[tuple[int, int, str], int, str]:
        """A total order within one source: by `sequence`, else by time; the id breaks ties."""
        return sequence_order(self.sequence), self.time, self.event_id


def sequence_order(sequence: str) -> tuple[int, int, str]:
    """Numbers by value, other words by their letters (CloudEvents' sequence extension allows both)."""
    if not sequence:
        return 0, 0, ""
    if sequence.isascii() and sequence.isdigit():
        digits = sequence.lstrip("0")
        return 1, len(digits), digits
    return 2, 0, sequence


class Phase(msgspec.Struct, array_like=True, gc=False):
    """The first and last time one source said one thing, and how often. `last` is None for the first."""

    first: Stamp
    count: int = 1
    last: Stamp | None = None

    @property
    def newest(self) -> Stamp:
        return self.last or self.first

    def add(self, stamp: Stamp) -> None:
        self.count += 1
        newest = self.newest
        order = stamp.order()
        if order > newest.order():
            self.last = stamp
        elif order < self.first.order():
            self.first, self.last = stamp, newest


# Of each kind, whom it is about (saga, step, compensation, operator) and what it says of it.
WORDS = {kind: tuple(SAID_TO_AMENDS.get(kind, kind).value.split(".", maxsplit=1)) for kind in Kind}

# What was said (the word after the dot of the kind) → by which source → when.
Said = dict[str, dict[str, Phase]]


class Text(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """A word that the newest event gives; of equally new ones the greatest, so that any order agrees."""

    time: int
    value: str


class Birth(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """A business key in the event that started the saga."""

    value: str
    source: str
    event_id: str


class Span(msgspec.Struct, array_like=True, gc=False):
    """The numbers that one source gave its events of this saga: the lowest, the highest, how many."""

    lowest: int
    highest: int
    count: int = 1


class Execution(msgspec.Struct, omit_defaults=True, gc=False):
    forward: Said = {}
    back: Said = {}
    error: Text | None = None


class Facts(msgspec.Struct, omit_defaults=True, gc=False):
    """All that is kept of a saga's events. `steps`: step name → execution id ("" where none) → facts."""

    marks: Said = {}
    steps: dict[str, dict[str, Execution]] = {}
    participants: dict[str, str] = {}  # source → participant
    keys: dict[str, Text] = {}
    display: dict[str, Text] = {}
    values: dict[str, Text] = {}
    stake: Text | None = None
    version: Text | None = None
    trace: Text | None = None
    # Per business key the least and the greatest that any start of the saga named: two are one too many.
    births: dict[str, list[Birth]] = {}
    spans: dict[str, Span] = {}  # source → its numbers
    first: int = 0
    last: int = 0


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A stamp together with the source that set it: order and evidence need both."""

    source: str
    stamp: Stamp


_decoder = msgspec.json.Decoder(Facts)
_encoder = msgspec.json.Encoder()


def decode(text: str | bytes) -> Facts:
    return _decoder.decode(text)


def encode(facts: Facts) -> bytes:
    return _encoder.encode(facts)


def merge(facts: Facts, events: Iterable[Observed]) -> Facts:
    """Take distinct new events into `facts`, which is changed in place and returned."""
    for event in events:
        time = event.time
        if time < facts.first or not facts.first:
            facts.first = time
        if time > facts.last:
            facts.last = time
        if event.participant:
            known = facts.participants.get(event.source)
            if known is None or event.participant < known:
                facts.participants[event.source] = event.participant
        for name, value in event.keys.items():
            facts.keys[name] = _newest(facts.keys.get(name), event, value)
        for name, value in event.display.items():
            facts.display[name] = _newest(facts.display.get(name), event, value)
        for path, value in event.values.items():
            facts.values[path] = _newest(facts.values.get(path), event, value)
        if event.stake:
            facts.stake = _newest(facts.stake, event, event.stake)
        if event.version:
            facts.version = _newest(facts.version, event, event.version)
        if event.trace:
            facts.trace = _oldest(facts.trace, event, event.trace)
        if event.keys and event.kind is Kind.SAGA_STARTED:
            _bear(facts, event)
        if event.ordinal:
            _count(facts, event)
        _say(facts, event)
    return facts


def _say(facts: Facts, event: Observed) -> None:
    family, word = WORDS[event.kind]
    if family == "saga" or event.kind is Kind.OPERATOR_REPAIR_STARTED:
        said = facts.marks
    elif family == "operator":
        return
    else:
        executions = facts.steps.get(event.step)
        if executions is None:
            executions = facts.steps[event.step] = {}
        execution = executions.get(event.execution)
        if execution is None:
            execution = executions[event.execution] = Execution()
        said = execution.forward if family == "step" else execution.back
        if event.error:
            execution.error = _newest(execution.error, event, event.error)
    stamp = Stamp(event.time, event.event_id, event.time_given, event.sequence, event.attempt, event.deadline)
    by_source = said.get(word)
    if by_source is None:
        said[word] = {event.source: Phase(stamp)}
    elif event.source in by_source:
        by_source[event.source].add(stamp)
    else:
        by_source[event.source] = Phase(stamp)


def _bear(facts: Facts, event: Observed) -> None:
    for name, value in event.keys.items():
        # Of several that name one value the first stands for all, so that any order agrees.
        known = sorted([*facts.births.get(name, ()), Birth(value, event.source, event.event_id)])
        least, greatest = known[0], next(one for one in known if one.value == known[-1].value)
        facts.births[name] = [least] if least is greatest else [least, greatest]


def _count(facts: Facts, event: Observed) -> None:
    number = event.ordinal
    span = facts.spans.get(event.source)
    if span is None:
        facts.spans[event.source] = Span(number, number)
        return
    span.lowest, span.highest = min(span.lowest, number), max(span.highest, number)
    span.count += 1


def _newest(known: Text | None, event: Observed, value: str) -> Text:
    if known is not None and (event.time, value) <= (known.time, known.value):
        return known
    return Text(event.time, value)


def _oldest(known: Text | None, event: Observed, value: str) -> Text:
    if known is not None and (event.time, value) >= (known.time, known.value):
        return known
    return Text(event.time, value)


def first(said: Said, *words: str) -> Moment | None:
    """The earliest moment at which any source said any of `words`."""
    if not said:
        return None
    found: Moment | None = None
    for word in words:
        by_source = said.get(word)
        if by_source is None:
            continue
        for source, phase in by_source.items():
            moment = Moment(source, phase.first)
            if found is None or _when(moment) < _when(found):
                found = moment
    return found


def last(said: Said, *words: str) -> Moment | None:
    """The latest moment at which any source said any of `words`."""
    if not said:
        return None
    found: Moment | None = None
    for word in words:
        by_source = said.get(word)
        if by_source is None:
            continue
        for source, phase in by_source.items():
            moment = Moment(source, phase.newest)
            if found is None or _when(moment) > _when(found):
                found = moment
    return found


def newest(said: Said) -> dict[str, Moment]:
    """Per word that was said, its latest moment: all of `last` at the price of one."""
    found: dict[str, Moment] = {}
    for word, by_source in said.items():
        if len(by_source) == 1:
            [(source, phase)] = by_source.items()
            found[word] = Moment(source, phase.last or phase.first)
        else:
            found[word] = max(
                (Moment(source, phase.newest) for source, phase in by_source.items()), key=_when
            )
    return found


def count(said: Said, word: str) -> int:
    return sum([phase.count for phase in said[word].values()]) if word in said else 0


def most(said: Said, word: str) -> int:
    """How often it was said by the source that said it most: two sources may tell of the same thing."""
    return max([phase.count for phase in said[word].values()]) if word in said else 0


def _when(moment: Moment) -> tuple[int, str, str]:
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
