"""Foreign events into ours, by the `events` of definitions (docs/mapping.md).

Pure: the same event and the same definitions give the same result, whoever asks and whenever.
"""

from sagas.events.mapping.making import FOREIGN_TYPE, MAPPED_BY, MAPPED_KEYS
from sagas.events.mapping.mappings import Mapped, Mappings
from sagas.events.mapping.trying import Tried, try_on

__all__ = ["FOREIGN_TYPE", "MAPPED_BY", "MAPPED_KEYS", "Mapped", "Mappings", "Tried", "try_on"]
