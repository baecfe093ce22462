"""A definition's text into a `Definition`, or into all that is wrong with it, with lines and columns."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from sagas.definitions import checking, checking_approval
from sagas.definitions.approval import ApprovalRule, Policy
from sagas.definitions.business import Conflict, Rule
from sagas.definitions.checking_rules import WEIGHTS
from sagas.definitions.fields import Path, Paths, Seconds
from sagas.definitions.foreign import Computed, EventMapping
from sagas.definitions.reading import Document, join
from sagas.definitions.schema import (
    AtStake,
    Call,
    Compensation,
    Definition,
    Order,
    Retries,
    StepDefinition,
)
from sagas.vocabulary import Learned, StepKind

# How msgspec's words for a type are put to people.
TYPES = {
    "str": "text",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
# Fields that take one of a few words, other than a step's kind.
WORDS: dict[str, tuple[str, ...]] = {
    "learned": tuple(Learned),
    "sequence": ("source", "saga"),
    "severity": tuple(WEIGHTS),
}
# What the last word of a path is made of, for saying which names are known there.
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "events": EventMapping,
    "kind": Computed,
    "step": Computed,
    "compensation": Compensation,
    "retry": Order,
    "status": Call,
    "retries": Retries,
    "stake": AtStake,
    "rules": Rule,
    "conflicts": Conflict,
    "approval": ApprovalRule,
}
# Its lists, of which one entry can be wrong without the others.
LISTS: dict[str, type[msgspec.Struct]] = {
    "steps": StepDefinition,
    "events": EventMapping,
    "rules": Rule,
    "conflicts": Conflict,
    "approval": ApprovalRule,
}

Root = TypeVar("Root", Definition, Policy)


def parse(text: str, file: str) -> Definition:
    """Raises `DefinitionError` with every complaint; `file` is only its name in them."""
    document = Document(text, file)
    definition = _convert(document, Definition)
    checking.check(definition, document.complain)
    document.refuse_if_wrong()
    return definition


def parse_policy(text: str, file: str) -> Policy:
    """The same for who must agree where a definition does not say: `approval`, and nothing else."""
    document = Document(text, file)
    policy = _convert(document, Policy)
    checking_approval.check(policy.approval, document.complain)
    document.refuse_if_wrong()
    return policy


def _convert(document: Document, root: type[Root]) -> Root:
    try:
        return msgspec.convert(document.data, root, dec_hook=_read)
    except msgspec.ValidationError:
        _complain_of_shape(document, root)
        document.refuse_if_wrong()
        raise


def _read(wanted: type, value: object) -> Any:
    if wanted is Seconds:
        return Seconds.read(value)
    raise NotImplementedError(wanted)


def _complain_of_shape(document: Document, root: type[msgspec.Struct]) -> None:
    """Convert piece by piece, as msgspec stops at the first thing that is wrong."""
    for path, value, wanted in _pieces(document.data, root):
        try:
            msgspec.convert(value, wanted, dec_hook=_read)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            _complain(document, root, (path + where.rstrip("`")).lstrip("."), message)


def _pieces(data: Any, root: type[msgspec.Struct]) -> Iterator[tuple[str, Any, Any]]:
    """(path, value, type it must have) of the parts that can be wrong independently of one another."""
    if not isinstance(data, dict):
        yield "", data, root
        return
    split: dict[str, Any] = {}
    for name, kind in (("keys", Path), ("display", Path | Paths)):
        if isinstance(data.get(name), dict):
            split[name] = {}
            yield from ((f"{name}.{key}", value, kind) for key, value in data[name].items())
    for name, entry in LISTS.items():
        if isinstance(data.get(name), list):
            split[name] = []
            yield from ((f"{name}[{place}]", value, entry) for place, value in enumerate(data[name]))
    yield "", data | split, root


def _complain(document: Document, root: type[msgspec.Struct], path: str, message: str) -> None:
    """Put msgspec's message into our words. What none of them fits is a message of ours already."""
    got = document.written(path)
    subject = path or f"a {root.__name__.lower()}"
    if match := re.fullmatch(r"Object missing required field `(.+)`", message):
        document.complain(path, f"{join(path, match[1])} is missing{_choices(path, match[1])}")
    elif match := re.fullmatch(r"Object contains unknown field `(.+)`", message):
        document.complain(join(path, match[1]), _unknown(root, path, match[1]), of_key=True)
    elif message.startswith("Invalid enum value"):
        allowed = WORDS.get(re.sub(r"^.*\.", "", path), tuple(StepKind))
        document.complain(path, f'{subject} must be one of {", ".join(allowed)}; got "{got}"')
    elif match := re.fullmatch(r"Expected `(.+?)`, got `(.+?)`", message):
        wanted = " or ".join(TYPES.get(word, word) for word in match[1].split(" | ") if word != "null")
        quotes = f': write "{got}"' if wanted == "text" and match[2] in {"int", "float", "bool"} else ""
        document.complain(path, f"{subject} must be {wanted}; got {got or 'nothing'}{quotes}")
    elif match := re.fullmatch(r"Expected `(\w+)` (?:of length )?(<=|>=) (\d+)", message):
        bound = "at most" if match[2] == "<=" else "at least"
        unit = {"str": " characters long", "array": " entries long"}.get(match[1], "")
        document.complain(path, f"{subject} must be {bound} {match[3]}{unit}")
    else:
        document.complain(path, f'{subject} {message}; got "{got}"')


def _choices(path: str, name: str) -> str:
    if name != "kind":
        return ""
    is_step = path.startswith("steps")
    return f": one of {', '.join(StepKind)}" if is_step else ": a kind such as step.completed, or {cel: …}"


def _unknown(root: type[msgspec.Struct], path: str, name: str) -> str:
    struct = STRUCTS.get(re.sub(r"^.*\.|\[\d+\]$", "", path), StepDefinition) if path else root
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"{join(path, name)} is not known; {hint}"
