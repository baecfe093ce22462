"""Which events are let in: what a key may report, and what the mappings in force make of foreign ones."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import NamedTuple

from sagas import definitions, sql
from sagas.events import Foreign, Incoming, Reason, Refused
from sagas.events.mapping import Mappings
from sagas.ingest import statements


class Admitted(NamedTuple):
    """What is to be stored of one event that came, and what is to be kept; both where a mapping failed."""

    taken: Sequence[Incoming]
    refused: Refused | None
    is_mapped: bool = False


class Admitting:
    """For one batch: its mappings are those in force when its first foreign event is looked at."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def admit(self, event: Incoming | Refused, scope: Collection[str]) -> Admitted:
        """`scope`: saga types that the sender may report on; empty: all."""
        event = may_report(event, scope)
        if isinstance(event, Incoming):
            return Admitted([event], None)
        if isinstance(event, Foreign):
            return Admitted(*self._mappings.take(event, now=self._now, scope=scope), is_mapped=True)
        return Admitted([], event)

    @cached_property
    def _mappings(self) -> Mappings:
        return in_force()


def may_report(event: Incoming | Refused, scope: Collection[str]) -> Incoming | Refused:
    """The event, refused where its saga type is outside of the scope (empty: all types are inside)."""
    if not scope or isinstance(event, Refused) or event.saga_type in scope:
        return event
    detail = f"This key may not report on sagas of type {event.saga_type}."
    return Refused(Reason.NOT_ALLOWED, detail, event.raw, event.id, event.source)


def in_force() -> Mappings:
    """Those of the newest version of each saga type, as the database has them now.

    One query, and nothing can be stale: what is kept in memory never changes (`definitions.by_key`).
    """
    return _of(tuple(pk for (pk,) in sql.run(statements.NEWEST_VERSIONS)))


@lru_cache(maxsize=4)
def _of(pks: tuple[int, ...]) -> Mappings:
    return Mappings(definitions.by_key(pk) for pk in pks)
