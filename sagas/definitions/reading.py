"""YAML into plain values, with the line and column of each; hostile files are refused, not obeyed.

Only what a definition needs is taken: maps with text keys, lists, text, numbers, true/false and null. Words
such as `on` and `no` and things that look like dates stay text, as in YAML 1.2.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml

MOST_CHARACTERS = 512 * 1024
MOST_VALUES = 20_000
DEEPEST = 30

# What escapes can smuggle in and PostgreSQL cannot keep.
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")

TAG = "tag:yaml.org,2002:"


class Place(NamedTuple):
    """Counted from 1."""

    line: int
    column: int

    @classmethod
    def of(cls, mark: yaml.Mark) -> "Place":
        return cls(mark.line + 1, mark.column + 1)


class Complaint(NamedTuple):
    """One thing that is wrong in a file."""

    file: str
    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.place.line}:{self.place.column}: {self.message}"


class DefinitionError(Exception):
    """A definition that cannot be taken; as text, one line a complaint: `file:line:column: what to mend`."""

    def __init__(self, complaints: list[Complaint]) -> None:
        self.complaints = sorted(complaints, key=lambda complaint: complaint.place)
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


class Document:
    """A file's values, and where each stands. Paths are written as people read them: `steps[2].kind`."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.complaints: list[Complaint] = []
        self._values: dict[str, Place] = {}
        self._keys: dict[str, Place] = {}
        self._written: dict[str, str] = {}
        self._scalars: dict[str, yaml.ScalarNode] = {}
        self._lines = text.splitlines()
        self._count = 0
        if len(text) > MOST_CHARACTERS:
            raise self._error(
                Place(1, 1), f"must be at most {MOST_CHARACTERS:,} characters; is {len(text):,}"
            )
        try:
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            raise self._error(*_explain(error)) from None
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise self._error(place, f"holds a character that YAML does not allow: {_code(error)}") from None
        if node is None:
            raise self._error(Place(1, 1), "is empty; must hold a mapping")
        self.data: Any = self._value(node, "", 0)
        self.refuse_if_wrong()

    def complain(self, path: str, message: str, *, of_key: bool = False, within: Place | None = None) -> None:
        """Note what is wrong at this path. `message` starts with a verb: "must be …".

        `within`: where in the text that stands there; told in words where YAML has it in other lines.
        """
        place = self._keys[path] if of_key else self.place(path)
        if within:
            exact = self._place_within(path, within)
            place = exact or place
            message += "" if exact else f" (line {within.line}, column {within.column} of it)"
        self.complaints.append(Complaint(self.file, place, message))

    def _place_within(self, path: str, within: Place) -> Place | None:
        """Where this line and column of a text stand in the file; None where YAML folds or escapes it."""
        node = self._scalars.get(path)
        if node is None:
            return None
        start, end = node.start_mark, node.end_mark
        if node.style in {"|", ">"}:
            line = (self._lines[start.line + within.line :] or [""])[0]
            said = node.value.split("\n")[within.line - 1]
            indent = len(line) - len(said)
            if line == " " * indent + said:
                return Place(start.line + 1 + within.line, indent + within.column)
            return None
        quotes = 1 if node.style else 0
        if start.line == end.line and end.column - start.column == len(node.value) + 2 * quotes:
            return Place(start.line + 1, start.column + quotes + within.column)
        return None

    def place(self, path: str) -> Place:
        """Where the value at this path stands, or, where nothing does, what it would be part of."""
        while path not in self._values:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._values[path]

    def written(self, path: str) -> str:
        """What stands at the path, letter by letter; "a mapping", "a list", or "" where nothing does."""
        return self._written.get(path, "")

    def refuse_if_wrong(self) -> None:
        """Raise `DefinitionError` with all that was complained of, if anything was."""
        if self.complaints:
            raise DefinitionError(self.complaints)

    def _error(self, place: Place, message: str) -> DefinitionError:
        return DefinitionError([*self.complaints, Complaint(self.file, place, message)])

    def _value(self, node: yaml.Node, path: str, depth: int) -> Any:
        place = Place.of(node.start_mark)
        # An alias stands for the whole value again, so that a few lines can mean millions of values.
        self._count += 1
        if self._count > MOST_VALUES:
            raise self._error(place, f"must hold at most {MOST_VALUES:,} values, aliases counted each time")
        if depth > DEEPEST:
            raise self._error(place, f"must not be nested deeper than {DEEPEST} levels")
        self._values[path] = place
        self._written[path] = _written(node)
        if isinstance(node, yaml.MappingNode) and node.tag == TAG + "map":
            return dict(self._items(node, path, depth))
        if isinstance(node, yaml.SequenceNode) and node.tag == TAG + "seq":
            return [
                self._value(child, f"{path}[{place}]", depth + 1) for place, child in enumerate(node.value)
            ]
        if isinstance(node, yaml.ScalarNode) and node.tag in SCALARS:
            self._scalars[path] = node
            if UNSTORABLE.search(node.value):
                self.complain(path, f"{path} must not hold NUL or half a character")
            try:
                return SCALARS[node.tag](node.value)
            except ValueError:
                self.complain(path, f"{path} must be a number, text, true, false or null")
                return None
        self.complain(path, f"{path or 'the file'} must not have the tag {node.tag.replace(TAG, '!!')}")
        return None

    def _items(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Any]]:
        seen = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            below = join(path, name or "")
            self._keys[below] = Place.of(key.start_mark)
            if name is None or key.tag != TAG + "str" or UNSTORABLE.search(name):
                shown = f'"{name}"' if name else "text"
                self.complain(below, f"a name here must be text: write {shown}", of_key=True)
            elif name in seen:
                self.complain(below, f"{below} must be given once; it is here twice", of_key=True)
            else:
                seen.add(name)
                yield name, self._value(value, below, depth + 1)


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _explain(error: yaml.MarkedYAMLError) -> tuple[Place, str]:
    mark = error.problem_mark or error.context_mark
    words = [word for word in (error.context, error.problem) if word]
    return Place.of(mark) if mark else Place(1, 1), f"is no YAML: {', '.join(words)}"


def _written(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain words; and no deeper than a definition can be, before Python's own stack ends."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > 2 * DEEPEST:
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _code(error: yaml.reader.ReaderError) -> str:
    character = error.character
    return f"U+{ord(character) if isinstance(character, str) else character:04X}"


def _fraction(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return value


SCALARS: dict[str, Callable[[str], Any]] = {
    TAG + "str": str,
    TAG + "int": int,
    TAG + "float": _fraction,
    TAG + "bool": lambda word: word in {"true", "True", "TRUE"},
    TAG + "null": lambda word: None,
}

for tag, pattern, starts in [
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("null", r"(?:~|null|Null|NULL|)", "~nN"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
]:
    first = [*starts, ""] if tag == "null" else list(starts)
    _Loader.add_implicit_resolver(TAG + tag, re.compile(rf"^{pattern}\Z"), first)
