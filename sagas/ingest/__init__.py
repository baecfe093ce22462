"""The way in: a batch of events and their fold, in one transaction."""

from sagas.ingest.refolding import adopt, refold
from sagas.ingest.storing import Outcome, Result, admit, persist, store

__all__ = ["Outcome", "Result", "admit", "adopt", "persist", "refold", "store"]
