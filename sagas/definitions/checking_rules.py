"""What `rules` and `conflicts` of a definition may get wrong, with the place inside of an expression."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol

from sagas.definitions import placeholders
from sagas.definitions.business import (
    MESSAGE_WORDS,
    OTHER_FIELDS,
    SAGA_FIELDS,
    STEP_FIELDS,
    Rule,
)
from sagas.definitions.mentions import OTHER, Chain, Part, chains, path_of
from sagas.definitions.reading import Place
from sagas.expressions import ExpressionError
from sagas.vocabulary import Severity

if TYPE_CHECKING:
    from sagas.definitions.schema import Definition

# Payload paths whose values are kept for rules, of all rules together.
MOST_PATHS = 30

WEIGHTS = [weight.value for weight in Severity if weight != Severity.NOTE]


class Complain(Protocol):
    def __call__(self, path: str, message: str, *, within: Place | None = None) -> None: ...


def check(definition: "Definition", complain: Complain) -> None:
    """Call `complain` for everything that is wrong."""
    _check_names(definition, complain)
    for place, rule in enumerate(definition.rules):
        _check_rule(definition, rule, f"rules[{place}]", complain)
    mentioned = {path for rule in definition.rules for path in rule.paths}
    if len(mentioned) > MOST_PATHS:
        complain("rules", f"rules must look at no more than {MOST_PATHS} payload paths; got {len(mentioned)}")
    _check_conflicts(definition, complain)


def _check_names(definition: "Definition", complain: Complain) -> None:
    first: dict[str, int] = {}
    for place, rule in enumerate(definition.rules):
        if rule.name in first:
            where = f"rules[{first[rule.name]}]"
            complain(
                f"rules[{place}].name", f'rules[{place}].name must be its own; "{rule.name}" is also {where}'
            )
        first.setdefault(rule.name, place)


def _check_rule(definition: "Definition", rule: Rule, path: str, complain: Complain) -> None:
    if rule.severity == Severity.NOTE:
        complain(f"{path}.severity", f'{path}.severity must be one of {", ".join(WEIGHTS)}; got "note"')
    if rule.by and rule.by not in definition.keys:
        complain(f"{path}.by", f"{path}.by {_unknown_key(definition, rule.by)}")
    for where, word in placeholders.found_in(rule.message, f"{path}.message"):
        _check_word(definition, word, where, complain)
    where = f"{path}.expression"
    for mistake in _mistakes(definition, rule):
        complain(where, f"{where}: {mistake.message}", within=Place(mistake.line, mistake.column))


def _mistakes(definition: "Definition", rule: Rule) -> list[ExpressionError]:
    try:
        tree = rule.compiled.tree
    except ExpressionError as error:
        return [error]
    return [
        ExpressionError.at(rule.expression, at, message)
        for chain in chains(tree)
        for at, message in _wrong(definition, chain)
    ]


def _wrong(definition: "Definition", chain: Chain) -> Iterator[tuple[int, str]]:
    """Where and why this look leads nowhere."""
    parts = chain.parts
    if chain.root == "steps":
        steps = [step.name for step in definition.steps]
        yield from not_among(parts[:1], steps, "a step of this definition")
        yield from not_among(parts[1:2], STEP_FIELDS, "told of a step")
    elif chain.root == "saga":
        yield from not_among(parts[:1], SAGA_FIELDS, "told of a saga")
    elif chain.root == "key":
        yield from not_among(parts[:1], list(definition.keys), "a business key of this definition")
    elif chain.root == OTHER:
        yield from not_among(parts[:1], OTHER_FIELDS, "told of another saga")
        if [part.name for part in parts[:1]] == ["steps"]:
            yield from not_among(parts[2:3], STEP_FIELDS, "told of a step")
    elif chain.root == "data":
        path = path_of(parts)
        if not path:
            at = parts[0].at if parts else chain.at
            yield at, 'data must be followed by a path such as data.total.amount or data["charge-id"]'
        elif any(not part.name or "." in part.name or part.name.split() != [part.name] for part in parts[:1]):
            yield parts[0].at, "a path must be made of names without dots and spaces"


def not_among(parts: Iterable[Part], known: Iterable[str], what: str) -> Iterator[tuple[int, str]]:
    """(place, what is wrong) for each of these names that is none of the known ones."""
    names = list(known)
    for part in parts:
        if part.name is not None and part.name not in names:
            close = get_close_matches(part.name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names) or 'none'}"
            yield part.at, f"{part.name} is not {what}; {hint}"


def _check_word(definition: "Definition", word: str, path: str, complain: Complain) -> None:
    if word.startswith(placeholders.KEY):
        name = word.removeprefix(placeholders.KEY)
        if name not in definition.keys:
            complain(path, f"{path} has {{{word}}}: the key {_unknown_key(definition, name)}")
    elif word.startswith(placeholders.DATA):
        if "" in word.split("."):
            complain(path, f"{path} has {{{word}}}: data must be followed by a path such as data.charge_id")
    elif word not in MESSAGE_WORDS:
        known = ", ".join(f"{{{word}}}" for word in (*MESSAGE_WORDS, "key.NAME", "data.PATH"))
        complain(path, f"{path} has {{{word}}}: a placeholder must be one of {known}")


def _unknown_key(definition: "Definition", name: str) -> str:
    return f'must be one of {", ".join(definition.keys) or "none, as keys is empty"}; got "{name}"'


def _check_conflicts(definition: "Definition", complain: Complain) -> None:
    names = [step.name for step in definition.steps]
    for place, conflict in enumerate(definition.conflicts):
        path = f"conflicts[{place}]"
        if conflict.key not in definition.keys:
            complain(f"{path}.key", f"{path}.key {_unknown_key(definition, conflict.key)}")
        named = [("steps", conflict.steps)]
        if conflict.other == definition.type:
            named.append(("their", conflict.their))
        for field, steps in named:
            for position, name in enumerate(steps):
                if name not in names:
                    where = f"{path}.{field}[{position}]"
                    complain(where, f'{where} must be one of {", ".join(names)}; got "{name}"')
