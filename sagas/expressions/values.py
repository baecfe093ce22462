"""What an expression is given: plain JSON values, bounded, in the form that CEL's own library takes."""

from collections.abc import Mapping
from typing import Any, Self

from sagas.expressions.errors import EvaluationError

# All values of one evaluation together: names, texts' letters, numbers and so on.
MOST_CHARACTERS = 200_000
MOST_VALUES = 20_000
DEEPEST = 30

# What CEL's 64 bits hold.
LARGEST = 2**63 - 1


class Values(dict[str, Any]):
    """Variables by name, made ready: to be evaluated with any number of times, and how much they are.

    NUL, which the library takes for the end of a text, and halves of characters become U+FFFD; whole numbers
    beyond 64 bits become the nearest floating point number. Raises `EvaluationError` where it is too much.
    """

    __slots__ = ("characters", "count")

    count: int
    characters: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        if isinstance(values, cls):
            return values
        budget = Budget()
        made = cls((name, budget.admit(value, 0)) for name, value in values.items())
        made.count, made.characters = MOST_VALUES - budget.values, MOST_CHARACTERS - budget.characters
        return made


class Budget:
    """What may still be given to one evaluation."""

    def __init__(self) -> None:
        self.characters = MOST_CHARACTERS
        self.values = MOST_VALUES

    def admit(self, value: Any, depth: int) -> Any:
        self.values -= 1
        if self.values < 0:
            raise EvaluationError(f"the values it looks at are more than {MOST_VALUES:,}")
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if -LARGEST <= value <= LARGEST else _float(value)
        if isinstance(value, str):
            return self._text(value)
        if depth > DEEPEST:
            raise EvaluationError(f"the values it looks at are nested deeper than {DEEPEST} levels")
        if isinstance(value, Mapping):
            return {self._text(name): self.admit(child, depth + 1) for name, child in value.items()}
        if isinstance(value, list | tuple):
            return [self.admit(child, depth + 1) for child in value]
        raise TypeError(f"An expression cannot take a {type(value).__name__}.")

    def _text(self, text: str) -> str:
        self.characters -= len(text)
        if self.characters < 0:
            raise EvaluationError(f"the texts it looks at are longer than {MOST_CHARACTERS:,} characters")
        if text.isascii():
            return text.replace("\x00", "\ufffd") if "\x00" in text else text
        return text.replace("\x00", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise EvaluationError("the values it looks at hold a number of more than 308 digits") from None
