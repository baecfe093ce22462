"""What is kept of a saga's events, as values, and as the text in which they are stored."""

from datetime import UTC, datetime, timedelta

import msgspec

from sagas.vocabulary import Kind

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
