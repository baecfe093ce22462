"""Batches of which one event is not as anybody expects: the others are taken without it."""

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import structlog
from django.db import DataError, connection, transaction

from sagas.events import Reason, Refused
from sagas.ingest.persisting import persist
from sagas.mistakes import MISTAKES

log = structlog.get_logger()

# What the database or our own code raises of a value that nobody has thought of.
UNEXPECTED = (DataError, *MISTAKES)

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

    A result for each, in order; `leave` gives that of an event which is left out. Halves are tried again, so
    that one event in n costs about 2 log n tries, and a batch that is as it should be costs nothing more. Any
    other error, such as that the database is away, is raised, and nothing was stored.
    """
    try:
        if not connection.in_atomic_block:
            return persist(partial(work, events))
        with transaction.atomic():
            return work(events)
    except UNEXPECTED as error:
        return persist(partial(_divide, work, events, leave, error))


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


def where(error: Exception) -> dict[str, str]:
    """What is logged of such an error."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    place = f"{ours[-1].filename}:{ours[-1].lineno}"
    return {"error": type(error.__cause__ or error).__name__, "place": place}


def _divide(
    work: Callable[[Sequence[E]], list[R]],
    events: Sequence[E],
    leave: Callable[[Refused], R],
    error: Exception,
) -> list[R]:
    if len(events) == 1:
        return [leave(refuse(events[0], error))]
    results: list[R] = []
    half = len(events) // 2
    for part in (events[:half], events[half:]):
        try:
            with transaction.atomic():
                results += work(part)
        except UNEXPECTED as failed:
            results += _divide(work, part, leave, failed)
    return results
