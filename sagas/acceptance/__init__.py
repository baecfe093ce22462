"""Accepting: a person knows what is wrong, and leaves it so, with a reason; until its evidence changes.

What is accepted stays open and visible, and counts neither for its saga's condition nor for its problem. Each
function works on what the person saw: a finding or problem that is not that any more is refused.
"""

from sagas.acceptance.accepting import LONGEST, MOST, Accepted, accept, accept_all, withdraw
from sagas.acceptance.refusals import (
    AcceptanceError,
    ChangedError,
    CountError,
    NotAcceptedError,
    NotWaitingError,
    ReasonMissingError,
)
from sagas.acceptance.seeing import of_finding, of_problem

__all__ = [
    "LONGEST",
    "MOST",
    "AcceptanceError",
    "Accepted",
    "ChangedError",
    "CountError",
    "NotAcceptedError",
    "NotWaitingError",
    "ReasonMissingError",
    "accept",
    "accept_all",
    "of_finding",
    "of_problem",
    "withdraw",
]
