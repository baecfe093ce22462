"""Where a stored saga stands at a moment: its row's facts, derived with its definition."""

from datetime import datetime
from typing import NamedTuple

from sagas import facts, fold
from sagas.definitions import Definition
from sagas.definitions.loading import by_key
from sagas.fold import State
from sagas.models import Saga


class Standing(NamedTuple):
    state: State
    definition: Definition | None


def of(saga: Saga, now: datetime) -> Standing:
    """Derived anew, as the row's own columns are as old as its last event or sweep."""
    definition = by_key(saga.definition_id) if saga.definition_id else None
    return Standing(fold.derive(facts.decode(saga.facts), definition, now), definition)
