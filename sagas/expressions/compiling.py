"""From a text to something that can be evaluated."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from sagas.expressions import bounds, tree
from sagas.expressions.errors import EvaluationError, ExpressionError
from sagas.expressions.values import Values

MOST_CHARACTERS = 2_000
LONGEST_RESULT = 10_000

# The words by which variables and results are typed.
TYPES = {
    "dyn": "dyn",
    "bool": "bool",
    "int": "int",
    "double": "double",
    "string": "string",
    "list": "list<dyn>",
    "map": "map<string,dyn>",
    "records": "map<string,map<string,dyn>>",
    "list of records": "list<map<string,dyn>>",
}

# What an expression may give: JSON's single values. CEL's name of the type → its word.
RESULTS = {
    "BOOL": "bool",
    "INT": "int",
    "UINT": "int",
    "DOUBLE": "double",
    "STRING": "string",
    "NULL": "null",
    "DYN": "dyn",
}

# `map` makes new lists of what it is given, again and again of what it made; what else there is cannot grow.
LANGUAGE = """
stdlib:
  exclude_macros: [map]
"""


class Expression:
    """A compiled expression; may be used by any number of threads at once, and after a fork."""

    __slots__ = ("_compiled", "_result", "_weight", "text", "tree")

    def __init__(self, text: str, compiled: cel.Expression, result: str) -> None:
        self.text = text
        self.tree = tree.read(compiled.serialize())
        self._weight = bounds.weigh(text, self.tree)
        self._compiled = compiled
        self._result = result

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Its value: of the type that was asked for, else a bool, int, float, str or None.

        `values` are plain JSON, one for each variable; whoever evaluates several expressions makes
        `Values.of` them once. Raises `EvaluationError`.
        """
        ready = Values.of(values)
        self._weight.refuse_if_too_much(ready.count, ready.characters)
        try:
            value = self._compiled.eval(data=ready)
        except RuntimeError as error:
            raise EvaluationError.reported(str(error)) from None
        kind = str(value.type())
        if kind == "ERROR":
            raise EvaluationError.reported(str(value.plain_value()))
        given = RESULTS.get(kind, kind.lower().partition("<")[0])
        if kind not in RESULTS or (self._result != "dyn" and given != self._result):
            raise EvaluationError(f"it gives {given}; must give {_wanted(self._result)}")
        result = value.plain_value()
        if isinstance(result, str) and len(result) > LONGEST_RESULT:
            raise EvaluationError(f"it gives a text of more than {LONGEST_RESULT:,} characters")
        return result


def compile(text: str, variables: Mapping[str, str], result: str = "dyn") -> Expression:
    """Type-check `text`; kept in memory, so that the same again costs nothing.

    `variables`: their types by name; `result`: the wanted type; both in words of `TYPES`.
    Raises `ExpressionError`. A type that only evaluating can tell is checked then.
    """
    return _compile(text, tuple(sorted(variables.items())), result)


@lru_cache(maxsize=2_000)
def _compile(text: str, variables: tuple[tuple[str, str], ...], result: str) -> Expression:
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"must be at most {MOST_CHARACTERS:,} characters long; is {len(text):,}")
    if not text.strip():
        raise ExpressionError("must not be empty")
    _refuse_unprintable(text)
    try:
        compiled = _environment(variables).compile(text)
    except RuntimeError as error:
        names = [name for name, _ in variables]
        raise ExpressionError.reported(str(error), names) from None
    kind = str(compiled.return_type())
    given = RESULTS.get(kind, kind.lower().partition("<")[0])
    if kind not in RESULTS or ("dyn" not in {given, result} and given != result):
        raise ExpressionError(f"gives {given}; must give {_wanted(result)}")
    return Expression(text, compiled, result)


@lru_cache(maxsize=100)
def _environment(variables: tuple[tuple[str, str], ...]) -> cel.Env:
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(LANGUAGE),
        variables={name: cel.Type(TYPES[kind]) for name, kind in variables},
    )


def _refuse_unprintable(text: str) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            if (character < " " and character not in "\t\r") or "\ud800" <= character <= "\udfff":
                raise ExpressionError(f"must not hold the character U+{ord(character):04X}", number, column)


def _wanted(result: str) -> str:
    return {"dyn": "a single value", "bool": "bool (true or false)"}.get(result, result)
