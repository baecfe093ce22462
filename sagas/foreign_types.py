"""Which foreign types there are, and which of them a definition's mappings are about."""

from collections.abc import Sequence
from dataclasses import dataclass

from sagas import definitions
from sagas.events.mapping import Mappings
from sagas.models import Definition, ForeignType

# Types that are looked at, those with the most events first.
MOST = 2_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Types whose kept events a definition might take."""

    types: Sequence[ForeignType]

    @property
    def events(self) -> int:
        return sum(row.kept for row in self.types)


def kept(most: int = MOST) -> list[ForeignType]:
    """Those of which events are in quarantine, the most first, with their participants."""
    rows = ForeignType.objects.filter(kept__gt=0).select_related("participant")
    return list(rows.order_by("-kept", "pk")[:most])


def waiting_for(row: Definition) -> Waiting:
    """What is in quarantine and of a type that the definition's mappings name. They may still decline it.

    Nothing where another version is the newest of its saga type: that one's mappings are in force.
    """
    definition = definitions.by_key(row.pk)
    if not definition.events or not _is_newest(row):
        return Waiting([])
    mappings = Mappings([definition])
    return Waiting([row for row in kept() if row.type and mappings.about(row.type)])


def _is_newest(row: Definition) -> bool:
    versions = Definition.objects.filter(saga_type=row.saga_type).order_by("-loaded_at", "-pk")
    return versions.values_list("pk", flat=True).first() == row.pk
