"""What is normal, as this process remembers it: detection asks for every saga, and no saga costs a query."""

import time
from collections.abc import Mapping

from sagas.definitions import Definition
from sagas.learning import normal
from sagas.learning.normal import StepNorms

# Seconds after which it is read anew, when somebody asks for it.
FRESH = 30.0

NONE: Mapping[str, StepNorms] = {}


class Memory:
    """All norms by saga type and version. Replaced as a whole, so that threads see one or the other."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, StepNorms]] = {}
        self._until = 0.0

    def refresh(self) -> None:
        """Read them, by one query, unless that was done a short while ago."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + FRESH
            self._known = normal.all_known()

    def forget(self) -> None:
        self._until = 0.0

    def known(self, saga_type: str, definition: Definition | None) -> Mapping[str, StepNorms]:
        return self._known.get((saga_type, definition.version if definition else ""), NONE)


_memory = Memory()

# Asks the database; whoever is about to judge calls it once, where the connection is free.
refresh = _memory.refresh
# The next `refresh` reads.
forget = _memory.forget
# By step, without asking anybody; empty where nothing is known.
known = _memory.known
