"""A definition tried on recorded sagas before it is loaded: what it would have found and changed."""

from sagas.trials.asking import (
    Activated,
    ChangedError,
    FinishedError,
    NotTriedError,
    TooManyError,
    TrialError,
    activate,
    already_loaded,
    ask,
    cancel,
)
from sagas.trials.here import try_here
from sagas.trials.results import Change, Flag, Listed, Results
from sagas.trials.samples import try_kept, try_pasted
from sagas.trials.working import draft, found, work

__all__ = [
    "Activated",
    "Change",
    "ChangedError",
    "FinishedError",
    "Flag",
    "Listed",
    "NotTriedError",
    "Results",
    "TooManyError",
    "TrialError",
    "activate",
    "already_loaded",
    "ask",
    "cancel",
    "draft",
    "found",
    "try_here",
    "try_kept",
    "try_pasted",
    "work",
]
