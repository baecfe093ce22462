"""What `masked` of a definition covers: payload paths, and whatever else is taken from there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sagas import expressions
from sagas.definitions.checking_rules import Complain
from sagas.definitions.foreign import VARIABLES, Computed, EventMapping
from sagas.definitions.mentions import chains, path_of
from sagas.expressions import ExpressionError

if TYPE_CHECKING:
    from sagas.definitions.schema import Definition

# A path, split. The name EVERY stands for each element of a list or object.
Words = tuple[str, ...]
EVERY = "*"

# What a mapping names things by: it stands in addresses and on drawings, where nothing can be masked.
NAMES = ("saga", "step", "execution")


def split(path: str) -> Words:
    """An empty path is the whole payload."""
    return tuple(path.split(".")) if path else ()


def covers(masked: Iterable[Words], path: str) -> bool:
    """Whether something that is masked stands at this path, below it or around it."""
    words = split(path)
    return any(all(map(_may_be_same, each, words)) for each in masked)


def _may_be_same(one: str, other: str) -> bool:
    if EVERY in (one, other) or one == other:
        return True
    return one.isdecimal() and other.isdecimal() and int(one) == int(other)


def names_taken(definition: "Definition", masked: Sequence[Words]) -> frozenset[str]:
    """Business keys and labels whose values this definition takes from what is masked."""
    found = {name for name, path in definition.keys.items() if covers(masked, path)}
    for name, several in definition.display.items():
        if any(covers(masked, path) for path in ([several] if isinstance(several, str) else several)):
            found.add(name)
    for mapping in definition.events:
        found |= {name for name, cel in mapping.keys.items() if _looks_at(cel, masked)}
    return frozenset(found)


def _looks_at(expression: str, masked: Sequence[Words]) -> bool:
    return any(covers(masked, path) for path in _payload_paths(expression))


def _payload_paths(expression: str) -> Iterator[str]:
    """Where in `event.data` an expression looks; empty: at all of it, or nobody can tell where."""
    try:
        tree = expressions.compile(expression, VARIABLES, "dyn").tree
    except ExpressionError:
        return
    for root, _, parts in chains(tree):
        if root == "event" and (not parts or parts[0].name in {"data", None}):
            yield path_of(parts[1:])


def check(definition: "Definition", complain: Complain) -> None:
    """Call `complain` where a path is given twice, or where what it covers could not be masked."""
    for place, path in enumerate(definition.masked):
        where, alone = f"masked[{place}]", [split(path)]
        if path in definition.masked[:place]:
            complain(where, f'{where} must go: "{path}" is masked already')
        for what in _told_to_all(definition, alone):
            complain(where, f'{where} must not cover {what}, which everybody is told; got "{path}"')


def _told_to_all(definition: "Definition", masked: Sequence[Words]) -> Iterator[str]:
    at_stake = definition.at_stake
    if at_stake and at_stake.amount and covers(masked, at_stake.amount):
        yield f"what is at stake ({at_stake.amount})"
    for place, mapping in enumerate(definition.events):
        for name, expression in _naming(mapping):
            if _looks_at(expression, masked):
                yield f"what events[{place}].{name} is made of"


def _naming(mapping: EventMapping) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        value = getattr(mapping, name)
        if isinstance(value, Computed):
            yield name, value.cel
        elif value is not None and name != "step":
            yield name, value
