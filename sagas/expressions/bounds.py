"""That an expression can neither grow what it is given nor take long, whatever it is given.

CEL always ends: it only loops over its values (`all`, `exists`, `exists_one`, `filter`), and the library
stops after 10,000 rounds of all loops together. What is left: doubling a text or list round by round, regular
expressions made at run time, and comparing large values in each of the rounds. The first two are refused
when the expression is loaded. The last depends on the values, so the expression's own share of it is worked
out when it is loaded (`weigh`), and multiplied by their number when it is evaluated (`Weight.cost`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sagas.expressions.errors import EvaluationError, ExpressionError
from sagas.expressions.tree import Call, Constant, Literal, Loop, Name, Node, Select, children

MOST_ROUNDS = 10_000
MOST_JOINS = 20
MOST_PATTERNS = 5
LONGEST_PATTERN = 100

# Values that one evaluation may look at, at about 0.1 µs: a second.
MOST_LOOKS = 10_000_000
# Letters that are compared in the time of one value.
LETTERS = 100

# What makes a new text or list of two.
JOINS = frozenset({"add_string", "add_bytes", "add_list"})
# What takes no longer for larger values.
STEADY = frozenset({"_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false", "_[_]"})
# What takes no longer than the smaller of its two.
COMPARISONS = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})


@dataclass(frozen=True, slots=True)
class Weight:
    """`looks`: places that look at values, by the number of loops whose rounds multiply them.

    `copies`: how often the values may stand in what the expression makes of them.
    """

    looks: tuple[tuple[int, int], ...]
    copies: int

    def cost(self, values: int, letters: int) -> int:
        """Looks at values, at most, where so many values are given with so many letters in their texts."""
        size = self.copies * (values + letters // LETTERS + 1)
        return sum(places * min(size**loops, MOST_ROUNDS) * size for loops, places in self.looks)

    def refuse_if_too_much(self, values: int, letters: int) -> None:
        """Raises `EvaluationError`."""
        if self.looks and self.cost(values, letters) > MOST_LOOKS:
            raise EvaluationError(
                f"it would compare too much in its loops: {values:,} values with {letters:,} letters"
            )


def weigh(text: str, root: Node) -> Weight:
    """Raises `ExpressionError`, with its place in `text`, for what could grow or cannot be foreseen."""
    looks: Counter[int] = Counter()
    counts: Counter[str] = Counter()
    for node, loops in _within(root, ()):
        if isinstance(node, Literal):
            _check_literal(text, node, loops)
        elif isinstance(node, Name) and not loops:
            counts["names"] += 1
        elif isinstance(node, Call):
            counts["joins"] += _check_join(text, node, loops, counts["joins"])
            counts["patterns"] += _check_pattern(text, node, loops, counts["patterns"])
            _check_zone(text, node)
            if loops and node.function not in STEADY and not _is_of_constant(node):
                # The parts of one round are, all rounds together, no more than what the loop goes over.
                looks[len(loops) - _is_of_round(node, loops[-1])] += 1
    return Weight(tuple(sorted(looks.items())), max(counts["names"], 1))


def _within(node: Node, loops: tuple[Loop, ...]) -> Iterator[tuple[Node, tuple[Loop, ...]]]:
    """Each node with the loops whose rounds evaluate it, but for those that are the library's own."""
    if loops and _adds_round(node, loops[-1]):
        return
    yield node, loops
    if isinstance(node, Loop):
        yield from _within(node.over, loops)
        for part in node.body:
            yield from _within(part, (*loops, node))
    else:
        for child in children(node):
            yield from _within(child, loops)


def _adds_round(node: Node, loop: Loop) -> bool:
    """Whether it is how filter and exists_one take a round in: `@result + …`, which nobody else can write."""
    if not isinstance(node, Call) or node.function != "_+_":
        return False
    first = node.arguments[0]
    return isinstance(first, Name) and first.name == loop.accumulator


def _check_literal(text: str, node: Literal, loops: tuple[Loop, ...]) -> None:
    if node.message:
        raise ExpressionError.at(text, node.at, f"{node.message} is not offered; use plain values")
    if loops and not all(isinstance(element, Constant) for element in node.elements):
        message = "a list or map in a loop must hold nothing but constants, as it could grow with each round"
        raise ExpressionError.at(text, node.at, message)


def _check_join(text: str, node: Call, loops: tuple[Loop, ...], already: int) -> bool:
    if not node.overloads & JOINS:
        return False
    if loops:
        message = (
            "`+` in a loop must add numbers, as a text could grow with each round; "
            "write double(a) + double(b)"
        )
        raise ExpressionError.at(text, node.at, message)
    if already == MOST_JOINS:
        message = f"`+` may join texts at most {MOST_JOINS} times; numbers are added by double(a) + double(b)"
        raise ExpressionError.at(text, node.at, message)
    return True


def _check_pattern(text: str, node: Call, loops: tuple[Loop, ...], already: int) -> bool:
    if node.function != "matches":
        return False
    pattern = node.arguments[-1]
    if loops:
        message = "`matches` takes too long for a loop; use startsWith, endsWith or contains"
    elif not isinstance(pattern, Constant) or len(pattern.value or "") > LONGEST_PATTERN:
        message = f"the pattern of `matches` must be a text in quotes of at most {LONGEST_PATTERN} characters"
    elif already == MOST_PATTERNS:
        message = f"`matches` may be used at most {MOST_PATTERNS} times"
    else:
        return True
    raise ExpressionError.at(text, node.at, message)


def _check_zone(text: str, node: Call) -> None:
    # A zone's name becomes the name of a file that is read.
    if node.function.startswith("get") and len(node.arguments) > 1:
        message = f"`{node.function}` takes no time zone here; times are in UTC"
        raise ExpressionError.at(text, node.at, message)


def _is_of_constant(node: Call) -> bool:
    """Whether it compares with a constant, and so takes no longer than that is long."""
    return node.function in COMPARISONS and any(isinstance(part, Constant) for part in node.arguments)


def _is_of_round(node: Call, loop: Loop) -> bool:
    """Whether it compares with a part of this round, or looks at nothing else."""
    if node.function == "@in":
        return False
    parts = [isinstance(part, Constant) or _root(part) == loop.variable for part in node.arguments]
    return any(parts) if node.function in COMPARISONS else all(parts)


def _root(node: Node) -> str:
    """The variable that `a.b["c"].d` looks into."""
    while True:
        if isinstance(node, Select):
            node = node.operand
        elif isinstance(node, Call) and node.function == "_[_]":
            node = node.arguments[0]
        else:
            return node.name if isinstance(node, Name) else ""
