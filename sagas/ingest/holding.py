"""Sagas whose rows are locked, and which definition each has."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sagas import definitions, facts, sql
from sagas.definitions import Definition, Version
from sagas.events import Incoming
from sagas.facts import Facts, Text
from sagas.ingest import statements
from sagas.ingest.statements import SagaName

# The facts of a saga without events, as they are stored.
NOTHING = "{}"
# Letters. No definition can have a longer one.
LONGEST_VERSION = 100


@dataclass(slots=True, eq=False)
class Held:
    """A saga whose row is locked, with what this transaction adds to it."""

    pk: int
    saga_type: str
    saga_id: str
    definition_pk: int | None
    created_at: datetime
    text: str  # its facts, as they are stored
    facts: Facts
    keys: dict[str, str]  # likewise
    display: dict[str, str]
    events: list[Incoming] = field(default_factory=list)  # of this batch, each once
    arrived: int = 0  # events of this batch, with repeated ones
    is_watched: bool = False  # sagas with a rule may look at it
    unmet_version: str | None = ""  # as in the row: any will do, until `settle` has found one

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        pk, saga_type, saga_id, definition_pk, created_at, text = row
        known = facts.decode(text)
        keys = {name: found.value for name, found in known.keys.items()}
        display = {name: found.value for name, found in known.display.items()}
        return cls(pk, saga_type, saga_id, definition_pk, created_at, text, known, keys, display)

    @property
    def definition(self) -> Definition | None:
        return None if self.definition_pk is None else definitions.by_key(self.definition_pk)


def hold(names: set[tuple[str, str]], now: datetime) -> dict[tuple[str, str], Held]:
    """Make the sagas that are not there, and lock the others; all by (saga type, saga id)."""
    rows = sql.encode([SagaName(*name) for name in sorted(names)])
    held = {
        (saga_type, saga_id): Held(pk, saga_type, saga_id, None, now, NOTHING, Facts(), {}, {})
        for pk, saga_type, saga_id in sql.run(statements.INSERT_SAGAS, rows=rows, now=now)
    }
    known = names - held.keys()
    if known:
        rows = sql.encode([SagaName(*name) for name in known])
        for row in sql.run(statements.LOCK_NAMED_SAGAS, rows=rows):
            saga = Held.of(row)
            held[saga.saga_type, saga.saga_id] = saga
    return held


def hold_known(saga_pks: Sequence[int]) -> list[Held]:
    return [Held.of(row) for row in sql.run(statements.LOCK_SAGAS, sagas=list(saga_pks))]


def settle(sagas: Collection[Held], now: datetime) -> list[Held]:
    """Give each saga the definition that its events ask for, new ones included.

    Returns those whose stored facts were made with another one: keys and display values are found by the
    definition, so that they have to be made anew.
    """
    known = versions({saga.saga_type for saga in sagas})
    outdated = []
    for saga in sagas:
        if saga.saga_type not in known:
            continue
        said = _said(saga, now)
        chosen = choose(said, saga.created_at, known[saga.saga_type])
        saga.unmet_version = _unmet(said, known[saga.saga_type])
        saga.is_watched = any(
            version.pk == chosen and version.is_watched for version in known[saga.saga_type]
        )
        if chosen != saga.definition_pk:
            saga.definition_pk = chosen
            if saga.facts.first:
                outdated.append(saga)
    return outdated


def choose(said: str, created_at: datetime, known: list[Version]) -> int:
    """Of the known definitions a saga's own, which does not depend on the order in which its events came.

    The version that its events name; else the newest that there was when the saga was first heard of; else
    the first that came afterwards.
    """
    named = next((version.pk for version in known if version.version == said), None)
    if named is not None:
        return named
    before = [version for version in known if version.loaded_at <= created_at]
    return before[-1].pk if before else known[0].pk


def _unmet(said: str, known: list[Version]) -> str | None:
    """The version that events name, where it is none that is known but may be loaded one day."""
    if not said or len(said) > LONGEST_VERSION or any(version.version == said for version in known):
        return None
    return said


def versions(saga_types: Iterable[str]) -> dict[str, list[Version]]:
    """All versions of each saga type that has definitions, the newest last."""
    found: dict[str, list[Version]] = {}
    for saga_type, *version in sql.run(statements.VERSIONS, saga_types=list(saga_types)):
        found.setdefault(saga_type, []).append(Version(*version))
    return found


def _said(saga: Held, now: datetime) -> str:
    """The version that the newest event names which names one."""
    known = saga.facts.version
    told = {event.attributes.get("sagaversion", "") for event in saga.events}
    if known:
        told.add(known.value)
    if len(told) <= 1:
        return str(*told)
    texts = [
        Text(facts.microseconds(event.time or now), str(version))
        for event in saga.events
        if (version := event.attributes.get("sagaversion"))
    ]
    return max([*texts, *([known] if known else [])]).value
