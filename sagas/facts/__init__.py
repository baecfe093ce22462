"""What a saga's events say, merged: the smallest thing from which its state can be derived.

`merge` keeps, for each phase of each step execution and for each source, the first and the last event and
their count. First and last are taken by a total order, so merging is commutative and associative, and
with duplicates kept out by the store it does not matter in which order, or in how many batches, events
arrive. Times are whole microseconds since 1970 UTC.
"""

from sagas.facts.merging import merge
from sagas.facts.model import (
    MICROSECOND,
    SECOND,
    Birth,
    Execution,
    Facts,
    Moment,
    Observed,
    Phase,
    Said,
    Span,
    Stamp,
    Text,
    decode,
    encode,
    microseconds,
    moment,
    sequence_order,
)
from sagas.facts.order import (
    ANSWERS,
    count,
    earliest,
    first,
    last,
    latest,
    most,
    newest,
    precedes,
    skewed,
    when,
)
from sagas.facts.size import LEAST, WHOLE, Part, speakers

__all__ = [
    "ANSWERS",
    "LEAST",
    "MICROSECOND",
    "SECOND",
    "WHOLE",
    "Birth",
    "Execution",
    "Facts",
    "Moment",
    "Observed",
    "Part",
    "Phase",
    "Said",
    "Span",
    "Stamp",
    "Text",
    "count",
    "decode",
    "earliest",
    "encode",
    "first",
    "last",
    "latest",
    "merge",
    "microseconds",
    "moment",
    "most",
    "newest",
    "precedes",
    "sequence_order",
    "skewed",
    "speakers",
    "when",
]
