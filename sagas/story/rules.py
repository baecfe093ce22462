"""Rules that are broken or undecided, and sagas that are at work on the same thing: in words."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sagas.definitions import Definition
from sagas.story.parts import Part, strong, text, time_of
from sagas.vocabulary import Code, StepState

if TYPE_CHECKING:
    from sagas.story.trouble import Found, Scene

Detail = Mapping[str, Any]

# How a step stands; True: the time follows.
STANDS: dict[StepState, tuple[str, bool]] = {
    StepState.PENDING: ("has not started", False),
    StepState.RUNNING: ("is running since", True),
    StepState.COMPLETED: ("completed at", True),
    StepState.FAILED: ("failed at", True),
    StepState.TIMED_OUT: ("timed out at", True),
    StepState.SKIPPED: ("was skipped", False),
    StepState.COMPENSATING: ("is being undone since", True),
    StepState.COMPENSATED: ("was undone at", True),
    StepState.COMPENSATION_FAILED: ("could not be undone at", True),
}
# The same where no time is told.
BRIEFLY = {state: words.removesuffix(" at").removesuffix(" since") for state, (words, _) in STANDS.items()}

MOST_VALUES = 6

UNDECIDED = {
    "many": "it depends on more outcomes than can be gone through, and nobody knows them",
    "crowd": "too many sagas share the business key by which it looks at others",
}


def title(code: Code, detail: Detail) -> str:
    return TITLES[code](detail)


TITLES: dict[Code, Callable[[Detail], str]] = {
    Code.RULE_BROKEN: lambda detail: f"rule “{detail['rule']}” is broken",
    Code.RULE_UNDECIDED: lambda detail: f"rule “{detail['rule']}” cannot be decided",
    Code.OVERLAPPING_SAGAS: lambda detail: f"two sagas are at work on the same {detail['key']}",
}


def _told(detail: Detail) -> list[tuple[str, str]]:
    """Of the values that it looks at, those that a sentence has room for."""
    return sorted(detail["values"].items())[:MOST_VALUES]


def _rule_broken(step: str, detail: Detail, definition: Definition | None) -> str:
    seen = [
        f"{_step_title(one['step'], definition)} {BRIEFLY[StepState(one['state'])]}"
        for one in detail["steps"]
    ]
    seen += [f"{name} is {value}" for name, value in _told(detail) if value]
    return ", ".join(seen) or f"{detail['expression']} is false"


def _rule_undecided(step: str, detail: Detail, definition: Definition | None) -> str:
    if detail["reason"] == "unknown":
        names = " and ".join(_unknown_name(one, definition) for one in detail["unknown"])
        return f"it depends on whether {names} was done"
    return UNDECIDED.get(detail["reason"]) or _not_evaluated(detail)


def _overlapping_sagas(step: str, detail: Detail, definition: Definition | None) -> str:
    other = detail["others"][0]
    theirs = f" at {' and '.join(other['steps'])}" if other["steps"] else ""
    mine = " and ".join(_step_title(name, definition) for name in detail["steps"])
    return f"a saga of type {other['type']} is{theirs} while {mine or 'this one'} is in progress or in effect"


EXPLANATIONS: dict[Code, str | Callable[[str, Detail, Definition | None], str]] = {
    Code.RULE_BROKEN: _rule_broken,
    Code.RULE_UNDECIDED: _rule_undecided,
    Code.OVERLAPPING_SAGAS: _overlapping_sagas,
}


def _tell_broken(found: "Found", scene: "Scene") -> list[Part]:
    detail = found.detail
    message = " ".join(detail["message"].split()).rstrip(".")
    said = [text("The rule "), strong(detail["rule"]), text(" is broken")]
    said.append(text(f": {message}. " if message else ". "))
    seen = [*(_stands(one, scene) for one in detail["steps"]), *_values(detail), *_others(detail)]
    if not seen:
        return [*said, text(f"It says {detail['expression']}.")]
    for place, parts in enumerate(seen):
        said += [text("; ")] if place else []
        said += parts
    return [*said, text(".")]


def _tell_undecided(found: "Found", scene: "Scene") -> list[Part]:
    detail = found.detail
    said = [text("Nobody can tell whether the rule "), strong(detail["rule"]), text(" holds: ")]
    if detail["reason"] != "unknown":
        return [*said, text(f"{UNDECIDED.get(detail['reason']) or _not_evaluated(detail)}.")]
    said.append(text("it depends on whether "))
    for place, one in enumerate(detail["unknown"]):
        said += [text(" and ")] if place else []
        said.append(scene.title(one["step"]) if "id" not in one else strong(_unknown_name(one, None)))
    return [*said, text(" was done.")]


def _tell_overlap(found: "Found", scene: "Scene") -> list[Part]:
    detail = found.detail
    other = detail["others"][0]
    said = [text("This saga and "), strong(f"{other['type']} {other['id']}")]
    said.append(text(f" are both at work on {detail['key']} {detail['value']}"))
    if detail["steps"]:
        said += [text(": here "), *_joined([scene.title(name) for name in detail["steps"]])]
    if other["steps"]:
        said.append(text(", there " if detail["steps"] else ": there "))
        said += _joined([strong(name) for name in other["steps"]])
    if detail["more"]:
        said.append(text(f"; and {detail['more']} more sagas of that type are"))
    return [*said, text(".")]


SENTENCES: dict[Code, Callable[["Found", "Scene"], list[Part]]] = {
    Code.RULE_BROKEN: _tell_broken,
    Code.RULE_UNDECIDED: _tell_undecided,
    Code.OVERLAPPING_SAGAS: _tell_overlap,
}


def _stands(one: Detail, scene: "Scene") -> list[Part]:
    """**ship parcel** completed at 10:02:07 UTC"""
    state = StepState(one["state"])
    words, has_time = STANDS[state]
    if not has_time or not one["at"]:
        return [scene.title(one["step"]), text(f" {BRIEFLY[state]}")]
    at = datetime.fromisoformat(one["at"])
    return [scene.title(one["step"]), text(f" {words} "), time_of(at, scene.now)]


def _values(detail: Detail) -> list[list[Part]]:
    return [
        [text(f"{name} is "), strong(value)] if value else [text(f"there is no {name}")]
        for name, value in _told(detail)
    ]


def _others(detail: Detail) -> list[list[Part]]:
    return [
        [text(f"{other['type']} "), strong(other["id"]), text(f" is {other['status']}")]
        for other in detail["others"]
    ]


def _joined(parts: list[Part]) -> list[Part]:
    said: list[Part] = []
    for part in parts:
        said += [text(" and ")] if said else []
        said.append(part)
    return said


def _not_evaluated(detail: Detail) -> str:
    begin = "something it looks at never came" if detail["reason"] == "missing" else "it is no yes or no"
    return f"{begin} ({detail['error']})"


def _unknown_name(one: Detail, definition: Definition | None) -> str:
    if "id" in one:
        return f"{one['step']} of {one['type']} {one['id']}"
    return _step_title(one["step"], definition)


def _step_title(name: str, definition: Definition | None) -> str:
    described = definition.step(name) if definition else None
    return described.title if described else name
