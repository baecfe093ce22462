"""What changed from one version of a definition to another (pure).

Walks the fields that the schema has, whatever they are: structs field by field, named things by their name. A
field that the schema gains is compared without a line here, as long as what is empty says nothing.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from sagas.definitions.fields import Seconds
from sagas.definitions.schema import Definition
from sagas.durations import exactly

# Characters of one value; what is longer stands in the text of the definition.
LONGEST = 400
# What tells two things of one list apart.
NAME = "name"
# They are what is compared, not a difference.
IDENTITY = frozenset({"type", "version"})
APPROVAL = "approval"


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `where` leads to it: ("steps", "charge-card", "deadline").

    `old` and `new` are the values in words, each a line or several; empty where there is none. `title` is
    what people call the step or other named thing that it is about. `is_whole`: it is about that thing, or a
    key, as a whole, not about something in it.
    """

    kind: Kind
    where: tuple[str, ...]
    title: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    is_whole: bool = False

    @property
    def subject(self) -> str:
        """What it is about: "step charge-card", "charge card: compensation, deadline", "key customer"."""
        field, *names = self.where
        if self.is_whole:
            return f"{_one_of(field)} {names[0]}"
        if self.title:
            return f"{self.title}: {', '.join(map(_words, names[1:]))}"
        return ", ".join([_one_of(field), *map(_words, names)])

    @property
    def sentence(self) -> str:
        """The change in words. What all stands in a new or a lost step is for the table to tell."""
        old, new = ("; ".join(self.old) or "nothing"), ("; ".join(self.new) or "nothing")
        is_short = not (self.is_whole and self.title)
        match self.kind:
            case Kind.ADDED:
                said = f"{self.subject} was added{f': {new}' if is_short else ''}"
            case Kind.REMOVED:
                said = f"{self.subject} was removed{f'; it was {old}' if is_short else ''}"
            case Kind.MOVED:
                said = f"{self.subject} moved from place {old} to place {new}"
            case Kind.CHANGED:
                said = f"{self.subject} was {old}, and is {new}"
        return f"{said[0].upper()}{said[1:]}."


def compare(old: Definition, new: Definition) -> list[Change]:
    """In the order of the schema's fields, steps in the newer one's order; empty: both say the same."""
    return [*_fields(old, new, ()), *_agreeing(old, new), *_waiting(old, new)]


def changed_names(changes: Sequence[Change], field: str = "steps") -> dict[str, Kind]:
    """Per named thing of this field (a step), what happened to it as a whole."""
    found: dict[str, Kind] = {}
    for change in changes:
        if change.where[0] == field and len(change.where) > 1:
            kind = change.kind if change.is_whole else Kind.CHANGED
            known = found.setdefault(change.where[1], kind)
            if known == Kind.MOVED:
                found[change.where[1]] = kind
    return found


def _fields(old: Struct, new: Struct, where: tuple[str, ...], title: str = "") -> Iterator[Change]:
    for field in msgspec.structs.fields(new):
        if (not where and field.name in IDENTITY) or field.name == NAME:
            continue
        # No rules are something else than no list of them: see `_agreeing`.
        if not where and field.name == APPROVAL:
            continue
        # Of what a step waits for, only the effect counts: see `_waiting`.
        if where[:1] == ("steps",) and field.name == "after":
            continue
        before, after = getattr(old, field.name), getattr(new, field.name)
        yield from _values(before, after, (*where, field.encode_name), title)


def _values(old: Any, new: Any, where: tuple[str, ...], title: str) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, Struct) and isinstance(new, Struct) and type(old) is type(new):
        yield from _fields(old, new, where, title)
    elif isinstance(old, dict) and isinstance(new, dict) and len(where) == 1:
        yield from _mapping(old, new, where)
    elif isinstance(old, list) and isinstance(new, list) and _is_of_structs(old + new):
        yield from _named(old, new, where) if _is_named(old + new) else _unnamed(old, new, where, title)
    else:
        yield _change(old, new, where, title)


def _change(old: Any, new: Any, where: tuple[str, ...], title: str) -> Change:
    kind = Kind.CHANGED
    if _is_nothing(old):
        kind = Kind.ADDED
    elif _is_nothing(new):
        kind = Kind.REMOVED
    return Change(kind, where, title, told(old), told(new))


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _is_of_structs(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, Struct) for value in values)


def _is_named(values: list[Any]) -> bool:
    return all(isinstance(getattr(value, NAME, None), str) for value in values)


