"""What was judged against the findings that are open: what has to be opened, changed and closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sagas.definitions import Definition
from sagas.detection import grounds, statements
from sagas.detection.verdict import Verdict
from sagas.sql import decode, run
from sagas.stakes import Stake
from sagas.vocabulary import Code


class Key(NamedTuple):
    """What findings of one problem share."""

    saga_type: str
    step: str
    code: str

    @classmethod
    def of(cls, saga_type: str, step: str, code: str, detail: Mapping[str, Any]) -> "Key":
        """Of a finding. All that wait for one participant share a problem, whatever their type and step."""
        if code == Code.SOURCE_SILENT:
            return cls("", detail["problem"], code)
        return cls(saga_type, step, code)


@dataclass(frozen=True, slots=True)
class Judged:
    """One saga with all that is wrong with it now."""

    saga: int
    saga_type: str
    definition: Definition | None
    verdicts: Sequence[Verdict]
    had_findings: bool  # as its row says
    stake: Stake | None


class Known(NamedTuple):
    """A finding that is open in the database (statements.OPEN_FINDINGS_OF)."""

    id: int
    saga: int
    code: str
    step: str
    since: datetime
    evidence: str
    detail: str
    severity: str
    problem: int
    amount: Decimal | None
    currency: str
    is_accepted: bool

    @property
    def stake(self) -> Stake | None:
        return None if self.amount is None else Stake(self.amount, self.currency)


@dataclass(slots=True)
class Changed:
    """An open finding that is judged otherwise than before."""

    known: Known
    judged: Judged
    verdict: Verdict

    @property
    def has_other_grounds(self) -> bool:
        """It stands on something else (sagas.detection.grounds)."""
        before = decode(self.known.evidence), decode(self.known.detail)
        return grounds.are_other(before, (self.verdict.proof, self.verdict.detail))

    @property
    def is_reopened(self) -> bool:
        return self.known.is_accepted and self.has_other_grounds


@dataclass(slots=True)
class Difference:
    """What has to be written so that the open findings are those that were just judged."""

    opened: list[tuple[Judged, Verdict]] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    closed: list[tuple[Known, Key]] = field(default_factory=list)
    # (saga, code, step) of findings that somebody has accepted, and that are as they were then.
    accepted: set[tuple[int, str, str]] = field(default_factory=set)

    @property
    def keys(self) -> set[Key]:
        """Of the problems that have to be counted anew."""
        counted = [one for one in self.changed if one.is_reopened or one.known.stake != one.judged.stake]
        return (
            {key for _, key in self.closed}
            | {key_of(saga, verdict) for saga, verdict in self.opened}
            | {key_of(one.judged, one.verdict) for one in counted}
        )


def compare(judged: Sequence[Judged]) -> Difference:
    difference = Difference()
    known: dict[tuple[int, str, str], Known] = {}
    unwell = [saga.saga for saga in judged if saga.had_findings]
    if unwell:
        for one in map(Known._make, run(statements.OPEN_FINDINGS_OF, sagas=unwell)):
            known[one.saga, one.code, one.step] = one
    for saga in judged:
        for verdict in saga.verdicts:
            found = known.pop((saga.saga, verdict.code, verdict.step), None)
            if found and (
                found.severity != verdict.severity or _known_key(saga, found) != key_of(saga, verdict)
            ):
                # It asks for more than it did, or for less, or belongs to another problem: the old one ends,
                # so that the change is kept.
                difference.closed.append((found, _known_key(saga, found)))
                found = None
            if found is None:
                difference.opened.append((saga, verdict))
                continue
            changed = Changed(found, saga, verdict)
            if found.is_accepted and not changed.has_other_grounds:
                difference.accepted.add((saga.saga, verdict.code, verdict.step))
            if facts_of(saga, verdict) != _kept(found):
                difference.changed.append(changed)
    sagas = {saga.saga: saga for saga in judged}
    difference.closed += [(one, _known_key(sagas[one.saga], one)) for one in known.values()]
    return difference


def facts_of(saga: Judged, verdict: Verdict) -> dict[str, Any]:
    return {
        "since": verdict.since_at,
        "evidence": verdict.proof,
        "detail": verdict.detail,
        "stake": saga.stake.amount if saga.stake else None,
        "currency": saga.stake.currency if saga.stake else "",
    }


def _kept(known: Known) -> dict[str, Any]:
    """The same of a finding that is stored."""
    return {
        "since": known.since,
        "evidence": decode(known.evidence),
        "detail": decode(known.detail),
        "stake": known.amount,
        "currency": known.currency,
    }


def key_of(saga: Judged, verdict: Verdict) -> Key:
    return Key.of(saga.saga_type, verdict.step, verdict.code, verdict.detail)


def _known_key(saga: Judged, known: Known) -> Key:
    return Key.of(saga.saga_type, known.step, known.code, decode(known.detail))
