"""Reads a bounded sample of a saga type, and has a definition written from it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sagas import facts, sql
from sagas.definitions import paths
from sagas.describing.observing import Seen, is_nameable, observe
from sagas.describing.payloads import Suggestions, suggest
from sagas.describing.writing import write
from sagas.models import Definition

# The newest sagas of the type, as many as have these bytes of facts together.
MOST_SAGAS = 2000
MOST_FACTS = 6 * 1024 * 1024
# One saga with more is passed over.
LARGEST_FACTS = 1024 * 1024
# Of so many of them payloads are looked at: of so many events each, and none that has more bytes.
PAYLOAD_SAGAS = 100
PAYLOAD_EVENTS = 30
LONGEST_PAYLOAD = 8000

# Lengths are summed up before any facts are read: what lies out of line is not fetched to be measured.
FACTS = """
SELECT saga.id, saga.facts FROM sagas_saga saga JOIN (
    SELECT id, sum(octet_length(facts)) OVER (ORDER BY id DESC) AS together FROM (
        SELECT id, facts FROM sagas_saga WHERE saga_type = %(saga_type)s ORDER BY id DESC LIMIT %(most)s
    ) newest WHERE octet_length(facts) <= %(largest)s
) measured ON measured.id = saga.id
WHERE measured.together <= %(bytes)s ORDER BY saga.id DESC
"""

PAYLOADS = """
SELECT saga.id, event.data
FROM unnest(%(sagas)s::bigint[]) saga (id) CROSS JOIN LATERAL (
    SELECT data FROM sagas_event WHERE saga_id = saga.id LIMIT %(most)s
) event
WHERE octet_length(event.data) <= %(longest)s
"""


@dataclass(frozen=True, slots=True)
class Description:
    """`text`: the YAML, which loads as it is. `is_all`: whether every saga of the type was looked at."""

    text: str
    version: str
    seen: Seen
    suggestions: Suggestions


def describe(saga_type: str) -> Description | None:
    """None where no saga of the type is there, or its name is none that a definition can have."""
    rows = sql.run(FACTS, saga_type=saga_type, most=MOST_SAGAS, bytes=MOST_FACTS, largest=LARGEST_FACTS)
    if not rows or not is_nameable(saga_type):
        return None
    seen = observe(saga_type, [facts.decode(text) for _, text in rows])
    suggestions = suggest(_payloads([pk for pk, _ in rows[:PAYLOAD_SAGAS]]))
    version = _next_version(saga_type, seen)
    return Description(write(seen, suggestions, version), version, seen, suggestions)


def _payloads(sagas: list[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for saga, data in sql.run(PAYLOADS, sagas=sagas, longest=LONGEST_PAYLOAD, most=PAYLOAD_EVENTS):
        found[saga].append(paths.decode(data))
    return found


def _next_version(saga_type: str, seen: Seen) -> str:
    """What most events call it, where that is not loaded yet; else the next whole number."""
    loaded = set(Definition.objects.filter(saga_type=saga_type).values_list("version", flat=True))
    for version, _ in seen.versions:
        if version not in loaded and len(version) <= 100:
            return version
    numbers = [
        int(version) for version in loaded if version.isascii() and version.isdigit() and len(version) < 10
    ]
    return str(max(numbers, default=0) + 1)
