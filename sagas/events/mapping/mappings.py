"""The mappings in force, and what they make of an event."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from sagas.definitions import Definition
from sagas.events.foreign import Foreign
from sagas.events.incoming import Incoming
from sagas.events.mapping.making import MappingError, Way, first, seen
from sagas.events.refusal import Reason, Refused
from sagas.expressions import Values


class Mapped(NamedTuple):
    """What became of a foreign event: for each saga type that takes it one of ours; and what is left to keep.

    Both may be there at once: one definition took it, and the mapping of another failed.
    """

    taken: Sequence[Incoming]
    refused: Refused | None


class Mappings:
    """The mappings of some definitions, at most one definition a saga type."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._exact: dict[str, list[tuple[int, Way]]] = {}
        self._open: list[tuple[int, Way]] = []
        number = 0
        for definition in sorted(definitions, key=lambda each: each.type):
            for place, mapping in enumerate(definition.events):
                way = number, Way(definition, place, mapping)
                if mapping.type.endswith("*"):
                    self._open.append(way)
                else:
                    self._exact.setdefault(mapping.type, []).append(way)
                number += 1

    def about(self, type: str, source: str | None = None) -> dict[str, list[Way]]:
        """Those that may take events of this type (and source), by saga type, in the order of the file."""
        found: dict[str, list[Way]] = {}
        for _, way in sorted([*self._exact.get(type, []), *self._open], key=lambda each: each[0]):
            mapping = way.mapping
            if mapping.may_take(type, source) if source is not None else mapping.names(type):
                found.setdefault(way.definition.type, []).append(way)
        return found

    def take(self, event: Foreign, *, now: datetime, scope: Collection[str] = ()) -> Mapped:
        """Ask each definition whose saga type is in `scope` (empty: all). `now` tells times too far ahead.

        Within a definition the first mapping counts that is about the event and whose `when` holds.
        """
        about = self.about(event.type, event.source)
        allowed = {name: ways for name, ways in about.items() if not scope or name in scope}
        if not allowed:
            return Mapped([], _not_allowed(event, about) if about else event)
        taken: list[Incoming] = []
        failed: list[str] = []
        values: Values | None = None
        for ways in allowed.values():
            try:
                values = values or seen(event)
                made = first(ways, event, values, now)
            except MappingError as error:
                failed.append(str(error))
            else:
                taken += [made] if made else []
        if failed:
            return Mapped(taken, _refused(event, Reason.MAPPING_FAILED, " ".join(failed)))
        return Mapped(taken, None if taken else _declined(event, allowed))


def _refused(event: Foreign, reason: Reason, detail: str) -> Foreign:
    return msgspec.structs.replace(event, reason=reason, detail=detail)


def _not_allowed(event: Foreign, about: Collection[str]) -> Foreign:
    types = ", ".join(about)
    return _refused(
        event,
        Reason.NOT_ALLOWED,
        f"Mappings of {types} are about it, but this key may not report on sagas of type {types}.",
    )


def _declined(event: Foreign, about: Collection[str]) -> Foreign:
    if event.reason is not Reason.ORPHAN_EVENT:
        return event
    detail = f"Mappings of {', '.join(about)} are about its type, but the condition of none holds."
    return _refused(event, Reason.ORPHAN_EVENT, detail)
