"""Why an event could not be taken: codes for programs, a sentence for people."""

from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    NOT_AN_EVENT = "not_an_event"  # the JSON is no object, or no Unicode text
    MISSING_ATTRIBUTE = "missing_attribute"
    BAD_ATTRIBUTE = "bad_attribute"  # wrong type, too long, or with characters that text may not have
    BAD_TIME = "bad_time"  # no RFC 3339 time with a zone, or before 1970
    TIME_IN_FUTURE = "time_in_future"
    UNKNOWN_KIND = "unknown_kind"  # it names its saga, but its type is none of ours
    ORPHAN_EVENT = "orphan_event"  # it is not addressed to us, and no mapping takes it
    MAPPING_FAILED = "mapping_failed"  # a mapping would take it, and could not
    RESERVED = "reserved"  # speaks in the name of Amends itself
    BAD_DATA = "bad_data"  # the payload is not what its content type says
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_ALLOWED = "not_allowed"  # the key may not report on this saga type
    SAGA_TOO_LARGE = "saga_too_large"  # its saga has no room for one more step execution
    NOT_STORABLE = "not_storable"  # the database or our own code failed on it


class Refused(Struct):
    """An event for the quarantine. `id` and `source` are as far as they could be read, else ""."""

    reason: Reason
    detail: str
    raw: bytes
    id: str = ""
    source: str = ""
    # Came as plain JSON that no envelope could be made for; `raw` is that JSON.
    is_plain: bool = False


class RefusedError(Exception):
    """Raised while one event is examined; never leaves this package."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class MalformedError(Exception):
    """The body is no JSON, or not the JSON that its content type asks for. `byte` is counted from 0."""

    def __init__(self, detail: str, byte: int | None = None) -> None:
        super().__init__(detail if byte is None else f"{detail} (at byte {byte})")
        self.byte = byte


class TooManyError(Exception):
    """A batch holds more events than may come at once."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count:,} events in one batch")
        self.count = count
