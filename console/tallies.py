"""How many sagas there are of each type and version: bounded, however many there are."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import QuerySet

from console import wording
from sagas import sql
from sagas.models import Saga
from sagas.vocabulary import ENDED, Condition, Status

# Of one type or version nobody counts further.
CAP = 10_000
# Sagas that are open or unwell are counted no further, all types together: past that, each figure is a least.
TOGETHER = 20_000
# Types without a definition are counted no further, each.
UNDESCRIBED_CAP = 1000


@dataclass(frozen=True)
class Tally:
    """By saga type. `is_least`: there are more, and nobody counted them."""

    counts: dict[str, int] = field(default_factory=dict)
    is_least: bool = False

    def of(self, saga_type: str) -> str:
        count = f"{self.counts.get(saga_type, 0):,}"
        return f"{count}+" if self.is_least else count


@dataclass(frozen=True)
class Seen:
    """A saga type that has sagas. `count` up to UNDESCRIBED_CAP; `since`: when the first was heard of."""

    saga_type: str
    count: int
    since: datetime

    @property
    def words(self) -> str:
        return wording.capped(self.count, UNDESCRIBED_CAP)


def open_sagas() -> Tally:
    return _by_type(Saga.objects.filter(status__in=[each for each in Status if each not in ENDED]))


def unwell() -> Tally:
    return _by_type(Saga.objects.exclude(condition=Condition.HEALTHY))


def _by_type(found: QuerySet[Saga]) -> Tally:
    some = list(found.values_list("saga_type", flat=True)[: TOGETHER + 1])
    return Tally(dict(Counter(some)), len(some) > TOGETHER)


# An index holds each type's sagas by id, so that the first and the newest few are found at once.
SEEN = """
SELECT given.saga_type, (
    SELECT count(*) FROM (
        SELECT FROM sagas_saga saga WHERE saga.saga_type = given.saga_type LIMIT %(cap)s
    ) counted
), (
    SELECT saga.created_at FROM sagas_saga saga
    WHERE saga.saga_type = given.saga_type ORDER BY saga.id LIMIT 1
)
FROM unnest(%(types)s::text[]) WITH ORDINALITY given (saga_type, place)
ORDER BY given.place
"""

OF_VERSIONS = """
SELECT given.id, (
    SELECT count(*) FROM (
        SELECT FROM sagas_saga saga WHERE saga.definition_id = given.id LIMIT %(cap)s
    ) counted
)
FROM unnest(%(definitions)s::bigint[]) given (id)
"""


def seen(saga_types: Iterable[str]) -> list[Seen]:
    """Of these types those that have sagas, in their order."""
    rows = sql.run(SEEN, types=list(saga_types), cap=UNDESCRIBED_CAP)
    return [Seen(*row) for row in rows if row[1]]


def of_versions(definitions: Collection[int]) -> dict[int, int]:
    """By the number of the definition's row, up to CAP."""
    return dict(sql.run(OF_VERSIONS, definitions=list(definitions), cap=CAP))