def _mapping(old: Mapping[str, Any], new: Mapping[str, Any], where: tuple[str, ...]) -> Iterator[Change]:
    for name in [*new, *(name for name in old if name not in new)]:
        if old.get(name) != new.get(name):
            yield replace(_change(old.get(name), new.get(name), (*where, name), ""), is_whole=True)


def _named(old: list[Any], new: list[Any], where: tuple[str, ...]) -> Iterator[Change]:
    before, after = {item.name: item for item in old}, {item.name: item for item in new}
    places = {item.name: place for place, item in enumerate(old, start=1)}
    moved = _moved([name for name in before if name in after], [name for name in after if name in before])
    for place, (name, item) in enumerate(after.items(), start=1):
        here = (*where, name)
        if name not in before:
            yield Change(Kind.ADDED, here, _title(item), (), told(item), is_whole=True)
            continue
        if name in moved:
            yield Change(Kind.MOVED, here, _title(item), (str(places[name]),), (str(place),), is_whole=True)
        yield from _fields(before[name], item, here, _title(item))
    for name, item in before.items():
        if name not in after:
            yield Change(Kind.REMOVED, (*where, name), _title(item), told(item), (), is_whole=True)


def _unnamed(old: list[Any], new: list[Any], where: tuple[str, ...], title: str) -> Iterator[Change]:
    """Things without names are what they say: one that says something else is another."""
    kept = Counter(map(told, old)) & Counter(map(told, new))
    for values, kind in ((old, Kind.REMOVED), (new, Kind.ADDED)):
        left = Counter(kept)
        for value in values:
            words = told(value)
            if left[words]:
                left[words] -= 1
            elif kind == Kind.ADDED:
                yield Change(kind, where, title, (), words)
            else:
                yield Change(kind, where, title, words, ())


def _moved(old: list[str], new: list[str]) -> set[str]:
    """The fewest names whose moving explains the new order: all but a longest run that kept its order."""
    ranks = {name: rank for rank, name in enumerate(old)}
    tails: list[int] = []
    at: list[int] = []
    for name in new:
        place = bisect_left(tails, ranks[name])
        tails[place : place + 1] = [ranks[name]]
        at.append(place)
    kept, wanted = set(), len(tails) - 1
    for name, place in zip(reversed(new), reversed(at), strict=True):
        if place == wanted:
            kept.add(name)
            wanted -= 1
    return set(new) - kept


def _waiting(old: Definition, new: Definition) -> Iterator[Change]:
    """What a step waits for, however it is written: without `after` it is the step before it."""
    for step in new.steps:
        before, after = old.predecessors.get(step.name), new.predecessors[step.name]
        if before is not None and set(before) != set(after):
            where = ("steps", step.name, "waits for")
            yield Change(Kind.CHANGED, where, step.title, _names(before), _names(after))


def _agreeing(old: Definition, new: Definition) -> Iterator[Change]:
    """Who must agree to a repair: rule by rule where both have some."""
    if old.approval and new.approval:
        yield from _values(old.approval, new.approval, (APPROVAL,), "")
    elif old.approval != new.approval:
        where = ("who must agree to a repair",)
        yield Change(Kind.CHANGED, where, "", _agreed(old.approval), _agreed(new.approval))


def _agreed(rules: Sequence[Struct] | None) -> tuple[str, ...]:
    if rules is None:
        return ("as the default policy says",)
    return tuple(_short(", ".join(told(rule))) for rule in rules) or ("nobody",)


def _names(steps: Sequence[str]) -> tuple[str, ...]:
    return (", ".join(steps) or "nothing",)


def _title(item: Any) -> str:
    return str(getattr(item, "title", "") or item.name)


def _one_of(field: str) -> str:
    """One of what a field holds several of: a step of the steps."""
    return _words(field).removesuffix("s")


def _words(field: str) -> str:
    return field.replace("_", " ")


def told(value: Any) -> tuple[str, ...]:
    """A value in words, a line for each field that says something; nothing for None."""
    if value is None:
        return ()
    if isinstance(value, Struct):
        return tuple(
            _short(f"{_words(field.encode_name)}: {'; '.join(lines)}")
            for field in msgspec.structs.fields(value)
            if (lines := told(getattr(value, field.name))) and not _is_default(field, value)
        )
    return (_short(_single(value)),)


def _is_default(field: Any, of: Struct) -> bool:
    value = getattr(of, field.name)
    return _is_nothing(value) or (field.default is not msgspec.NODEFAULT and value == field.default)


def _single(value: Any) -> str:
    if isinstance(value, Seconds):
        return exactly(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "none"
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
