"""A trial without a row: all at once, in the process that asks. For commands."""

from collections.abc import Callable
from datetime import datetime

from sagas.definitions import Definition
from sagas.trials import looking
from sagas.trials.results import Results


def try_here(definition: Definition, now: datetime, tell: Callable[[int, int], None]) -> Results:
    """Try it on recorded sagas. `tell(looked at, of)` is called as it goes on."""
    of, cursor = looking.extent(definition.type)
    found = Results()
    at: int | None = cursor
    while at is not None and found.looked_at < of:
        at = looking.look(definition, at, found, now)
        tell(found.looked_at, of)
    return found
