"""Verdicts into findings and problems: opened, changed and closed set by set, whatever the number of sagas.

Whoever calls holds the sagas' rows, so a saga's findings are changed by one transaction at a time. Problems
are shared by sagas: their keys are locked in one order before they are looked at.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sagas import story
from sagas.definitions import Definition
from sagas.detection import statements
from sagas.detection.verdict import Verdict
from sagas.sql import decode, encode, run
from sagas.vocabulary import FAULTS, TOLD, Code, Severity

# A problem that comes back within this time is the same one again: people follow one thread.
SAME_AGAIN = timedelta(hours=1)


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


@dataclass(slots=True)
class Difference:
    """What has to be written so that the open findings are those that were just judged."""

    opened: list[tuple[Judged, Verdict]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    closed: list[tuple[int, Key]] = field(default_factory=list)

    @property
    def keys(self) -> set[Key]:
        return {key for _, key in self.closed} | {_key(saga, verdict) for saga, verdict in self.opened}


def settle(judged: Sequence[Judged], now: datetime) -> set[int]:
    """Make the open findings of these sagas what was judged; the sagas whose findings opened or closed.

    Call in the transaction that holds the sagas' rows.
    """
    difference = _compare(judged)
    if difference.changed:
        run(statements.CHANGE_FINDINGS, rows=encode(difference.changed))
    if not difference.opened and not difference.closed:
        return set()
    run(statements.LOCK_KEYS, locks=sorted({_lock(key) for key in difference.keys}))
    problems = _problems_for(difference.opened, now)
    if difference.closed:
        closed = [finding for finding, _ in difference.closed]
        rows = run(statements.CLOSE_FINDINGS, findings=closed, now=now)
        ended, touched = Counter(row[0] for row in rows), {row[1] for row in rows}
    else:
        ended, touched = Counter(), set()
    begun: Counter[int] = Counter()
    worst: dict[int, tuple[Judged, Verdict]] = {}
    findings = []
    for saga, verdict in difference.opened:
        problem = problems[_key(saga, verdict)]
        begun[problem] += 1
        known = worst.get(problem)
        if known is None or verdict.severity.rank > known[1].severity.rank:
            worst[problem] = saga, verdict
        touched.add(saga.saga)
        findings.append(_finding(saga, verdict, problem))
    if findings:
        run(statements.OPEN_FINDINGS, rows=encode(findings), now=now)
    counts = [
        {
            "id": problem,
            "opened": begun[problem],
            "closed": ended[problem],
            "severity": worst[problem][1].severity if problem in worst else "",
            **(_words(*worst[problem]) if problem in worst else {}),
        }
        for problem in begun | ended
    ]
    run(statements.COUNT_PROBLEMS, rows=encode(counts), severities=list(Severity), now=now)
    return touched


def _compare(judged: Sequence[Judged]) -> Difference:
    difference = Difference()
    known: dict[tuple[int, str, str], tuple[Any, ...]] = {}
    unwell = [saga.saga for saga in judged if saga.had_findings]
    if unwell:
        for row in run(statements.OPEN_FINDINGS_OF, sagas=unwell):
            known[row[1], row[2], row[3]] = row
    for saga in judged:
        for verdict in saga.verdicts:
            found = known.pop((saga.saga, verdict.code, verdict.step), None)
            if found and (found[7] != verdict.severity or _key_of(saga, found) != _key(saga, verdict)):
                # It asks for more than it did, or for less, or belongs to another problem: the old one ends,
                # so that the change is kept.
                difference.closed.append((found[0], _key_of(saga, found)))
                found = None
            if found is None:
                difference.opened.append((saga, verdict))
            elif (found[4], decode(found[5]), decode(found[6])) != tuple(_facts(verdict).values()):
                difference.changed.append({"id": found[0]} | _facts(verdict))
    sagas = {saga.saga: saga for saga in judged}
    difference.closed += [(row[0], _key_of(sagas[row[1]], row)) for row in known.values()]
    return difference


def _problems_for(opened: Sequence[tuple[Judged, Verdict]], now: datetime) -> dict[Key, int]:
    """The open problem of each key, or the one that closed a short while ago, or a new one."""
    examples = {_key(saga, verdict): (saga, verdict) for saga, verdict in reversed(opened)}
    if not examples:
        return {}
    loud = {_key(saga, verdict) for saga, verdict in opened if verdict.severity in TOLD}
    keys = encode([key._asdict() | {"is_loud": key in loud} for key in examples])
    rows = run(statements.FIND_PROBLEMS, rows=keys, since=now - SAME_AGAIN, told=list(TOLD))
    found = {Key(*row[1:]): row[0] for row in rows}
    missing = [_problem(key, *example) for key, example in examples.items() if key not in found]
    if missing:
        rows = run(statements.ADD_PROBLEMS, rows=encode(missing), now=now)
        found |= {Key(*row[1:]): row[0] for row in rows}
    return found


def _problem(key: Key, saga: Judged, verdict: Verdict) -> dict[str, Any]:
    return {
        **key._asdict(),
        "condition": FAULTS[verdict.code].condition,
        "severity": verdict.severity,
        **_words(saga, verdict),
        "participant": verdict.detail.get("participant", ""),
        "owner": saga.definition.owner if saga.definition else "",
    }


def _words(saga: Judged, verdict: Verdict) -> dict[str, str]:
    told = verdict.code, verdict.step, verdict.detail, saga.definition
    return {"title": story.title(*told), "explanation": story.explanation(*told)}


def _finding(saga: Judged, verdict: Verdict, problem: int) -> dict[str, Any]:
    return {
        "saga_id": saga.saga,
        "problem_id": problem,
        "code": verdict.code,
        "step": verdict.step,
        "condition": FAULTS[verdict.code].condition,
        "severity": verdict.severity,
    } | _facts(verdict)


def _facts(verdict: Verdict) -> dict[str, Any]:
    return {"since": verdict.since_at, "evidence": verdict.proof, "detail": verdict.detail}


def _key(saga: Judged, verdict: Verdict) -> Key:
    return Key.of(saga.saga_type, verdict.step, verdict.code, verdict.detail)


def _key_of(saga: Judged, row: Sequence[Any]) -> Key:
    """Of an open finding as `statements.OPEN_FINDINGS_OF` gives it."""
    return Key.of(saga.saga_type, row[3], row[2], decode(row[6]))


def _lock(key: Key) -> int:
    """A number for an advisory lock; two keys that share one only wait for each other."""
    digest = hashlib.blake2b("\0".join(key).encode(), digest_size=8, person=b"problem")
    return int.from_bytes(digest.digest(), "big", signed=True)
