"""What a definition would make of events, before it is loaded."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from sagas.definitions import Definition
from sagas.events import grammar, plain, reading
from sagas.events.foreign import Foreign
from sagas.events.incoming import Incoming
from sagas.events.mapping.making import MAPPED_BY
from sagas.events.mapping.mappings import Mappings
from sagas.events.plain import Defaults
from sagas.events.refusal import MalformedError, Reason, Refused, TooManyError

# Bytes of one event, and events of one sample: as much as people paste.
LARGEST = 256 * 1024
MOST = 1_000

NO_ENVELOPE = (
    "It is plain JSON, without a CloudEvent's envelope: choose the participant whose defaults make one of it."
)


class Tried(Struct, frozen=True):
    """What would become of one event: `event`, or `reason` and `detail` why there would be none.

    `mapped_by` names the mapping that took it, as in `order v2, events[3]`; empty: none was needed.
    """

    id: str
    source: str
    type: str
    event: Incoming | None = None
    mapped_by: str = ""
    reason: Reason | None = None
    detail: str = ""


def try_on(
    definition: Definition,
    samples: Iterable[bytes],
    *,
    now: datetime,
    defaults: Defaults | None = None,
) -> list[Tried]:
    """What this definition's mappings would make of each event, in order; nothing is stored.

    A sample is JSON: a CloudEvent, as recorded or pasted, an array of them, or plain JSON, of which
    `defaults` (of the participant who would send it) make CloudEvents. `now`: for telling times that are
    too far ahead.
    """
    mappings = Mappings([definition])
    return [
        _told(_read(event, now, defaults), mappings, now) for sample in samples for event in _events(sample)
    ]


def _events(sample: bytes) -> Iterable[bytes | Refused]:
    try:
        if sample.lstrip(b" \t\r\n").startswith(b"["):
            return reading.elements_of(sample, MOST)
        grammar.refuse_malformed(sample)
    except (MalformedError, TooManyError) as error:
        return [Refused(Reason.NOT_AN_EVENT, f"{error}.", sample)]
    return [sample]


def _read(event: bytes | Refused, now: datetime, defaults: Defaults | None) -> Incoming | Refused:
    if isinstance(event, Refused):
        return event
    if plain.has_envelope(event):
        return reading.read(event, now=now, largest=LARGEST)
    if defaults:
        return plain.read_one(event, defaults, now=now, largest=LARGEST)
    return Refused(Reason.NOT_AN_EVENT, NO_ENVELOPE, event)


def _told(event: Incoming | Refused, mappings: Mappings, now: datetime) -> Tried:
    if isinstance(event, Incoming):
        return Tried(event.id, event.source, event.kind, event)
    if not isinstance(event, Foreign):
        return Tried(event.id, event.source, "", reason=event.reason, detail=event.detail)
    mapped = mappings.take(event, now=now)
    for taken in mapped.taken:
        return Tried(event.id, event.source, event.type, taken, str(taken.attributes[MAPPED_BY]))
    refused = mapped.refused or event
    return Tried(event.id, event.source, event.type, reason=refused.reason, detail=refused.detail)
