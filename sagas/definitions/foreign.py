"""How a definition takes events that somebody publishes already: `events`, as values."""

from typing import Annotated

from msgspec import Meta, Struct

from sagas.definitions.fields import Label

# An expression in the Common Expression Language over `event`.
Cel = Annotated[str, Meta(min_length=1, max_length=2000)]
# A whole text, or how it begins, then `*`.
Pattern = Annotated[str, Meta(min_length=1, max_length=500)]
# What its expressions see: the event's context attributes by their names, and `data`.
VARIABLES = {"event": "map"}

Word = Annotated[str, Meta(min_length=1, max_length=200)]


class Computed(Struct, frozen=True, forbid_unknown_fields=True):
    """`{cel: …}`: worked out from each event, where a plain word would be the same for all."""

    cel: Cel


class EventMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """What events of one type say about a saga. `kind` and `step` are words or computed, the rest is CEL."""

    type: Pattern
    kind: Word | Computed
    saga: Cel
    source: Pattern | None = None
    when: Cel | None = None
    step: Word | Computed | None = None
    execution: Cel | None = None
    attempt: Cel | None = None
    time: Cel | None = None
    keys: dict[Label, Cel] = {}

    def names(self, type: str) -> bool:
        return fits(self.type, type)

    def may_take(self, type: str, source: str) -> bool:
        """Whether it is about events of this type and source; `when` may still decline one of them."""
        return self.names(type) and (self.source is None or fits(self.source, source))

    def expressions(self) -> list[tuple[str, str]]:
        """Those that are given: (path below the mapping, expression)."""
        found = []
        for name in ("when", "kind", "saga", "step", "execution", "attempt", "time"):
            value = getattr(self, name)
            if isinstance(value, Computed):
                found.append((f"{name}.cel", value.cel))
            elif value is not None and name not in {"kind", "step"}:
                found.append((name, value))
        return [*found, *((f"keys.{name}", text) for name, text in self.keys.items())]


def fits(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
