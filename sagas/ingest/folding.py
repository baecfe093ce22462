"""From locked sagas and what was observed of them to the rows that are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sagas import definitions, facts, fold
from sagas.definitions import Definition, Version
from sagas.detection import deadlines
from sagas.facts import Facts, Observed, Text
from sagas.ingest import statements
from sagas.ingest.observing import observe
from sagas.ingest.statements import KeyRow, SagaRow
from sagas.vocabulary import Kind


@dataclass(slots=True)
class Held:
    """A saga whose row is locked, with what this transaction adds to it."""

    pk: int
    saga_type: str
    saga_id: str
    definition_pk: int | None
    created_at: datetime
    facts: Facts
    added: int = 0
    repeated: int = 0
    keys_before: dict[str, str] = field(default_factory=dict)
    display_before: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        pk, saga_type, saga_id, definition_pk, created_at, text = row
        held = cls(pk, saga_type, saga_id, definition_pk, created_at, facts.decode(text))
        held.keys_before = {name: value.value for name, value in held.facts.keys.items()}
        held.display_before = {name: value.value for name, value in held.facts.display.items()}
        return held

    @property
    def definition(self) -> Definition | None:
        return None if self.definition_pk is None else definitions.by_key(self.definition_pk)


def choose(said: str, created_at: datetime, known: list[Version]) -> int | None:
    """The definition of a saga, so that it does not depend on the order in which its events came.

    The version that its events name; else the newest that there was when the saga was first heard of; else
    the first that came afterwards.
    """
    if not known:
        return None
    named = next((version.pk for version in known if version.version == said), None)
    if named is not None:
        return named
    before = [version for version in known if version.loaded_at <= created_at]
    return before[-1].pk if before else known[0].pk


def settle(saga: Held, versions: Iterable[Text], known: list[Version]) -> bool:
    """Give the saga the definition that its events ask for; whether its facts have to be made anew for it.

    `versions`: what new events name, beside what its facts say already. Keys and display values are found by
    the definition, so that facts made with another one are not the same.
    """
    said = max([*versions, *([saga.facts.version] if saga.facts.version else [])], default=None)
    chosen = choose(said.value if said else "", saga.created_at, known)
    if chosen == saga.definition_pk:
        return False
    saga.definition_pk = chosen
    return saga.facts.first != 0


def refill(sagas: Sequence[Held]) -> None:
    """Make the facts of these sagas anew from all their events."""
    if not sagas:
        return
    by_pk = {saga.pk: saga for saga in sagas}
    observed: dict[int, list[Observed]] = {saga.pk: [] for saga in sagas}
    for row in statements.run(statements.EVENTS_OF_SAGAS, sagas=list(by_pk)):
        observed[row[0]].append(_observe_kept(row, by_pk[row[0]].definition))
    for saga in sagas:
        saga.facts = facts.merge(Facts(), observed[saga.pk])


def write(sagas: Sequence[Held], now: datetime) -> None:
    """Derive the state of each saga and write it, with its keys where they changed."""
    rows: list[SagaRow] = []
    rekeyed: list[int] = []
    keys: list[KeyRow] = []
    for saga in sagas:
        definition = saga.definition
        state = fold.derive(saga.facts, definition, now)
        rows.append(
            SagaRow(
                id=saga.pk,
                definition_id=saga.definition_pk,
                facts=facts.encode(saga.facts).decode(),
                added=saga.added,
                repeated=saga.repeated,
                status=state.status,
                open_effects=state.open_effects,
                unknown_effects=state.unknown_effects,
                waiting_on=state.waiting_on,
                display=state.display,
                started_at=state.started_at,
                last_event_at=state.last_event_at,
                ended_at=state.ended_at,
                due_at=deadlines.next_due(state, definition, now),
            )
        )
        if state.keys != saga.keys_before or state.display != saga.display_before:
            if saga.keys_before or saga.display_before:
                rekeyed.append(saga.pk)
            keys += _key_rows(saga.pk, state.keys, state.display)
    if rekeyed:
        statements.run(statements.DELETE_KEYS, sagas=rekeyed)
    if keys:
        statements.run(statements.INSERT_KEYS, rows=statements.encode(keys))
    statements.run(statements.UPDATE_SAGAS, rows=statements.encode(rows), now=now)


def _key_rows(pk: int, keys: dict[str, str], display: dict[str, str]) -> Iterable[KeyRow]:
    yield from (KeyRow(pk, name, value, True) for name, value in keys.items())
    # The same name and value may be both; then it links.
    yield from (KeyRow(pk, name, value, False) for name, value in display.items() if keys.get(name) != value)


def _observe_kept(row: Sequence[Any], definition: Definition | None) -> Observed:
    (
        _,
        source,
        event_id,
        kind,
        step,
        execution,
        attempt,
        time,
        time_given,
        sequence,
        attributes,
        data,
        name,
    ) = row
    return observe(
        source=source,
        event_id=event_id,
        kind=Kind(kind),
        step=step,
        execution=execution,
        attempt=attempt,
        time=time,
        time_given=time_given,
        sequence=sequence,
        attributes=statements.decode(attributes),
        data=data,
        participant=name or "",
        definition=definition,
    )
