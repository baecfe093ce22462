"""What an expression of a rule looks at, from its tree: steps, fields, keys, payload paths, other sagas."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sagas.expressions.tree import Call, Constant, Loop, Name, Node, Select, children

# What the variable of a loop over `others` is called here, whatever it is called there.
OTHER = "others[]"


class Part(NamedTuple):
    """`.name` or `["name"]`; `name` is None for a place in a list, and where only evaluating tells it."""

    name: str | None
    at: int


class Chain(NamedTuple):
    """`root.part.part`: as far as it is looked into; `root` is a variable, or OTHER."""

    root: str
    at: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Mentions:
    """`steps`: (step, field), the field empty where all of it is looked at."""

    steps: frozenset[tuple[str, str]] = frozenset()
    all_steps: bool = False
    saga: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    others: bool = False


def mentioned(tree: Node) -> Mentions:
    steps: set[tuple[str, str]] = set()
    words: dict[str, set[str]] = {"saga": set(), "key": set()}
    paths: set[str] = set()
    all_steps = others = False
    for root, _, parts in chains(tree):
        names = [part.name or "" for part in parts]
        if root == "steps":
            if names and names[0]:
                steps.add((names[0], names[1] if len(names) > 1 else ""))
            else:
                all_steps = True
        elif root == "data" and (path := path_of(parts)):
            paths.add(path)
        elif root in words:
            words[root].add(names[0] if names else "")
        others = others or root == "others"
    # What is kept of `a` holds `a.b`.
    kept = {path for path in paths if not any(path.startswith(f"{other}.") for other in paths)}
    saga, keys = frozenset(words["saga"]), frozenset(words["key"])
    return Mentions(frozenset(steps), all_steps, saga, keys, frozenset(kept), others)


def path_of(parts: tuple[Part, ...]) -> str:
    """`customer.id`; of a list, which is kept as a whole, the path to it."""
    names = []
    for part in parts:
        if part.name is None:
            break
        names.append(part.name)
    return ".".join(names)


def chains(node: Node, bound: Mapping[str, str] | None = None) -> Iterator[Chain]:
    """Every look into a variable. `bound`: loop variables by name, as what they are known here."""
    bound = bound or {}
    if isinstance(node, Loop):
        yield from chains(node.over, bound)
        own = OTHER if _is_others(node.over, bound) else ""
        inner = {**bound, node.variable: own, node.accumulator: ""}
        for part in (*node.body, node.result):
            yield from chains(part, inner)
        return
    parts: list[Part] = []
    start = node
    while True:
        if isinstance(node, Select):
            # It stands after its dot.
            parts.append(Part(node.name, node.at + 1))
            node = node.operand
        elif isinstance(node, Call) and node.function == "_[_]":
            index = node.arguments[1]
            parts.append(Part(index.value if isinstance(index, Constant) else None, index.at))
            yield from chains(index, bound)
            node = node.arguments[0]
        else:
            break
    if isinstance(node, Name):
        root = bound.get(node.name, node.name)
        if root:
            yield Chain(root, node.at, tuple(reversed(parts)))
    elif node is not start:
        yield from chains(node, bound)
    else:
        for child in children(node):
            yield from chains(child, bound)


def _is_others(node: Node, bound: Mapping[str, str]) -> bool:
    """Whether the elements of this list are other sagas: `others`, or what a filter left of it."""
    while isinstance(node, Loop):
        node = node.over
    return isinstance(node, Name) and bound.get(node.name, node.name) == "others"
