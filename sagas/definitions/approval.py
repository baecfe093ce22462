"""Who must agree before a repair is started: rules in CEL over what its plan would do.

A definition holds them as `approval`, and so does the policy for definitions that say nothing. What they come
to for a plan is worked out by `compensation.policy`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sagas import expressions
from sagas.definitions.fields import Seconds, Text
from sagas.expressions import EvaluationError, Expression, ExpressionError
from sagas.expressions.tree import Constant, Name, walk

# What a rule looks at, by the types of `sagas.expressions`. (`type` is a function of CEL's own.)
VARIABLES = {
    "stake": "map",
    "count": "int",
    "intent": "string",
    "kinds": "list",
    "pivot": "bool",
    "participants": "list",
    "steps": "list",
    "saga_type": "string",
    # The plan together with what the same person began of late on nobody's word but theirs.
    "cumulative.count": "int",
    "cumulative.stake": "map",
}
CUMULATIVE = "cumulative."
# How far back these look, unless a rule says so itself, and at most.
DAY = Seconds(86400)
FURTHEST = Seconds(31 * DAY)
ASK = "ask"
INTENTS = (ASK, "compensate", "retry", "record")
KINDS = (ASK, "compensate", "retry_step", "record")

Group = Annotated[str, Meta(min_length=1, max_length=150)]


class ApprovalRule(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Where `when` is true of a plan, so many `approvers` out of any of the `groups` must agree to it.

    `expires`: how long after they were asked they may agree, and what they agreed to may be started.
    `within`: how far back `cumulative` looks; None: a day.
    """

    when: Annotated[str, Meta(min_length=1, max_length=2000)]
    approvers: Annotated[int, Meta(ge=1, le=5)] = 1
    groups: Annotated[tuple[Group, ...], Meta(min_length=1, max_length=20)] = ("approver", "admin")
    expires: Seconds = Seconds(86400)
    because: Text = ""
    within: Seconds | None = None

    def __post_init__(self) -> None:
        """The reason is never empty, so that nobody who shows it has to think of one."""
        if not self.because:
            msgspec.structs.force_setattr(self, "because", self.when[:500])

    @cached_property
    def compiled(self) -> Expression:
        """Raises `ExpressionError`."""
        return expressions.compile(self.when, VARIABLES, "bool")

    def speaks_of_asking(self) -> bool:
        """Whether it names "ask", and so is meant for plans that only ask, too. Raises `EvaluationError`."""
        return any(isinstance(node, Constant) and node.value == ASK for node in walk(self._ready.tree))

    @cached_property
    def looks_back(self) -> bool:
        """Whether it looks at `cumulative`; not where it cannot be read any more."""
        try:
            tree = self.compiled.tree
        except ExpressionError:
            return False
        return any(isinstance(node, Name) and node.name.startswith(CUMULATIVE) for node in walk(tree))

    @property
    def window(self) -> Seconds:
        return self.within or DAY

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Raises `EvaluationError`."""
        return bool(self._ready.evaluate(variables))

    @property
    def _ready(self) -> Expression:
        try:
            return self.compiled
        except ExpressionError as error:
            raise EvaluationError(error.message) from None


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Who must agree where a definition does not say."""

    approval: Annotated[list[ApprovalRule], Meta(max_length=100)]
