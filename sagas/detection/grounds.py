"""What a finding stands on: the events that prove it, and what its detail says that no event shows. Pure.

Somebody who accepts a finding accepts this; with other grounds it comes back (sagas.acceptance).
"""

from collections.abc import Mapping, Sequence
from typing import Any

Detail = Mapping[str, Any]
Evidence = Sequence[Mapping[str, str]]

# Of the detail, what is otherwise as soon as it differs: the values that a rule looks at, the effects that
# keep it from being decided, what it says, and a digest of all events it looks at, of which few are named.
DIFFERS = ("values", "unknown", "expression", "witnesses")
# And what counts only if there is more of it: numbers, and lists of which each item counts once.
GROWS = ("missing", "times", "executions", "rivals")
NAMES = (*DIFFERS, *GROWS)


def events_of(evidence: Evidence, detail: Detail) -> set[tuple[str, str]]:
    """All that prove a finding: its saga's own events, and those of other sagas that it speaks of."""
    of_others = [event for other in detail.get("others", ()) for event in other.get("events", ())]
    return {(event["source"], event["id"]) for event in (*evidence, *of_others)}


def seen_in(detail: Detail) -> dict[str, Any]:
    return {name: detail[name] for name in NAMES if name in detail}


def are_other(before: tuple[Evidence, Detail], now: tuple[Evidence, Detail]) -> bool:
    """Whether it does not stand on what it stood on; what an older version did not keep is passed over."""
    return _are_other_events(before, now) or any(
        _is_other(name, before[1][name], now[1][name])
        for name in NAMES
        if name in before[1] and name in now[1]
    )


def _are_other_events(before: tuple[Evidence, Detail], now: tuple[Evidence, Detail]) -> bool:
    known, found = events_of(*before), events_of(*now)
    if _executions(now) < _executions(before):
        # Some were put right, and the others are as they were.
        return not found <= known
    return found != known


def _executions(stands_on: tuple[Evidence, Detail]) -> int:
    return int(stands_on[1].get("executions", 1))


def _is_other(name: str, before: Any, now: Any) -> bool:
    if name == "expression":
        return bool(before.split() != now.split())
    if name in GROWS:
        return any(one not in before for one in now) if isinstance(now, list) else bool(now > before)
    if isinstance(now, dict) and isinstance(before, dict):
        return any(before[each] != now[each] for each in before.keys() & now.keys())
    return bool(before != now)
