"""A saga as it was when it had fewer events, folded anew from those that it had then."""

import copy
from datetime import datetime

from sagas import facts, sql
from sagas.definitions.loading import by_key
from sagas.facts import Facts
from sagas.ingest import statements
from sagas.ingest.observing import observe_kept
from sagas.models import Saga


def at(saga: Saga, revision: int) -> tuple[Saga, datetime | None]:
    """A copy that is never saved, with the facts of that revision, and when its last event was received.

    By the definition that the saga has now. Events that were stored together came together: a revision
    between them was never seen by anybody.
    """
    rows = sorted(sql.run(statements.EVENTS_OF_SAGAS, sagas=[saga.pk]), key=lambda row: row[1])[:revision]
    definition = by_key(saga.definition_id) if saga.definition_id else None
    known = facts.merge(Facts(), [observe_kept(event, definition) for _, _, *event in rows])
    past = copy.copy(saga)
    past.facts, past.revision = facts.encode(known).decode(), revision
    return past, rows[-1][1] if rows else None
