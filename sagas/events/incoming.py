"""One event, ready to be stored; and the quick way there, for events that are beyond doubt."""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw, Struct

from sagas.events import grammar
from sagas.vocabulary import Kind

# A clock that is further ahead than this would hide overdue steps for as long.
FURTHEST_AHEAD = timedelta(hours=24)
# What is earlier is no time but somebody's zero value; what is later cannot be calculated with.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)

# The source of what Amends itself records; nobody else may speak in its name.
OURSELVES = "amends"
SPECVERSION = "1.0"

# Bytes of UTF-8. Identities stand in indexes, which take no more than about 2,700 bytes together.
LONGEST = {
    "id": 1000,
    "source": 1000,
    "type": 500,
    "sagatype": 200,
    "correlationid": 500,
    "sagastep": 200,
    "sagaexecution": 500,
    "sagaversion": 100,
    "sequence": 200,
}
OTHERS_LONGEST = 4000
MOST_ATTEMPTS = 2**31 - 1

Attributes = dict[str, str | int | bool]


class Incoming(Struct, kw_only=True, gc=False):
    """One event. Texts are "" where nothing was given; `time` None: it is to be the time of receipt."""

    source: str
    id: str
    kind: Kind
    saga_type: str
    saga_id: str
    step: str = ""
    execution: str = ""
    attempt: int | None = None
    time: datetime | None = None
    sequence: str = ""
    # The context attributes that have no column of their own (`sagaversion`, `traceparent` …), as sent.
    attributes: Attributes = {}
    # The payload as JSON text, to the letter; None where there was none.
    data: str | None = None
    # The event as it came, in case that it has to be quarantined.
    raw: bytes = b""


_NOTHING = Raw(b"")

NEEDS_STEP = frozenset(kind for kind in Kind if kind.needs_step)
# What only Amends itself may say.
RESERVED = frozenset(kind for kind in Kind if kind.family == "operator")


class Wire(Struct, forbid_unknown_fields=True, gc=False):
    """The attributes that nearly all events have, read and typed in one pass in C."""

    specversion: str
    id: str
    source: str
    type: Kind
    correlationid: str
    sagatype: str
    sagaversion: str | None = None
    sagastep: str = ""
    sagaexecution: str = ""
    sagaattempt: int | None = None
    sagadeadline: str | None = None
    time: datetime | None = None
    sequence: str = ""
    traceparent: str | None = None
    tracestate: str | None = None
    causationid: str | None = None
    partitionkey: str | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    recordedtime: str | None = None
    data: Raw = _NOTHING


_wire = msgspec.json.Decoder(Wire)


def moment(text: str) -> datetime | None:
    """An RFC 3339 time with its zone, to the microsecond; None for anything else, and outside 1970–9998."""
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
    return time if time.tzinfo and EARLIEST <= time < LATEST else None


def take_quickly(raw: bytes, now: datetime, largest: int) -> Incoming | None:
    """The event, if nothing about it needs a second look. None says nothing against it: `examine` judges."""
    try:
        wire = _wire.decode(raw)
        data = str(wire.data, "utf-8") or None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    kind, time, attempt = wire.type, wire.time, wire.sagaattempt
    attributes = _others(wire)
    texts = (
        f"{wire.id}{wire.source}{wire.sagatype}{wire.correlationid}{wire.sagastep}{wire.sagaexecution}"
        f"{wire.sequence}{''.join(attributes.values())}"
    )
    is_certain = (
        len(raw) <= largest
        and raw.count(b"[") + raw.count(b"{") <= grammar.DEEPEST
        and wire.specversion == SPECVERSION
        and 0 < len(wire.id) <= LONGEST["id"]
        and 0 < len(wire.source) <= LONGEST["source"]
        and 0 < len(wire.sagatype) <= LONGEST["sagatype"]
        and 0 < len(wire.correlationid) <= LONGEST["correlationid"]
        and len(wire.sagastep) <= LONGEST["sagastep"]
        and len(wire.sagaexecution) <= LONGEST["sagaexecution"]
        and len(wire.sequence) <= LONGEST["sequence"]
        and texts.isascii()
        and texts.isprintable()
        and kind not in RESERVED
        and wire.source != OURSELVES
        and (wire.sagastep != "" or kind not in NEEDS_STEP)
        and (attempt is None or 1 <= attempt <= MOST_ATTEMPTS)
        and (time is None or (time.tzinfo is not None and EARLIEST <= time <= now + FURTHEST_AHEAD))
        and (wire.datacontenttype is None or wire.datacontenttype == "application/json")
        and (wire.sagaversion is None or len(wire.sagaversion) <= LONGEST["sagaversion"])
        and (wire.sagadeadline is None or moment(wire.sagadeadline) is not None)
        and len(texts) <= OTHERS_LONGEST
    )
    if not is_certain:
        return None
    return Incoming(
        source=wire.source,
        id=wire.id,
        kind=kind,
        saga_type=wire.sagatype,
        saga_id=wire.correlationid,
        step=wire.sagastep,
        execution=wire.sagaexecution,
        attempt=attempt,
        time=time,
        sequence=wire.sequence,
        attributes=dict(attributes),
        data=data,
        raw=raw,
    )


def _others(wire: Wire) -> dict[str, str]:
    return {
        name: value
        for name, value in (
            ("sagaversion", wire.sagaversion),
            ("sagadeadline", wire.sagadeadline),
            ("traceparent", wire.traceparent),
            ("tracestate", wire.tracestate),
            ("causationid", wire.causationid),
            ("partitionkey", wire.partitionkey),
            ("subject", wire.subject),
            ("datacontenttype", wire.datacontenttype),
            ("dataschema", wire.dataschema),
            ("recordedtime", wire.recordedtime),
        )
        if value is not None
    }
