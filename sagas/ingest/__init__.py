"""The way in: a batch of events and their fold, in one transaction."""

from sagas.ingest.admitting import Admitting, in_force
from sagas.ingest.keeping import count_types
from sagas.ingest.refolding import adopt, refold
from sagas.ingest.storing import Mapped, Outcome, Result, persist, store

__all__ = [
    "Admitting",
    "Mapped",
    "Outcome",
    "Result",
    "adopt",
    "count_types",
    "in_force",
    "persist",
    "refold",
    "store",
]
