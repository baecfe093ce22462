"""The way in: a batch of events and their fold, in one transaction."""

from sagas.ingest.admitting import Admitted, Admitting, in_force
from sagas.ingest.adopting import adopt
from sagas.ingest.apart import refuse
from sagas.ingest.keeping import count_types
from sagas.ingest.persisting import persist
from sagas.ingest.refolding import refold
from sagas.ingest.storing import Mapped, Outcome, Result, store, take

__all__ = [
    "Admitted",
    "Admitting",
    "Mapped",
    "Outcome",
    "Result",
    "adopt",
    "count_types",
    "in_force",
    "persist",
    "refold",
    "refuse",
    "store",
    "take",
]
