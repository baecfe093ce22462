"""A saga as it is stored, for trying a definition on it."""

from collections.abc import Sequence
from typing import NamedTuple

from sagas.facts import Observed
from sagas.vocabulary import Code


class Arrival(NamedTuple):
    """An event and when it was received; microseconds."""

    at: int
    event: Observed


class Found(NamedTuple):
    """A finding of the saga, with its problem's title; of several of one code and step the newest."""

    title: str
    is_open: bool


class Recorded(NamedTuple):
    """Its row, its events as the definition that is tried sees them, and what was ever found."""

    pk: int
    saga_id: str
    definition_pk: int | None
    status: str
    arrivals: Sequence[Arrival]
    found: dict[tuple[Code, str], Found]
