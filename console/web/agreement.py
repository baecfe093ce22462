"""Who must agree to repairs: what a definition says of it, and the default policy that is in force."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compensation import default_policy, policy
from sagas.definitions import ApprovalRule, Definition


@dataclass(frozen=True, slots=True)
class Line:
    """A rule with those who must agree, in words."""

    rule: ApprovalRule
    who: str

    @property
    def says_why(self) -> bool:
        return self.rule.because != self.rule.when


def of_default() -> dict[str, Any]:
    """The template context: the policy in force, for definitions that say nothing."""
    in_force = default_policy.in_force()
    return {"policy": in_force.row, "agreement": _lines(in_force.rules)}


def of(definition: Definition) -> dict[str, Any]:
    """The template context: its own rules; `agreement` is None where the default policy counts."""
    said = definition.approval
    return {"agreement": None if said is None else _lines(said)}


def _lines(rules: Iterable[ApprovalRule]) -> list[Line]:
    return [Line(rule, policy.people(rule.approvers, rule.groups)) for rule in rules]
