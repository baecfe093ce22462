"""Who must agree to a plan before it is started, and whether they have (pure).

Rules come from the definition, else from the default policy. Each one that holds makes a demand of its own,
and every demand must be met; so a further rule, or a further definition, can only ask for more. A rule that
cannot be decided holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from sagas.definitions import ApprovalRule
from sagas.definitions.approval import ASK, DAY
from sagas.durations import HOUR, exactly
from sagas.expressions import EvaluationError
from sagas.stakes import words

# In force until a default policy is loaded (compensation.default_policy).
BUILT_IN = (
    ApprovalRule(when="cumulative.count > 25", because="One person repairs more than 25 sagas in 24 h."),
    ApprovalRule(when="pivot", because="It goes back across a point of no return."),
)


class Recent(msgspec.Struct, frozen=True):
    """What a person began of late and nobody else agreed to, sagas of the plan itself aside.

    `within`: how many seconds back. `unknown`: of how many sagas, whose definition says what is at stake,
    nobody knows it.
    """

    by: str
    within: float
    count: int = 0
    stake: dict[str, Decimal] = {}
    unknown: int = 0

    def __str__(self) -> str:
        parts = [f"{self.count:,} other saga{'' if self.count == 1 else 's'}"]
        parts += [words(amount, currency) for currency, amount in sorted(self.stake.items())]
        parts += [f"an unknown stake in {self.unknown:,}"] if self.unknown else []
        span = f"{self.within / HOUR:g} h" if self.within == DAY else exactly(self.within)
        return (
            f"Counted with it: {', '.join(parts)}, which {self.by} began to repair in the last {span} "
            "and nobody else agreed to."
        )


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What rules look at of a plan: of all of it, however many types and versions its sagas have.

    `stake`: amounts by currency, "" where it has none; `lacks_stakes`: of some sagas nobody knows what is at
    stake; `is_short`: of one whose definition says what is. `pivot`: whether the plan undoes, or goes back
    across, a pivot that has completed. `recent`: by how far back rules look (`windows`).
    """

    intent: str
    saga_type: str
    count: int = 1
    kinds: AbstractSet[str] = frozenset()
    steps: AbstractSet[str] = frozenset()
    participants: AbstractSet[str] = frozenset()
    pivot: bool = False
    stake: Mapping[str, Decimal] = field(default_factory=dict)
    lacks_stakes: bool = False
    is_short: bool = False
    recent: Mapping[float, Recent] = field(default_factory=dict)

    @property
    def only_asks(self) -> bool:
        """It changes nothing anywhere."""
        return self.intent == ASK and self.kinds <= {ASK}

    def views(self, within: float) -> list[dict[str, Any]]:
        """The variables of a rule that looks so far back; another time with less where more is not known.

        What is known to be at stake is the least that may be, where more is not known.
        """
        seen = self._variables() | self._cumulative(within)
        return [seen, seen | {"stake": {}}] if self.lacks_stakes and self.stake else [seen]

    def _cumulative(self, within: float) -> dict[str, Any]:
        """Without stakes where nobody knows one that should be known: whoever looks at them cannot decide."""
        recent = self.recent.get(within, Recent("", within))
        seen: dict[str, Any] = {"cumulative.count": self.count + recent.count}
        if not self.is_short and not recent.unknown:
            seen["cumulative.stake"] = {
                currency: float(self.stake.get(currency, 0) + recent.stake.get(currency, 0))
                for currency in self.stake.keys() | recent.stake.keys()
            }
        return seen

    def _variables(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "saga_type": self.saga_type,
            "count": self.count,
            "kinds": sorted(self.kinds),
            "steps": sorted(self.steps),
            "participants": sorted(self.participants),
            "pivot": self.pivot,
            "stake": {currency: float(amount) for currency, amount in self.stake.items()},
        }


class Demand(msgspec.Struct, frozen=True):
    """So many people out of any of these groups, and why."""

    approvers: Annotated[int, Meta(ge=1)]
    groups: Annotated[tuple[str, ...], Meta(min_length=1)]
    because: str


class Requirement(msgspec.Struct, frozen=True):
    """All demands must be met; one person's agreement counts for each of them that their groups allow.

    `expires`: seconds after which it must be asked for anew; the shortest that any rule gives.
    """

    demands: Annotated[tuple[Demand, ...], Meta(min_length=1)]
    expires: Annotated[float, Meta(gt=0)]

    @property
    def because(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(demand.because for demand in self.demands))

    @property
    def approvers(self) -> int:
        """How many people it takes at least."""
        return max(demand.approvers for demand in self.demands)

    @property
    def groups(self) -> frozenset[str]:
        """Whose agreement counts for something."""
        return frozenset(group for demand in self.demands for group in demand.groups)


