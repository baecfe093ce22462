"""A compiled expression as a tree: what bounds it, and what a definition's rules speak of.

The library gives its checked tree as bytes only: cel.expr.CheckedExpr (cel-spec's checked.proto and
syntax.proto) in protobuf's wire format. Of the latter just what occurs there is read here: varints,
64-bit numbers and lengths.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Wire types.
VARINT, FIXED64, LENGTH = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Node:
    """`at` is where it stands: characters from the beginning of the text."""

    at: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """`value`: its text where it is one, else None."""

    value: str | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`operand.name`; `has(operand.name)` where `is_test`."""

    operand: Node
    name: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function or operator (`_+_`); `overloads` are those that it may come to mean."""

    function: str
    arguments: tuple[Node, ...]  # the target first, where there is one
    overloads: frozenset[str]


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A list or map; `message` names its type where it is neither."""

    elements: tuple[Node, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """What all, exists, exists_one and filter become."""

    variable: str
    accumulator: str
    over: Node
    start: Node
    body: tuple[Node, ...]  # condition and step
    result: Node


def read(serialized: bytes) -> Node:
    """From `cel.Expression.serialize()`."""
    checked = _fields(_one(_fields(serialized), 2))
    overloads: dict[int, frozenset[str]] = {}
    for entry in checked.get(2, ()):
        reference = _fields(entry)
        names = _fields(_one(reference, 2)).get(3, ())
        overloads[_one(reference, 1, 0)] = frozenset(name.decode() for name in names)
    places: dict[int, int] = {}
    for entry in _fields(_one(checked, 5)).get(4, ()):
        position = _fields(entry)
        places[_one(position, 1, 0)] = _one(position, 2, 0)
    return _Reader(overloads, places).node(_one(checked, 4))


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Select):
        return (node.operand,)
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Literal):
        return node.elements
    if isinstance(node, Loop):
        return (node.over, node.start, *node.body, node.result)
    return ()


@dataclass(frozen=True, slots=True)
class _Reader:
    overloads: dict[int, frozenset[str]] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)

    def node(self, message: bytes) -> Node:
        fields = _fields(message)
        identity = _one(fields, 2, 0)
        at = self.places.get(identity, 0)
        for number, read in ((4, self._name), (5, self._select), (6, self._call), (7, self._list)):
            if number in fields:
                return read(at, identity, _fields(fields[number][0]))
        if 8 in fields:
            return self._struct(at, _fields(fields[8][0]))
        if 9 in fields:
            return self._loop(at, _fields(fields[9][0]))
        constant = _fields(_one(fields, 3))
        return Constant(at, constant[6][0].decode() if 6 in constant else None)

    def _name(self, at: int, identity: int, fields: dict[int, list[Any]]) -> Name:
        return Name(at, _one(fields, 1).decode())

    def _select(self, at: int, identity: int, fields: dict[int, list[Any]]) -> Select:
        return Select(at, self.node(_one(fields, 1)), _one(fields, 2).decode(), bool(_one(fields, 3, 0)))

    def _call(self, at: int, identity: int, fields: dict[int, list[Any]]) -> Call:
        arguments = tuple(self.node(message) for message in [*fields.get(1, ()), *fields.get(3, ())])
        return Call(at, _one(fields, 2).decode(), arguments, self.overloads.get(identity, frozenset()))

    def _list(self, at: int, identity: int, fields: dict[int, list[Any]]) -> Literal:
        return Literal(at, tuple(self.node(message) for message in fields.get(1, ())), "")

    def _struct(self, at: int, fields: dict[int, list[Any]]) -> Literal:
        entries = [_fields(entry) for entry in fields.get(2, ())]
        parts = [part for entry in entries for number in (3, 4) for part in entry.get(number, ())]
        return Literal(at, tuple(self.node(part) for part in parts), _one(fields, 1).decode())

    def _loop(self, at: int, fields: dict[int, list[Any]]) -> Loop:
        return Loop(
            at,
            variable=_one(fields, 1).decode(),
            accumulator=_one(fields, 3).decode(),
            over=self.node(_one(fields, 2)),
            start=self.node(_one(fields, 4)),
            body=(self.node(_one(fields, 5)), self.node(_one(fields, 6))),
            result=self.node(_one(fields, 7)),
        )


def _one(fields: dict[int, list[Any]], number: int, default: Any = b"") -> Any:
    return fields[number][0] if number in fields else default


def _fields(message: bytes) -> dict[int, list[Any]]:
    """Field number → values: numbers, or bytes for what is not read yet."""
    found: dict[int, list[Any]] = {}
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        value: Any
        if kind == VARINT:
            value, place = _varint(message, place)
        elif kind == FIXED64:
            value, place = message[place : place + 8], place + 8
        elif kind == LENGTH:
            length, place = _varint(message, place)
            value, place = message[place : place + length], place + length
        else:
            raise ValueError(f"A compiled expression has wire type {kind}, which it never had.")
        found.setdefault(tag >> 3, []).append(value)
    return found


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
