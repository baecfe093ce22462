"""Rules of a definition that are broken, or that nobody can decide. Pure.

A rule may be false for a moment while a saga's services report one after the other. It counts once nothing
that it looks at has changed for its settling time: from the newest moment of what it looks at, which does not
depend on when anybody looked.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Any

import msgspec

from sagas import facts
from sagas.definitions import Rule, paths, placeholders
from sagas.detection.deciding import Decision, decide
from sagas.detection.sight import OUTCOMES, Sight, moments
from sagas.detection.verdict import MOST_EVIDENCE, Verdict
from sagas.facts import SECOND, Moment
from sagas.fold import State, Step
from sagas.vocabulary import Code

# Before the rule's name where findings and problems name a step, so that it is never taken for one.
PREFIX = "rule:"

# Steps and sagas that its sentence tells.
MOST_SEEN = 6

# Field of a step → the moments on which it depends (of `sagas.fold.Run`).
DEPENDS: dict[str, tuple[str, ...]] = {
    "started": ("started",),
    "started_at": ("started",),
    "attempts": ("started", "retried"),
    "completed": ("completed", "timed_out"),
    "completed_at": ("completed",),
    "open": ("completed", "undone", "timed_out", "undo_failed"),
    "undone": ("undone", "completed"),
    "undone_at": ("undone",),
    "failed": ("failed", "timed_out"),
    "failed_at": ("failed",),
}
EVERYTHING = ("started", *OUTCOMES)


def prospects(mine: Sight, linked: Sequence[Sight] | None) -> Iterator[Verdict]:
    """What is wrong, or will be if nothing more is heard. `linked`: see `linked_by`; None: not known here.

    Without the linked sagas, rules that look at others are passed over.
    """
    definition = mine.definition
    for rule in definition.rules if definition else ():
        if linked is None and rule.mentions.others:
            continue
        others = linked_by(rule.keys_of(mine.state.keys), linked) if linked and rule.mentions.others else []
        decision = decide(rule, mine, others)
        # What has not come yet may still come, as long as the saga goes on.
        is_early = decision.reason == "missing" and not mine.state.is_over
        if decision.holds is not True and not is_early:
            yield _verdict(rule, decision, mine, others)


def linked_by(names: Sequence[str], linked: Sequence[Sight]) -> list[Sight]:
    """Those that share one of these business keys."""
    return [other for other in linked if not other.shared.isdisjoint(names)]


def settled_at(rule: Rule, mine: Sight, others: Sequence[Sight] = ()) -> int:
    """When what the rule looks at has been as it is for the settling time; microseconds."""
    return _since(rule, mine, others) + int(rule.settle * SECOND)


def _since(rule: Rule, mine: Sight, others: Sequence[Sight]) -> int:
    times = [moment.stamp.time for moment in _moments(rule, mine)]
    times += [moment.stamp.time for other in others for moment in other.outcomes]
    known = mine.facts.values
    times += [known[path].time for path in rule.mentions.paths if path in known]
    times += [text.time for name, text in mine.facts.keys.items() if name in rule.mentions.keys]
    times += _unknown_since(mine.state, (step for step, _ in _steps(rule, mine)))
    for other in others:
        times += _unknown_since(other.state, other.state.steps)
    return max(times, default=mine.state.first)


def _unknown_since(state: State, steps: Iterable[Step]) -> Iterator[int]:
    """When effects became unknown without a word of their own: by time, or with the end of the saga."""
    for step in steps:
        for run in step.runs:
            if run.is_unknown and run.deadline:
                yield min(run.deadline, state.ended.stamp.time) if state.ended else run.deadline


def _moments(rule: Rule, mine: Sight) -> list[Moment]:
    """Of the saga itself, when what the rule looks at was said."""
    found = [
        moment
        for step, field in _steps(rule, mine)
        for run in step.runs
        for moment in moments(run, DEPENDS.get(field, EVERYTHING))
    ]
    found += _skips(rule, mine)
    if rule.mentions.saga & {"status", "over", "ended_at", "went_back", ""}:
        found += mine.outcomes
    return found


def _steps(rule: Rule, mine: Sight) -> Iterator[tuple[Step, str]]:
    """The steps that it looks at, with the field; empty: with all of them."""
    if rule.mentions.all_steps:
        yield from ((step, "") for step in mine.state.steps)
        return
    for name, field in sorted(rule.mentions.steps):
        step = mine.state.step(name)
        if step:
            yield step, field


def _skips(rule: Rule, mine: Sight) -> Iterator[Moment]:
    """What the fold says of a skipped step is no more than that it was."""
    for step, field in _steps(rule, mine):
        if field in {"", "skipped", "state"}:
            for run in mine.facts.steps.get(step.name, {}).values():
                if skipped := facts.last(run.forward, "skipped"):
                    yield skipped


def _verdict(rule: Rule, decision: Decision, mine: Sight, others: Sequence[Sight]) -> Verdict:
    is_broken = decision.holds is False
    since = _since(rule, mine, others)
    proof = newest(_moments(rule, mine)) or [moment for moment in [mine.state.started] if moment]
    return Verdict(
        code=Code.RULE_BROKEN if is_broken else Code.RULE_UNDECIDED,
        step=PREFIX + rule.name,
        due=settled_at(rule, mine, others),
        since=since,
        evidence=tuple(proof),
        detail=_detail(rule, decision, mine, others),
        weight=rule.severity,
    )


def newest(moments: Iterable[Moment]) -> list[Moment]:
    """As many of them as a finding names, the oldest of these first."""
    return sorted(set(moments), key=facts.when)[-MOST_EVIDENCE:]


def _detail(rule: Rule, decision: Decision, mine: Sight, others: Sequence[Sight]) -> dict[str, Any]:
    """What the sentence needs. Of linked sagas, their type and id."""
    return {
        "rule": rule.title,
        "expression": rule.expression,
        "message": _message(rule, mine),
        "reason": decision.reason,
        "error": decision.message,
        "settle": float(rule.settle),
        "unknown": [_name(place, step, others) for place, step in decision.unknown],
        "steps": _seen(rule, mine),
        "values": _values(rule, mine),
        "others": [_other(other) for other in others[:MOST_SEEN]] if rule.mentions.others else [],
        "witnesses": _witnesses(rule, mine, others),
    }


def _name(place: int | None, step: str, others: Sequence[Sight]) -> dict[str, str]:
    told = {"step": step}
    if place is not None:
        told |= others[place].name
    return told


def _seen(rule: Rule, mine: Sight) -> list[dict[str, Any]]:
    """The steps that it looks at, as they are, with when that was said."""
    told: dict[str, dict[str, Any]] = {}
    for step, _ in _steps(rule, mine):
        said = [moment for run in step.runs for moment in moments(run, EVERYTHING)]
        at = max((moment.stamp.time for moment in said), default=None)
        told[step.name] = {
            "step": step.name,
            "state": step.state.value,
            "at": facts.moment(at).astimezone(UTC).isoformat() if at else None,
        }
    return list(told.values())[:MOST_SEEN]


def _values(rule: Rule, mine: Sight) -> dict[str, str]:
    """What it looks at in keys and payloads, as text."""
    told = {f"key.{name}": mine.state.keys.get(name, "") for name in rule.mentions.keys if name}
    told |= {f"data.{path}": _shown(mine, path) for path in rule.mentions.paths}
    return {name: told[name] for name in sorted(told)}


def _shown(mine: Sight, path: str) -> str:
    """A value as people read it: 49.9, not 49.90 or 4.99e1; empty where there is none."""
    kept = mine.facts.values.get(path)
    if not kept or not kept.value:
        return ""
    value = msgspec.json.decode(kept.value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return paths.text(value) or kept.value[: paths.LONGEST]


def _witnesses(rule: Rule, mine: Sight, others: Sequence[Sight]) -> str:
    """A digest of all events that it looks at; a finding names the newest."""
    seen = [(mine, _moments(rule, mine)), *((other, other.outcomes) for other in others)]
    told = {
        (sight.saga_type, sight.saga_id, moment.source, moment.stamp.event_id)
        for sight, moments_ in seen
        for moment in moments_
    }
    return hashlib.blake2b(msgspec.json.encode(sorted(told)), digest_size=16).hexdigest()


def _message(rule: Rule, mine: Sight) -> str:
    """The rule's message with what the saga knows; "?" for what it does not."""
    known = {"saga": mine.saga_id, "type": mine.saga_type}
    known |= {f"{placeholders.KEY}{name}": value for name, value in mine.state.keys.items()}
    known |= {f"{placeholders.DATA}{path}": _shown(mine, path) for path in rule.paths}
    return placeholders.PLACEHOLDER.sub(lambda match: known.get(match[1]) or "?", rule.message)


def _other(other: Sight) -> dict[str, Any]:
    """With the events that prove it there, by the identity that senders gave them."""
    events = [{"source": one.source, "id": one.stamp.event_id} for one in newest(other.outcomes)]
    return other.name | {"status": other.state.status.value, "events": events}
