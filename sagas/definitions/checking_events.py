"""What `events` of a definition may get wrong: kinds and steps that are not there, impossible expressions."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sagas import expressions
from sagas.definitions.checking_rules import Complain
from sagas.definitions.foreign import VARIABLES, Computed, EventMapping
from sagas.definitions.reading import Place
from sagas.expressions import ExpressionError
from sagas.vocabulary import Kind

if TYPE_CHECKING:
    from sagas.definitions.schema import Definition

# What a mapping may say; the others are for Amends itself.
KINDS = [kind.value for kind in Kind if kind.family != "operator"]


def check(definition: "Definition", complain: Complain) -> None:
    """Call `complain(path, message)` for everything that is wrong with `events`."""
    steps = [step.name for step in definition.steps]
    for place, mapping in enumerate(definition.events):
        path = f"events[{place}]"
        _check_patterns(mapping, path, complain)
        _check_kind(mapping, path, complain)
        _check_step(mapping, steps, path, complain)
        _check_keys(mapping, list(definition.keys), path, complain)
        _check_expressions(mapping, path, complain)


def _check_patterns(mapping: EventMapping, path: str, complain: Complain) -> None:
    for name, pattern in (("type", mapping.type), ("source", mapping.source or "")):
        if "*" in pattern[:-1]:
            complain(f"{path}.{name}", f'{path}.{name} must have * at its end only; got "{pattern}"')
    if mapping.type in set(Kind):
        complain(
            f"{path}.type",
            f'{path}.type must be a foreign type: "{mapping.type}" needs no mapping, it is ours',
        )


def _check_kind(mapping: EventMapping, path: str, complain: Complain) -> None:
    kind = mapping.kind
    if isinstance(kind, Computed) or kind in KINDS:
        return
    close = get_close_matches(kind, KINDS, n=1)
    hint = f"did you mean {close[0]}?" if close else _as_expression(kind, f"known are {', '.join(KINDS)}")
    complain(f"{path}.kind", f'{path}.kind must be one of the kinds of events; got "{kind}": {hint}')


def _check_step(mapping: EventMapping, steps: list[str], path: str, complain: Complain) -> None:
    step = mapping.step
    if step is None and isinstance(mapping.kind, str) and mapping.kind in KINDS:
        if Kind(mapping.kind).needs_step:
            complain(path, f"{path}.step is missing: {mapping.kind} is about a step")
    elif isinstance(step, str) and step not in steps:
        known = f"the steps are {', '.join(steps) or 'none'}"
        complain(
            f"{path}.step",
            f'{path}.step must be a step of this definition; got "{step}": {_as_expression(step, known)}',
        )


def _check_keys(mapping: EventMapping, keys: list[str], path: str, complain: Complain) -> None:
    for name in mapping.keys:
        if name not in keys:
            known = ", ".join(keys) or "none, as keys is empty"
            complain(
                f"{path}.keys.{name}",
                f'{path}.keys.{name} must be a key of this definition, one of {known}; got "{name}"',
            )


def _as_expression(word: str, known: str) -> str:
    return f"write {{cel: {word}}} for an expression" if "event." in word else known


def _check_expressions(mapping: EventMapping, path: str, complain: Complain) -> None:
    for name, text in mapping.expressions():
        where = f"{path}.{name}"
        try:
            expressions.compile(text, VARIABLES, "bool" if name == "when" else "dyn")
        except ExpressionError as error:
            complain(where, f"{where}: {error.message}", within=Place(error.line, error.column))
