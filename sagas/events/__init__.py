"""The wire: CloudEvents 1.0 → `Incoming`, or `Refused` with the reason. It asks no database and no clock."""

from sagas.events.foreign import Foreign
from sagas.events.incoming import OURSELVES, Incoming
from sagas.events.reading import read, read_batch, read_binary, read_structured
from sagas.events.refusal import MalformedError, Reason, Refused, TooManyError

__all__ = [
    "OURSELVES",
    "Foreign",
    "Incoming",
    "MalformedError",
    "Reason",
    "Refused",
    "TooManyError",
    "read",
    "read_batch",
    "read_binary",
    "read_structured",
]
