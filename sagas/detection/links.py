"""Sagas that share a business key: fetched for those that look at them, and passed on when one changes.

A saga that others may look at leaves a nudge in the transaction that changes it. The next sweep takes the
nudges and makes the sagas due whose definitions look at others by that key, in one transaction: whoever dies
in between, either nothing has happened or they are due. Only sagas whose business keys some definition looks
at leave any, so that nobody else pays for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from sagas import definitions, facts, fold
from sagas.detection import statements
from sagas.detection.deciding import MOST_LINKED
from sagas.detection.sight import Sight
from sagas.mistakes import MISTAKES
from sagas.sql import encode, run

# A linked saga as it is stored: saga type, saga id, definition's key, facts, names of the shared keys.
Row = Sequence[Any]

# Nudges that one sweep takes, and sagas that one of them reaches: the newest. A key that links more decides
# no rule anyway.
MOST_NUDGES = 5000
FURTHEST = 4 * MOST_LINKED

# Of sagas with one key, those among which the newest are looked for.
CROWD = 5_000


def fetch(chunk: Mapping[int, int]) -> dict[int, list[Row]]:
    """The linked sagas of those of these (saga → definition) that look at others. Nothing is locked."""
    names = {definition: _linking(definition) for definition in set(chunk.values())}
    rows = [
        {"id": saga, "names": names[definition]} for saga, definition in chunk.items() if names[definition]
    ]
    found: dict[int, list[Row]] = {}
    if rows:
        # One more than is looked at, so that it is seen when there are too many.
        given = encode(rows)
        for saga, *row in run(statements.LINKED_TO, rows=given, most=MOST_LINKED + 1, furthest=CROWD):
            found.setdefault(saga, []).append(row)
    return found


def _linking(definition: int) -> list[str]:
    try:
        return sorted(definitions.by_key(definition).linking)
    except MISTAKES:
        # Told with its saga, which cannot be judged either.
        return []


def sight(row: Row, now: datetime) -> Sight:
    saga_type, saga_id, definition_pk, text, names = row
    definition = definitions.by_key(definition_pk) if definition_pk else None
    known = facts.decode(text)
    state = fold.derive(known, definition, now)
    return Sight(saga_type, saga_id, known, state, definition, frozenset(names))


def nudge(changed: Iterable[tuple[int, Mapping[str, str]]]) -> None:
    """Leave word that these sagas, with these business keys, changed: in the transaction of the change."""
    rows = {(saga, name, value) for saga, keys in changed for name, value in keys.items()}
    if rows:
        run(
            statements.ADD_NUDGES,
            rows=encode([dict(zip(("saga_id", "name", "value"), row, strict=True)) for row in sorted(rows)]),
        )


@transaction.atomic
def pass_on(now: datetime) -> None:
    """Make due whoever looks at a saga that changed. What is left over is for the next sweep."""
    watching = run(statements.TAKE_NUDGES, most=MOST_NUDGES, furthest=FURTHEST)
    if watching:
        run(statements.MAKE_DUE, sagas=sorted(row[0] for row in watching), now=now)
