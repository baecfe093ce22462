"""Whether a rule holds of a saga: yes, no, or nobody can tell. Pure.

Where nobody knows whether a step has an effect, the rule is asked for both cases of each such step. Only if
it says the same every time it is decided; so a decided rule stays as it is, whatever comes out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import product
from typing import Any

import msgspec

from sagas import facts
from sagas.definitions import Rule
from sagas.definitions.business import STEP_FIELDS
from sagas.detection.sight import Sight
from sagas.expressions import EvaluationError, Values
from sagas.fold import Step
from sagas.vocabulary import StepKind, StepState

# Unknown effects that are gone through, 2 to the power of them; past this nobody can tell.
MOST_UNKNOWN = 5
# Linked sagas that are looked at; past this the key links too much to say anything.
MOST_LINKED = 50

# (place among the linked sagas, or None for the saga itself; step) of what nobody knows.
Unknown = tuple[int | None, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """`holds` is None where it is undecided, for this `reason`:

    `unknown` (because of these effects), `many` (too many of them), `crowd` (too many linked sagas),
    `missing` (something it looks at has not come) or `error`, both with the `message` of the evaluation.
    """

    holds: bool | None
    reason: str = ""
    message: str = ""
    unknown: tuple[Unknown, ...] = ()


def decide(rule: Rule, mine: Sight, linked: Sequence[Sight] = ()) -> Decision:
    """`linked`: the sagas that the rule may look at."""
    if len(linked) > MOST_LINKED:
        return Decision(None, "crowd")
    unknown = tuple(_unknown(rule, mine, linked))
    if len(unknown) > MOST_UNKNOWN:
        return Decision(None, "many", unknown=unknown)
    answers = set()
    for outcomes in product((True, False), repeat=len(unknown)):
        values = variables(rule, mine, linked, dict(zip(unknown, outcomes, strict=True)))
        try:
            answers.add(rule.holds(Values.of(values)))
        except EvaluationError as error:
            if unknown:
                return Decision(None, "unknown", str(error), unknown)
            return Decision(None, "missing" if error.is_missing else "error", str(error))
    if len(answers) > 1:
        return Decision(None, "unknown", unknown=unknown)
    return Decision(answers.pop())


def _unknown(rule: Rule, mine: Sight, linked: Sequence[Sight]) -> Iterator[Unknown]:
    looked_at = {step for step, _ in rule.mentions.steps}
    for name in mine.state.unknown_effects:
        if rule.mentions.all_steps or name in looked_at:
            yield None, name
    if rule.mentions.others:
        for place, other in enumerate(linked):
            yield from ((place, name) for name in other.state.unknown_effects)


def variables(
    rule: Rule, mine: Sight, linked: Sequence[Sight], outcomes: Mapping[Unknown, bool]
) -> dict[str, Any]:
    """What the rule is given: as much as it looks at. `outcomes`: whether unknown effects are there."""
    looks = rule.mentions
    values: dict[str, Any] = {"steps": _steps(mine, None, outcomes, _fields(rule))}
    if looks.saga:
        values["saga"] = _saga(mine)
    if looks.keys:
        values["key"] = mine.state.keys
    if looks.paths:
        values["data"] = _data(looks.paths, mine)
    if looks.others:
        values["others"] = [
            _saga(other) | {"key": other.state.keys, "steps": _steps(other, place, outcomes, None)}
            for place, other in enumerate(linked)
        ]
    return values


def _fields(rule: Rule) -> dict[str, set[str]] | None:
    """Of which steps it looks at which fields; None where it may look at any."""
    found: dict[str, set[str]] = {}
    for name, field in rule.mentions.steps:
        found.setdefault(name, set()).update([field] if field else STEP_FIELDS)
    return None if rule.mentions.all_steps else found


def _steps(
    sight: Sight, place: int | None, outcomes: Mapping[Unknown, bool], fields: Mapping[str, set[str]] | None
) -> dict[str, Any]:
    return {
        step.name: _step(step, outcomes.get((place, step.name)), fields[step.name] if fields else STEP_FIELDS)
        for step in sight.state.steps
        if fields is None or step.name in fields
    }


def _step(step: Step, outcome: bool | None, fields: Iterable[str]) -> dict[str, Any]:
    """What of these fields there is. `outcome`: of an unknown effect, whether it is there."""
    told = {field: FIELDS[field](step, outcome) for field in fields}
    return {field: value for field, value in told.items() if value is not None}


def _state(step: Step, outcome: bool | None) -> StepState:
    """Of an effect that nobody knows, that it failed is all that else it can have come to."""
    if outcome is None:
        return step.state
    return StepState.COMPLETED if outcome else StepState.FAILED


def _is_open(step: Step, outcome: bool | None) -> bool:
    if outcome is not None:
        return outcome
    return step.kind != StepKind.READONLY and any(run.has_effect for run in step.runs)


def _newest(name: str) -> Callable[[Step, bool | None], str | None]:
    """When it last was so, in any of its executions; None: never."""

    def newest(step: Step, outcome: bool | None) -> str | None:
        said = [moment.stamp.time for run in step.runs if (moment := getattr(run, name))]
        return _time(max(said)) if said else None

    return newest


FIELDS: dict[str, Callable[[Step, bool | None], Any]] = {
    "state": lambda step, outcome: _state(step, outcome).value,
    "started": lambda step, outcome: any(
        run.started or run.retried or run.completed or run.failed for run in step.runs
    ),
    "completed": lambda step, outcome: bool(outcome) or any(run.completed for run in step.runs),
    "open": _is_open,
    "undone": lambda step, outcome: _state(step, outcome) == StepState.COMPENSATED,
    "failed": lambda step, outcome: _state(step, outcome) == StepState.FAILED,
    "skipped": lambda step, outcome: _state(step, outcome) == StepState.SKIPPED,
    "attempts": lambda step, outcome: step.attempts,
    "started_at": _newest("started"),
    "completed_at": _newest("completed"),
    "failed_at": _newest("failed"),
    "undone_at": _newest("undone"),
}


def _saga(sight: Sight) -> dict[str, Any]:
    state = sight.state
    told: dict[str, Any] = {
        "id": sight.saga_id,
        "type": sight.saga_type,
        "version": sight.definition.version if sight.definition else state.version,
        "status": state.status.value,
        "over": state.is_over,
        "went_back": state.went_back is not None,
    }
    if state.first:
        told["started_at"] = _time(state.started.stamp.time if state.started else state.first)
    if state.is_over:
        told["ended_at"] = _time(state.ended.stamp.time if state.ended else state.last)
    return told


def _data(paths: frozenset[str], sight: Sight) -> dict[str, Any]:
    """The values that there are, and the objects around those that there are not."""
    data: dict[str, Any] = {}
    for path in sorted(paths):
        *around, last = path.split(".")
        inner = data
        for name in around:
            inner = inner.setdefault(name, {})
        kept = sight.facts.values.get(path)
        if kept and kept.value:
            inner[last] = msgspec.json.decode(kept.value)
    return data


def _time(microseconds: int) -> str:
    """Of one length and in UTC, so that texts compare as times do."""
    return f"{facts.moment(microseconds).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
