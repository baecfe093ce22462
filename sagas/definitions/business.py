"""What must hold of a saga beyond its steps: rules in CEL, and which sagas must not be at work together."""

from collections.abc import Iterable
from functools import cached_property
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from sagas import expressions
from sagas.definitions import placeholders
from sagas.definitions.fields import Label, Name, Seconds, Text
from sagas.definitions.mentions import Mentions, mentioned
from sagas.expressions import EvaluationError, Expression, ExpressionError, Values
from sagas.vocabulary import Severity

# What a rule looks at, by the types of `sagas.expressions`. No clock: a rule is a function of the facts.
VARIABLES = {
    "steps": "records",
    "saga": "map",
    "key": "map",
    "data": "map",
    "others": "list of records",
}
SAGA_FIELDS = (
    "id", "type", "version", "status", "over", "went_back", "started_at", "ended_at",
)  # fmt: skip
STEP_FIELDS = (
    "state", "started", "completed", "open", "undone", "failed", "skipped", "attempts",
    "started_at", "completed_at", "failed_at", "undone_at",
)  # fmt: skip
OTHER_FIELDS = (*SAGA_FIELDS, "key", "steps")

# What a rule's message may name.
MESSAGE_WORDS = ("saga", "type")


class Rule(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """`expression` must be true once nothing has changed for the `settle` time.

    `by`: the business key that links `others`; empty: any. `severity` is None for the usual one of its code.
    """

    name: Name
    expression: Annotated[str, Meta(min_length=1, max_length=2000)]
    title: Text = ""
    message: Text = ""
    settle: Seconds = Seconds(30)
    severity: Severity | None = None
    by: Label | None = None

    def __post_init__(self) -> None:
        if not self.title:
            msgspec.structs.force_setattr(self, "title", self.name.replace("-", " ").replace("_", " "))

    @cached_property
    def compiled(self) -> Expression:
        """Raises `ExpressionError`."""
        return expressions.compile(self.expression, VARIABLES, "bool")

    @cached_property
    def mentions(self) -> Mentions:
        """What it looks at; nothing where it cannot be compiled any more."""
        try:
            return mentioned(self.compiled.tree)
        except ExpressionError:
            return Mentions()

    @cached_property
    def paths(self) -> frozenset[str]:
        """The payload paths whose values it needs, for its message too."""
        words = {word for _, word in placeholders.found_in(self.message, "")}
        named = {word.removeprefix(placeholders.DATA) for word in words if word.startswith(placeholders.DATA)}
        return self.mentions.paths | named

    def keys_of(self, keys: Iterable[str]) -> list[str]:
        """Of these business keys those that link `others`."""
        return [self.by] if self.by else list(keys)

    def holds(self, values: Values) -> bool:
        """Raises `EvaluationError`."""
        try:
            return bool(self.compiled.evaluate(values))
        except ExpressionError as error:
            raise EvaluationError(error.message) from None


class Conflict(Struct, frozen=True, forbid_unknown_fields=True, rename={"other": "with"}):
    """Two sagas with one value of the `key` must not both be at `steps` and at `their` steps (empty: any)."""

    other: Name
    key: Label
    steps: list[Name] = []
    their: list[Name] = []
