"""The masks in force, as the database has them now."""

from collections.abc import Mapping
from functools import lru_cache

from sagas import definitions, sql
from sagas.masking.masks import NOTHING, Masks

NEWEST = "SELECT DISTINCT ON (saga_type) id FROM sagas_definition ORDER BY saga_type, loaded_at DESC, id DESC"
VERSIONS = """
SELECT saga_type, id FROM sagas_definition WHERE saga_type = ANY(%(types)s)
ORDER BY saga_type, loaded_at DESC, id DESC
"""


def in_force() -> Mapping[str, Masks]:
    """By saga type, of those whose newest definition masks anything.

    Two queries at most, and nothing can be stale: what is kept in memory never changes.
    """
    newest = (definitions.by_key(pk) for (pk,) in sql.run(NEWEST))
    types = [definition.type for definition in newest if definition.masked]
    return _made(tuple(sql.run(VERSIONS, types=types))) if types else {}


def of(saga_type: str) -> Masks:
    """Of one type alone."""
    rows = tuple(sql.run(VERSIONS, types=[saga_type]))
    return _made(rows).get(saga_type, NOTHING) if rows else NOTHING


@lru_cache(maxsize=64)
def _made(rows: tuple[tuple[str, int], ...]) -> Mapping[str, Masks]:
    """`rows`: saga type and definition, of each type the newest first."""
    versions: dict[str, list[definitions.Definition]] = {}
    for saga_type, pk in rows:
        versions.setdefault(saga_type, []).append(definitions.by_key(pk))
    return {saga_type: Masks.of(several) for saga_type, several in versions.items() if several[0].masked}
