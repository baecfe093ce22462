"""Batches of which one event is not as anybody expects: the others are taken without it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import structlog
from django.db import connection, transaction

from sagas.apart import UNEXPECTED, Left, divide, where
from sagas.events import Reason, Refused
from sagas.ingest.persisting import persist

log = structlog.get_logger()

DETAIL = "Amends cannot store it: something in it is not as expected. The server's log says where."


class Event(Protocol):
    id: str
    source: str
    raw: bytes


E = TypeVar("E", bound=Event)
R = TypeVar("R")


def take(
    work: Callable[[Sequence[E]], list[R]], events: Sequence[E], leave: Callable[[Refused], R]
) -> list[R]:
    """`work` for all events in one transaction; where one makes it fail, for all but that.

    A result for each, in order; `leave` gives that of an event which is left out. A batch that is as it
    should be costs nothing more. Any other error, such as that the database is away, is raised, and nothing
    was stored.
    """
    try:
        if not connection.in_atomic_block:
            return persist(partial(work, events))
        with transaction.atomic():
            return work(events)
    except UNEXPECTED:
        return persist(partial(_divide, work, events, leave))


def refuse(event: Event, error: Exception) -> Refused:
    """For the quarantine. Where it failed is logged, but not the error's text, which may quote the event."""
    log.error(
        "ingest: an event was left out, which could not be stored",
        source=event.source,
        id=event.id,
        **where(error),
    )
    is_plain = isinstance(event, Refused) and event.is_plain
    return Refused(Reason.NOT_STORABLE, DETAIL, event.raw, event.id, event.source, is_plain=is_plain)


def _divide(
    work: Callable[[Sequence[E]], list[R]], events: Sequence[E], leave: Callable[[Refused], R]
) -> list[R]:
    results: list[R] = []
    for part, result in divide(work, events):
        results += [leave(refuse(part[0], result.error))] if isinstance(result, Left) else result
    return results
