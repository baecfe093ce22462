"""What a silence means for the sagas that wait: one word in place of each thing that is missed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sagas import facts
from sagas.detection.verdict import Verdict
from sagas.fold import State
from sagas.vocabulary import Code

# What may only mean that nobody told: all else is known from what was said.
VEILED = frozenset({Code.STEP_IN_DOUBT, Code.STEP_OVERDUE, Code.COMPENSATION_OVERDUE, Code.SAGA_STALLED})
# Of a saga that stalled, the reasons that say no more than that nothing came.
MISSED = frozenset({"not_started", "no_end", "nothing", "late"})


@dataclass(frozen=True, slots=True)
class Silent:
    """A participant that is silent; `problem`: how its problem is known."""

    name: str
    problem: str
    since: datetime
    usual: float | None  # seconds
    patience: float  # seconds
    is_declared: bool

    @property
    def detail(self) -> dict[str, Any]:
        """What the sentences need (sagas.story.silence)."""
        return {
            "participant": self.name,
            "problem": self.problem,
            "silent_since": self.since.isoformat(),
            "usual": self.usual,
            "patience": self.patience,
            "declared": self.is_declared,
        }


@dataclass(frozen=True, slots=True)
class Silences:
    """Who is silent now, by name; and all who were ever heard."""

    silent: Mapping[str, Silent]
    heard: frozenset[str] = frozenset()


NOBODY = Silences({})


def veil(
    verdicts: list[Verdict], state: State, silences: Silences, told_by: Mapping[str, str]
) -> list[Verdict]:
    """The verdicts, with SOURCE_SILENT in place of those that are due to a silence; at most one a step.

    `told_by`: which participant speaks for each source of the saga.
    """
    if not silences.silent:
        return verdicts
    seen: dict[tuple[Code, str], Verdict] = {}
    for verdict in verdicts:
        told = _veiled(verdict, state, silences, told_by)
        known = seen.get((told.code, told.step))
        if known is None or (told.since, told.due) < (known.since, known.due):
            seen[told.code, told.step] = told
    return list(seen.values())


def _veiled(verdict: Verdict, state: State, silences: Silences, told_by: Mapping[str, str]) -> Verdict:
    if not _is_missed(verdict):
        return verdict
    silent = _waits_for(verdict, state, silences, told_by)
    if silent is None or facts.microseconds(silent.since) > verdict.since:
        return verdict
    detail = silent.detail | {"instead_of": verdict.code.value}
    return replace(verdict, code=Code.SOURCE_SILENT, detail=detail)


def _is_missed(verdict: Verdict) -> bool:
    reason = verdict.detail.get("reason")
    if verdict.code == Code.SAGA_STALLED:
        return reason in MISSED
    # Somebody said of this step that it timed out: that was heard.
    return verdict.code in VEILED and reason != "timed_out"


def _waits_for(
    verdict: Verdict, state: State, silences: Silences, told_by: Mapping[str, str]
) -> Silent | None:
    """Who should speak next and is silent: the step's participant; where that one never speaks to Amends,
    whoever tells of the saga, if all of them are silent."""
    step = state.step(verdict.step or state.waiting_on)
    if step and step.participant in silences.heard:
        return silences.silent.get(step.participant)
    tellers = [*_tellers(verdict, told_by)]
    found = [silences.silent[name] for name in tellers if name in silences.silent]
    return found[0] if found and len(found) == len(tellers) else None


def _tellers(verdict: Verdict, told_by: Mapping[str, str]) -> Sequence[str]:
    """All who speak of the saga, each once; who told what the verdict stands on first."""

    def names() -> Iterator[str]:
        yield from (told_by[moment.source] for moment in verdict.evidence if moment.source in told_by)
        yield from sorted(set(told_by.values()))

    return list(dict.fromkeys(name for name in names() if name))