class Approval(NamedTuple):
    """Somebody agreed. `groups`: theirs when they did."""

    person: int
    groups: AbstractSet[str]


def required(rules: Iterable[ApprovalRule], facts: PlanFacts) -> Requirement | None:
    """Who must agree by these rules; None: nobody.

    Of a plan that only asks, rules count that speak of asking (`intent == "ask"`), and no others. A rule
    counts that holds in one of its views (`PlanFacts.views`), or cannot be decided there.
    """
    return strictest(_by_rule(rule, facts, view) for rule in rules for view in facts.views(rule.window))


def windows(rules: Iterable[ApprovalRule]) -> frozenset[float]:
    """How far back these rules look, in seconds; each length once."""
    return frozenset(float(rule.window) for rule in rules if rule.looks_back)


def strictest(requirements: Iterable[Requirement | None]) -> Requirement | None:
    """All of them together: what one plan needs whose sagas have several definitions.

    Ask `required` for each definition with the facts of the whole plan, and only its own `saga_type`.
    """
    given = [requirement for requirement in requirements if requirement is not None]
    if not given:
        return None
    demands = dict.fromkeys(demand for requirement in given for demand in requirement.demands)
    return Requirement(tuple(demands), min(requirement.expires for requirement in given))


def satisfied(
    requirement: Requirement, approvals: Iterable[Approval], excluded: AbstractSet[int] = frozenset()
) -> bool:
    """Whether all have agreed who must. `excluded`: whoever made or changed the plan; they never count."""
    return not _lacking(requirement, approvals, excluded)


def missing(
    requirement: Requirement, approvals: Iterable[Approval], excluded: AbstractSet[int] = frozenset()
) -> str:
    """Who has still to agree, in words; empty where nobody has."""
    lacking = _lacking(requirement, approvals, excluded)
    telling = [lack for lack in lacking if not any(_is_within(lack, other) for other in lacking)]
    return "; ".join(people(*lack) for lack in telling)


def people(number: int, groups: Sequence[str]) -> str:
    """“2 people of the group approver or admin”."""
    named = groups[0] if len(groups) == 1 else f"{', '.join(groups[:-1])} or {groups[-1]}"
    return f"{number} {'person' if number == 1 else 'people'} of the group {named}"


def to_json(requirement: Requirement | None) -> dict[str, Any] | None:
    """As it is stored with a plan."""
    content: dict[str, Any] | None = msgspec.to_builtins(requirement)
    return content


def read(content: Any) -> Requirement | None:
    """A stored one. Raises `msgspec.ValidationError` for what is none."""
    return msgspec.convert(content, Requirement | None)


def _by_rule(rule: ApprovalRule, facts: PlanFacts, variables: Mapping[str, Any]) -> Requirement | None:
    because = rule.because
    try:
        if facts.only_asks and not rule.speaks_of_asking():
            return None
        if not rule.holds(variables):
            return None
    except EvaluationError as error:
        because = f"{because} (Nobody can tell whether this is so: {error}.)"
    demand = Demand(rule.approvers, tuple(dict.fromkeys(rule.groups)), because)
    return Requirement((demand,), float(rule.expires))


class _Lack(NamedTuple):
    """How many more, of which groups."""

    number: int
    groups: tuple[str, ...]


def _lacking(
    requirement: Requirement, approvals: Iterable[Approval], excluded: AbstractSet[int]
) -> list[_Lack]:
    counting = [approval for approval in approvals if approval.person not in excluded]
    lacking: dict[tuple[int, AbstractSet[str]], _Lack] = {}
    for demand in requirement.demands:
        agreed = {approval.person for approval in counting if not approval.groups.isdisjoint(demand.groups)}
        if len(agreed) < demand.approvers:
            lack = _Lack(demand.approvers - len(agreed), demand.groups)
            lacking.setdefault((lack.number, frozenset(lack.groups)), lack)
    return list(lacking.values())


def _is_within(lack: _Lack, other: _Lack) -> bool:
    """Whether it goes without saying beside the other, which asks for more."""
    mine, theirs = set(lack.groups), set(other.groups)
    return other.number >= lack.number and theirs <= mine and (other.number, theirs) != (lack.number, mine)
