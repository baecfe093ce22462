"""From locked sagas and what was observed of them to the rows that are written."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sagas import facts, fold, learning, sql
from sagas.detection import beyond, deadlines, links
from sagas.detection.sight import Sight
from sagas.detection.verdict import Verdict
from sagas.facts import Facts, Observed
from sagas.fold import State
from sagas.ingest import statements
from sagas.ingest.holding import Held
from sagas.ingest.observing import observe, observe_kept
from sagas.ingest.statements import KeyRow, SagaRow


class Folded:
    """A saga's new state, and what has to be written for it."""

    def __init__(self, saga: Held, now: datetime) -> None:
        definition = saga.definition
        state = fold.derive(saga.facts, definition, now)
        self.saga = saga
        self.keys = state.keys
        self.display = state.display
        self.row = SagaRow(
            id=saga.pk,
            definition_id=saga.definition_pk,
            unmet_version=saga.unmet_version,
            facts=facts.encode(saga.facts).decode(),
            added=len(saga.events),
            repeated=saga.arrived - len(saga.events),
            status=state.status,
            open_effects=state.open_effects,
            unknown_effects=state.unknown_effects,
            waiting_on=state.waiting_on,
            display=state.display,
            started_at=state.started_at,
            last_event_at=state.last_event_at,
            ended_at=state.ended_at,
            due_at=deadlines.next_due(
                state,
                definition,
                now,
                learning.known(saga.saga_type, definition),
                self._beyond(state),
            ),
        )

    def _beyond(self, state: State) -> list[Verdict]:
        definition = self.saga.definition
        if definition is None or not definition.looks_beyond:
            return []
        saga = self.saga
        return beyond.foreseen(Sight(saga.saga_type, saga.saga_id, saga.facts, state, definition))

    def key_rows(self) -> Iterable[KeyRow]:
        pk = self.saga.pk
        yield from (KeyRow(pk, name, value, True) for name, value in self.keys.items())
        # The same name and value may be both; then it links.
        for name, value in self.display.items():
            if self.keys.get(name) != value:
                yield KeyRow(pk, name, value, False)


def take(saga: Held, participant: str, now: datetime) -> Folded:
    """Merge the saga's events of this batch into its facts."""
    definition = saga.definition
    facts.merge(
        saga.facts,
        [
            observe(
                source=event.source,
                event_id=event.id,
                kind=event.kind,
                step=event.step,
                execution=event.execution,
                attempt=event.attempt,
                time=event.time or now,
                time_given=event.time is not None,
                sequence=event.sequence,
                attributes=event.attributes,
                data=event.data,
                participant=participant,
                definition=definition,
            )
            for event in saga.events
        ],
    )
    return Folded(saga, now)


def take_anew(sagas: Sequence[Held], now: datetime) -> list[Folded]:
    """Make the facts of these sagas from all the events that are stored, whatever they were before."""
    if not sagas:
        return []
    by_pk = {saga.pk: saga for saga in sagas}
    observed: dict[int, list[Observed]] = {pk: [] for pk in by_pk}
    for pk, _, *event in sql.run(statements.EVENTS_OF_SAGAS, sagas=list(by_pk)):
        observed[pk].append(observe_kept(event, by_pk[pk].definition))
    for saga in sagas:
        saga.facts = facts.merge(Facts(), observed[saga.pk])
    return [Folded(saga, now) for saga in sagas]


def write(folded: Sequence[Folded], now: datetime) -> None:
    """Write sagas, and their keys where those changed."""
    rekeyed: list[int] = []
    keys: list[KeyRow] = []
    for one in folded:
        saga = one.saga
        if one.keys != saga.keys or one.display != saga.display:
            keys += one.key_rows()
            if saga.keys or saga.display:
                rekeyed.append(saga.pk)
    if rekeyed:
        sql.run(statements.DELETE_KEYS, sagas=rekeyed)
    if keys:
        sql.run(statements.INSERT_KEYS, rows=sql.encode(keys))
    watched = [one for one in folded if one.saga.is_watched]
    if watched:
        # Whoever looked at it by a key that it had has to look again, too.
        links.nudge((one.saga.pk, keys) for one in watched for keys in (one.saga.keys, one.keys))
    if folded:
        rows: list[Any] = [one.row for one in folded]
        sql.run(statements.UPDATE_SAGAS, rows=sql.encode(rows), now=now)
